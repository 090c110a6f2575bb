//! Four doubles in an AVX2 register.
//!
//! The methods are always inlined into functions compiled for AVX2 and FMA and are reached through
//! `run_avx2` alone, which is called only where the machine was found to have both: that is the
//! safety argument of every block below.
#![allow(unsafe_code)]

use super::{Lane, LaneMask};
use std::arch::x86_64::*;
use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};

/// Four doubles.
#[derive(Clone, Copy)]
pub struct F64x4(__m256d);

/// Four lanes of all ones or all zeros.
#[derive(Clone, Copy)]
pub struct Mask4(__m256d);

macro_rules! operator {
    ($type:ident, $trait:ident, $method:ident, $intrinsic:ident) => {
        impl $trait for $type {
            type Output = Self;
            #[inline(always)]
            fn $method(self, other: Self) -> Self {
                // SAFETY: see the module's first paragraph.
                unsafe { Self($intrinsic(self.0, other.0)) }
            }
        }
    };
}
operator!(F64x4, Add, add, _mm256_add_pd);
operator!(F64x4, Sub, sub, _mm256_sub_pd);
operator!(F64x4, Mul, mul, _mm256_mul_pd);
operator!(F64x4, Div, div, _mm256_div_pd);
operator!(Mask4, BitAnd, bitand, _mm256_and_pd);
operator!(Mask4, BitOr, bitor, _mm256_or_pd);

impl Not for Mask4 {
    type Output = Self;
    #[inline(always)]
    fn not(self) -> Self {
        // SAFETY: see the module's first paragraph.
        unsafe {
            let ones = _mm256_castsi256_pd(_mm256_set1_epi64x(-1));
            Self(_mm256_xor_pd(self.0, ones))
        }
    }
}
impl LaneMask for Mask4 {
    #[inline(always)]
    fn bits(self) -> u32 {
        // SAFETY: see the module's first paragraph.
        unsafe { _mm256_movemask_pd(self.0).cast_unsigned() }
    }
    #[inline(always)]
    fn splat(value: bool) -> Self {
        // SAFETY: see the module's first paragraph.
        unsafe { Self(_mm256_castsi256_pd(_mm256_set1_epi64x(-i64::from(value)))) }
    }
}

const MANTISSA_BITS: i32 = 52;
const EXPONENT_FIELD: i64 = 0xFFF0_0000_0000_0000_u64.cast_signed();
const HALF_OCTAVE: i64 = 1 << 51;
/// The exponent gap plus this is positive and fits the low bits of [`WHOLE_BITS`].
const GAP_BIAS: i64 = 2048;
/// The bits of 2⁵², whose last place is one.
const WHOLE_BITS: i64 = 0x4330_0000_0000_0000;
/// 2⁵² + 2048.
const WHOLE_BIAS: f64 = 4_503_599_627_372_544.0;

// SAFETY of each block below: see the module's first paragraph.
impl Lane for F64x4 {
    const WIDTH: usize = 4;
    type Mask = Mask4;

    #[inline(always)]
    fn splat(value: f64) -> Self {
        unsafe { Self(_mm256_set1_pd(value)) }
    }
    #[inline(always)]
    fn load(values: &[f64]) -> Self {
        match values.first_chunk::<4>() {
            // The chunk is four doubles long; no alignment is asked for.
            Some(chunk) => unsafe { Self(_mm256_loadu_pd(chunk.as_ptr())) },
            None => Self::splat(f64::NAN),
        }
    }
    #[inline(always)]
    fn store(self, target: &mut [f64]) {
        if let Some(chunk) = target.first_chunk_mut::<4>() {
            unsafe { _mm256_storeu_pd(chunk.as_mut_ptr(), self.0) }
        }
    }
    #[inline(always)]
    fn first(self) -> f64 {
        unsafe { _mm256_cvtsd_f64(self.0) }
    }
    #[inline(always)]
    fn mask_from_bytes(bytes: &[u8]) -> Mask4 {
        let Some(chunk) = bytes.first_chunk::<4>() else {
            return Mask4::splat(false);
        };
        unsafe {
            let wide = _mm256_cvtepu8_epi64(_mm_cvtsi32_si128(i32::from_le_bytes(*chunk)));
            Mask4(_mm256_castsi256_pd(_mm256_cmpgt_epi64(
                wide,
                _mm256_setzero_si256(),
            )))
        }
    }
    #[inline(always)]
    fn mul_add(self, b: Self, c: Self) -> Self {
        unsafe { Self(_mm256_fmadd_pd(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    fn neg_mul_add(self, b: Self, c: Self) -> Self {
        unsafe { Self(_mm256_fnmadd_pd(self.0, b.0, c.0)) }
    }
    #[inline(always)]
    fn residual(self, b: Self, c: Self) -> Self {
        self.neg_mul_add(b, c)
    }
    #[inline(always)]
    fn sqrt(self) -> Self {
        unsafe { Self(_mm256_sqrt_pd(self.0)) }
    }
    #[inline(always)]
    fn abs(self) -> Self {
        unsafe { Self(_mm256_andnot_pd(_mm256_set1_pd(-0.0), self.0)) }
    }
    #[inline(always)]
    fn min(self, other: Self) -> Self {
        unsafe { Self(_mm256_min_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn max(self, other: Self) -> Self {
        unsafe { Self(_mm256_max_pd(self.0, other.0)) }
    }
    #[inline(always)]
    fn lt(self, other: Self) -> Mask4 {
        unsafe { Mask4(_mm256_cmp_pd::<_CMP_LT_OQ>(self.0, other.0)) }
    }
    #[inline(always)]
    fn le(self, other: Self) -> Mask4 {
        unsafe { Mask4(_mm256_cmp_pd::<_CMP_LE_OQ>(self.0, other.0)) }
    }
    #[inline(always)]
    fn select(mask: Mask4, yes: Self, no: Self) -> Self {
        unsafe { Self(_mm256_blendv_pd(no.0, yes.0, mask.0)) }
    }
    #[inline(always)]
    fn shift_exponent(self, biased: Self) -> Self {
        unsafe {
            let exponent = _mm256_slli_epi64::<MANTISSA_BITS>(_mm256_castpd_si256(biased.0));
            let sum = _mm256_add_epi64(_mm256_castpd_si256(self.0), exponent);
            Self(_mm256_castsi256_pd(sum))
        }
    }
    #[inline(always)]
    fn split_ratio(self, reference: Self) -> (Self, Self) {
        unsafe {
            let bits = _mm256_castpd_si256(self.0);
            let difference = _mm256_sub_epi64(bits, _mm256_castpd_si256(reference.0));
            let rounded = _mm256_add_epi64(difference, _mm256_set1_epi64x(HALF_OCTAVE));
            let gap = _mm256_and_si256(rounded, _mm256_set1_epi64x(EXPONENT_FIELD));
            let scaled = _mm256_castsi256_pd(_mm256_sub_epi64(bits, gap));
            // AVX2 has no 64-bit arithmetic shift and no 64-bit conversion: bias the exponent,
            // shift it logically and read it out of the low bits of 2⁵².
            let biased = _mm256_add_epi64(gap, _mm256_set1_epi64x(GAP_BIAS << MANTISSA_BITS));
            let low = _mm256_srli_epi64::<MANTISSA_BITS>(biased);
            let whole = _mm256_or_si256(low, _mm256_set1_epi64x(WHOLE_BITS));
            let whole = _mm256_sub_pd(_mm256_castsi256_pd(whole), _mm256_set1_pd(WHOLE_BIAS));
            (Self(scaled), Self(whole))
        }
    }
}
