//! `pricing-core`: Black-76 prices, partial derivatives and implied volatilities.
//!
//! Pure numerics: no clock, no I/O, no logging, no market convention. What is where:
//!
//! - [`black`]: price and raw partials of one bundle of options; its rare rows in [`extreme`];
//! - [`implied`]: implied volatility with a status; its rare rows in [`implied_rare`];
//! - [`columns`], [`batch`], [`chain`], [`volatilities`]: columns in, columns out;
//! - [`threads`]: rows in parallel, the one file that knows rayon;
//! - [`inverse`]: coin-settled values and partials;
//! - [`scenario`], [`shocks`]: a book under scenarios of spot, basis, vol and time, summed or each;
//! - [`parity`]: the forward from call and put prices;
//! - [`touch`]: the probability of touching a level;
//! - [`smile`]: one expiry's total variance: SVI, splines, their fits and checks;
//! - [`surface`]: slices that do not cross, fitted together, and what lies between them;
//! - [`lanes`]: SIMD lane types and run-time dispatch, the only place with `unsafe`;
//! - [`math`]: functions, systems and splines that know nothing of finance.
//!
//! Promises: no panic on any input; NaN out only where documented, with a mask or a status;
//! the same bits whatever the thread count, the batch length and the fused instruction set.
//! Python bindings live behind the feature `python`.

pub mod batch;
pub mod black;
pub mod chain;
pub mod columns;
pub mod error;
pub mod extreme;
pub mod implied;
pub mod implied_rare;
pub mod inverse;
pub mod lanes;
pub mod math;
pub mod parity;
#[cfg(feature = "python")]
mod python;
pub mod scenario;
pub mod shocks;
pub mod smile;
pub mod surface;
pub mod threads;
pub mod touch;
pub mod types;
pub mod volatilities;

pub use error::PricingError;
pub use types::{Output, Wanted};
