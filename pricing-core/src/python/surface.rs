//! Surfaces: the fit of a chain, and queries between its slices.

use std::sync::Arc;

use numpy::{PyArray1, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;

use super::arrays::{run, target};
use super::errors::invalid;
use super::smile::{PySlice, values};
use crate::smile::quotes::SliceQuotes;
use crate::smile::spline_fit::SplineOptions;
use crate::surface::between::VarianceSurface;
use crate::surface::fit::Model;
use crate::surface::quote_trust::quote_trust as trust_of;
use crate::surface::refit::{KnownSlice, refit_chain};

/// A fitted slice with all that it was made of, to hand to a later fit; frozen.
#[pyclass(frozen, name = "KnownSlice", module = "quantdesk._core")]
struct PyKnownSlice {
    known: Arc<KnownSlice>,
}

/// (slice or None, coefficients, steps, g_min, calendar_slack, fallback or error, known or None).
type Fitted<'py> = (
    Option<PySlice>,
    Bound<'py, PyArray1<f64>>,
    usize,
    f64,
    f64,
    Option<String>,
    Option<PyKnownSlice>,
);

/// Fits the slices of a chain; rows are grouped by expiry, `starts` holds the first row of each
/// and the number of rows. `warm` holds the coefficients of earlier fits, empty where none are;
/// `trust` is each row's share of a full weight, None where all are trusted; `earlier` is what is
/// known of each expiry: one whose inputs are those of its known slice comes back as None in its
/// place, and is that slice.
#[pyfunction]
#[pyo3(signature = (model, years, starts, k, bid, ask, warm, smoothing, floor, margin, trust=None,
    earlier=None, /))]
#[allow(clippy::too_many_arguments)] // the fit's arguments, one by one
fn fit_slices<'py>(
    py: Python<'py>,
    model: &str,
    years: PyReadonlyArray1<'py, f64>,
    starts: Vec<usize>,
    k: PyReadonlyArray1<'py, f64>,
    bid: PyReadonlyArray1<'py, f64>,
    ask: PyReadonlyArray1<'py, f64>,
    warm: Vec<Vec<f64>>,
    smoothing: f64,
    floor: f64,
    margin: f64,
    trust: Option<PyReadonlyArray1<'py, f64>>,
    earlier: Option<Vec<Option<PyRef<'py, PyKnownSlice>>>>,
) -> PyResult<Vec<Option<Fitted<'py>>>> {
    let model = parse_model(model)?;
    let years = values("years", &years)?;
    let (k, bid, ask) = (values("k", &k)?, values("bid", &bid)?, values("ask", &ask)?);
    let trust = match &trust {
        Some(trust) => Some(values("trust", trust)?),
        None => None,
    };
    let spans = spans(years, &starts, [k, bid, ask], trust)?;
    let options = SplineOptions {
        smoothing,
        floor,
        margin,
        ..SplineOptions::default()
    };
    let earlier: Vec<Option<Arc<KnownSlice>>> = earlier
        .into_iter()
        .flatten()
        .map(|one| one.map(|one| Arc::clone(&one.known)))
        .collect();
    let found = py.detach(|| refit_chain(model, &spans, &warm, &earlier, &options));
    let before = earlier
        .iter()
        .map(Option::as_ref)
        .chain(std::iter::repeat(None));
    Ok(found
        .into_iter()
        .zip(before)
        .map(|(fit, before)| match fit {
            Ok(known) if before.is_some_and(|before| Arc::ptr_eq(before, &known)) => None,
            Ok(known) => Some((
                Some(PySlice {
                    slice: known.fit.slice.clone(),
                }),
                PyArray1::from_slice(py, &known.fit.coefficients),
                known.fit.steps,
                known.fit.g_min,
                known.fit.calendar_slack,
                known.fit.fallback.clone(),
                Some(PyKnownSlice { known }),
            )),
            Err(error) => Some((
                None,
                PyArray1::from_vec(py, Vec::new()),
                0,
                f64::NAN,
                f64::NAN,
                Some(error.to_string()),
                None,
            )),
        })
        .collect())
}

/// Trust of each row of a chain, 0 to 1; rows are grouped by expiry as those of `fit_slices`.
#[pyfunction]
#[pyo3(signature = (years, starts, k, bid, ask, floor, /))]
fn quote_trust<'py>(
    py: Python<'py>,
    years: PyReadonlyArray1<'py, f64>,
    starts: Vec<usize>,
    k: PyReadonlyArray1<'py, f64>,
    bid: PyReadonlyArray1<'py, f64>,
    ask: PyReadonlyArray1<'py, f64>,
    floor: f64,
) -> PyResult<Bound<'py, PyArray1<f64>>> {
    let years = values("years", &years)?;
    let columns = [values("k", &k)?, values("bid", &bid)?, values("ask", &ask)?];
    let spans = spans(years, &starts, columns, None)?;
    let found = py.detach(|| trust_of(&spans, floor).concat());
    Ok(PyArray1::from_vec(py, found))
}

/// The rows of each expiry, from `starts` on.
fn spans<'a>(
    years: &[f64],
    starts: &[usize],
    [k, bid, ask]: [&'a [f64]; 3],
    trust: Option<&'a [f64]>,
) -> PyResult<Vec<SliceQuotes<'a>>> {
    let found: Option<Vec<SliceQuotes<'a>>> = starts
        .windows(2)
        .zip(years)
        .map(|(pair, &years)| {
            let &[low, high] = pair else { return None };
            Some(SliceQuotes {
                years,
                k: k.get(low..high)?,
                bid: bid.get(low..high)?,
                ask: ask.get(low..high)?,
                trust: match trust {
                    Some(trust) => trust.get(low..high)?,
                    None => &[],
                },
            })
        })
        .collect();
    found
        .filter(|found| found.len() == years.len())
        .ok_or_else(|| {
            let rule = "must ascend, one more than years, the last at most the number of rows";
            invalid("starts", format!("{starts:?}"), rule)
        })
}

fn parse_model(name: &str) -> PyResult<Model> {
    match name {
        "spline" => Ok(Model::Spline),
        "svi" => Ok(Model::Svi),
        "svi-free" => Ok(Model::SviFree),
        "ssvi" => Ok(Model::Ssvi),
        other => {
            let rule = "must be spline, svi, svi-free or ssvi";
            Err(invalid("model", other.to_owned(), rule))
        }
    }
}

/// Slices at ascending times of a clock, frozen.
#[pyclass(frozen, name = "Surface", module = "quantdesk._core")]
struct PySurface {
    surface: VarianceSurface,
}

#[pymethods]
impl PySurface {
    #[new]
    fn new(times: Vec<f64>, slices: Vec<PyRef<'_, PySlice>>) -> PyResult<Self> {
        let slices = slices.iter().map(|slice| slice.slice.clone()).collect();
        Ok(Self {
            surface: VarianceSurface::new(times, slices)?,
        })
    }

    /// Writes total variance at each (time, k).
    fn total_variance(
        &self,
        py: Python<'_>,
        time: PyReadonlyArray1<'_, f64>,
        k: PyReadonlyArray1<'_, f64>,
        mut w: PyReadwriteArray1<'_, f64>,
    ) -> PyResult<()> {
        let (time, k) = (values("time", &time)?, values("k", &k)?);
        let w = target("w", &mut w)?;
        run(py, k.len(), || self.surface.jets_into(time, k, w, None))
    }

    /// Writes total variance and its derivatives in k at each (time, k).
    fn jets(
        &self,
        py: Python<'_>,
        time: PyReadonlyArray1<'_, f64>,
        k: PyReadonlyArray1<'_, f64>,
        mut w: PyReadwriteArray1<'_, f64>,
        mut dw: PyReadwriteArray1<'_, f64>,
        mut d2w: PyReadwriteArray1<'_, f64>,
    ) -> PyResult<()> {
        let (time, k) = (values("time", &time)?, values("k", &k)?);
        let w = target("w", &mut w)?;
        let slopes = (target("dw", &mut dw)?, target("d2w", &mut d2w)?);
        run(py, k.len(), || {
            self.surface.jets_into(time, k, w, Some(slopes))
        })
    }
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PySurface>()?;
    module.add_class::<PyKnownSlice>()?;
    module.add_function(wrap_pyfunction!(fit_slices, module)?)?;
    module.add_function(wrap_pyfunction!(quote_trust, module)?)
}
