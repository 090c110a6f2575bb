//! Which SIMD path is in use, and the override for tests.

use pyo3::prelude::*;

use super::errors::invalid;
use crate::lanes::{Path, default_path, path, set_path};

/// Name of the path in use: `unfused`, `portable`, `avx2` or `avx512`.
#[pyfunction]
fn simd_path() -> &'static str {
    path().name()
}

/// Names of the paths this machine can run, slowest first.
#[pyfunction]
fn simd_paths() -> Vec<&'static str> {
    Path::ALL
        .into_iter()
        .filter(|path| path.is_available())
        .map(Path::name)
        .collect()
}

/// Chooses the path for the whole process; None goes back to the environment's or the best.
#[pyfunction]
#[pyo3(signature = (name, /))]
fn set_simd_path(name: Option<&str>) -> PyResult<()> {
    let rule = "must be a path this machine can run: unfused, portable, avx2 or avx512";
    let chosen = match name {
        None => Some(default_path()),
        Some(name) => Path::from_name(name),
    };
    match chosen {
        Some(path) if set_path(path) => Ok(()),
        _ => Err(invalid("name", name.unwrap_or_default().to_owned(), rule)),
    }
}

/// Adds this file's functions.
pub fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_function(wrap_pyfunction!(simd_path, module)?)?;
    module.add_function(wrap_pyfunction!(simd_paths, module)?)?;
    module.add_function(wrap_pyfunction!(set_simd_path, module)?)
}
