//! Prices, partials and implied volatilities: one option at a time, or columns.

use numpy::PyReadwriteArray1;
use pyo3::prelude::*;
use pyo3::types::PyTuple;

use super::arrays::{KindArgument, NumberArgument, target};
use super::errors::invalid;
use crate::batch::{Targets, evaluate_into, evaluate_one, implied_into, implied_one};
use crate::columns::Options;
use crate::extreme::Option76;
use crate::implied::Premium;
use crate::types::{OUTPUTS, Output, Wanted};

/// From this many rows on the interpreter is let go; below, handing it over costs more.
const DETACH_FROM: usize = 4_000;

/// Discounted Black-76 price of one option.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, rate=0.0, /))]
fn price_one(
    is_call: bool,
    forward: f64,
    strike: f64,
    years: f64,
    vol: f64,
    rate: f64,
) -> PyResult<f64> {
    let option = Option76 {
        is_call,
        forward,
        strike,
        years,
        vol,
        rate,
    };
    let [price, ..] = evaluate_one(&option, Wanted::NONE.with(Output::Price))?;
    Ok(price)
}

/// Price, delta, gamma, vega, theta and rho of one option, raw partials.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, rate=0.0, /))]
fn greeks_one(
    py: Python<'_>,
    is_call: bool,
    forward: f64,
    strike: f64,
    years: f64,
    vol: f64,
    rate: f64,
) -> PyResult<Bound<'_, PyTuple>> {
    const FIRST_ORDER: Wanted = Wanted::NONE
        .with(Output::Price)
        .with(Output::Delta)
        .with(Output::Gamma)
        .with(Output::Vega)
        .with(Output::Theta)
        .with(Output::Rho);
    let option = Option76 {
        is_call,
        forward,
        strike,
        years,
        vol,
        rate,
    };
    let [price, delta, gamma, vega, theta, rho, ..] = evaluate_one(&option, FIRST_ORDER)?;
    PyTuple::new(py, [price, delta, gamma, vega, theta, rho])
}

/// Implied volatility of one option and its status code.
#[pyfunction]
#[pyo3(signature = (price, is_call, forward, strike, years, rate=0.0, premium=0, /))]
fn implied_vol_one(
    price: f64,
    is_call: bool,
    forward: f64,
    strike: f64,
    years: f64,
    rate: f64,
    premium: u8,
) -> PyResult<(f64, u8)> {
    let option = Option76 {
        is_call,
        forward,
        strike,
        years,
        vol: 0.0,
        rate,
    };
    let (vol, status) = implied_one(&option, price, premium_kind(premium)?);
    Ok((vol, status as u8))
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
    targets: [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
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
    let mut arrays = targets;
    let mut columns: Targets<'_> = Default::default();
    let mut rows = 0;
    for (slot, array) in columns.iter_mut().zip(arrays.iter_mut()) {
        if let Some(array) = array {
            let column = target("targets", array)?;
            rows = column.len();
            *slot = Some(column);
        }
    }
    let run = || evaluate_into(&options, rows, columns, threads);
    if rows < DETACH_FROM {
        run()?
    } else {
        py.detach(run)?
    }
    Ok(())
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
    let mut run = || implied_into(&options, premium, vols, statuses, threads);
    if rows < DETACH_FROM {
        run()?
    } else {
        py.detach(run)?
    }
    Ok(())
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(price_one, module)?)?;
    module.add_function(wrap_pyfunction!(greeks_one, module)?)?;
    module.add_function(wrap_pyfunction!(implied_vol_one, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate, module)?)?;
    module.add_function(wrap_pyfunction!(implied, module)?)
}
