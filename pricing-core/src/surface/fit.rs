//! The slices of a whole chain in one call: longest expiry first, each below the next longer one.
//!
//! A short slice does not identify its far wings, the longer one above it bounds them. Where a
//! shorter expiry's bid lies above what a longer slice would say by itself, that bid is handed to
//! the longer one as a bound from below, so that it leaves room.

use super::refit::refit_chain;
use crate::error::PricingError;
use crate::smile::butterfly::check;
use crate::smile::quotes::{Quote, SliceQuotes};
use crate::smile::slice::Slice;
use crate::smile::spline_fit::{SplineFit, SplineOptions, fit_spline};
use crate::smile::spline_problem::Floor;
use crate::smile::svi::RawSvi;
use crate::smile::svi_fit::Bounds;
use crate::smile::{SmileSection, svi_fit, svi_joint};

/// Fewest two-sided quotes that a spline is fitted to.
pub const SPLINE_QUOTES_MIN: usize = 4;

/// Half-spreads of a shorter expiry's quote in which leaving its floor counts as one.
const FLOOR_WIDTH: f64 = 6.0;
/// Half-spreads below a slice's own middles from which a shorter expiry's bid is heard.
const FLOOR_ONSET: f64 = 2.0;

/// Half-spreads above a shorter expiry's middle to which a slice is lifted beyond its own quotes:
/// room enough that its bound does not bind where the shorter one is quoted.
const BEYOND_HALF_SPREADS: f64 = 3.0;

/// Largest such lift as a share of the shorter expiry's total variance: quotes as wide as a market
/// in distress has them ask for no more.
const BEYOND_SHARE_MAX: f64 = 0.25;

/// Which family slices are of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Model {
    /// Constrained natural splines: the desk's default.
    Spline,
    /// Raw SVI inside its butterfly-free domain, slices not crossing.
    Svi,
    /// Raw SVI within Lee's bound and nothing else: for comparison only.
    SviFree,
    /// Three-parameter slices that do not cross.
    Ssvi,
}

/// A fitted slice and how good it is.
#[derive(Clone, Debug)]
pub struct SliceFit {
    /// The slice.
    pub slice: Slice,
    /// Coefficients to start a later fit from; none for SVI.
    pub coefficients: Vec<f64>,
    /// Steps taken.
    pub steps: usize,
    /// Smallest g on the check grid.
    pub g_min: f64,
    /// Smallest distance below the next longer slice; infinite for the longest.
    pub calendar_slack: f64,
    /// Why a simpler model stands in for the one asked for; None where it does not.
    pub fallback: Option<String>,
}

/// Fits every slice of `expiries`, ascending in years; results in the same order.
///
/// `warm` holds coefficients of earlier fits, by expiry, empty where there are none. A slice that
/// can not be fitted is an error in its place and bounds nobody.
pub fn fit_chain(
    model: Model,
    expiries: &[SliceQuotes<'_>],
    warm: &[Vec<f64>],
    options: &SplineOptions,
) -> Vec<Result<SliceFit, PricingError>> {
    refit_chain(model, expiries, warm, &[], options)
        .into_iter()
        .map(|fit| fit.map(|known| known.fit.clone()))
        .collect()
}

/// Fits one slice above `floors` and below `upper`, starting from `start` coefficients, or from
/// what `joint`ly fitted SVI says of it.
///
/// `quotes` have been checked.
pub(super) fn fit_one(
    model: Model,
    quotes: &SliceQuotes<'_>,
    floors: &[Floor],
    upper: Option<&Slice>,
    start: Option<&[f64]>,
    joint: Option<RawSvi>,
    options: &SplineOptions,
) -> Result<SliceFit, PricingError> {
    let is_sound = |raw: &RawSvi| {
        let (g_min, slack) = check(&Slice::Svi(*raw), upper);
        g_min >= 0.0 && slack >= 0.0
    };
    let bounds = Bounds {
        upper: upper.map(|slice| slice as &dyn SmileSection),
        floors,
    };
    let count = quotes.iter().filter(Quote::is_two_sided).count();
    let is_thin = count < SPLINE_QUOTES_MIN;
    let reason = match model {
        Model::Spline => {
            if is_thin {
                format!("{count} two-sided quotes; a spline needs {SPLINE_QUOTES_MIN}")
            } else {
                match fit_spline(quotes, bounds.floors, upper, start, options) {
                    Ok(fit) => return Ok(of_spline(fit)),
                    Err(error) => error.to_string(),
                }
            }
        }
        Model::SviFree => return Ok(of_svi(svi_fit::direct(quotes, options.floor)?, upper, None)),
        Model::Svi => {
            let settled = joint.and_then(|raw| svi_joint::mended(raw, quotes, is_sound));
            let alone = || svi_fit::no_butterfly(quotes, options.floor, &bounds, is_sound);
            match settled.map_or_else(alone, Ok) {
                Ok(raw) => return Ok(of_svi(raw, upper, None)),
                Err(error) => error.to_string(),
            }
        }
        Model::Ssvi => String::new(),
    };
    if model != Model::Ssvi {
        let room = Bounds {
            upper: None,
            ..bounds
        };
        let free = svi_fit::thin(quotes, options.floor, &room)?.to_raw();
        if let Ok(raw) = free.as_ref()
            && is_sound(raw)
        {
            return Ok(of_svi(*raw, upper, Some(reason)));
        }
        // Three parameters can not bend down before they cross the bound; a spline can, where this
        // very one has not failed already.
        if (model == Model::Svi || is_thin || start.is_some())
            && let Ok(fit) = fit_spline(quotes, bounds.floors, upper, None, options)
        {
            return Ok(SliceFit {
                fallback: (model == Model::Svi).then_some(reason),
                ..of_spline(fit)
            });
        }
    }
    let ssvi = svi_fit::thin(quotes, options.floor, &bounds)?;
    let raw = svi_fit::retreated(ssvi, quotes.years, bounds.upper, is_sound)?;
    Ok(of_svi(raw, upper, (!reason.is_empty()).then_some(reason)))
}

fn of_spline(fit: SplineFit) -> SliceFit {
    SliceFit {
        slice: fit.slice,
        coefficients: fit.coefficients,
        steps: fit.steps,
        g_min: fit.g_min,
        calendar_slack: fit.calendar_slack,
        fallback: None,
    }
}

fn of_svi(raw: RawSvi, upper: Option<&Slice>, fallback: Option<String>) -> SliceFit {
    let slice = Slice::Svi(raw);
    let (g_min, calendar_slack) = check(&slice, upper);
    SliceFit {
        slice,
        coefficients: Vec::new(),
        steps: 0,
        g_min,
        calendar_slack,
        fallback,
    }
}

/// What the quotes of shorter expiries ask of a slice: to lie above them beyond its own, and their
/// bids where those come near its own middles.
///
/// Beyond its quotes a slice that kept to the middles would bound the shorter ones from above by
/// its own extrapolation, and each tick of its last quotes would move theirs. The pull of a floor
/// is soft and sets in before it binds: a tick of one expiry hardly moves another.
pub(super) fn floors_under(
    own: &SliceQuotes<'_>,
    shorter: &[SliceQuotes<'_>],
    least: f64,
) -> Vec<Floor> {
    let mut floors = Vec::new();
    for slice in shorter {
        for quote in slice.iter().filter(Quote::is_trusted) {
            let half = quote.half_spread(least);
            let half = 2.0 * quote.mid() * half * slice.years;
            let (bid, mid) = (quote.bid, quote.mid());
            let bid = bid * bid * slice.years;
            let floor = match own_variance(own, quote.k) {
                None => {
                    let w = mid * mid * slice.years;
                    w + (BEYOND_HALF_SPREADS * half).min(BEYOND_SHARE_MAX * w)
                }
                Some(here) if bid > here - FLOOR_ONSET * half => bid,
                Some(_) => continue,
            };
            floors.push(Floor {
                k: quote.k,
                w: floor,
                width: FLOOR_WIDTH * half,
                trust: quote.trust,
            });
        }
    }
    floors
}

/// Total variance at `k` on the line between the middles beside it; None beyond the quotes.
fn own_variance(own: &SliceQuotes<'_>, k: f64) -> Option<f64> {
    let mut before: Option<(f64, f64)> = None;
    for quote in own.iter().filter(Quote::is_trusted) {
        let here = (quote.k, quote.mid() * quote.mid() * own.years);
        if here.0 >= k {
            return match before {
                Some(low) => {
                    let share = (k - low.0) / (here.0 - low.0);
                    Some(low.1 + share * (here.1 - low.1))
                }
                None => (here.0 <= k).then_some(here.1),
            };
        }
        before = Some(here);
    }
    None
}
