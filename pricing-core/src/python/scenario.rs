//! A book under scenarios.

use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;

use super::arrays::{KindArgument, NumberArgument, borrow_targets, run, target};
use super::errors::invalid;
use crate::columns::Options;
use crate::scenario::{Book, Settlement, each_into, sum_into};
use crate::shocks::{Moves, Shocks};
use crate::types::OUTPUTS;

/// The columns of a book, one by one: `is_call`, forward, strike, years, vol, rate, quantity and
/// the index (or None) that a leg at its expiry settles on.
type BookColumns<'py> = [Bound<'py, PyAny>; 8];

/// The moves: spot, basis, vol factor, vol, years.
type MoveColumns<'py> = [Bound<'py, PyAny>; 5];

/// The kernel's view of one kind of move.
fn moves_of<'a>(
    field: &'static str,
    argument: &'a NumberArgument<'_>,
    groups: usize,
    scenarios: usize,
) -> PyResult<Moves<'a>> {
    let column = argument.column(field)?;
    Ok(Moves::new(field, column, groups, scenarios)?)
}

/// Writes profit (in the place of the price) and partials of a book under scenarios into `targets`:
/// a row a scenario, or with `each` a row a position and scenario. `before` takes the value of one
/// of each position before any move.
#[pyfunction]
#[pyo3(signature = (book, in_coin, moves, group, groups, scenarios, each, before, targets, threads, /))]
#[allow(clippy::too_many_arguments)] // what a book and its scenarios are made of
fn evaluate_scenarios(
    py: Python<'_>,
    book: BookColumns<'_>,
    in_coin: bool,
    moves: MoveColumns<'_>,
    group: Option<PyReadonlyArray1<'_, u32>>,
    groups: usize,
    scenarios: usize,
    each: bool,
    mut before: PyReadwriteArray1<'_, f64>,
    mut targets: [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
    threads: usize,
) -> PyResult<()> {
    let [is_call, forward, strike, years, vol, rate, quantity, index] = book;
    let is_call = KindArgument::extract(&is_call)?;
    let forward = NumberArgument::extract("forward", &forward)?;
    let strike = NumberArgument::extract("strike", &strike)?;
    let years = NumberArgument::extract("years", &years)?;
    let vol = NumberArgument::extract("vol", &vol)?;
    let rate = NumberArgument::extract("rate", &rate)?;
    let quantity = NumberArgument::extract("quantity", &quantity)?;
    let index = if index.is_none() {
        None
    } else {
        Some(NumberArgument::extract("index", &index)?)
    };
    let [spot, basis, factor, vol_move, passed] = moves;
    let spot = NumberArgument::extract("spot_move", &spot)?;
    let basis = NumberArgument::extract("basis_move", &basis)?;
    let factor = NumberArgument::extract("vol_factor", &factor)?;
    let vol_move = NumberArgument::extract("vol_move", &vol_move)?;
    let passed = NumberArgument::extract("years_passed", &passed)?;
    let before = target("before", &mut before)?;
    let group = group.as_ref().map(PyReadonlyArray1::as_slice).transpose();
    let book = Book {
        options: Options {
            is_call: is_call.kinds()?,
            forward: forward.column("forward")?,
            strike: strike.column("strike")?,
            years: years.column("years")?,
            vol: vol.column("vol")?,
            rate: rate.column("rate")?,
        },
        quantity: quantity.column("quantity")?,
        index: index
            .as_ref()
            .map(|index| index.column("index"))
            .transpose()?,
        groups: group.map_err(|_| {
            let rule = "must be a contiguous uint32 array";
            invalid("group", "a strided array".to_owned(), rule)
        })?,
        positions: before.len(),
        settlement: if in_coin {
            Settlement::Coin
        } else {
            Settlement::Quote
        },
    };
    let shocks = Shocks {
        spot: moves_of("spot_move", &spot, groups, scenarios)?,
        basis: moves_of("basis_move", &basis, groups, scenarios)?,
        vol_factor: moves_of("vol_factor", &factor, groups, scenarios)?,
        vol: moves_of("vol_move", &vol_move, groups, scenarios)?,
        years: moves_of("years_passed", &passed, groups, scenarios)?,
        scenarios,
    };
    let (columns, _) = borrow_targets(&mut targets)?;
    let rows = before.len().saturating_mul(scenarios.saturating_add(1));
    run(py, rows, || {
        book.values_into(before, threads)?;
        if each {
            each_into(&book, &shocks, groups, before, columns, threads)
        } else {
            sum_into(&book, &shocks, groups, before, columns, threads)
        }
    })
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(evaluate_scenarios, module)?)
}
