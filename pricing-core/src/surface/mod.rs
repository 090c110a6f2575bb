//! A surface: slices of several expiries that do not cross, and what lies between them.
//!
//! - [`fit`]: the slices of a whole chain, longest first, each below the next longer one;
//! - [`refit`]: the same again after a change, where only what it reaches is solved;
//! - [`quote_trust`]: how far each quote is to be trusted, by what those around it say;
//! - [`between`]: total variance at any time, linear along constant log-moneyness on the clock
//!   that it is given.

pub mod between;
pub mod fit;
pub mod quote_trust;
pub mod refit;
