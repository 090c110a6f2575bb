//! The constrained fit of a spline slice: a primal-dual interior-point method on banded systems.
//!
//! Minimise the loss of the quotes plus a roughness penalty, subject to g ≥ margin, a bound from
//! above (the next longer slice) and Lee's bound on the wings, at stations between and on all
//! knots out to [`REACH`]. A flat smile below the bound satisfies everything, so that the problem
//! always has an answer. The answer is checked on a finer grid; where that finds a violation
//! between stations, margins grow and the fit goes on from where it was.

// Each index is a station or coefficient number of arrays that are made here of one length.
#![allow(clippy::indexing_slicing)]

use super::butterfly::check;
use super::interior_point::Problem;
use super::quotes::SliceQuotes;
use super::slice::{REACH, Slice};
use super::spline::SplineSlice;
use super::spline_problem::{Floor, place_knots};
use crate::error::PricingError;
use crate::math::natural_spline::{KNOTS_MIN, SplineBasis};

/// Smallest distance of knots beyond the quotes, in standard deviations.
const FLOOR_GAP: f64 = 0.25;
/// How many problems, each tighter than the one before, are solved before a slice is given up.
const TIGHTENINGS_MAX: usize = 7;
/// How many of them only have larger margins; the others look more closely between knots.
const TIGHTENINGS_PLAIN: usize = 2;

/// Choices of a fit; `Default` is the desk's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct SplineOptions {
    /// Weight of the roughness penalty against residuals in half-spreads.
    pub smoothing: f64,
    /// Half-spreads count as at least this, vol as a fraction.
    pub floor: f64,
    /// Smallest g that stations keep to.
    pub margin: f64,
    /// Most knots between the wings.
    pub knots_max: usize,
    /// Smallest distance of knots, in standard deviations.
    pub gap_min: f64,
}

impl Default for SplineOptions {
    fn default() -> Self {
        Self {
            smoothing: 0.7,
            floor: 0.0015,
            margin: 2e-3,
            knots_max: 80,
            gap_min: 0.03,
        }
    }
}

/// A fitted slice and how it was reached.
#[derive(Clone, Debug)]
pub struct SplineFit {
    /// The slice.
    pub slice: Slice,
    /// Coefficients, to start a later fit from.
    pub coefficients: Vec<f64>,
    /// Interior-point steps taken, over all tightenings.
    pub steps: usize,
    /// Smallest g on the check grid.
    pub g_min: f64,
    /// Smallest distance below the bound on the check grid, total variance; infinite without one.
    pub calendar_slack: f64,
}

/// Fits `quotes` below `upper`, starting from `warm` coefficients where they fit the knots.
///
/// Errors: `InvalidInput` for quotes that break their rules, `OutOfDomain` where there is no
/// two-sided quote or too few, `NotConverged` where no slice passes its checks.
pub fn fit_spline(
    quotes: &SliceQuotes<'_>,
    floors: &[Floor],
    upper: Option<&Slice>,
    warm: Option<&[f64]>,
    options: &SplineOptions,
) -> Result<SplineFit, PricingError> {
    quotes.check()?;
    let Some(atm) = quotes.atm_vol() else {
        return Err(PricingError::OutOfDomain("no two-sided quote".to_owned()));
    };
    let w0 = atm * atm * quotes.years;
    let scale = w0.sqrt();
    let inner = places(quotes, floors, scale);
    let knots = place_knots(&inner, REACH / scale, options.gap_min, options.knots_max);
    let Some(basis) = SplineBasis::new(&knots) else {
        return Err(PricingError::OutOfDomain(format!(
            "{} quotes make {} knots; a spline needs {KNOTS_MIN}",
            inner.len(),
            knots.len()
        )));
    };
    let mut problem = Problem::new(quotes, floors, &inner, &basis, w0, upper, options);
    let mut start = warm
        .filter(|c| c.len() == basis.size())
        .map(<[f64]>::to_vec);
    let (mut steps, mut violation) = (0, f64::INFINITY);
    for tightening in 0..TIGHTENINGS_MAX {
        let (found, taken) = problem.solve(start.as_deref());
        steps += taken;
        let Some(coefficients) = found else {
            // A start that led nowhere is not tried twice.
            if start.take().is_none() {
                break;
            }
            continue;
        };
        let slice = Slice::Spline(to_slice(&basis, &coefficients, scale, w0)?);
        let (g_min, calendar_slack) = check(&slice, upper);
        if g_min >= 0.0 && calendar_slack >= 0.0 {
            return Ok(SplineFit {
                slice,
                coefficients,
                steps,
                g_min,
                calendar_slack,
            });
        }
        violation = -g_min.min(calendar_slack);
        if tightening < TIGHTENINGS_PLAIN {
            problem.tighten(g_min < 0.0, calendar_slack < 0.0);
        } else {
            problem.refine(&basis, upper, 2 << (tightening - TIGHTENINGS_PLAIN));
        }
        start = Some(coefficients);
    }
    Err(PricingError::NotConverged {
        model: "spline slice",
        iterations: u32::try_from(steps).unwrap_or(u32::MAX),
        residual: violation,
    })
}

/// Where the slice has to bend, in units of `scale`: its quotes, and floors beyond them.
fn places(quotes: &SliceQuotes<'_>, floors: &[Floor], scale: f64) -> Vec<f64> {
    let (first, last) = (quotes.k.first().copied(), quotes.k.last().copied());
    let (Some(first), Some(last)) = (first, last) else {
        return Vec::new();
    };
    let mut found: Vec<f64> = quotes.k.iter().map(|k| k / scale).collect();
    let mut beyond: Vec<f64> = floors.iter().map(|floor| floor.k).collect();
    beyond.retain(|&k| k < first || k > last);
    beyond.sort_by(f64::total_cmp);
    let mut edge = last / scale;
    for x in beyond.iter().filter(|&&k| k > last).map(|k| k / scale) {
        if x - edge >= FLOOR_GAP {
            found.push(x);
            edge = x;
        }
    }
    let mut edge = first / scale;
    for x in beyond
        .iter()
        .rev()
        .filter(|&&k| k < first)
        .map(|k| k / scale)
    {
        if edge - x >= FLOOR_GAP {
            found.insert(0, x);
            edge = x;
        }
    }
    found
}

fn to_slice(
    basis: &SplineBasis,
    coefficients: &[f64],
    scale: f64,
    w0: f64,
) -> Result<SplineSlice, PricingError> {
    let knots = basis.knots().iter().map(|x| x * scale).collect();
    let pieces = basis
        .polynomials(coefficients)
        .into_iter()
        .map(|[a, b, c, d]| [a * w0, b * scale, c, d / scale])
        .collect();
    SplineSlice::new(knots, pieces)
}
