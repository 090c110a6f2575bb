//! The module `quantdesk._core`. Borrow, detach, map the error: no loops and no logic here.

mod arrays;
mod black;
mod chain;
mod coin;
mod errors;
mod lanes;
mod parity;
mod scalars;
mod scenario;
mod smile;
mod surface;
mod touch;

use pyo3::prelude::*;

/// The compiled kernel of quantdesk; reached through `quantdesk.pricing`.
#[pymodule(gil_used = false)]
fn _core(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    black::register(module)?;
    chain::register(module)?;
    coin::register(module)?;
    scenario::register(module)?;
    smile::register(module)?;
    surface::register(module)?;
    touch::register(module)?;
    parity::register(module)?;
    lanes::register(module)
}
