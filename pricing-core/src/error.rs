//! What the kernel refuses: values, never panics.

use std::fmt;

/// Why a calculation gave no number.
#[derive(Clone, Debug, PartialEq)]
pub enum PricingError {
    /// An argument outside its domain.
    InvalidInput {
        /// Name of the argument.
        field: &'static str,
        /// What came.
        value: f64,
        /// What is allowed, as a phrase.
        rule: &'static str,
    },
    /// Arguments that are fine one by one but not together.
    OutOfDomain(String),
    /// A solver that stopped before its tolerance.
    NotConverged {
        /// The model or method.
        model: &'static str,
        /// Steps taken.
        iterations: u32,
        /// What was left; infinite where no step came to anything.
        residual: f64,
    },
}

impl fmt::Display for PricingError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::InvalidInput { field, value, rule } => write!(f, "{field} = {value}: {rule}"),
            Self::OutOfDomain(reason) => f.write_str(reason),
            Self::NotConverged {
                model,
                iterations,
                residual,
            } if residual.is_finite() => write!(
                f,
                "{model} did not converge: residual {residual:.3e} after {iterations} steps"
            ),
            // Nothing was reached whose distance from a solution could be told.
            Self::NotConverged {
                model, iterations, ..
            } => write!(
                f,
                "{model} did not converge: no solution after {iterations} steps"
            ),
        }
    }
}

impl std::error::Error for PricingError {}
