//! Slices of total variance: SVI in its forms, splines, their checks.

use numpy::{PyArray1, PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;

use super::arrays::target;
use super::errors::invalid;
use crate::smile::SmileSection;
use crate::smile::butterfly::check;
use crate::smile::quotes::SliceQuotes;
use crate::smile::slice::Slice;
use crate::smile::spline::SplineSlice;
use crate::smile::ssvi::Ssvi;
use crate::smile::svi::{JumpWings, NaturalSvi, RawSvi};
use crate::smile::svi_fit::Bounds;
use crate::smile::{svi_domain, svi_fit};

const ARRAY_RULE: &str = "must be a contiguous one-dimensional float64 array";

/// The values of a borrowed array.
pub fn values<'a>(
    field: &'static str,
    array: &'a PyReadonlyArray1<'_, f64>,
) -> PyResult<&'a [f64]> {
    array
        .as_slice()
        .map_err(|_| invalid(field, "a strided array".to_owned(), ARRAY_RULE))
}

/// A smile of one expiry, frozen.
#[pyclass(frozen, name = "Slice", module = "quantdesk._core")]
pub struct PySlice {
    /// The kernel's slice.
    pub slice: Slice,
}

#[pymethods]
impl PySlice {
    /// A natural cubic spline: knots (n,), and by interval w, w', w''/2, w'''/6 at its left knot.
    #[staticmethod]
    fn spline(
        knots: PyReadonlyArray1<'_, f64>,
        terms: PyReadonlyArray1<'_, f64>,
    ) -> PyResult<Self> {
        let (pieces, rest) = values("terms", &terms)?.as_chunks::<4>();
        if !rest.is_empty() {
            let count = terms.len()?.to_string();
            return Err(invalid("terms", count, "must come in fours"));
        }
        let knots = values("knots", &knots)?.to_vec();
        Ok(Self {
            slice: Slice::Spline(SplineSlice::new(knots, pieces.to_vec())?),
        })
    }

    /// Raw SVI.
    #[staticmethod]
    fn svi(a: f64, b: f64, rho: f64, m: f64, s: f64) -> PyResult<Self> {
        Ok(Self {
            slice: Slice::Svi(RawSvi::new(a, b, rho, m, s)?),
        })
    }

    /// "spline" or "svi".
    #[getter]
    fn kind(&self) -> &'static str {
        match &self.slice {
            Slice::Spline(_) => "spline",
            Slice::Svi(_) => "svi",
        }
    }

    /// (a, b, rho, m, s) of SVI; of a spline its knots, then its terms.
    #[getter]
    fn parameters<'py>(&self, py: Python<'py>) -> Bound<'py, PyArray1<f64>> {
        let parameters = match &self.slice {
            Slice::Spline(slice) => {
                let terms = slice.pieces().iter().flatten();
                slice.knots().iter().chain(terms).copied().collect()
            }
            Slice::Svi(raw) => vec![raw.a, raw.b, raw.rho, raw.m, raw.s],
        };
        PyArray1::from_vec(py, parameters)
    }

    /// Number of knots of a spline, 0 of SVI.
    #[getter]
    fn knots(&self) -> usize {
        self.slice.knots().len()
    }

    /// Slopes dw/dk far out, left and right.
    #[getter]
    fn wing_slopes(&self) -> (f64, f64) {
        self.slice.wing_slopes()
    }

    /// Writes w, dw/dk and d²w/dk² at `k`.
    fn jets(
        &self,
        k: PyReadonlyArray1<'_, f64>,
        mut w: PyReadwriteArray1<'_, f64>,
        mut dw: PyReadwriteArray1<'_, f64>,
        mut d2w: PyReadwriteArray1<'_, f64>,
    ) -> PyResult<()> {
        let k = values("k", &k)?;
        let targets = target("w", &mut w)?
            .iter_mut()
            .zip(target("dw", &mut dw)?)
            .zip(target("d2w", &mut d2w)?);
        for (((w, dw), d2w), &k) in targets.zip(k) {
            let jet = self.slice.jet(k);
            (*w, *dw, *d2w) = (jet.w, jet.dw, jet.d2w);
        }
        Ok(())
    }

    /// Smallest g, and smallest distance below `upper` (infinite without one).
    #[pyo3(signature = (upper=None, /))]
    fn check(&self, upper: Option<&Self>) -> (f64, f64) {
        check(&self.slice, upper.map(|other| &other.slice))
    }
}

/// (delta, mu, rho, omega, zeta) of raw SVI.
#[pyfunction]
fn svi_to_natural(a: f64, b: f64, rho: f64, m: f64, s: f64) -> PyResult<(f64, f64, f64, f64, f64)> {
    let n = RawSvi::new(a, b, rho, m, s)?.to_natural()?;
    Ok((n.delta, n.mu, n.rho, n.omega, n.zeta))
}

/// (a, b, rho, m, s) of natural SVI.
#[pyfunction]
fn svi_from_natural(
    delta: f64,
    mu: f64,
    rho: f64,
    omega: f64,
    zeta: f64,
) -> PyResult<(f64, f64, f64, f64, f64)> {
    let natural = NaturalSvi {
        delta,
        mu,
        rho,
        omega,
        zeta,
    };
    Ok(raw_tuple(&natural.to_raw()?))
}

/// (v, psi, p, c, v_min) of raw SVI at `years`.
#[pyfunction]
fn svi_to_jump_wings(
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    s: f64,
    years: f64,
) -> PyResult<(f64, f64, f64, f64, f64)> {
    let jw = RawSvi::new(a, b, rho, m, s)?.to_jump_wings(years)?;
    Ok((jw.v, jw.psi, jw.p, jw.c, jw.v_min))
}

/// (a, b, rho, m, s) of jump wings at `years`.
#[pyfunction]
fn svi_from_jump_wings(
    v: f64,
    psi: f64,
    p: f64,
    c: f64,
    v_min: f64,
    years: f64,
) -> PyResult<(f64, f64, f64, f64, f64)> {
    let wings = JumpWings {
        years,
        v,
        psi,
        p,
        c,
        v_min,
    };
    Ok(raw_tuple(&wings.to_raw()?))
}

/// (a, b, rho, m, s) of an SSVI slice.
#[pyfunction]
fn svi_from_ssvi(theta: f64, rho: f64, psi: f64) -> PyResult<(f64, f64, f64, f64, f64)> {
    Ok(raw_tuple(&Ssvi { theta, rho, psi }.to_raw()?))
}

/// (alpha, mu, mu_low, mu_high, s_least) of the butterfly-free domain; None outside Lee's bound.
#[pyfunction]
#[allow(clippy::type_complexity)] // a tuple of numbers, named by the Python face
fn svi_domain_of(
    a: f64,
    b: f64,
    rho: f64,
    m: f64,
    s: f64,
) -> PyResult<Option<(f64, f64, f64, f64, Option<f64>)>> {
    let found = svi_domain::domain(&RawSvi::new(a, b, rho, m, s)?);
    Ok(found.map(|d| (d.alpha, d.mu, d.mu_bounds.0, d.mu_bounds.1, d.s_least)))
}

/// (a, b, rho, m, s) fitted to quotes; `method` is "direct", "quasi-explicit" or "no-butterfly".
#[pyfunction]
#[pyo3(signature = (method, years, k, bid, ask, floor, /))]
fn fit_svi(
    py: Python<'_>,
    method: &str,
    years: f64,
    k: PyReadonlyArray1<'_, f64>,
    bid: PyReadonlyArray1<'_, f64>,
    ask: PyReadonlyArray1<'_, f64>,
    floor: f64,
) -> PyResult<(f64, f64, f64, f64, f64)> {
    let quotes = SliceQuotes {
        years,
        k: values("k", &k)?,
        bid: values("bid", &bid)?,
        ask: values("ask", &ask)?,
        trust: &[],
    };
    let raw = match method {
        "direct" => py.detach(|| svi_fit::direct(&quotes, floor)),
        "quasi-explicit" => py.detach(|| svi_fit::quasi_explicit(&quotes, floor)),
        "no-butterfly" => {
            py.detach(|| svi_fit::no_butterfly(&quotes, floor, &Bounds::default(), |_| true))
        }
        other => {
            let rule = "must be direct, quasi-explicit or no-butterfly";
            return Err(invalid("method", other.to_owned(), rule));
        }
    }?;
    Ok(raw_tuple(&raw))
}

fn raw_tuple(raw: &RawSvi) -> (f64, f64, f64, f64, f64) {
    (raw.a, raw.b, raw.rho, raw.m, raw.s)
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<PySlice>()?;
    module.add_function(wrap_pyfunction!(svi_to_natural, module)?)?;
    module.add_function(wrap_pyfunction!(svi_from_natural, module)?)?;
    module.add_function(wrap_pyfunction!(svi_to_jump_wings, module)?)?;
    module.add_function(wrap_pyfunction!(svi_from_jump_wings, module)?)?;
    module.add_function(wrap_pyfunction!(svi_from_ssvi, module)?)?;
    module.add_function(wrap_pyfunction!(svi_domain_of, module)?)?;
    module.add_function(wrap_pyfunction!(fit_svi, module)?)
}
