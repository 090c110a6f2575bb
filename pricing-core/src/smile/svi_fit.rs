//! Calibration of SVI: quasi-explicit, direct, inside the butterfly-free domain, and SSVI.
//!
//! Residuals are vols over the half-spread (with a floor); one-sided quotes take no part.

// Each index is below the constant size of the arrays.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop)]

use super::SmileSection;
use super::butterfly::wings;
use super::interior_point::SLOPE_MIN;
use super::quotes::SliceQuotes;
use super::slice::common_grid;
use super::spline_problem::Floor;
use super::ssvi::Ssvi;
use super::svi::RawSvi;
use super::svi_domain::{Shape, domain};
use super::svi_quasi::{LEE, best_start};
use crate::error::PricingError;
use crate::math::least_squares::{Normal, NormalEquations, Stopping, differenced, minimise};

/// Fewest two-sided quotes of a five-parameter slice: parameters and one more.
pub const SVI_QUOTES_MIN: usize = 6;
/// Fewest two-sided quotes of a three-parameter slice.
pub const SSVI_QUOTES_MIN: usize = 3;
/// Share by which s stays above its least value: points between those of the scan lie lower.
const S_SHARE: f64 = 1.002;
const STOPPING: Stopping = Stopping {
    steps_max: 60,
    tolerance: 1e-9,
};
/// How often a bottom is raised to reach the domain.
const RAISES_MAX: usize = 40;
/// Half-spreads that leaving the quoted range at the money by its own width counts as.
pub(super) const ATM_WEIGHT: f64 = 40.0;
/// Part of that range on each side where leaving it is felt already.
pub(super) const ATM_INSET: f64 = 0.02;
/// Least width of that range, vol: quotes may have no width at all.
pub(super) const ATM_RANGE_MIN: f64 = 1e-6;
/// How often a three-parameter slice is flattened and lowered before a flat one takes its place.
const RETREATS_MAX: usize = 60;
/// Tilts ρ, and shares of the largest ψ as logits, from which three-parameter slices start: one
/// start alone may end on the bound of butterflies far from the quotes.
const THIN_TILTS: [f64; 3] = [-0.5, -0.1, 0.5];
const THIN_BENDS: [f64; 3] = [-3.0, 0.0, 2.0];
/// A flat slice stands below the least of its bound by this share.
const FLAT_SHARE: f64 = 0.99;
/// Level lines that are tried, each half as high as the one before.
const DIPS_MAX: i32 = 10;
/// Where upper bounds are felt, log-moneyness: dense near the money, out to 3.25.
const FENCE: usize = 81;

/// One quote as a point: log-moneyness, vol and weight, in vol and in total variance.
#[derive(Clone, Copy, Debug)]
pub(super) struct Point {
    pub(super) k: f64,
    pub(super) w: f64,
    pub(super) vol: f64,
    pub(super) vol_weight: f64,
    pub(super) w_weight: f64,
}

/// The trusted two-sided quotes. Errors: `OutOfDomain` for less than `fewest` of them.
pub(super) fn points(
    quotes: &SliceQuotes<'_>,
    floor: f64,
    fewest: usize,
) -> Result<Vec<Point>, PricingError> {
    quotes.check()?;
    let found: Vec<Point> = quotes
        .iter()
        .filter(|quote| quote.is_two_sided() && quote.trust > 0.0)
        .map(|quote| {
            let (vol, half) = (quote.mid(), quote.half_spread(floor));
            // Costs are squares of residuals.
            let share = quote.trust.sqrt();
            Point {
                k: quote.k,
                w: vol * vol * quotes.years,
                vol,
                vol_weight: share / half,
                w_weight: share / (2.0 * vol * quotes.years * half),
            }
        })
        .collect();
    if found.len() < fewest {
        return Err(PricingError::OutOfDomain(format!(
            "{} two-sided quotes; this model needs {fewest}",
            found.len()
        )));
    }
    Ok(found)
}

/// Quasi-explicit calibration: exact in (a, d = ρbs, c = bs) for given (m, s), a simplex search
/// over (m, ln s) outside. Source: Zeliade Systems white paper (2009), with Lee's bound as
/// `c + |d| ≤ 2s`.
///
/// Errors: `OutOfDomain` for fewer than [`SVI_QUOTES_MIN`] two-sided quotes, or no slice at all.
pub fn quasi_explicit(quotes: &SliceQuotes<'_>, floor: f64) -> Result<RawSvi, PricingError> {
    let points = points(quotes, floor, SVI_QUOTES_MIN)?;
    best_start(&points, 40)
}

/// Direct calibration: Levenberg-Marquardt in all five parameters with analytic derivatives, from
/// a coarse quasi-explicit start. Lee's bound holds, butterflies are not looked at.
///
/// Errors as [`quasi_explicit`].
pub fn direct(quotes: &SliceQuotes<'_>, floor: f64) -> Result<RawSvi, PricingError> {
    let points = points(quotes, floor, SVI_QUOTES_MIN)?;
    let start = best_start(&points, 12)?;
    let years = quotes.years;
    let place = [
        start.a,
        start.b.max(1e-12).ln(),
        start.rho.atanh(),
        start.m,
        start.s.ln(),
    ];
    let ([a, b, rho, m, s], _, _) = minimise(place, STOPPING, |place| {
        let slice = from_free(place)?;
        let mut normal = Normal::default();
        for point in &points {
            let x = point.k - slice.m;
            let root = (x * x + slice.s * slice.s).sqrt();
            let w = slice.a + slice.b * (slice.rho * x + root);
            let vol = (w / years).sqrt();
            let scale = point.vol_weight / (2.0 * vol * years);
            let partials = [
                scale,
                scale * (w - slice.a),
                scale * slice.b * x * (1.0 - slice.rho * slice.rho),
                -scale * slice.b * (slice.rho + x / root),
                scale * slice.b * slice.s * slice.s / root,
            ];
            normal.add((vol - point.vol) * point.vol_weight, &partials);
        }
        normal.cost().is_finite().then_some(normal)
    });
    let found = from_free(&[a, b, rho, m, s]);
    Ok(found.filter(|slice| slice.a.is_finite()).unwrap_or(start))
}

/// (a, ln b, artanh ρ, m, ln s) as a slice within Lee's bound; None for any other.
fn from_free(place: &[f64; 5]) -> Option<RawSvi> {
    let [a, b, rho, m, s] = *place;
    let slice = RawSvi::new(a, b.exp(), rho.tanh(), m, s.exp()).ok()?;
    (slice.b * (1.0 + slice.rho.abs()) <= LEE).then_some(slice)
}

/// Calibration inside the Martini-Mingone domain and below `upper`.
///
/// Where the unconstrained optimum keeps all bounds it is the answer. Else the unknowns are a map
/// onto the domain, so that no step leaves it; the bounds from above and from below are penalties,
/// and what is left of a crossing (`is_below` tells) is scaled away.
///
/// Errors as [`quasi_explicit`].
pub fn no_butterfly(
    quotes: &SliceQuotes<'_>,
    floor: f64,
    bounds: &Bounds<'_>,
    is_below: impl Fn(&RawSvi) -> bool,
) -> Result<RawSvi, PricingError> {
    let points = points(quotes, floor, SVI_QUOTES_MIN)?;
    let free = direct(quotes, floor)?;
    let fence = fence(quotes.years, bounds);
    if is_optimum(&free, quotes, &fence) && is_below(&free) {
        return Ok(free);
    }
    let width = points[points.len() - 1].k - points[0].k;
    let stopping = Stopping {
        steps_max: 40,
        tolerance: 1e-6,
    };
    let mut starts = vec![free];
    starts.extend(plain(quotes, &points, &fence).ok());
    let mut best: Option<(RawSvi, f64)> = None;
    for start in &starts {
        let (place, cost, _) = minimise(to_domain(start, width), stopping, |place| {
            differenced(place, 1e-6, |place, out| {
                let Some(slice) = from_domain(place) else {
                    return false;
                };
                vol_residuals(&slice, &points, &fence, quotes, out)
            })
        });
        if let Some(slice) = from_domain(&place)
            && cost.is_finite()
            && best.is_none_or(|(_, least)| cost < least)
        {
            best = Some((slice, cost));
        }
    }
    let Some((slice, cost)) = best else {
        return Err(PricingError::NotConverged {
            model: "SVI without butterflies",
            iterations: 40,
            residual: f64::INFINITY,
        });
    };
    lowered(slice, &is_below).ok_or(PricingError::NotConverged {
        model: "SVI below the next longer slice",
        iterations: 40,
        residual: cost,
    })
}

/// Three parameters without any bound: a start from which no slice is led astray by its wings.
pub(super) fn plain_start(
    quotes: &SliceQuotes<'_>,
    points: &[Point],
) -> Result<RawSvi, PricingError> {
    plain(quotes, points, &Fence::default())
}

fn plain(
    quotes: &SliceQuotes<'_>,
    points: &[Point],
    fence: &Fence,
) -> Result<RawSvi, PricingError> {
    best_thin(quotes, points, fence, &[(-0.1, 0.0)]).to_raw()
}

/// Whether the unconstrained optimum `free` meets every constraint, and so is the constrained one.
fn is_optimum(free: &RawSvi, quotes: &SliceQuotes<'_>, fence: &Fence) -> bool {
    let mut penalties = Vec::new();
    vol_residuals(free, &[], fence, quotes, &mut penalties)
        && penalties.iter().all(|&penalty| penalty <= 0.0)
        && domain(free).is_some_and(|found| found.holds(free.s))
}

/// `slice` scaled down by as little as brings it below its bound; None where 3 % is not enough.
///
/// Scaling total variance by c < 1 keeps a slice free of butterflies: g is concave in c, and at
/// c = 0 it is a square.
pub(super) fn lowered(slice: RawSvi, is_below: &impl Fn(&RawSvi) -> bool) -> Option<RawSvi> {
    (0..=30).find_map(|step| {
        let scale = 1.0 - 1e-3 * f64::from(step);
        let lower = RawSvi {
            a: slice.a * scale,
            b: slice.b * scale,
            ..slice
        };
        is_below(&lower).then_some(lower)
    })
}

/// Residuals of the quotes, of the quotes' range at the money, of the fence where the slice comes
/// within a thousandth of it, and of the floors it lies below.
fn vol_residuals(
    slice: &RawSvi,
    points: &[Point],
    fence: &Fence,
    quotes: &SliceQuotes<'_>,
    out: &mut Vec<f64>,
) -> bool {
    out.clear();
    for point in points {
        let w = slice.jet(point.k).w;
        if w.is_nan() || w < 0.0 {
            return false;
        }
        out.push(((w / quotes.years).sqrt() - point.vol) * point.vol_weight);
    }
    if let Some((low, high)) = quotes.atm_range() {
        let atm = (slice.jet(0.0).w / quotes.years).sqrt();
        let inset = ATM_INSET * (high - low);
        let outside = (low + inset - atm).max(atm - high + inset).max(0.0);
        out.push(ATM_WEIGHT * outside / (high - low).max(ATM_RANGE_MIN));
    }
    // A crossing of a hundredth of the bound counts as ten half-spreads.
    let crossing = |own: f64, bound: f64| 1e3 * (own / bound - 0.999).max(0.0);
    out.extend(
        fence
            .variances
            .iter()
            .map(|&(k, bound)| crossing(slice.jet(k).w, bound)),
    );
    if let Some((left, right)) = fence.slopes {
        let own = slice.wing_slopes();
        out.extend([crossing(own.0, left), crossing(own.1, right)]);
    }
    out.extend(fence.floors.iter().map(|floor| {
        floor.trust.sqrt() * ((floor.w - slice.jet(floor.k).w) / floor.width).max(0.0)
    }));
    true
}

/// What other expiries ask of a slice.
#[derive(Clone, Copy, Default)]
pub struct Bounds<'a> {
    /// The next longer slice, which this one lies below.
    pub upper: Option<&'a dyn SmileSection>,
    /// Quotes of shorter expiries, which this one should leave room for.
    pub floors: &'a [Floor],
}

/// Bounds from above: total variances by place, and slopes of the wings; and from below.
#[derive(Clone, Debug, Default)]
struct Fence {
    variances: Vec<(f64, f64)>,
    slopes: Option<(f64, f64)>,
    floors: Vec<Floor>,
}

/// Places denser near the money of a short expiry, out to 3.25.
pub(super) fn fence_places(years: f64) -> impl Iterator<Item = f64> {
    let near = (0.1 * years.sqrt()).min(0.5);
    let steep = (3.25 / near).asinh();
    let half = (FENCE / 2) as f64;
    (0..FENCE).map(move |i| near * (steep * (i as f64 / half - 1.0)).sinh())
}

/// What `bounds` allow, at these places and far out.
fn fence(years: f64, bounds: &Bounds<'_>) -> Fence {
    let floors = bounds.floors.to_vec();
    let Some(upper) = bounds.upper else {
        return Fence {
            floors,
            ..Fence::default()
        };
    };
    Fence {
        variances: fence_places(years)
            .map(|k| (k, upper.total_variance(k)))
            .collect(),
        slopes: Some(upper.wing_slopes()),
        floors,
    }
}

fn logistic(x: f64) -> f64 {
    1.0 / (1.0 + (-x).exp())
}

fn logit(p: f64) -> f64 {
    let p = p.clamp(1e-4, 1.0 - 1e-4);
    (p / (1.0 - p)).ln()
}

/// A place of the free unknowns near `slice`, moved into the domain where it lies outside.
pub(super) fn to_domain(slice: &RawSvi, width: f64) -> [f64; 5] {
    let rho = slice.rho.clamp(-0.98, 0.98);
    let b_max = LEE / (1.0 + rho.abs());
    let b = slice.b.clamp(1e-6, 0.99 * b_max);
    let root = b * (1.0 - rho * rho).sqrt();
    let mut bottom = (slice.a / slice.s + root).max(1e-3 * b);
    let mut shape = Shape {
        b,
        rho,
        alpha: bottom - root,
    };
    let (mut low, mut high) = shape.mu_bounds();
    // Too deep a bottom leaves no admissible shift at all; a shallower one does in the end.
    for _ in 0..RAISES_MAX {
        if high - low > 0.1 {
            break;
        }
        bottom = 1.3 * bottom + 1e-3;
        shape.alpha = bottom - root;
        (low, high) = shape.mu_bounds();
    }
    let share = ((slice.m / slice.s - low) / (high - low)).clamp(0.05, 0.95);
    let least = S_SHARE * shape.s_least(low + share * (high - low));
    [
        rho.atanh(),
        logit(b / b_max),
        bottom.ln(),
        logit(share),
        (slice.s - least).max(1e-3 * width).ln(),
    ]
}

/// The slice at a place of the free unknowns: always inside the domain; None past all numbers.
pub(super) fn from_domain(place: &[f64; 5]) -> Option<RawSvi> {
    let rho = place[0].tanh();
    let b = LEE / (1.0 + rho.abs()) * logistic(place[1]);
    let shape = Shape {
        b,
        rho,
        alpha: place[2].exp() - b * (1.0 - rho * rho).sqrt(),
    };
    let (low, high) = shape.mu_bounds();
    if low >= high {
        return None;
    }
    let mu = low + (high - low) * logistic(place[3]);
    let s = S_SHARE * shape.s_least(mu) + place[4].exp();
    RawSvi::new(shape.alpha * s, b, rho, mu * s, s).ok()
}

/// A three-parameter slice, free of butterflies by its map and below its bound by a penalty.
///
/// It may still cross its bound a little; [`retreated`] mends that.
///
/// Errors: `OutOfDomain` for fewer than [`SSVI_QUOTES_MIN`] two-sided quotes.
pub fn thin(
    quotes: &SliceQuotes<'_>,
    floor: f64,
    bounds: &Bounds<'_>,
) -> Result<Ssvi, PricingError> {
    let points = points(quotes, floor, SSVI_QUOTES_MIN)?;
    let fence = fence(quotes.years, bounds);
    let starts: Vec<(f64, f64)> = THIN_TILTS
        .iter()
        .flat_map(|&tilt| THIN_BENDS.map(|bend| (tilt, bend)))
        .collect();
    Ok(best_thin(quotes, &points, &fence, &starts))
}

/// `slice` flattened and lowered until `is_below` accepts it.
///
/// Wings keep a slope of [`SLOPE_MIN`], so that shorter slices still have room below this one.
/// Where even the flattest such slice crosses its bound, a level line under the least of the bound
/// stands in: it has no arbitrage, and its residuals say how little it has to do with its quotes.
///
/// Errors: `NotConverged` where `is_below` refuses every level line as well.
pub fn retreated(
    mut slice: Ssvi,
    years: f64,
    upper: Option<&dyn SmileSection>,
    is_below: impl Fn(&RawSvi) -> bool,
) -> Result<RawSvi, PricingError> {
    let (level, flattest) = (slice.theta, SLOPE_MIN * years.sqrt());
    for _ in 0..RETREATS_MAX {
        slice.psi = slice.psi.max(2.0 * flattest / (1.0 - slice.rho.abs()));
        let raw = slice.to_raw()?;
        if is_below(&raw) {
            return Ok(raw);
        }
        slice.theta *= 0.97;
        slice.psi *= 0.85;
    }
    let places = common_grid().chain(wings());
    let least = places.map(|k| upper.map_or(level, |upper| upper.total_variance(k)));
    let level = FLAT_SHARE * least.fold(level, f64::min);
    // The bound may dip between the places that were asked.
    (0..DIPS_MAX)
        .filter_map(|halves| RawSvi::new(level * 0.5_f64.powi(halves), 0.0, 0.0, 0.0, 1.0).ok())
        .find(is_below)
        .ok_or(PricingError::NotConverged {
            model: "SSVI slice",
            iterations: RETREATS_MAX as u32,
            residual: level,
        })
}

/// The best three-parameter slice under the penalties of the fence, over all `starts` (artanh ρ,
/// logit of ψ's share).
fn best_thin(
    quotes: &SliceQuotes<'_>,
    points: &[Point],
    fence: &Fence,
    starts: &[(f64, f64)],
) -> Ssvi {
    let atm = quotes.atm_vol().unwrap_or(points[0].vol);
    let level = (atm * atm * quotes.years).ln();
    let mut best = ([level, 0.0, 0.0], f64::INFINITY);
    for &(tilt, bend) in starts {
        let (place, cost, _) = minimise([level, tilt, bend], STOPPING, |place| {
            differenced(place, 1e-6, |place, out| match from_thin(place).to_raw() {
                Ok(slice) => vol_residuals(&slice, points, fence, quotes, out),
                Err(_) => false,
            })
        });
        if cost < best.1 {
            best = (place, cost);
        }
    }
    from_thin(&best.0)
}

fn from_thin(place: &[f64; 3]) -> Ssvi {
    let (theta, rho) = (place[0].exp(), 0.999 * place[1].tanh());
    Ssvi {
        theta,
        rho,
        psi: Ssvi::psi_max(theta, rho) * logistic(place[2]),
    }
}
