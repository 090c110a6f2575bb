//! Arrays of doubles as lanes: the portable path, and with one lane the scalar calls.

use super::{Lane, LaneMask};
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

/// `N` doubles; `FUSED` says whether products and sums are rounded once.
#[derive(Clone, Copy, Debug)]
pub struct Plain<const N: usize, const FUSED: bool>([f64; N]);

/// `N` booleans.
#[derive(Clone, Copy, Debug)]
pub struct PlainMask<const N: usize>([bool; N]);

const MANTISSA_BITS: u32 = 52;
const EXPONENT_FIELD: u64 = 0xFFF0_0000_0000_0000;
const HALF_OCTAVE: u64 = 1 << 51;

#[inline(always)]
fn zip<const N: usize>(a: [f64; N], b: [f64; N], f: impl Fn(f64, f64) -> f64) -> [f64; N] {
    let mut out = a;
    for (x, y) in out.iter_mut().zip(b) {
        *x = f(*x, y);
    }
    out
}

#[inline(always)]
fn compare<const N: usize>(a: [f64; N], b: [f64; N], f: impl Fn(f64, f64) -> bool) -> [bool; N] {
    let mut out = [false; N];
    for (slot, (x, y)) in out.iter_mut().zip(a.into_iter().zip(b)) {
        *slot = f(x, y);
    }
    out
}

macro_rules! operator {
    ($trait:ident, $method:ident, $op:tt) => {
        impl<const N: usize, const FUSED: bool> $trait for Plain<N, FUSED> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(zip(self.0, other.0, |x, y| x $op y))
            }
        }
    };
}
operator!(Add, add, +);
operator!(Sub, sub, -);
operator!(Mul, mul, *);
operator!(Div, div, /);

macro_rules! mask_operator {
    ($trait:ident, $method:ident, $assign:tt) => {
        impl<const N: usize> $trait for PlainMask<N> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                let mut out = self.0;
                for (x, y) in out.iter_mut().zip(other.0) {
                    *x $assign y;
                }
                Self(out)
            }
        }
    };
}
mask_operator!(BitAnd, bitand, &=);
mask_operator!(BitOr, bitor, |=);

impl<const N: usize> Not for PlainMask<N> {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(self.0.map(|x| !x))
    }
}

impl<const N: usize> LaneMask for PlainMask<N> {
    #[inline(always)]
    fn bits(self) -> u32 {
        let mut bits = 0;
        for (lane, set) in self.0.into_iter().enumerate() {
            bits |= u32::from(set) << lane;
        }
        bits
    }
    #[inline(always)]
    fn splat(value: bool) -> Self {
        Self([value; N])
    }
}

/// The rounding error of `a·b`, by Dekker's splitting (no overflow below 1e300).
#[inline(always)]
fn product_error(a: f64, b: f64, product: f64) -> f64 {
    const SPLITTER: f64 = 134_217_729.0;
    let halve = |x: f64| {
        let big = SPLITTER * x;
        let high = big - (big - x);
        (high, x - high)
    };
    let (ah, al) = halve(a);
    let (bh, bl) = halve(b);
    ((ah * bh - product) + ah * bl + al * bh) + al * bl
}

impl<const N: usize, const FUSED: bool> Plain<N, FUSED> {
    #[inline(always)]
    fn three(self, b: Self, c: Self, f: impl Fn(f64, f64, f64) -> f64) -> Self {
        let mut out = self.0;
        for (x, (y, z)) in out.iter_mut().zip(b.0.into_iter().zip(c.0)) {
            *x = f(*x, y, z);
        }
        Self(out)
    }
}

impl<const N: usize, const FUSED: bool> Lane for Plain<N, FUSED> {
    const WIDTH: usize = N;
    type Mask = PlainMask<N>;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self([value; N])
    }
    #[inline(always)]
    fn load(values: &[f64]) -> Self {
        Self(values.first_chunk::<N>().copied().unwrap_or([f64::NAN; N]))
    }
    #[inline(always)]
    fn store(self, target: &mut [f64]) {
        if let Some(chunk) = target.first_chunk_mut::<N>() {
            *chunk = self.0;
        }
    }
    #[inline(always)]
    fn first(self) -> f64 {
        self.0.first().copied().unwrap_or(f64::NAN)
    }
    #[inline(always)]
    fn mask_from_bytes(bytes: &[u8]) -> Self::Mask {
        PlainMask(
            bytes
                .first_chunk::<N>()
                .map_or([false; N], |chunk| chunk.map(|b| b != 0)),
        )
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        self.three(
            b,
            c,
            |x, y, z| if FUSED { x.mul_add(y, z) } else { x * y + z },
        )
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        self.three(
            b,
            c,
            |x, y, z| if FUSED { (-x).mul_add(y, z) } else { z - x * y },
        )
    }
    #[inline(always)]
    fn residual(self, b: Self, c: Self) -> Self {
        self.three(b, c, |x, y, z| {
            if FUSED {
                (-x).mul_add(y, z)
            } else {
                let product = x * y;
                (z - product) - product_error(x, y, product)
            }
        })
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.map(f64::sqrt))
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.map(f64::abs))
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |x, y| if x < y { x } else { y }))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(zip(self.0, other.0, |x, y| if x > y { x } else { y }))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        PlainMask(compare(self.0, other.0, |x, y| x < y))
    }
    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        PlainMask(compare(self.0, other.0, |x, y| x <= y))
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        let mut out = no.0;
        for (slot, (set, y)) in out.iter_mut().zip(mask.0.into_iter().zip(yes.0)) {
            *slot = if set { y } else { *slot };
        }
        Self(out)
    }
    #[inline(always)]
    fn shift_exponent(self, biased: Self) -> Self {
        Self(zip(self.0, biased.0, |x, n| {
            f64::from_bits(x.to_bits().wrapping_add(n.to_bits() << MANTISSA_BITS))
        }))
    }
    #[inline(always)]
    fn split_ratio(self, reference: Self) -> (Self, Self) {
        let gap = |x: f64, r: f64| {
            x.to_bits()
                .wrapping_sub(r.to_bits())
                .wrapping_add(HALF_OCTAVE)
                & EXPONENT_FIELD
        };
        let scaled = zip(self.0, reference.0, |x, r| {
            f64::from_bits(x.to_bits().wrapping_sub(gap(x, r)))
        });
        let whole = zip(self.0, reference.0, |x, r| {
            // Arithmetic shift in 64 bits, then an exact conversion.
            f64::from((gap(x, r).cast_signed() >> MANTISSA_BITS) as i32)
        });
        (Self(scaled), Self(whole))
    }
}
