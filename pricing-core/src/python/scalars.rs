//! Single numbers from Python: exact floats first, all else by Python's own rules.

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyBytes, PyFloat, PyString};

use super::errors::invalid;

const NUMBER_RULE: &str = "must be a single real number";
const KIND_RULE: &str = "must be a bool: True for a call, False for a put";
/// What is shown of a value that is refused.
const SHOWN_MAX: usize = 60;

/// A float. Text and booleans are no numbers, though Python could make them so.
#[inline(always)]
pub fn number(field: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    match value.cast_exact::<PyFloat>() {
        Ok(float) => Ok(float.value()),
        Err(_) => unusual_number(field, value),
    }
}

#[cold]
#[inline(never)]
fn unusual_number(field: &'static str, value: &Bound<'_, PyAny>) -> PyResult<f64> {
    let refuse = || invalid(field, shown(value), NUMBER_RULE);
    if value.is_instance_of::<PyBool>()
        || value.is_instance_of::<PyString>()
        || value.is_instance_of::<PyBytes>()
    {
        return Err(refuse());
    }
    value.extract::<f64>().map_err(|_| refuse())
}

/// The rate, which may be left out.
pub struct Rate(pub f64);

impl<'a, 'py> FromPyObject<'a, 'py> for Rate {
    type Error = PyErr;

    #[inline(always)]
    fn extract(value: Borrowed<'a, 'py, PyAny>) -> PyResult<Self> {
        number("rate", &value).map(Self)
    }
}

/// A bool, Python's or NumPy's.
#[inline(always)]
pub fn kind(field: &'static str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    match value.cast_exact::<PyBool>() {
        Ok(flag) => Ok(flag.is_true()),
        Err(_) => unusual_kind(field, value),
    }
}

#[cold]
#[inline(never)]
fn unusual_kind(field: &'static str, value: &Bound<'_, PyAny>) -> PyResult<bool> {
    value
        .extract::<bool>()
        .map_err(|_| invalid(field, shown(value), KIND_RULE))
}

/// The beginning of a value's representation.
fn shown(value: &Bound<'_, PyAny>) -> String {
    let text = value
        .repr()
        .map_or_else(|_| value.get_type().to_string(), |text| text.to_string());
    if text.chars().count() <= SHOWN_MAX {
        return text;
    }
    text.chars().take(SHOWN_MAX).chain("…".chars()).collect()
}
