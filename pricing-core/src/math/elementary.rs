//! Logarithm of a ratio and exponential, on lanes, with the part that a double can not hold.

use super::coefficients::{EXP, LOG};
use crate::lanes::{Lane, ROUNDER};

/// ln 2 in two parts; the first has 21 trailing zero bits, so that small multiples are exact.
pub const LN2_HIGH: f64 = f64::from_bits(0x3FE6_2E42_FEE0_0000);
/// ln 2 − [`LN2_HIGH`].
pub const LN2_LOW: f64 = f64::from_bits(0x3DEA_39EF_3579_3C76);

/// An unevaluated sum of two lanes, the second small beside the first.
#[derive(Clone, Copy)]
pub struct Pair<L> {
    /// The sum rounded.
    pub high: L,
    /// What rounding lost.
    pub low: L,
}

/// `a + b` and its rounding error, for |a| ≥ |b| or a = 0.
#[inline(always)]
pub fn ordered_sum<L: Lane>(a: L, b: L) -> Pair<L> {
    let high = a + b;
    Pair {
        high,
        low: b - (high - a),
    }
}

/// `a + b` and its rounding error, whichever is larger.
#[inline(always)]
pub fn sum<L: Lane>(a: L, b: L) -> Pair<L> {
    let high = a + b;
    let from_b = high - a;
    Pair {
        high,
        low: (a - (high - from_b)) + (b - from_b),
    }
}

/// Polynomial with the lowest coefficient first: even and odd powers apart, each by Horner's rule
/// in x², which halves the wait for results at the cost of one product.
#[inline(always)]
pub fn polynomial<L: Lane, const N: usize>(coefficients: &[f64; N], x: L) -> L {
    let square = x * x;
    let mut even = L::splat(0.0);
    let mut odd = L::splat(0.0);
    for pair in coefficients.chunks(2).rev() {
        if let [low, high] = pair {
            even = even.mul_add(square, L::splat(*low));
            odd = odd.mul_add(square, L::splat(*high));
        } else if let [low] = pair {
            even = even.mul_add(square, L::splat(*low));
        }
    }
    odd.mul_add(x, even)
}

/// ln(numerator / denominator) + extra·ln 2, of positive normal numbers.
///
/// The ratio is never formed: `ln(n/d) = 2 artanh((n−d)/(n+d))` with n scaled by a power of two to
/// within an octave of d, where n − d is exact. Good to about 2⁻⁵⁸ relative as a pair.
#[inline(always)]
pub fn log_ratio<L: Lane>(numerator: L, denominator: L, extra: L) -> Pair<L> {
    let (n, octaves) = numerator.split_ratio(denominator);
    let octaves = octaves + extra;
    let difference = n - denominator;
    let total = sum(n, denominator);
    let inverse = L::splat(1.0) / total.high;
    let s = difference * inverse;
    let rest = total.low.neg_mul_add(s, s.residual(total.high, difference));
    let s_low = rest * inverse;
    let square = s * s;
    let tail = (square * s).mul_add(polynomial(&LOG, square), s_low + s_low);
    let whole = ordered_sum(octaves * L::splat(LN2_HIGH), s + s);
    let low = whole.low + octaves.mul_add(L::splat(LN2_LOW), tail);
    ordered_sum(whole.high, low)
}

/// Natural logarithm of a positive normal number, within one unit in the last place.
#[inline(always)]
pub fn log<L: Lane>(x: L) -> L {
    let (n, octaves) = x.split_ratio(L::splat(1.0));
    let difference = n - L::splat(1.0);
    let s = difference / (n + L::splat(1.0));
    let square = s * s;
    // 2s = f − s·f for f = n − 1, which spares the rounding of the quotient.
    let tail = s.neg_mul_add(difference, (square * s) * polynomial(&LOG, square));
    let low = octaves.mul_add(L::splat(LN2_LOW), tail);
    octaves.mul_add(L::splat(LN2_HIGH), difference + low)
}

/// exp(high + low) for |high| ≤ 700 and small low, within one unit in the last place.
#[inline(always)]
pub fn exp_pair<L: Lane>(high: L, low: L) -> L {
    let rounder = L::splat(ROUNDER);
    let biased = high.mul_add(L::splat(std::f64::consts::LOG2_E), rounder);
    let octaves = biased - rounder;
    let near = octaves.neg_mul_add(L::splat(LN2_HIGH), high);
    let r = near + octaves.neg_mul_add(L::splat(LN2_LOW), low);
    let tail = (r * r).mul_add(polynomial(&EXP, r), r);
    (tail + L::splat(1.0)).shift_exponent(biased)
}
