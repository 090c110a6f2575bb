//! The Mills ratio M(a) = (1 − Φ(a)) / φ(a), and the difference of two without cancellation.
//!
//! M is written as u·Q(y) with u = 1/(a + pole) and y affine in u. For two arguments the Horner
//! scheme that evaluates Q at one of them gives, with one more multiply-add a term, the divided
//! difference of Q between both (the coefficients of synthetic division). So M(a) − M(b) is a
//! sum of positive terms times b − a, and costs what the two ratios alone would.

use super::coefficients::{MILLS, MILLS_OFFSET, MILLS_POLE, MILLS_SCALE};
pub use super::coefficients::{MILLS_HIGH, MILLS_LOW};
use super::elementary::polynomial;
use crate::lanes::Lane;

/// M(b) and (M(a) − M(b)) / (b − a).
#[derive(Clone, Copy)]
pub struct MillsPair<L> {
    /// M(b).
    pub far: L,
    /// The divided difference, positive.
    pub slope: L,
}

/// Horner's rule at one point, with the divided difference towards another.
struct Divided<L> {
    value: L,
    slope: L,
}

impl<L: Lane> Divided<L> {
    #[inline(always)]
    fn new(zero: L) -> Self {
        Self {
            value: zero,
            slope: zero,
        }
    }

    #[inline(always)]
    fn step(&mut self, other: L, at: L, coefficient: f64) {
        self.slope = self.slope.mul_add(other, self.value);
        self.value = self.value.mul_add(at, L::splat(coefficient));
    }
}

/// Mills ratio at `b` and its slope between `a ≤ b`, both within [`MILLS_LOW`]..[`MILLS_HIGH`];
/// `gap` is b − a.
#[inline(always)]
pub fn mills_pair<L: Lane>(a: L, b: L) -> MillsPair<L> {
    let near = a + L::splat(MILLS_POLE);
    let far = b + L::splat(MILLS_POLE);
    let product = L::splat(1.0) / (near * far);
    let u_near = far * product;
    let u_far = near * product;
    let scale = L::splat(MILLS_SCALE);
    let y_near = scale.neg_mul_add(u_near, L::splat(MILLS_OFFSET));
    let y_far = scale.neg_mul_add(u_far, L::splat(MILLS_OFFSET));
    let (square_near, square_far) = (y_near * y_near, y_far * y_far);
    let zero = L::splat(0.0);
    let (mut even, mut odd) = (Divided::new(zero), Divided::new(zero));
    for pair in MILLS.chunks(2).rev() {
        if let [low, high] = pair {
            even.step(square_near, square_far, *low);
            odd.step(square_near, square_far, *high);
        } else if let [low] = pair {
            even.step(square_near, square_far, *low);
        }
    }
    // Q = E(y²) + y·O(y²), and the divided difference of each part follows the product rule.
    let value = odd.value.mul_add(y_far, even.value);
    let mixed = odd.slope.mul_add(y_near, even.slope);
    let divided = mixed.mul_add(y_near + y_far, odd.value);
    MillsPair {
        far: u_far * value,
        slope: product * (scale * u_near).neg_mul_add(divided, value),
    }
}

/// Mills ratio at one argument within [`MILLS_LOW`]..[`MILLS_HIGH`].
#[inline(always)]
pub fn mills<L: Lane>(a: L) -> L {
    let u = L::splat(1.0) / (a + L::splat(MILLS_POLE));
    let y = L::splat(MILLS_SCALE).neg_mul_add(u, L::splat(MILLS_OFFSET));
    u * polynomial(&MILLS, y)
}
