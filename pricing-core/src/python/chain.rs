//! A chain by expiry.

use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;

use super::arrays::{KindArgument, NumberArgument, borrow_targets, run};
use super::errors::invalid;
use crate::chain::{Expiries, chain_into};
use crate::types::OUTPUTS;

/// Writes price and partials of a chain into `targets`, as `evaluate` does. Rows are grouped by
/// expiry; `starts` holds the first row of each.
#[pyfunction]
#[pyo3(signature = (is_call, strike, vol, starts, forward, years, rate, targets, threads, /))]
#[allow(clippy::too_many_arguments)] // the model's arguments, one by one
fn evaluate_chain(
    py: Python<'_>,
    is_call: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    starts: PyReadonlyArray1<'_, usize>,
    forward: PyReadonlyArray1<'_, f64>,
    years: PyReadonlyArray1<'_, f64>,
    rate: &Bound<'_, PyAny>,
    mut targets: [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
    threads: usize,
) -> PyResult<()> {
    let is_call = KindArgument::extract(is_call)?;
    let strike = NumberArgument::extract("strike", strike)?;
    let vol = NumberArgument::extract("vol", vol)?;
    let rate = NumberArgument::extract("rate", rate)?;
    let (forward, years) = (NumberArgument::Many(forward), NumberArgument::Many(years));
    let (columns, rows) = borrow_targets(&mut targets)?;
    let expiries = Expiries {
        starts: starts.as_slice().map_err(|_| {
            invalid(
                "starts",
                "a strided array".to_owned(),
                "must be a contiguous array",
            )
        })?,
        forward: forward.slice("forward")?,
        years: years.slice("years")?,
        rate: rate.column("rate")?,
    };
    let (kinds, strike, vol) = (
        is_call.kinds()?,
        strike.column("strike")?,
        vol.column("vol")?,
    );
    run(py, rows, || {
        chain_into(kinds, strike, vol, &expiries, rows, columns, threads)
    })
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(evaluate_chain, module)?)
}
