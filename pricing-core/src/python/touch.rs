//! Probabilities of touching a level.

use numpy::PyReadwriteArray1;
use pyo3::prelude::*;

use super::arrays::{NumberArgument, run, target};
use crate::touch::{Touches, touch_into};

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
    run(py, slice.len(), || touch_into(&touches, slice))
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(touch, module)?)
}
