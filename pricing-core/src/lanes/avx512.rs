//! Eight doubles in an AVX-512 register.
//!
//! The methods are always inlined into functions compiled for AVX-512 and are reached through
//! `run_avx512` alone, which is called only where the machine was found to have it: that is the
//! safety argument of every block below.
#![allow(unsafe_code)]

use super::{Lane, LaneMask};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

/// Eight doubles.
#[derive(Clone, Copy)]
pub struct F64x8(__m512d);

/// Eight bits.
#[derive(Clone, Copy)]
pub struct Mask8(__mmask8);

macro_rules! operator {
    ($trait:ident, $method:ident, $intrinsic:ident) => {
        impl $trait for F64x8 {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: see the module's first paragraph.
                unsafe { Self($intrinsic(self.0, other.0)) }
            }
        }
    };
}
operator!(Add, add, _mm512_add_pd);
operator!(Sub, sub, _mm512_sub_pd);
operator!(Mul, mul, _mm512_mul_pd);
operator!(Div, div, _mm512_div_pd);

impl BitAnd for Mask8 {
    type Output = Self;
    #[inline(always)]
    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}
impl BitOr for Mask8 {
    type Output = Self;
    #[inline(always)]
    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}
impl Not for Mask8 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        Self(!self.0)
    }
}
impl LaneMask for Mask8 {
    #[inline(always)]
    fn bits(self) -> u32 {
        u32::from(self.0)
    }
    #[inline(always)]
    fn splat(value: bool) -> Self {
        Self(if value { 0xFF } else { 0 })
    }
}

const MANTISSA_BITS: u32 = 52;
const EXPONENT_FIELD: i64 = 0xFFF0_0000_0000_0000_u64.cast_signed();
const HALF_OCTAVE: i64 = 1 << 51;

// SAFETY of each block below: see the module's first paragraph.
impl Lane for F64x8 {
    const WIDTH: usize = 8;
    type Mask = Mask8;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        unsafe { Self(_mm512_set1_pd(value)) }
    }
    #[inline(always)]
    fn load(values: &[f64]) -> Self {
        match values.first_chunk::<8>() {
            // The chunk is eight doubles long; no alignment is asked for.
            Some(chunk) => unsafe { Self(_mm512_loadu_pd(chunk.as_ptr())) },
            None => Self::splat(f64::NAN),
        }
    }
    #[inline(always)]
    fn store(self, target: &mut [f64]) {
        if let Some(chunk) = target.first_chunk_mut::<8>() {
            unsafe { _mm512_storeu_pd(chunk.as_mut_ptr(), self.0) }
        }
    }
    #[inline(always)]
    fn first(self) -> f64 {
        unsafe { _mm512_cvtsd_f64(self.0) }
    }
    #[inline(always)]
    fn mask_from_bytes(bytes: &[u8]) -> Mask8 {
        let Some(chunk) = bytes.first_chunk::<8>() else {
            return Mask8(0);
        };
        unsafe {
            let wide = _mm512_cvtepu8_epi64(_mm_cvtsi64_si128(i64::from_le_bytes(*chunk)));
            Mask8(_mm512_test_epi64_mask(wide, wide))
        }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        unsafe { Self(_mm512_fmadd_pd(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        unsafe { Self(_mm512_fnmadd_pd(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    fn residual(self, b: Self, c: Self) -> Self {
        self.neg_mul_add(b, c)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        unsafe { Self(_mm512_sqrt_pd(self.0)) }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(_mm512_abs_pd(self.0)) }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Self(_mm512_min_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Self(_mm512_max_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Mask8 {
        unsafe { Mask8(_mm512_cmp_pd_mask::<_CMP_LT_OQ>(self.0, other.0)) }
    }
    #[inline(always)]
    fn le(self, other: Self) -> Mask8 {
        unsafe { Mask8(_mm512_cmp_pd_mask::<_CMP_LE_OQ>(self.0, other.0)) }
    }
    #[inline(always)]
    fn select(mask: Mask8, yes: Self, no: Self) -> Self {
        unsafe { Self(_mm512_mask_blend_pd(mask.0, no.0, yes.0)) }
    }
    #[inline(always)]
    fn shift_exponent(self, biased: Self) -> Self {
        unsafe {
            let exponent = _mm512_slli_epi64::<MANTISSA_BITS>(_mm512_castpd_si512(biased.0));
            let sum = _mm512_add_epi64(_mm512_castpd_si512(self.0), exponent);
            Self(_mm512_castsi512_pd(sum))
        }
    }
    #[inline(always)]
    fn split_ratio(self, reference: Self) -> (Self, Self) {
        unsafe {
            let bits = _mm512_castpd_si512(self.0);
            let difference = _mm512_sub_epi64(bits, _mm512_castpd_si512(reference.0));
            let rounded = _mm512_add_epi64(difference, _mm512_set1_epi64(HALF_OCTAVE));
            let gap = _mm512_and_si512(rounded, _mm512_set1_epi64(EXPONENT_FIELD));
            let scaled = _mm512_castsi512_pd(_mm512_sub_epi64(bits, gap));
            let whole = _mm512_cvtepi64_pd(_mm512_srai_epi64::<MANTISSA_BITS>(gap));
            (Self(scaled), Self(whole))
        }
    }
}
