//! The butterfly-free set of raw SVI, necessary and sufficient.
//!
//! With `l = (k−m)/s`, `α = a/s`, `μ = m/s`, `N(l) = α + b(ρl + √(l²+1))`, Durrleman's function
//! splits into `g = G₁(l) + G₂(l)/(2s)`: s enters the second term alone. So for given (b, ρ, α)
//! there is an interval for μ and for given μ a least s. Source: Martini & Mingone, "No arbitrage
//! SVI", arXiv:2005.03340.

use std::sync::OnceLock;

use super::svi::RawSvi;

/// Reach and number of the points l = sinh(u) at which infima are taken.
const U_MAX: f64 = 8.0;
const POINTS: u32 = 600;
/// Golden-section steps that sharpen an infimum found on the points.
const SHARPEN: u32 = 30;

/// Where a slice lies in its butterfly-free set.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Domain {
    /// a/s.
    pub alpha: f64,
    /// m/s.
    pub mu: f64,
    /// Bounds of μ for these b, ρ and α.
    pub mu_bounds: (f64, f64),
    /// Least s for this μ; None where μ lies outside its bounds: no s is enough.
    pub s_least: Option<f64>,
}

impl Domain {
    /// Whether a slice of width `s` is free of butterfly arbitrage.
    pub fn holds(&self, s: f64) -> bool {
        self.s_least.is_some_and(|least| s >= least)
    }
}

/// The shape of a slice up to its width: b, ρ, α.
#[derive(Clone, Copy, Debug)]
pub struct Shape {
    /// Wing steepness.
    pub b: f64,
    /// Tilt.
    pub rho: f64,
    /// a/s.
    pub alpha: f64,
}

impl Shape {
    fn parts(&self, l: f64) -> (f64, f64, f64) {
        let root = (l * l + 1.0).sqrt();
        (
            self.alpha + self.b * (self.rho * l + root),
            self.b * (self.rho + l / root),
            self.b / (root * root * root),
        )
    }

    /// Bounds of μ that keep both factors of G₁ above 0.
    pub fn mu_bounds(&self) -> (f64, f64) {
        let high = least(|l| {
            let (n, dn, _) = self.parts(l);
            if dn > 0.0 {
                2.0 * n / dn - 0.5 * n - l
            } else {
                f64::INFINITY
            }
        });
        let low = least(|l| {
            let (n, dn, _) = self.parts(l);
            if dn < 0.0 {
                l - 2.0 * n / dn - 0.5 * n
            } else {
                f64::INFINITY
            }
        });
        (-low, high)
    }

    /// Least s that keeps g at or above 0 for `mu` within its bounds; 0 where every s does.
    pub fn s_least(&self, mu: f64) -> f64 {
        let worst = -least(|l| {
            let (n, dn, d2n) = self.parts(l);
            let g2 = d2n - dn * dn / (2.0 * n);
            if g2 >= 0.0 {
                return 0.0;
            }
            let q = (l + mu) / (2.0 * n);
            let g1 = (1.0 - dn * (q + 0.25)) * (1.0 - dn * (q - 0.25));
            if g1 > 0.0 {
                g2 / (2.0 * g1)
            } else {
                f64::NEG_INFINITY
            }
        });
        worst.max(0.0)
    }
}

/// Where `slice` lies; None for a slice that breaks Lee's bound `b(1+|ρ|) < 2` or has no variance
/// at its bottom, which no width repairs.
pub fn domain(slice: &RawSvi) -> Option<Domain> {
    if slice.b * (1.0 + slice.rho.abs()) >= 2.0 || slice.least_variance() <= 0.0 {
        return None;
    }
    let shape = Shape {
        b: slice.b,
        rho: slice.rho,
        alpha: slice.a / slice.s,
    };
    let mu = slice.m / slice.s;
    let mu_bounds = shape.mu_bounds();
    let is_inside = mu > mu_bounds.0 && mu < mu_bounds.1;
    Some(Domain {
        alpha: shape.alpha,
        mu,
        mu_bounds,
        s_least: is_inside.then(|| shape.s_least(mu)),
    })
}

/// The points: u and l = sinh(u).
fn places() -> &'static [(f64, f64)] {
    static PLACES: OnceLock<Vec<(f64, f64)>> = OnceLock::new();
    PLACES.get_or_init(|| {
        let step = 2.0 * U_MAX / f64::from(POINTS - 1);
        let place = |i| -U_MAX + f64::from(i) * step;
        (0..POINTS).map(|i| (place(i), place(i).sinh())).collect()
    })
}

/// Infimum of `f` over the points, sharpened between the neighbours of the best one.
fn least(f: impl Fn(f64) -> f64) -> f64 {
    let step = 2.0 * U_MAX / f64::from(POINTS - 1);
    let (mut best, mut at) = (f64::INFINITY, 0.0);
    for &(u, l) in places() {
        let value = f(l);
        if value < best {
            (best, at) = (value, u);
        }
    }
    if !best.is_finite() {
        return best;
    }
    let ratio = 0.5 * (5.0_f64.sqrt() - 1.0);
    let (mut low, mut high) = (at - step, at + step);
    for _ in 0..SHARPEN {
        let (left, right) = (high - ratio * (high - low), low + ratio * (high - low));
        let (at_left, at_right) = (f(left.sinh()), f(right.sinh()));
        best = best.min(at_left).min(at_right);
        if at_left < at_right {
            high = right;
        } else {
            low = left;
        }
    }
    best
}
