//! The quasi-explicit search of SVI: exact in three parameters, a simplex over the other two.
//!
//! Source: Zeliade Systems white paper (2009), with Lee's bound as `c + |d| ≤ 2s`.

// Each index is below the constant size of the arrays.
#![allow(clippy::indexing_slicing, clippy::needless_range_loop)]

use super::svi::RawSvi;
use super::svi_fit::Point;
use crate::error::PricingError;
use crate::math::least_squares::solve_symmetric;

/// Lee's bound on a wing's slope, and the share of it that is used.
pub(super) const LEE: f64 = 2.0 * 0.999;

/// Normal equations of `w = a + d·y + c·√(y²+1)` at given (m, s): columns 1, y, √(y²+1).
struct Inner {
    matrix: [[f64; 3]; 3],
    rhs: [f64; 3],
    square: f64,
}

impl Inner {
    fn new(points: &[Point], m: f64, s: f64) -> Self {
        let mut sums = Self {
            matrix: [[0.0; 3]; 3],
            rhs: [0.0; 3],
            square: 0.0,
        };
        for point in points {
            let y = (point.k - m) / s;
            let row = [1.0, y, (y * y + 1.0).sqrt()].map(|column| column * point.w_weight);
            let value = point.w * point.w_weight;
            for i in 0..3 {
                for j in 0..3 {
                    sums.matrix[i][j] += row[i] * row[j];
                }
                sums.rhs[i] += row[i] * value;
            }
            sums.square += value * value;
        }
        sums
    }

    /// Cost of (a, d, c).
    fn cost(&self, x: &[f64; 3]) -> f64 {
        let mut sum = self.square;
        for i in 0..3 {
            sum -= 2.0 * x[i] * self.rhs[i];
            for j in 0..3 {
                sum += x[i] * x[j] * self.matrix[i][j];
            }
        }
        sum
    }

    /// Best (a, d, c) on the affine set `origin + span(directions)`.
    fn on<const N: usize>(&self, origin: [f64; 3], directions: &[[f64; 3]; N]) -> Option<[f64; 3]> {
        let times = |x: &[f64; 3]| -> [f64; 3] {
            std::array::from_fn(|i| (0..3).map(|j| self.matrix[i][j] * x[j]).sum())
        };
        let dot = |x: &[f64; 3], y: &[f64; 3]| -> f64 { (0..3).map(|i| x[i] * y[i]).sum() };
        let pull = times(&origin);
        let residual: [f64; 3] = std::array::from_fn(|i| self.rhs[i] - pull[i]);
        let images: [[f64; 3]; N] = std::array::from_fn(|i| times(&directions[i]));
        let matrix =
            std::array::from_fn(|i| std::array::from_fn(|j| dot(&directions[i], &images[j])));
        let rhs = std::array::from_fn(|i| dot(&directions[i], &residual));
        let lengths: [f64; N] = solve_symmetric(&matrix, &rhs)?;
        Some(std::array::from_fn(|i| {
            origin[i] + (0..N).map(|n| lengths[n] * directions[n][i]).sum::<f64>()
        }))
    }

    /// Exact minimum over `0 ≤ a ≤ a_max` and the diamond `|d| ≤ c`, `|d| ≤ LEE·s − c`, found by
    /// going through its faces; `a` may be below 0 as far as the bottom stays above 0.
    fn best(&self, s: f64, a_max: f64) -> ([f64; 3], f64) {
        let lee = LEE * s;
        let corners = [
            [0.0, 0.0],
            [0.5 * lee, 0.5 * lee],
            [0.0, lee],
            [-0.5 * lee, 0.5 * lee],
        ];
        let is_inside = |x: &[f64; 3]| {
            let (a, d, c) = (x[0], x[1], x[2]);
            let slack = 1e-9 * lee;
            d.abs() <= c + slack
                && d.abs() <= lee - c + slack
                && a <= a_max
                && a + (c * c - d * d).max(0.0).sqrt() >= 0.0
        };
        let (level, tilt, bend) = ([1.0, 0.0, 0.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]);
        let mut best = ([0.0, 0.0, 0.0], self.cost(&[0.0; 3]));
        let mut consider = |x: Option<[f64; 3]>| {
            if let Some(x) = x.filter(is_inside) {
                let cost = self.cost(&x);
                if cost < best.1 {
                    best = (x, cost);
                }
            }
        };
        let free = self.on([0.0; 3], &[level, tilt, bend]);
        if free.as_ref().is_some_and(is_inside) {
            consider(free);
            return best;
        }
        for a in [None, Some(0.0), Some(a_max)] {
            let origin = [a.unwrap_or(0.0), 0.0, 0.0];
            if a.is_some() {
                consider(self.on(origin, &[tilt, bend]));
            }
            for (corner, next) in corners.iter().zip(corners.iter().cycle().skip(1)) {
                let at = [origin[0], corner[0], corner[1]];
                let edge = [0.0, next[0] - corner[0], next[1] - corner[1]];
                if a.is_some() {
                    consider(self.on(at, &[edge]));
                    consider(Some(at));
                } else {
                    consider(self.on(at, &[level, edge]));
                    consider(self.on(at, &[level]));
                }
            }
        }
        best
    }
}

/// Starts of the outer search, in units of the quoted width, refined by `steps` simplex steps.
pub(super) fn best_start(points: &[Point], steps: usize) -> Result<RawSvi, PricingError> {
    let (low, high) = (points[0].k, points[points.len() - 1].k);
    let width = high - low;
    let a_max = points.iter().map(|point| point.w).fold(0.0, f64::max);
    let cost = |place: &[f64; 2]| {
        let s = place[1].exp();
        Inner::new(points, place[0], s).best(s, a_max).1
    };
    let mut best = ([0.0; 2], f64::INFINITY);
    for m in [-0.1, 0.1] {
        for s in [0.05, 0.25] {
            let start = [m * width, (s * width).ln()];
            let value = cost(&start);
            if value < best.1 {
                best = (start, value);
            }
        }
    }
    let place = simplex(best.0, [0.1 * width, 0.4], steps, cost);
    let s = place[1].exp();
    let ([a, d, c], _) = Inner::new(points, place[0], s).best(s, a_max);
    let rho = if c > 0.0 {
        (d / c).clamp(-0.999, 0.999)
    } else {
        0.0
    };
    RawSvi::new(a, c / s, rho, place[0], s)
        .map_err(|error| PricingError::OutOfDomain(format!("no SVI slice: {error}")))
}

/// Nelder and Mead's search in two dimensions.
fn simplex(
    start: [f64; 2],
    widths: [f64; 2],
    steps: usize,
    cost: impl Fn(&[f64; 2]) -> f64,
) -> [f64; 2] {
    let corners = [
        start,
        [start[0] + widths[0], start[1]],
        [start[0], start[1] + widths[1]],
    ];
    let mut held = corners.map(|x| (x, cost(&x)));
    for _ in 0..steps {
        held.sort_by(|a, b| a.1.total_cmp(&b.1));
        let [best, second, worst] = held;
        let centre = [
            0.5 * (best.0[0] + second.0[0]),
            0.5 * (best.0[1] + second.0[1]),
        ];
        let along = |t: f64| {
            let x = std::array::from_fn(|i| centre[i] + t * (worst.0[i] - centre[i]));
            (x, cost(&x))
        };
        let mirrored = along(-1.0);
        held[2] = if mirrored.1 < best.1 {
            let further = along(-2.0);
            if further.1 < mirrored.1 {
                further
            } else {
                mirrored
            }
        } else if mirrored.1 < second.1 {
            mirrored
        } else {
            let nearer = if mirrored.1 < worst.1 {
                along(-0.5)
            } else {
                along(0.5)
            };
            if nearer.1 < worst.1.min(mirrored.1) {
                nearer
            } else {
                for corner in held.iter_mut().skip(1) {
                    let x = std::array::from_fn(|i| 0.5 * (corner.0[i] + best.0[i]));
                    *corner = (x, cost(&x));
                }
                continue;
            }
        };
    }
    held.sort_by(|a, b| a.1.total_cmp(&b.1));
    held[0].0
}
