//! A slice of either kind, so that a surface can hold a mixture: splines, and SVI where quotes
//! were thin or the model was asked for.

use super::spline::SplineSlice;
use super::svi::RawSvi;
use super::{Jet, SmileSection};

/// Log-moneyness up to which constraints are kept by stations; straight wings go on from there.
pub const REACH: f64 = 3.25;
/// Points of the grid on which every slice is checked, from −3 to 3.
pub const GRID_POINTS: usize = 1201;

/// A smile of one expiry.
#[derive(Clone, Debug, PartialEq)]
pub enum Slice {
    /// The desk's own.
    Spline(SplineSlice),
    /// Raw SVI; SSVI slices are of this kind too.
    Svi(RawSvi),
}

impl Slice {
    /// Knots of a spline, none of SVI.
    pub fn knots(&self) -> &[f64] {
        match self {
            Self::Spline(slice) => slice.knots(),
            Self::Svi(_) => &[],
        }
    }

    /// Jets at ascending `points`, handed to `visit` one by one.
    pub fn march(&self, points: impl Iterator<Item = f64>, mut visit: impl FnMut(f64, Jet)) {
        match self {
            Self::Spline(slice) => slice.march(points, visit),
            Self::Svi(slice) => points.for_each(|k| visit(k, slice.jet(k))),
        }
    }

    /// Slopes dw/dk far out, left and right.
    pub fn wing_slopes(&self) -> (f64, f64) {
        match self {
            Self::Spline(slice) => slice.wing_slopes(),
            Self::Svi(slice) => slice.wing_slopes(),
        }
    }
}

impl SmileSection for Slice {
    #[inline]
    fn jet(&self, k: f64) -> Jet {
        match self {
            Self::Spline(slice) => slice.jet(k),
            Self::Svi(slice) => slice.jet(k),
        }
    }

    fn wing_slopes(&self) -> (f64, f64) {
        Self::wing_slopes(self)
    }
}

/// The grid on which slices of all expiries are checked and compared.
pub fn common_grid() -> impl Iterator<Item = f64> {
    (0..GRID_POINTS).map(|i| -3.0 + 6.0 * i as f64 / (GRID_POINTS - 1) as f64)
}
