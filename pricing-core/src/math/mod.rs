//! Numerics that know nothing of finance: logarithm, exponential and Mills ratio on lanes, banded
//! systems, natural splines, least squares.

pub mod banded;
#[allow(clippy::unreadable_literal, clippy::excessive_precision)]
mod coefficients;
pub mod double_double;
pub mod elementary;
pub mod least_squares;
pub mod mills;
pub mod natural_spline;
