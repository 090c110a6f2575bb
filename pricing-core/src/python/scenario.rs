//! A chain by expiry, a book under scenarios, touch probabilities.

use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;

use super::arrays::{KindArgument, NumberArgument, borrow_targets, target};
use super::errors::invalid;
use crate::chain::{Expiries, chain_into};
use crate::columns::Options;
use crate::scenario::{Book, Settlement, Shocks, each_into, sum_into};
use crate::touch::{Touches, touch_into};
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
    py.detach(|| chain_into(kinds, strike, vol, &expiries, rows, columns, threads))?;
    Ok(())
}

/// Writes profit (in the place of the price) and partials of a book under scenarios into `targets`:
/// a row a scenario, or with `each` a row a position and scenario.
#[pyfunction]
#[pyo3(signature = (is_call, forward, strike, years, vol, rate, quantity, positions, in_coin,
    spot_move, vol_move, years_passed, scenarios, each, targets, threads, /))]
#[allow(clippy::too_many_arguments)] // the model's arguments, one by one
fn evaluate_scenarios(
    py: Python<'_>,
    is_call: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    strike: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    rate: &Bound<'_, PyAny>,
    quantity: &Bound<'_, PyAny>,
    positions: usize,
    in_coin: bool,
    spot_move: &Bound<'_, PyAny>,
    vol_move: &Bound<'_, PyAny>,
    years_passed: &Bound<'_, PyAny>,
    scenarios: usize,
    each: bool,
    mut targets: [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
    threads: usize,
) -> PyResult<()> {
    let is_call = KindArgument::extract(is_call)?;
    let forward = NumberArgument::extract("forward", forward)?;
    let strike = NumberArgument::extract("strike", strike)?;
    let years = NumberArgument::extract("years", years)?;
    let vol = NumberArgument::extract("vol", vol)?;
    let rate = NumberArgument::extract("rate", rate)?;
    let quantity = NumberArgument::extract("quantity", quantity)?;
    let spot_move = NumberArgument::extract("spot_move", spot_move)?;
    let vol_move = NumberArgument::extract("vol_move", vol_move)?;
    let years_passed = NumberArgument::extract("years_passed", years_passed)?;
    let options = Options {
        is_call: is_call.kinds()?,
        forward: forward.column("forward")?,
        strike: strike.column("strike")?,
        years: years.column("years")?,
        vol: vol.column("vol")?,
        rate: rate.column("rate")?,
    };
    let settlement = if in_coin {
        Settlement::Coin
    } else {
        Settlement::Quote
    };
    let book = Book {
        options,
        quantity: quantity.column("quantity")?,
        positions,
        settlement,
    };
    let shocks = Shocks {
        spot: spot_move.column("spot_move")?,
        vol: vol_move.column("vol_move")?,
        years: years_passed.column("years_passed")?,
        scenarios,
    };
    let (columns, _) = borrow_targets(&mut targets)?;
    py.detach(|| {
        if each {
            each_into(&book, &shocks, columns, threads)
        } else {
            sum_into(&book, &shocks, columns, threads)
        }
    })?;
    Ok(())
}

/// Writes probabilities of touching a level before expiry into `target`.
#[pyfunction]
#[pyo3(signature = (spot, forward, level, years, vol, probabilities, /))]
fn touch(
    py: Python<'_>,
    spot: &Bound<'_, PyAny>,
    forward: &Bound<'_, PyAny>,
    level: &Bound<'_, PyAny>,
    years: &Bound<'_, PyAny>,
    vol: &Bound<'_, PyAny>,
    mut probabilities: PyReadwriteArray1<'_, f64>,
) -> PyResult<()> {
    let spot = NumberArgument::extract("spot", spot)?;
    let forward = NumberArgument::extract("forward", forward)?;
    let level = NumberArgument::extract("level", level)?;
    let years = NumberArgument::extract("years", years)?;
    let vol = NumberArgument::extract("vol", vol)?;
    let touches = Touches {
        spot: spot.column("spot")?,
        forward: forward.column("forward")?,
        level: level.column("level")?,
        years: years.column("years")?,
        vol: vol.column("vol")?,
    };
    let slice = target("probabilities", &mut probabilities)?;
    py.detach(|| touch_into(&touches, slice))?;
    Ok(())
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(evaluate_chain, module)?)?;
    module.add_function(wrap_pyfunction!(evaluate_scenarios, module)?)?;
    module.add_function(wrap_pyfunction!(touch, module)?)
}
