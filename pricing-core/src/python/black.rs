//! Prices, partials and implied volatilities: one option at a time, or columns.

use numpy::PyReadwriteArray1;
use pyo3::exceptions::PyIndexError;
use pyo3::prelude::*;
use pyo3::types::{PyIterator, PyTuple};

use super::arrays::{KindArgument, NumberArgument, borrow_targets, run, target};
use super::errors::invalid;
use super::scalars::{Rate, kind, number};
use crate::batch::{evaluate_into, first_order_one, price_one as one_price};
use crate::columns::Options;
use crate::extreme::Option76;
use crate::implied::Premium;
use crate::types::OUTPUTS;
use crate::volatilities::{implied_checked, implied_into};

/// Discounted Black-76 price of one option.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, rate=Rate(0.0)))]
fn price_one(
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    rate: Rate,
) -> PyResult<f64> {
    let option = option(is_call, forward, strike, years, vol, rate)?;
    Ok(one_price(&option)?)
}

/// The arguments of one option.
#[inline(always)]
fn option(
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    rate: Rate,
) -> PyResult<Option76> {
    Ok(Option76 {
        is_call: kind("is_call", is_call)?,
        forward: number("forward", forward)?,
        strike: number("strike", strike)?,
        years: number("years", years)?,
        vol: number("vol", vol)?,
        rate: rate.0,
    })
}

/// Price and first-order partials of one option: a structure and a sequence.
#[pyclass(frozen, get_all, eq, module = "quantdesk._core", skip_from_py_object)]
#[derive(Clone, Copy, PartialEq)]
struct OptionGreeks {
    price: f64,
    delta: f64,
    gamma: f64,
    vega: f64,
    theta: f64,
    rho: f64,
}

impl OptionGreeks {
    fn values(&self) -> [f64; 6] {
        [
            self.price, self.delta, self.gamma, self.vega, self.theta, self.rho,
        ]
    }
}

#[pymethods]
impl OptionGreeks {
    #[classattr]
    fn __match_args__() -> (
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
        &'static str,
    ) {
        ("price", "delta", "gamma", "vega", "theta", "rho")
    }

    fn __iter__<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyIterator>> {
        PyTuple::new(py, self.values())?.try_iter()
    }

    fn __len__(&self) -> usize {
        self.values().len()
    }

    fn __getitem__(&self, index: isize) -> PyResult<f64> {
        let values = self.values();
        let place = if index < 0 {
            values.len().checked_add_signed(index)
        } else {
            usize::try_from(index).ok()
        };
        place
            .and_then(|place| values.get(place).copied())
            .ok_or_else(|| PyIndexError::new_err(format!("index {index}: must be from -6 to 5")))
    }

    fn __repr__(&self) -> String {
        let [price, delta, gamma, vega, theta, rho] = self.values();
        format!(
            "OptionGreeks(price={price:?}, delta={delta:?}, gamma={gamma:?}, vega={vega:?}, \
             theta={theta:?}, rho={rho:?})"
        )
    }
}

/// Price, delta, gamma, vega, theta and rho of one option, raw partials.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, rate=Rate(0.0)))]
fn greeks_one(
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    rate: Rate,
) -> PyResult<OptionGreeks> {
    let option = option(is_call, forward, strike, years, vol, rate)?;
    let [price, delta, gamma, vega, theta, rho] = first_order_one(&option)?;
    Ok(OptionGreeks {
        price,
        delta,
        gamma,
        vega,
        theta,
        rho,
    })
}

/// Implied volatility of one option. Raises where there is none: `InvalidInput` for arguments
/// outside their domain, `OutOfDomain` for a price at or beyond a bound or an expired option.
#[pyfunction]
#[pyo3(signature = (price, is_call, forward, strike, years, rate=Rate(0.0), premium=0))]
fn implied_vol_one(
    price: &Bound<'_, PyAny>,
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    rate: Rate,
    premium: u8,
) -> PyResult<f64> {
    let option = Option76 {
        is_call: kind("is_call", is_call)?,
        forward: number("forward", forward)?,
        strike: number("strike", strike)?,
        years: number("years", years)?,
        vol: 0.0,
        rate: rate.0,
    };
    let price = number("price", price)?;
    Ok(implied_checked(&option, price, premium_kind(premium)?)?)
}

fn premium_kind(code: u8) -> PyResult<Premium> {
    Premium::from_code(code).ok_or_else(|| {
        invalid(
            "premium",
            code.to_string(),
            "must be 0 (quote), 1 (coin) or 2 (time value)",
        )
    })
}

/// Writes price and partials of many options into `targets`, one array or None for each of
/// price, delta, gamma, vega, theta, rho, vanna, volga, charm, dual_delta, dual_gamma.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, rate, targets, threads, /))]
#[allow(clippy::too_many_arguments)] // the model's arguments, one by one
fn evaluate(
    py: Python<'_>,
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    rate: &Bound<'_, PyAny>,
    mut targets: [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
    threads: usize,
) -> PyResult<()> {
    let is_call = KindArgument::extract(is_call)?;
    let forward = NumberArgument::extract("forward", forward)?;
    let strike = NumberArgument::extract("strike", strike)?;
    let years = NumberArgument::extract("years", years)?;
    let vol = NumberArgument::extract("vol", vol)?;
    let rate = NumberArgument::extract("rate", rate)?;
    let options = Options {
        is_call: is_call.kinds()?,
        forward: forward.column("forward")?,
        strike: strike.column("strike")?,
        years: years.column("years")?,
        vol: vol.column("vol")?,
        rate: rate.column("rate")?,
    };
    let (columns, rows) = borrow_targets(&mut targets)?;
    run(py, rows, || evaluate_into(&options, rows, columns, threads))
}

/// Writes implied volatilities into `vols` and status codes into `statuses`.
#[pyfunction]
#[pyo3(signature = (price, is_call, forward, strike, years, rate, premium, vols, statuses, threads, /))]
#[allow(clippy::too_many_arguments)] // the model's arguments, one by one
fn implied(
    py: Python<'_>,
    price: &Bound<'_, PyAny>,
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    rate: &Bound<'_, PyAny>,
    premium: u8,
    mut vols: PyReadwriteArray1<'_, f64>,
    mut statuses: PyReadwriteArray1<'_, u8>,
    threads: usize,
) -> PyResult<()> {
    let price = NumberArgument::extract("price", price)?;
    let is_call = KindArgument::extract(is_call)?;
    let forward = NumberArgument::extract("forward", forward)?;
    let strike = NumberArgument::extract("strike", strike)?;
    let years = NumberArgument::extract("years", years)?;
    let rate = NumberArgument::extract("rate", rate)?;
    let options = Options {
        is_call: is_call.kinds()?,
        forward: forward.column("forward")?,
        strike: strike.column("strike")?,
        years: years.column("years")?,
        vol: price.column("price")?,
        rate: rate.column("rate")?,
    };
    let premium = premium_kind(premium)?;
    let vols = target("vols", &mut vols)?;
    let statuses = statuses.as_slice_mut().map_err(|_| {
        invalid(
            "statuses",
            "a strided array".to_owned(),
            "must be a contiguous uint8 array",
        )
    })?;
    let rows = vols.len();
    run(py, rows, || {
        implied_into(&options, premium, vols, statuses, threads)
    })
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<OptionGreeks>()?;
    module.add_function(wrap_pyfunction!(price_one, module)?)?;
    module.add_function(wrap_pyfunction!(greeks_one, module)?)?;
    module.add_function(wrap_pyfunction!(implied_vol_one, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(implied, module)?)
}
