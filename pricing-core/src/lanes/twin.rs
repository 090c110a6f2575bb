//! Two bundles side by side: while one waits for a result, the machine works on the other.

use super::{Lane, LaneMask};
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

/// Two bundles.
#[derive(Clone, Copy)]
pub struct Twin<T>(T, T);

macro_rules! operator {
    ($trait:ident, $method:ident) => {
        impl<T: $trait<Output = T>> $trait for Twin<T> {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                Self(self.0.$method(other.0), self.1.$method(other.1))
            }
        }
    };
}
operator!(Add, add);
operator!(Sub, sub);
operator!(Mul, mul);
operator!(Div, div);

/// The masks of two bundles.
#[derive(Clone, Copy)]
pub struct TwinMask<L: Lane>(L::Mask, L::Mask);

impl<L: Lane> BitAnd for TwinMask<L> {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0, self.1 & other.1)
    }
}
impl<L: Lane> BitOr for TwinMask<L> {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0, self.1 | other.1)
    }
}
impl<L: Lane> Not for TwinMask<L> {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0, !self.1)
    }
}
impl<L: Lane> LaneMask for TwinMask<L> {
    #[inline(always)]
    fn bits(self) -> u32 {
        let low = self.0.bits() & ((1 << L::WIDTH) - 1);
        low | (self.1.bits() << L::WIDTH)
    }
    #[inline(always)]
    fn splat(value: bool) -> Self {
        Self(L::Mask::splat(value), L::Mask::splat(value))
    }
}

impl<L: Lane> Lane for Twin<L> {
    const WIDTH: usize = 2 * L::WIDTH;
    type Mask = TwinMask<L>;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        Self(L::splat(value), L::splat(value))
    }
    #[inline(always)]
    fn load(values: &[f64]) -> Self {
        let (first, second) = values.split_at_checked(L::WIDTH).unwrap_or((&[], &[]));
        Self(L::load(first), L::load(second))
    }
    #[inline(always)]
    fn store(self, target: &mut [f64]) {
        if let Some((first, second)) = target.split_at_mut_checked(L::WIDTH) {
            self.0.store(first);
            self.1.store(second);
        }
    }
    #[inline(always)]
    fn first(self) -> f64 {
        self.0.first()
    }
    #[inline(always)]
    fn mask_from_bytes(bytes: &[u8]) -> Self::Mask {
        let (first, second) = bytes.split_at_checked(L::WIDTH).unwrap_or((&[], &[]));
        TwinMask(L::mask_from_bytes(first), L::mask_from_bytes(second))
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        Self(self.0.mul_add(b.0, c.0), self.1.mul_add(b.1, c.1))
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        Self(self.0.neg_mul_add(b.0, c.0), self.1.neg_mul_add(b.1, c.1))
    }
    #[inline(always)]
    fn residual(self, b: Self, c: Self) -> Self {
        Self(self.0.residual(b.0, c.0), self.1.residual(b.1, c.1))
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        Self(self.0.sqrt(), self.1.sqrt())
    }
    #[inline(always)]
    fn abs(self) -> Self {
        Self(self.0.abs(), self.1.abs())
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        Self(self.0.min(other.0), self.1.min(other.1))
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        Self(self.0.max(other.0), self.1.max(other.1))
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Self::Mask {
        TwinMask(self.0.lt(other.0), self.1.lt(other.1))
    }
    #[inline(always)]
    fn le(self, other: Self) -> Self::Mask {
        TwinMask(self.0.le(other.0), self.1.le(other.1))
    }
    #[inline(always)]
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self {
        Self(
            L::select(mask.0, yes.0, no.0),
            L::select(mask.1, yes.1, no.1),
        )
    }
    #[inline(always)]
    fn shift_exponent(self, biased: Self) -> Self {
        Self(
            self.0.shift_exponent(biased.0),
            self.1.shift_exponent(biased.1),
        )
    }
    #[inline(always)]
    fn split_ratio(self, reference: Self) -> (Self, Self) {
        let (first, first_whole) = self.0.split_ratio(reference.0);
        let (second, second_whole) = self.1.split_ratio(reference.1);
        (Self(first, second), Self(first_whole, second_whole))
    }
}
