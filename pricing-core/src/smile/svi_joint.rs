//! SVI of all expiries at once: none has butterflies, none lies above the next longer one.
//!
//! Fitted one by one, a slice whose quotes do not reach far takes whatever wings suit it, and its
//! neighbours have to bend below them. Together they share what that costs. Damped Gauss-Newton
//! steps on the unknowns of all slices, whose equations are banded; butterflies and crossings are
//! penalties that grow from stage to stage, and the little that is left of them is the caller's
//! to mend.

// Each index is an unknown's or a slice's number, below the sizes that `fit` makes.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop)]

use super::butterfly::wings;
use super::quotes::SliceQuotes;
use super::svi::RawSvi;
use super::svi_fit::{
    ATM_INSET, ATM_RANGE_MIN, ATM_WEIGHT, Point, SVI_QUOTES_MIN, fence_places, from_domain,
    lowered, plain_start, points, to_domain,
};
use super::svi_quasi::LEE;
use crate::math::banded::Banded;
use crate::math::least_squares::{NormalEquations, Stopping, minimise};

/// ln of the least variance, ln b, artanh ρ, m, ln s.
const UNKNOWNS: usize = 5;
/// Unknowns that meet in one residual: those of two neighbouring slices.
const BAND: usize = 2 * UNKNOWNS;
/// Penalties by stage, in half-spreads: of crossing the whole of the bound, of g below 0 by 1.
const STAGES: [(f64, f64); 9] = [
    (10.0, 10.0),
    (30.0, 10.0),
    (60.0, 20.0),
    (120.0, 40.0),
    (250.0, 80.0),
    (500.0, 150.0),
    (1_000.0, 300.0),
    (2_000.0, 600.0),
    (4_000.0, 1_000.0),
];
/// When a stage ends.
const STOPPING: Stopping = Stopping {
    steps_max: 80,
    tolerance: 1e-6,
};
/// Where the penalties set in: g, and share of the longer slice.
const G_ONSET: f64 = 3e-3;
const SHARE_ONSET: f64 = 0.9995;

/// The slices of `expiries`, ascending in years; None for one whose quotes carry no five
/// parameters, which the others do not know of. Where such a one lies between others it could cross
/// them, and all are None.
pub fn joint(expiries: &[SliceQuotes<'_>], floor: f64) -> Vec<Option<RawSvi>> {
    let mut known: Vec<Option<(Expiry, Place)>> =
        expiries.iter().map(|quotes| start(quotes, floor)).collect();
    let mut from_first = known.iter().skip_while(|each| each.is_none());
    if from_first.any(Option::is_none) {
        known.fill_with(|| None);
    }
    let (chain, places): (Vec<&Expiry>, Vec<Place>) = known
        .iter()
        .flatten()
        .map(|(expiry, place)| (expiry, *place))
        .unzip();
    let mut found = fit(&chain, places).into_iter();
    known
        .iter()
        .map(|each| each.as_ref().and_then(|_| found.next()).and_then(to_raw))
        .collect()
}

/// `slice` as it is, or moved into the butterfly-free domain, and scaled down by as little as
/// `is_sound` asks; None where that is not enough.
pub fn mended(
    slice: RawSvi,
    quotes: &SliceQuotes<'_>,
    is_sound: impl Fn(&RawSvi) -> bool,
) -> Option<RawSvi> {
    let width = quotes.k.last()? - quotes.k.first()?;
    let inside = from_domain(&to_domain(&slice, width));
    [Some(slice), inside]
        .into_iter()
        .flatten()
        .find_map(|slice| lowered(slice, &is_sound))
}

type Place = [f64; UNKNOWNS];

/// What is known of one expiry.
struct Expiry {
    years: f64,
    points: Vec<Point>,
    /// Where g and crossings are looked at.
    fence: Vec<f64>,
    atm_range: Option<(f64, f64)>,
}

fn start(quotes: &SliceQuotes<'_>, floor: f64) -> Option<(Expiry, Place)> {
    let points = points(quotes, floor, SVI_QUOTES_MIN).ok()?;
    let raw = plain_start(quotes, &points).ok()?;
    let expiry = Expiry {
        years: quotes.years,
        points,
        fence: fence_places(quotes.years).chain(wings()).collect(),
        atm_range: quotes.atm_range(),
    };
    let place = [
        raw.least_variance().ln(),
        raw.b.ln(),
        raw.rho.atanh(),
        raw.m,
        raw.s.ln(),
    ];
    let is_usable = place.iter().all(|value| value.is_finite());
    is_usable.then_some((expiry, place))
}

fn to_raw(place: Place) -> Option<RawSvi> {
    let curve = Curve::at(&place)?;
    RawSvi::new(curve.level, curve.b, curve.rho, curve.m, curve.s).ok()
}

/// A slice with what its derivatives by the unknowns need.
struct Curve {
    least: f64,
    level: f64,
    b: f64,
    rho: f64,
    m: f64,
    s: f64,
    /// √(1 − ρ²).
    flank: f64,
}

/// A value and its derivatives by the unknowns.
type Partials = (f64, Place);

impl Curve {
    /// None outside Lee's bound and where numbers end.
    fn at(place: &Place) -> Option<Self> {
        let (least, b, rho, s) = (
            place[0].exp(),
            place[1].exp(),
            place[2].tanh(),
            place[4].exp(),
        );
        let flank = (1.0 - rho * rho).sqrt();
        let level = least - b * s * flank;
        let is_sound = b * (1.0 + rho.abs()) <= LEE && level.is_finite() && flank > 0.0;
        is_sound.then_some(Self {
            least,
            level,
            b,
            rho,
            m: place[3],
            s,
            flank,
        })
    }

    /// Total variance.
    fn variance(&self, k: f64) -> Partials {
        let x = k - self.m;
        let root = (x * x + self.s * self.s).sqrt();
        let w = self.level + self.b * (self.rho * x + root);
        let partials = [
            self.least,
            w - self.least,
            self.b * self.flank * (self.flank * x + self.s * self.rho),
            -self.b * (self.rho + x / root),
            self.b * self.s * (self.s / root - self.flank),
        ];
        (w, partials)
    }

    /// Durrleman's g, given the variance at `k`.
    fn durrleman(&self, k: f64, (w, by_w): &Partials) -> Partials {
        let x = k - self.m;
        let root = (x * x + self.s * self.s).sqrt();
        let along = x / root;
        let across = self.s / root;
        let (dw, d2w) = (self.b * (self.rho + along), self.b * across * across / root);
        let by_dw = [
            0.0,
            dw,
            self.b * self.flank * self.flank,
            -d2w,
            -self.b * along * across * across,
        ];
        let by_d2w = [
            0.0,
            d2w,
            0.0,
            3.0 * d2w * along / root,
            d2w * (2.0 - 3.0 * across * across),
        ];
        let factor = 1.0 - 0.5 * k * dw / w;
        let g = factor * factor - 0.25 * dw * dw * (1.0 / w + 0.25) + 0.5 * d2w;
        let (in_w, in_dw) = (
            (factor * k * dw + 0.25 * dw * dw) / (w * w),
            -factor * k / w - 0.5 * dw * (1.0 / w + 0.25),
        );
        let partials = std::array::from_fn(|i| in_w * by_w[i] + in_dw * by_dw[i] + 0.5 * by_d2w[i]);
        (g, partials)
    }

    /// Steepness of a wing: `side` is −1 for the left one, 1 for the right one.
    fn steepness(&self, side: f64) -> Partials {
        let slope = self.b * (1.0 + side * self.rho);
        let by_tilt = side * self.b * self.flank * self.flank;
        (slope, [0.0, slope, by_tilt, 0.0, 0.0])
    }
}

/// Normal equations of the unknowns of all slices, one slice after the other.
struct Normal {
    matrix: Banded<BAND>,
    gradient: Vec<f64>,
    cost: f64,
}

impl Normal {
    fn new(size: usize) -> Self {
        Self {
            matrix: Banded::new(size),
            gradient: vec![0.0; size],
            cost: 0.0,
        }
    }

    /// Adds a residual whose derivatives by the unknowns from `start` on are `factor · partials`.
    #[inline(always)]
    fn add(&mut self, start: usize, residual: f64, factor: f64, partials: &[f64]) {
        self.cost += residual * residual;
        for (slot, partial) in self.gradient[start..].iter_mut().zip(partials) {
            *slot += factor * partial * residual;
        }
        self.matrix.add_outer(start, partials, factor * factor);
    }
}

impl NormalEquations<Vec<Place>> for Normal {
    fn cost(&self) -> f64 {
        self.cost
    }

    fn ahead(&self, places: &Vec<Place>, damping: f64) -> Option<Vec<Place>> {
        let mut matrix = self.matrix.clone();
        matrix.damp(damping);
        let mut change: Vec<f64> = self.gradient.iter().map(|value| -value).collect();
        if !matrix.solve(&mut change) {
            return None;
        }
        let steps = change.chunks_exact(UNKNOWNS);
        let pairs = places.iter().zip(steps);
        let moved = pairs.map(|(place, step)| std::array::from_fn(|i| place[i] + step[i]));
        Some(moved.collect())
    }
}

/// The equations at `places`, with the penalties of a stage; None where a slice is none.
fn assemble(chain: &[&Expiry], places: &[Place], stage: (f64, f64)) -> Option<Normal> {
    let mut normal = Normal::new(UNKNOWNS * places.len());
    let curves: Vec<Curve> = places.iter().map(Curve::at).collect::<Option<_>>()?;
    for (i, (expiry, curve)) in chain.iter().zip(&curves).enumerate() {
        let start = UNKNOWNS * i;
        add_quotes(&mut normal, start, expiry, curve);
        let longer = curves.get(i + 1);
        for &k in &expiry.fence {
            let own = curve.variance(k);
            let (g, partials) = curve.durrleman(k, &own);
            if g < G_ONSET {
                normal.add(start, stage.1 * (G_ONSET - g), -stage.1, &partials);
            }
            if let Some(longer) = longer {
                add_crossing(&mut normal, start, stage.0, &own, &longer.variance(k));
            }
        }
        if let Some(longer) = longer {
            for side in [-1.0, 1.0] {
                let (own, bound) = (curve.steepness(side), longer.steepness(side));
                add_crossing(&mut normal, start, stage.0, &own, &bound);
            }
        }
    }
    normal.cost.is_finite().then_some(normal)
}

/// Distances from the middles in half-spreads, and from the quotes' range at the money.
fn add_quotes(normal: &mut Normal, start: usize, expiry: &Expiry, curve: &Curve) {
    let vol_of = |k: f64| {
        let (w, partials) = curve.variance(k);
        let vol = (w / expiry.years).sqrt();
        (vol, 0.5 / (vol * expiry.years), partials)
    };
    for point in &expiry.points {
        let (vol, scale, partials) = vol_of(point.k);
        let residual = (vol - point.vol) * point.vol_weight;
        normal.add(start, residual, scale * point.vol_weight, &partials);
    }
    if let Some((low, high)) = expiry.atm_range {
        let (vol, scale, partials) = vol_of(0.0);
        let (inset, width) = (ATM_INSET * (high - low), (high - low).max(ATM_RANGE_MIN));
        let weight = ATM_WEIGHT / width;
        if vol < low + inset {
            let residual = weight * (low + inset - vol);
            normal.add(start, residual, -weight * scale, &partials);
        } else if vol > high - inset {
            let residual = weight * (vol - high + inset);
            normal.add(start, residual, weight * scale, &partials);
        }
    }
}

/// What `own` lies above its `bound`, as a share of it.
fn add_crossing(normal: &mut Normal, start: usize, weight: f64, own: &Partials, bound: &Partials) {
    let share = own.0 / bound.0;
    if share > SHARE_ONSET {
        let mut partials = [0.0; BAND];
        for i in 0..UNKNOWNS {
            partials[i] = own.1[i] / bound.0;
            partials[UNKNOWNS + i] = -share * bound.1[i] / bound.0;
        }
        normal.add(start, weight * (share - SHARE_ONSET), weight, &partials);
    }
}

/// Damped steps, stage by stage, from `places`.
fn fit(chain: &[&Expiry], mut places: Vec<Place>) -> Vec<Place> {
    for stage in STAGES {
        (places, _, _) = minimise(places, STOPPING, |places| assemble(chain, places, stage));
    }
    places
}

#[cfg(test)]
#[allow(clippy::expect_used)] // a test may panic
mod tests {
    use super::*;
    use crate::smile::SmileSection;

    const PLACE: Place = [-5.0, -2.5, 0.3, 0.05, -1.2];

    #[test]
    fn derivatives_are_those_of_differences() {
        let curve = Curve::at(&PLACE).expect("a slice");
        for k in [-0.8, -0.1, 0.0, 0.4, 2.0] {
            let own = curve.variance(k);
            let (_, by_g) = curve.durrleman(k, &own);
            for i in 0..UNKNOWNS {
                let shifted = |step: f64| {
                    let mut place = PLACE;
                    place[i] += step;
                    let curve = Curve::at(&place).expect("a slice");
                    let w = curve.variance(k);
                    (w.0, curve.durrleman(k, &w).0, curve.steepness(-1.0).0)
                };
                let (up, down) = (shifted(1e-5), shifted(-1e-5));
                assert!((own.1[i] - (up.0 - down.0) / 2e-5).abs() < 1e-8);
                assert!((by_g[i] - (up.1 - down.1) / 2e-5).abs() < 1e-6);
                let by_slope = curve.steepness(-1.0).1[i];
                assert!((by_slope - (up.2 - down.2) / 2e-5).abs() < 1e-8);
            }
        }
    }

    fn columns(years: f64, [k, bid, ask]: &[Vec<f64>; 3]) -> SliceQuotes<'_> {
        SliceQuotes {
            years,
            k,
            bid,
            ask,
            trust: &[],
        }
    }

    /// Quotes around raw SVI, 0.4 vol points wide.
    fn quoted(raw: &RawSvi, years: f64, reach: f64) -> [Vec<f64>; 3] {
        let k: Vec<f64> = (-10..=10).map(|i| reach * f64::from(i) / 10.0).collect();
        let vols = k.iter().map(|&k| (raw.total_variance(k) / years).sqrt());
        let (bid, ask) = vols.map(|vol| (vol - 0.002, vol + 0.002)).unzip();
        [k, bid, ask]
    }

    #[test]
    fn a_short_slice_with_steep_wings_lifts_those_of_the_longer_one() {
        // The longer one's quotes end where the shorter one's wings have not yet crossed it.
        let short = RawSvi::new(0.002, 0.12, -0.1, 0.0, 0.1).expect("a slice");
        let long = RawSvi::new(0.03, 0.08, -0.1, 0.0, 0.2).expect("a slice");
        let (first, second) = (quoted(&short, 0.1, 0.5), quoted(&long, 0.5, 0.3));
        let chain = [columns(0.1, &first), columns(0.5, &second)];
        let found: Vec<RawSvi> = joint(&chain, 0.0015).into_iter().flatten().collect();
        assert_eq!(found.len(), 2);
        assert!(short.total_variance(3.0) > long.total_variance(3.0));
        for k in wings().chain(fence_places(0.1)) {
            let (own, bound) = (found[0].total_variance(k), found[1].total_variance(k));
            assert!(own < bound, "{own} above {bound} at {k}");
        }
        for (raw, quotes) in found.iter().zip(&chain) {
            for quote in quotes.iter() {
                let vol = (raw.total_variance(quote.k) / quotes.years).sqrt();
                assert!(
                    (quote.bid..quote.ask).contains(&vol),
                    "{vol} at {}",
                    quote.k
                );
            }
        }
    }
}
