//! Numerics that know nothing of finance: logarithm, exponential and Mills ratio on lanes.

#[allow(clippy::unreadable_literal, clippy::excessive_precision)]
mod coefficients;
pub mod double_double;
pub mod elementary;
pub mod mills;
