//! Kernel errors as the exceptions that Python owns, fields kept as attributes.

use pyo3::PyErr;

use crate::error::PricingError;

pyo3::import_exception!(quantdesk.errors, InvalidInput);
pyo3::import_exception!(quantdesk.errors, OutOfDomain);
pyo3::import_exception!(quantdesk.errors, NotConverged);

impl From<PricingError> for PyErr {
    fn from(error: PricingError) -> Self {
        match error {
            PricingError::InvalidInput { field, value, rule } => {
                InvalidInput::new_err((field, value, rule))
            }
            PricingError::OutOfDomain(reason) => OutOfDomain::new_err(reason),
            PricingError::NotConverged {
                model,
                iterations,
                residual,
            } => NotConverged::new_err((model, iterations, residual)),
        }
    }
}

/// An argument that is not of a kind the kernel takes.
pub fn invalid(field: &'static str, value: String, rule: &'static str) -> PyErr {
    InvalidInput::new_err((field, value, rule))
}
