//! NumPy arrays as the kernel's columns, borrowed and never copied, and the run of a kernel on them.

use numpy::{PyReadonlyArray1, PyReadwriteArray1};
use pyo3::prelude::*;

use super::errors::invalid;
use crate::batch::Targets;
use crate::columns::{Column, Kinds};
use crate::error::PricingError;
use crate::types::OUTPUTS;

/// From this many rows on the interpreter is let go; below, handing it over costs more.
const DETACH_FROM: usize = 4_000;
const COLUMN_RULE: &str = "must be a float or a contiguous one-dimensional float64 array";
const KINDS_RULE: &str = "must be a bool or a contiguous one-dimensional uint8 array";
const TARGET_RULE: &str = "must be a contiguous, writable, one-dimensional float64 array";

/// A float or a borrowed array.
pub enum NumberArgument<'py> {
    /// The same for each row.
    One(f64),
    /// One a row.
    Many(PyReadonlyArray1<'py, f64>),
}

impl<'py> NumberArgument<'py> {
    /// Borrows an argument.
    pub fn extract(field: &'static str, value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = value.extract::<PyReadonlyArray1<'py, f64>>() {
            return Ok(Self::Many(array));
        }
        value
            .extract::<f64>()
            .map(Self::One)
            .map_err(|_| invalid(field, value.get_type().to_string(), COLUMN_RULE))
    }

    /// The kernel's view of it.
    pub fn column(&self, field: &'static str) -> PyResult<Column<'_>> {
        match self {
            Self::One(value) => Ok(Column::One(*value)),
            Self::Many(array) => array
                .as_slice()
                .map(Column::Many)
                .map_err(|_| invalid(field, "a strided array".to_owned(), COLUMN_RULE)),
        }
    }
}

impl NumberArgument<'_> {
    /// The kernel's view of an argument that must be an array.
    pub fn slice(&self, field: &'static str) -> PyResult<&[f64]> {
        match self.column(field)? {
            Column::Many(values) => Ok(values),
            Column::One(value) => Err(invalid(field, value.to_string(), COLUMN_RULE)),
        }
    }
}

/// A bool or a borrowed array of bytes.
pub enum KindArgument<'py> {
    /// The same for each row.
    One(bool),
    /// One a row.
    Many(PyReadonlyArray1<'py, u8>),
}

impl<'py> KindArgument<'py> {
    /// Borrows an argument.
    pub fn extract(value: &Bound<'py, PyAny>) -> PyResult<Self> {
        if let Ok(array) = value.extract::<PyReadonlyArray1<'py, u8>>() {
            return Ok(Self::Many(array));
        }
        value
            .extract::<bool>()
            .map(Self::One)
            .map_err(|_| invalid("is_call", value.get_type().to_string(), KINDS_RULE))
    }

    /// The kernel's view of it.
    pub fn kinds(&self) -> PyResult<Kinds<'_>> {
        match self {
            Self::One(value) => Ok(Kinds::One(*value)),
            Self::Many(array) => array
                .as_slice()
                .map(Kinds::Many)
                .map_err(|_| invalid("is_call", "a strided array".to_owned(), KINDS_RULE)),
        }
    }
}

/// The writable slice of an output array.
pub fn target<'a>(
    field: &'static str,
    array: &'a mut PyReadwriteArray1<'_, f64>,
) -> PyResult<&'a mut [f64]> {
    array
        .as_slice_mut()
        .map_err(|_| invalid(field, "a strided array".to_owned(), TARGET_RULE))
}

/// The writable slices of the outputs that are wanted, and their rows.
pub fn borrow_targets<'a>(
    arrays: &'a mut [Option<PyReadwriteArray1<'_, f64>>; OUTPUTS],
) -> PyResult<(Targets<'a>, usize)> {
    let mut columns: Targets<'a> = Default::default();
    let mut rows = 0;
    for (slot, array) in columns.iter_mut().zip(arrays.iter_mut()) {
        if let Some(array) = array {
            let column = target("targets", array)?;
            rows = column.len();
            *slot = Some(column);
        }
    }
    Ok((columns, rows))
}

/// Runs `kernel`, which goes over `rows` rows, and lets the interpreter go where that pays.
#[inline]
pub fn run(
    py: Python<'_>,
    rows: usize,
    kernel: impl FnOnce() -> Result<(), PricingError> + Send,
) -> PyResult<()> {
    let done = if rows < DETACH_FROM {
        kernel()
    } else {
        py.detach(kernel)
    };
    Ok(done?)
}
