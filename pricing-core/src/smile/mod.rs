//! One expiry's smile: total variance over log-moneyness, with two analytic derivatives.
//!
//! - [`svi`]: raw, natural and jump-wing SVI; [`svi_domain`]: its butterfly-free set;
//!   [`svi_fit`]: quasi-explicit, direct and butterfly-free calibration; [`svi_joint`]: that of
//!   all expiries at once; [`ssvi`]: three parameters for thin quotes;
//! - [`spline`]: the desk's own slice, a natural cubic spline; [`spline_fit`]: its constrained fit,
//!   with the problem in [`spline_problem`] and the method in [`interior_point`];
//! - [`slice`]: either kind; [`quotes`]: what a slice is fitted to, and
//!   [`quote_shape`]: what they predict of each other; [`butterfly`]: what checks it.
//!
//! `k = ln(K/F)`, `w = σ²T`. No quote, venue or clock is known here.

pub mod butterfly;
pub mod interior_point;
mod price_convexity;
pub mod quote_shape;
pub mod quotes;
pub mod slice;
pub mod spline;
pub mod spline_fit;
pub mod spline_problem;
pub mod ssvi;
pub mod svi;
pub mod svi_domain;
pub mod svi_fit;
pub mod svi_joint;
mod svi_quasi;

/// Total variance at one log-moneyness, with its derivatives there.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Jet {
    /// Total variance w.
    pub w: f64,
    /// dw/dk.
    pub dw: f64,
    /// d²w/dk².
    pub d2w: f64,
}

/// A smile of one expiry: the seam that every model stands behind.
pub trait SmileSection {
    /// Total variance and its derivatives at log-moneyness `k`.
    fn jet(&self, k: f64) -> Jet;

    /// Total variance at log-moneyness `k`.
    fn total_variance(&self, k: f64) -> f64 {
        self.jet(k).w
    }

    /// Slopes dw/dk far out, left and right.
    fn wing_slopes(&self) -> (f64, f64);
}
