//! Butterfly arbitrage of one slice: by Durrleman's g and by convexity of prices.

use super::slice::{GRID_POINTS, Slice, common_grid};
use super::{Jet, SmileSection};

/// Durrleman's function, not below 0 where the slice has a density.
///
/// `g = (1 − k w'/(2w))² − (w'²/4)(1/w + 1/4) + w''/2`. Source: Gatheral & Jacquier (2014), (2.1).
/// NaN where w is not above 0.
#[inline(always)]
pub fn durrleman(k: f64, jet: Jet) -> f64 {
    if jet.w > 0.0 {
        let factor = 1.0 - k * jet.dw / (2.0 * jet.w);
        factor * factor - 0.25 * jet.dw * jet.dw * (1.0 / jet.w + 0.25) + 0.5 * jet.d2w
    } else {
        f64::NAN
    }
}

/// Smallest g over `points`, and where; (NaN, k) at the first point without a variance.
pub fn least_g(smile: &impl SmileSection, points: impl Iterator<Item = f64>) -> (f64, f64) {
    let mut least = (f64::INFINITY, 0.0);
    for k in points {
        let g = durrleman(k, smile.jet(k));
        if g.is_nan() {
            return (g, k);
        }
        if g < least.0 {
            least = (g, k);
        }
    }
    least
}

/// Points looked at between two knots.
const BETWEEN: usize = 6;
/// Points on each straight wing beyond the common grid, each 1.5 times as far as the one before.
const BEYOND: i32 = 16;

/// Smallest g of `slice`, and its smallest distance below `upper` (infinite without one), on the
/// common grid, between all knots and on the wings; a wing that ends above that of `upper` counts
/// by the difference of their slopes.
pub fn check(slice: &Slice, upper: Option<&Slice>) -> (f64, f64) {
    let mut g_min = f64::INFINITY;
    let mut own: Vec<f64> = Vec::with_capacity(2 * GRID_POINTS);
    let mut visit = |k: f64, jet: Jet| {
        let g = durrleman(k, jet);
        // A slice without a variance somewhere has no g there, which is worse than a negative one.
        g_min = if g.is_nan() {
            f64::NEG_INFINITY
        } else {
            g_min.min(g)
        };
        own.push(jet.w);
    };
    slice.march(common_grid(), &mut visit);
    slice.march(between(slice.knots()), &mut visit);
    slice.march(wings(), &mut visit);
    let Some(upper) = upper else {
        return (g_min, f64::INFINITY);
    };
    let mut slack = f64::INFINITY;
    let mut widths = own.iter();
    let mut compare = |_: f64, jet: Jet| {
        if let Some(w) = widths.next() {
            slack = slack.min(jet.w - w);
        }
    };
    upper.march(common_grid(), &mut compare);
    upper.march(between(slice.knots()), &mut compare);
    upper.march(wings(), &mut compare);
    for &k in upper.knots() {
        slack = slack.min(upper.total_variance(k) - slice.total_variance(k));
    }
    let ((left, right), (outer_left, outer_right)) = (slice.wing_slopes(), upper.wing_slopes());
    (g_min, slack.min(outer_right - right).min(left - outer_left))
}

fn between(knots: &[f64]) -> impl Iterator<Item = f64> + '_ {
    knots
        .iter()
        .zip(knots.iter().skip(1))
        .flat_map(|(&low, &high)| {
            let step = (high - low) / BETWEEN as f64;
            (0..BETWEEN).map(move |i| low + i as f64 * step)
        })
}

/// Ascending points on both wings, from the end of the common grid out to some 2,000.
pub(super) fn wings() -> impl Iterator<Item = f64> {
    let place = |i: i32| 3.0 * 1.5_f64.powi(i);
    let left = (1..=BEYOND).rev().map(move |i| -place(i));
    left.chain((1..=BEYOND).map(place))
}
