//! The constrained problem behind a spline slice, in units of its own width.
//!
//! With `x = k/s`, `s² = w₀` (total variance at the money) and `v = w/w₀`, Durrleman's function is
//! `g = (1 − x v'/(2v))² − (v'²/4)(1/v + w₀/4) + v''/2`: smiles of every expiry look alike, and
//! one smoothness and one set of tolerances serve all.

// Each index is a knot number of arrays that are made here of one length.
#![allow(clippy::indexing_slicing)]

use crate::math::banded::{Banded, Row};
use crate::math::natural_spline::{JetRows, SplineBasis};
use crate::smile::price_convexity::price_beliefs;
use crate::smile::quotes::SliceQuotes;

/// Distance from a quote's middle, in its pull width, up to which the middle pulls as a square, and
/// up to which it pulls further at the stiffness below. A quote that moves far pulls no harder: where
/// prices have to be convex there is no more that it can do to the others. A quote that is somewhat
/// missed still holds, or its neighbours' ticks would move it freely.
const PULL_FULL: f64 = 0.5;
const PULL_REACH: f64 = 1.0;
const PULL_STIFFNESS_BEYOND: f64 = 0.5;
/// Neighbours on each side whose widths a quote's pull width is averaged with, and their weights:
/// a tick that halves one spread must not quadruple a weight.
const WIDTH_WEIGHTS: [f64; 2] = [3.0, 1.0];

/// Stiffness of a one-sided bound.
const BOUND_STIFFNESS: f64 = 6.0;
/// A bound's pull grows linearly up to this distance, in its width, and no further.
const BOUND_REACH: f64 = 4.0;

/// Part of the quoted range at the money that stays free on each side.
const ATM_INSET: f64 = 0.02;
/// Part of that range by which leaving it counts as a half-spread.
const ATM_WIDTH: f64 = 0.02;

/// One quote in units of the slice.
#[derive(Clone, Copy, Debug)]
pub struct Target {
    /// The slice's value at the quote.
    pub row: Row,
    /// Value at the middle of the quote.
    pub mid: f64,
    /// Distance from the middle to the bid; infinite where there is none.
    pub below: f64,
    /// Distance from the middle to the ask; infinite where there is none.
    pub above: f64,
    /// Whether the middle itself pulls.
    pub is_two_sided: bool,
    /// Width that the pull of a two-sided quote is measured in, over its own half-spread.
    pub pull_width: f64,
    /// Share of the full weight.
    pub trust: f64,
}

/// A total variance that a slice should not lie below: what a shorter expiry's quotes ask for.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Floor {
    /// Log-moneyness.
    pub k: f64,
    /// Total variance.
    pub w: f64,
    /// Distance below at which the loss is that of a quote missed by one half-spread.
    pub width: f64,
    /// Share of the full weight.
    pub trust: f64,
}

impl Floor {
    /// The floor as a target of the spline on `basis`, in units of `w0`.
    pub fn target(&self, basis: &SplineBasis, w0: f64) -> Target {
        Target {
            row: basis.jet(self.k / w0.sqrt()).value,
            mid: self.w / w0,
            below: self.width / w0,
            above: f64::INFINITY,
            is_two_sided: false,
            pull_width: 1.0,
            trust: self.trust,
        }
    }
}

/// One place where the constraints hold.
#[derive(Clone, Copy, Debug)]
pub struct Station {
    /// k/s.
    pub x: f64,
    /// The slice there.
    pub jet: JetRows,
    /// Bound from above by the next longer slice, in units of this one.
    pub upper: f64,
}

/// Value and slope of g in (v, v', v'').
#[derive(Clone, Copy, Debug)]
pub struct Curvature {
    /// g.
    pub g: f64,
    /// ∂g/∂v, ∂g/∂v', ∂g/∂v''.
    pub gradient: [f64; 3],
    /// ∂²g/∂v², ∂²g/∂v∂v', ∂²g/∂v'².
    pub hessian: [f64; 3],
}

/// Durrleman's function and its derivatives in the units above.
#[inline(always)]
pub fn curvature(x: f64, w0: f64, v: f64, dv: f64, d2v: f64) -> Curvature {
    let inverse = 1.0 / v;
    let lean = 0.5 * x * inverse;
    let factor = 1.0 - lean * dv;
    let dv2 = dv * dv;
    let (by_value, by_slope) = (lean * dv * inverse, -lean);
    let level = 0.25 * dv2 * inverse * inverse;
    Curvature {
        g: factor * factor - 0.25 * dv2 * (inverse + 0.25 * w0) + 0.5 * d2v,
        gradient: [
            2.0 * factor * by_value + level,
            2.0 * factor * by_slope - 0.5 * dv * (inverse + 0.25 * w0),
            0.5,
        ],
        hessian: [
            2.0 * by_value * by_value - 4.0 * factor * by_value * inverse - 2.0 * level * inverse,
            2.0 * by_value * by_slope
                + 2.0 * factor * lean * inverse
                + 0.5 * dv * inverse * inverse,
            2.0 * lean * lean - 0.5 * inverse - 0.125 * w0,
        ],
    }
}

impl Target {
    /// Slope and curvature of the loss at `value`.
    #[inline(always)]
    pub fn loss(&self, value: f64) -> (f64, f64) {
        let gap = value - self.mid;
        let side = if gap > 0.0 { self.above } else { self.below };
        if !side.is_finite() || (!self.is_two_sided && gap == 0.0) {
            return (0.0, 0.0);
        }
        // Around the middle a square, then less of one, then a line; a one-sided square beyond a
        // bound, then a line. Where it is no full square the secant, as in reweighted least
        // squares: the true curvature of a line is none.
        let (slope, bend, unit) = if self.is_two_sided {
            let unit = 1.0 / (self.pull_width * side);
            let r = gap.abs() * unit;
            let beyond = (r.min(PULL_REACH) - PULL_FULL).max(0.0);
            let slope = r.min(PULL_FULL) + PULL_STIFFNESS_BEYOND * beyond;
            (slope, if r > PULL_FULL { slope / r } else { 1.0 }, unit)
        } else {
            let unit = 1.0 / side;
            let r = gap.abs() * unit;
            let slope = BOUND_STIFFNESS * r.min(BOUND_REACH);
            let bend = if r > BOUND_REACH {
                slope / r
            } else {
                BOUND_STIFFNESS
            };
            (slope, bend, unit)
        };
        (
            self.trust * slope * unit * gap.signum(),
            self.trust * bend * unit * unit,
        )
    }
}

/// Penalty `∫ρ(x) v''² dx` on the coefficients: ρ is `smoothing` between `low` and `high`, the
/// outermost quotes, and grows with the distance from them: wings straighten, and still bend where
/// the slice above asks for it without pulling at the quotes.
pub fn roughness(basis: &SplineBasis, smoothing: f64, low: f64, high: f64) -> Banded {
    let mut matrix = Banded::new(basis.size());
    let weight = |x: f64| smoothing * (1.0 + (low - x).max(x - high).max(0.0));
    for pair in basis.knots().windows(2) {
        let (left, right) = (pair[0], pair[1]);
        let middle = 0.5 * (left + right);
        // v'' is linear between knots: Simpson's rule is exact for a constant weight.
        let third = (right - left) / 6.0;
        for (x, share) in [(left, third), (middle, 4.0 * third), (right, third)] {
            matrix.add_square(&basis.jet(x).second, share * weight(x));
        }
    }
    matrix
}

/// Knots in units of `s`: at the quotes, then wider and wider out to `reach`.
///
/// Quotes closer than `gap_min` share a knot, and there are at most `knots_max` between the wings.
pub fn place_knots(quotes: &[f64], reach: f64, gap_min: f64, knots_max: usize) -> Vec<f64> {
    let mut inner: Vec<f64> = Vec::with_capacity(knots_max + 32);
    let stride = quotes.len().div_ceil(knots_max.max(2));
    for (i, &x) in quotes.iter().enumerate() {
        let is_far = inner.last().is_none_or(|&last| x - last >= gap_min);
        if i % stride == 0 && is_far {
            inner.push(x);
        }
    }
    if let (Some(&last), Some(&end)) = (inner.last(), quotes.last())
        && end - last >= gap_min
    {
        inner.push(end);
    }
    let (Some(&low), Some(&high)) = (inner.first(), inner.last()) else {
        return inner;
    };
    let (low, high) = (low.max(-reach), high.min(reach));
    inner.retain(|&x| x >= low && x <= high);
    let mut knots: Vec<f64> = wing(-low, reach).into_iter().map(|x| -x).rev().collect();
    knots.append(&mut inner);
    knots.extend(wing(high, reach));
    knots
}

/// Places from `start` (left out) to `reach`, each step 1.8 times the one before.
fn wing(start: f64, reach: f64) -> Vec<f64> {
    let mut places = Vec::new();
    let (mut at, mut step) = (start, 0.4);
    while at + 1.5 * step < reach {
        at += step;
        step *= 1.8;
        places.push(at);
    }
    if reach > start {
        places.push(reach);
    }
    places
}

/// Range at the money as two one-sided targets: the vol there lies within the quotes beside it,
/// however sharp the smile's bottom between two strikes would be.
pub fn atm_targets(quotes: &SliceQuotes<'_>, basis: &SplineBasis, w0: f64) -> Vec<Target> {
    let Some((low, high)) = quotes.atm_range() else {
        return Vec::new();
    };
    let to_unit = quotes.years / w0;
    let (low, high) = (low * low * to_unit, high * high * to_unit);
    let (inset, width) = (ATM_INSET * (high - low), ATM_WIDTH * (high - low));
    let one = |mid: f64, below: f64, above: f64| Target {
        row: basis.jet(0.0).value,
        mid,
        below,
        above,
        is_two_sided: false,
        pull_width: 1.0,
        trust: 1.0,
    };
    vec![
        one(low + inset, width, f64::INFINITY),
        one(high - inset, f64::INFINITY, width),
    ]
}

/// The quotes as targets of the spline on `basis`, in units of `w0`.
pub fn targets(quotes: &SliceQuotes<'_>, basis: &SplineBasis, w0: f64, floor: f64) -> Vec<Target> {
    let (scale, to_unit) = (w0.sqrt(), quotes.years / w0);
    let widths = pull_widths(quotes, floor);
    quotes
        .iter()
        .zip(widths)
        .zip(price_beliefs(quotes))
        .map(|((quote, pull_width), belief)| {
            let mid_vol = quote.mid();
            let mid = mid_vol * mid_vol * to_unit;
            let least = 2.0 * mid_vol * floor * to_unit;
            let is_two_sided = quote.is_two_sided();
            let (below, above) = if is_two_sided {
                (
                    (mid - quote.bid * quote.bid * to_unit).max(least),
                    (quote.ask * quote.ask * to_unit - mid).max(least),
                )
            } else if quote.ask.is_finite() {
                (f64::INFINITY, 4.0 * least)
            } else {
                (4.0 * least, f64::INFINITY)
            };
            Target {
                row: basis.jet(quote.k / scale).value,
                mid,
                below,
                above,
                is_two_sided,
                pull_width,
                trust: quote.trust * belief,
            }
        })
        .collect()
}

/// By quote: the geometric mean of its half-spread and those beside it, over its own.
fn pull_widths(quotes: &SliceQuotes<'_>, floor: f64) -> Vec<f64> {
    let logs: Vec<f64> = quotes
        .iter()
        .map(|quote| quote.half_spread(floor).ln())
        .collect();
    let mean = |i: usize| {
        let (mut sum, mut total) = (0.0, 0.0);
        for (distance, weight) in WIDTH_WEIGHTS.iter().enumerate() {
            let beside = [i.checked_sub(distance), i.checked_add(distance)];
            let count = if distance == 0 { 1 } else { 2 };
            for log in beside
                .iter()
                .take(count)
                .flatten()
                .filter_map(|&j| logs.get(j))
            {
                sum += weight * log;
                total += weight;
            }
        }
        sum / total
    };
    (0..logs.len()).map(|i| (mean(i) - logs[i]).exp()).collect()
}
