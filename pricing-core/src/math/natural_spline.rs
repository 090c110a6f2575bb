//! Natural cubic splines as linear forms of their coefficients: value and two derivatives.
//!
//! On knots x₀ < … < xₙ₋₁ the space has dimension n: clamped B-splines whose first and last
//! coefficient are tied to their neighbours so that the second derivative vanishes at both ends.
//! Beyond the ends the spline goes on as a straight line, twice continuously differentiable.

// Each index is an interval number plus an offset below 4, on arrays of the knots' length.
#![allow(clippy::indexing_slicing)]

use super::banded::{BAND, Row};

/// Fewest knots of a spline.
pub const KNOTS_MIN: usize = 4;

/// Value, first and second derivative at one point, as forms of the coefficients.
#[derive(Clone, Copy, Debug)]
pub struct JetRows {
    /// Value.
    pub value: Row,
    /// First derivative.
    pub first: Row,
    /// Second derivative.
    pub second: Row,
}

/// The basis on one set of knots.
#[derive(Clone, Debug)]
pub struct SplineBasis {
    knots: Vec<f64>,
    /// By interval: first coefficient, and Taylor terms at its left knot by coefficient.
    pieces: Vec<(usize, [[f64; BAND]; BAND])>,
}

impl SplineBasis {
    /// The basis on strictly increasing `knots`, at least [`KNOTS_MIN`]; None for others.
    pub fn new(knots: &[f64]) -> Option<Self> {
        if knots.len() < KNOTS_MIN || !knots.windows(2).all(|pair| pair[0] < pair[1]) {
            return None;
        }
        let pieces = (0..knots.len() - 1).map(|i| piece(knots, i)).collect();
        Some(Self {
            knots: knots.to_vec(),
            pieces,
        })
    }

    /// Number of coefficients, which is that of the knots.
    pub fn size(&self) -> usize {
        self.knots.len()
    }

    /// The knots.
    pub fn knots(&self) -> &[f64] {
        &self.knots
    }

    /// Forms at `x`; beyond the ends those of the straight line.
    pub fn jet(&self, x: f64) -> JetRows {
        let last = self.knots[self.knots.len() - 1];
        let inside = x.clamp(self.knots[0], last);
        let found = self.knots.partition_point(|&knot| knot <= inside);
        let interval = found.saturating_sub(1).min(self.pieces.len() - 1);
        let mut jet = self.jet_in(interval, inside);
        if x != inside {
            jet.value = jet.value.combine(1.0, &jet.first, x - inside);
        }
        jet
    }

    /// Forms at `x` by the polynomial of `interval`.
    fn jet_in(&self, interval: usize, x: f64) -> JetRows {
        let (start, taylor) = self.pieces[interval];
        let h = x - self.knots[interval];
        let (mut value, mut first, mut second) = ([0.0; BAND], [0.0; BAND], [0.0; BAND]);
        for (b, terms) in taylor.iter().enumerate() {
            value[b] = terms[0] + h * (terms[1] + h * (terms[2] / 2.0 + h * terms[3] / 6.0));
            first[b] = terms[1] + h * (terms[2] + h * terms[3] / 2.0);
            second[b] = terms[2] + h * terms[3];
        }
        let row = |values| Row { start, values };
        JetRows {
            value: row(value),
            first: row(first),
            second: row(second),
        }
    }

    /// Value, first derivative, and second and third over 2 and 6, at the left knot of each
    /// interval, for the spline of `coefficients`.
    pub fn polynomials(&self, coefficients: &[f64]) -> Vec<[f64; BAND]> {
        self.pieces
            .iter()
            .map(|(start, taylor)| {
                let mut terms = [0.0; BAND];
                for (b, column) in taylor.iter().enumerate() {
                    for (term, value) in terms.iter_mut().zip(column) {
                        *term += coefficients[start + b] * value;
                    }
                }
                [terms[0], terms[1], terms[2] / 2.0, terms[3] / 6.0]
            })
            .collect()
    }
}

/// Taylor terms of the four coefficients alive on interval `i`, ends tied.
fn piece(knots: &[f64], i: usize) -> (usize, [[f64; BAND]; BAND]) {
    let n = knots.len();
    let at = |m: usize| knots[m.saturating_sub(3).min(n - 1)];
    let raw = raw_taylor(&at, i);
    let mut tied = [[0.0; BAND]; BAND];
    let start = i.saturating_sub(1).min(n - BAND);
    for (b, terms) in raw.iter().enumerate() {
        let coefficient = i + b;
        // c₀ = (1+ρ)c₁ − ρc₂ and the same at the other end make the second derivative vanish.
        let targets: [(usize, f64); 2] = if coefficient == 0 {
            let rho = (knots[1] - knots[0]) / (knots[2] - knots[0]);
            [(0, 1.0 + rho), (1, -rho)]
        } else if coefficient == n + 1 {
            let rho = (knots[n - 1] - knots[n - 2]) / (knots[n - 1] - knots[n - 3]);
            [(n - 1, 1.0 + rho), (n - 2, -rho)]
        } else {
            [(coefficient - 1, 1.0), (coefficient - 1, 0.0)]
        };
        for (target, share) in targets {
            if share != 0.0 {
                for (slot, term) in tied[target - start].iter_mut().zip(terms) {
                    *slot += share * term;
                }
            }
        }
    }
    (start, tied)
}

/// Value and three derivatives at the left end of interval `i` of its four B-splines.
fn raw_taylor(at: &impl Fn(usize) -> f64, i: usize) -> [[f64; BAND]; BAND] {
    let (left, width) = (at(i + 3), at(i + 4) - at(i + 3));
    // Bases of degree 1 to 3 at the left knot, by the Cox-de Boor recursion on this interval.
    let one = [1.0, 0.0];
    let mut two = [0.0; 3];
    for (b, value) in one.iter().enumerate() {
        let (low, high) = (at(i + 2 + b), at(i + 4 + b));
        two[b] += value * (high - left) / (high - low);
        two[b + 1] += value * (left - low) / (high - low);
    }
    let mut three = [0.0; 4];
    for (b, value) in two.iter().enumerate() {
        let (low, high) = (at(i + 1 + b), at(i + 4 + b));
        three[b] += value * (high - left) / (high - low);
        three[b + 1] += value * (left - low) / (high - low);
    }
    let mut taylor = [[0.0; BAND]; BAND];
    for (b, terms) in taylor.iter_mut().enumerate() {
        let mut control = [0.0; BAND];
        control[b] = 1.0;
        let slope: [f64; 3] = std::array::from_fn(|j| {
            3.0 * (control[j + 1] - control[j]) / (at(i + j + 4) - at(i + j + 1))
        });
        let bend: [f64; 2] = std::array::from_fn(|j| {
            2.0 * (slope[j + 1] - slope[j]) / (at(i + j + 4) - at(i + j + 2))
        });
        terms[0] = three[b];
        terms[1] = slope.iter().zip(&two).map(|(c, basis)| c * basis).sum();
        terms[2] = bend.iter().zip(&one).map(|(c, basis)| c * basis).sum();
        terms[3] = (bend[1] - bend[0]) / width;
    }
    taylor
}

#[cfg(test)]
#[allow(clippy::unwrap_used)] // a test may panic
mod tests {
    use super::*;

    const KNOTS: [f64; 7] = [-3.0, -1.0, -0.4, 0.0, 0.3, 1.5, 4.0];

    #[test]
    fn straight_lines_are_reproduced_everywhere() {
        let basis = SplineBasis::new(&KNOTS).unwrap();
        // The Greville points are the coefficients of x itself.
        let n = KNOTS.len();
        let at = |m: usize| KNOTS[m.saturating_sub(3).min(n - 1)];
        let greville: Vec<f64> = (1..=n)
            .map(|j| (at(j + 1) + at(j + 2) + at(j + 3)) / 3.0)
            .collect();
        for x in [-5.0, -3.0, -2.2, -1.0, 0.1, 0.3, 2.0, 4.0, 9.0] {
            let jet = basis.jet(x);
            assert!((jet.value.dot(&greville) - x).abs() < 1e-13, "{x}");
            assert!((jet.first.dot(&greville) - 1.0).abs() < 1e-13, "{x}");
            assert!(jet.second.dot(&greville).abs() < 1e-12, "{x}");
        }
    }

    #[test]
    fn curvature_is_continuous_and_vanishes_at_the_ends() {
        let basis = SplineBasis::new(&KNOTS).unwrap();
        let wild: Vec<f64> = (0..KNOTS.len()).map(|i| ((i * i) as f64).sin()).collect();
        for (i, &knot) in KNOTS.iter().enumerate().skip(1).take(KNOTS.len() - 2) {
            let (before, after) = (basis.jet_in(i - 1, knot), basis.jet_in(i, knot));
            assert!((before.value.dot(&wild) - after.value.dot(&wild)).abs() < 1e-12);
            assert!((before.first.dot(&wild) - after.first.dot(&wild)).abs() < 1e-12);
            assert!((before.second.dot(&wild) - after.second.dot(&wild)).abs() < 1e-11);
        }
        assert!(basis.jet(KNOTS[0]).second.dot(&wild).abs() < 1e-12);
        assert!(basis.jet(KNOTS[KNOTS.len() - 1]).second.dot(&wild).abs() < 1e-12);
    }

    #[test]
    fn too_few_or_unsorted_knots_make_no_basis() {
        assert!(SplineBasis::new(&[0.0, 1.0, 2.0]).is_none());
        assert!(SplineBasis::new(&[0.0, 2.0, 1.0, 3.0]).is_none());
        assert!(SplineBasis::new(&[0.0, f64::NAN, 1.0, 3.0]).is_none());
    }
}
