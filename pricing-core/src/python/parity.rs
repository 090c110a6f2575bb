//! Forwards from call and put prices of one expiry.

use numpy::PyReadonlyArray1;
use pyo3::prelude::*;

use super::errors::invalid;
use crate::parity::{Pair, forward_from_coin, forward_from_quotes};

const PAIR_RULE: &str = "must be contiguous arrays of one length";

/// Forward that the pairs agree on; prices in coin where `discount` is None.
#[pyfunction]
#[pyo3(signature = (strike, call_price, put_price, weight, discount, /))]
fn parity_forward(
    strike: PyReadonlyArray1<'_, f64>,
    call_price: PyReadonlyArray1<'_, f64>,
    put_price: PyReadonlyArray1<'_, f64>,
    weight: PyReadonlyArray1<'_, f64>,
    discount: Option<f64>,
) -> PyResult<f64> {
    let (strike, call, put, weight) = (
        strike.as_slice()?,
        call_price.as_slice()?,
        put_price.as_slice()?,
        weight.as_slice()?,
    );
    let rows = strike.len();
    if [call.len(), put.len(), weight.len()] != [rows; 3] {
        return Err(invalid("pairs", rows.to_string(), PAIR_RULE));
    }
    let pairs =
        strike
            .iter()
            .zip(call)
            .zip(put)
            .zip(weight)
            .map(|(((&strike, &call), &put), &weight)| Pair {
                strike,
                call,
                put,
                weight,
            });
    Ok(match discount {
        Some(discount) => forward_from_quotes(pairs, discount)?,
        None => forward_from_coin(pairs)?,
    })
}

pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(parity_forward, module)?)
}
