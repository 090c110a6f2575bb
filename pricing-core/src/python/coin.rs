//! Coin-settled options.

use numpy::PyReadwriteArray1;
use pyo3::prelude::*;

use super::arrays::{KindArgument, NumberArgument, borrow_targets, run};
use crate::columns::{Column, Options};
use crate::inverse::coin_into;
use crate::types::OUTPUTS;

/// Writes values in coin and their partials into `targets`, as `evaluate` does for quote currency.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, targets, threads, /))]
#[allow(clippy::too_many_arguments)] // the model's arguments, one by one
fn evaluate_coin(
    py: Python<'_>,
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    mut targets: [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
    threads: usize,
) -> PyResult<()> {
    let is_call = KindArgument::extract(is_call)?;
    let forward = NumberArgument::extract("forward", forward)?;
    let strike = NumberArgument::extract("strike", strike)?;
    let years = NumberArgument::extract("years", years)?;
    let vol = NumberArgument::extract("vol", vol)?;
    let options = Options {
        is_call: is_call.kinds()?,
        forward: forward.column("forward")?,
        strike: strike.column("strike")?,
        years: years.column("years")?,
        vol: vol.column("vol")?,
        rate: Column::One(0.0),
    };
    let (columns, rows) = borrow_targets(&mut targets)?;
    run(py, rows, || coin_into(&options, rows, columns, threads))
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(evaluate_coin, module)?)
}
