//! SIMD lane types and run-time dispatch: the only folder with `unsafe`.
//!
//! A kernel is written once, generic over [`Lane`], and instantiated by [`dispatch`] inside a
//! function compiled for the instruction set that was chosen at run time. Every lane type does the
//! same IEEE operations in the same order, so that AVX-512, AVX2 and the portable path give the
//! same bits wherever the machine has a fused multiply-add. Without it products are rounded apart
//! (path `unfused`), and prices agree to within the bound held by `tests/paths.rs`. Knows no
//! finance.

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx512;
mod plain;
#[cfg(target_arch = "x86_64")]
mod twin;

use std::ops::{Add, BitAnd, BitOr, Div, Mul, Not, Sub};
use std::sync::atomic::{AtomicU8, Ordering};

pub use plain::Plain;

/// One bit a lane.
pub trait LaneMask:
    Copy + BitAnd<Output = Self> + BitOr<Output = Self> + Not<Output = Self>
{
    /// Bit `i` is lane `i`; bits past the width are zero.
    fn bits(self) -> u32;
    /// The same value in each lane.
    fn splat(value: bool) -> Self;
}

/// A bundle of `WIDTH` doubles with lane-wise IEEE arithmetic.
pub trait Lane:
    Copy + Add<Output = Self> + Sub<Output = Self> + Mul<Output = Self> + Div<Output = Self>
{
    /// Doubles in the bundle.
    const WIDTH: usize;
    /// Result of a lane-wise comparison.
    type Mask: LaneMask;

    /// The same value in each lane.
    fn splat(value: f64) -> Self;
    /// The first `WIDTH` values; NaN in each lane when there are fewer.
    fn load(values: &[f64]) -> Self;
    /// Writes `WIDTH` values; writes nothing when there is less room.
    fn store(self, target: &mut [f64]);
    /// The value of lane 0.
    fn first(self) -> f64;
    /// Lane `i` is true where byte `i` is not zero; all false when there are fewer bytes.
    fn mask_from_bytes(bytes: &[u8]) -> Self::Mask;

    /// `self·b + c`, rounded once where the machine can.
    fn mul_add(self, b: Self, c: Self) -> Self;
    /// `c − self·b`, rounded once where the machine can.
    fn neg_mul_add(self, b: Self, c: Self) -> Self;
    /// `c − self·b` for c near self·b, exact in the product on each path.
    fn residual(self, b: Self, c: Self) -> Self;
    /// Square root.
    fn sqrt(self) -> Self;
    /// Absolute value.
    fn abs(self) -> Self;
    /// The smaller; of unordered values the second.
    fn min(self, other: Self) -> Self;
    /// The larger; of unordered values the second.
    fn max(self, other: Self) -> Self;
    /// `self < other`; false where unordered.
    fn lt(self, other: Self) -> Self::Mask;
    /// `self ≤ other`; false where unordered.
    fn le(self, other: Self) -> Self::Mask;
    /// `yes` where the mask is set, else `no`.
    fn select(mask: Self::Mask, yes: Self, no: Self) -> Self;
    /// `self·2ⁿ` by the exponent field, where `biased = n + 1.5·2⁵²`; result must be normal.
    fn shift_exponent(self, biased: Self) -> Self;
    /// `(self·2⁻ⁿ, n)` with n such that `self·2⁻ⁿ / reference` is within [0.66, 1.5].
    /// Both must be positive normal numbers.
    fn split_ratio(self, reference: Self) -> (Self, Self);
}

/// `1.5·2⁵²`: adding it rounds a small double to a whole number held in the low bits.
pub const ROUNDER: f64 = 6_755_399_441_055_744.0;

/// A computation that can run on any lane type.
///
/// `run` must be `#[inline(always)]`, and so must all it calls with lane types: only then is its
/// body compiled with the instruction set of the path that calls it.
pub trait Kernel {
    /// What it gives.
    type Output;
    /// Runs on bundles of type `L`; `S` is the one-wide lane with the same arithmetic.
    fn run<L: Lane, S: Lane>(self) -> Self::Output;
}

/// An instruction set the kernels are compiled for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
#[repr(u8)]
pub enum Path {
    /// No fused multiply-add: what a machine without it runs.
    Unfused = 1,
    /// No vector instructions asked for, fused multiply-add where the machine has it.
    Portable = 2,
    /// AVX2 with fused multiply-add.
    Avx2 = 3,
    /// AVX-512 F and DQ.
    Avx512 = 4,
}

impl Path {
    /// All paths, slowest first.
    pub const ALL: [Self; 4] = [Self::Unfused, Self::Portable, Self::Avx2, Self::Avx512];

    /// `unfused`, `portable`, `avx2` or `avx512`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Unfused => "unfused",
            Self::Portable => "portable",
            Self::Avx2 => "avx2",
            Self::Avx512 => "avx512",
        }
    }

    /// The path of that name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|path| path.name() == name)
    }

    /// Whether this machine can run it.
    #[must_use]
    pub fn is_available(self) -> bool {
        match self {
            Self::Unfused | Self::Portable => true,
            #[cfg(target_arch = "x86_64")]
            Self::Avx2 => is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma"),
            #[cfg(target_arch = "x86_64")]
            Self::Avx512 => {
                Self::Avx2.is_available()
                    && is_x86_feature_detected!("avx512f")
                    && is_x86_feature_detected!("avx512dq")
            }
            #[cfg(not(target_arch = "x86_64"))]
            _ => false,
        }
    }

    fn from_code(code: u8) -> Option<Self> {
        match code {
            1 => Some(Self::Unfused),
            2 => Some(Self::Portable),
            3 => Some(Self::Avx2),
            4 => Some(Self::Avx512),
            _ => None,
        }
    }
}

/// Environment variable that names the path to use, for tests and comparisons.
pub const PATH_VARIABLE: &str = "QUANTDESK_SIMD";

static CHOSEN: AtomicU8 = AtomicU8::new(0);

/// The path in use: the override, else the environment's, else the best this machine has.
#[must_use]
pub fn path() -> Path {
    Path::from_code(CHOSEN.load(Ordering::Relaxed)).unwrap_or_else(|| {
        let chosen = default_path();
        CHOSEN.store(chosen as u8, Ordering::Relaxed);
        chosen
    })
}

/// The path of the environment variable where it is set and available, else the best.
#[must_use]
pub fn default_path() -> Path {
    let best = || {
        Path::ALL
            .into_iter()
            .rev()
            .find(|path| path.is_available())
            .unwrap_or(Path::Portable)
    };
    std::env::var(PATH_VARIABLE)
        .ok()
        .and_then(|name| Path::from_name(&name))
        .filter(|path| path.is_available())
        .unwrap_or_else(best)
}

/// Sets the path for the whole process; false, and no change, where the machine lacks it.
pub fn set_path(path: Path) -> bool {
    if path.is_available() {
        CHOSEN.store(path as u8, Ordering::Relaxed);
        return true;
    }
    false
}

/// Runs a kernel on the path in use.
#[inline]
pub fn dispatch<K: Kernel>(kernel: K) -> K::Output {
    // The chosen path was found to be available when it was chosen.
    run_on(path(), kernel)
}

/// Runs a kernel on a given path, or on the portable one where the machine lacks it.
#[inline]
pub fn dispatch_on<K: Kernel>(path: Path, kernel: K) -> K::Output {
    let path = if path.is_available() {
        path
    } else {
        Path::Portable
    };
    run_on(path, kernel)
}

/// Runs a kernel on a path that is available.
#[inline]
fn run_on<K: Kernel>(path: Path, kernel: K) -> K::Output {
    match path {
        #[cfg(target_arch = "x86_64")]
        Path::Avx512 => run_avx512(kernel),
        #[cfg(target_arch = "x86_64")]
        Path::Avx2 => run_avx2(kernel),
        #[cfg(target_arch = "x86_64")]
        Path::Portable if is_x86_feature_detected!("fma") => run_fused(kernel),
        #[cfg(not(target_arch = "x86_64"))]
        Path::Portable if HAS_FUSED => kernel.run::<Plain<4, true>, Plain<1, true>>(),
        _ => kernel.run::<Plain<4, false>, Plain<1, false>>(),
    }
}

/// Whether the target always has fused multiply-add, in which case `f64::mul_add` is one
/// instruction and not a call.
#[cfg(not(target_arch = "x86_64"))]
const HAS_FUSED: bool = cfg!(any(target_feature = "fma", target_arch = "aarch64"));

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
fn run_fused<K: Kernel>(kernel: K) -> K::Output {
    #[target_feature(enable = "fma")]
    fn inner<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<Plain<4, true>, Plain<1, true>>()
    }
    // SAFETY: `run_on` has just found the instruction to be there.
    unsafe { inner(kernel) }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
fn run_avx512<K: Kernel>(kernel: K) -> K::Output {
    #[target_feature(enable = "avx512f,avx512dq,avx2,fma")]
    fn inner<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<twin::Twin<avx512::F64x8>, Plain<1, true>>()
    }
    // SAFETY: `run_on` is called with paths that were found to be available.
    unsafe { inner(kernel) }
}

#[cfg(target_arch = "x86_64")]
#[allow(unsafe_code)]
#[inline]
fn run_avx2<K: Kernel>(kernel: K) -> K::Output {
    #[target_feature(enable = "avx2,fma")]
    fn inner<K: Kernel>(kernel: K) -> K::Output {
        kernel.run::<twin::Twin<avx2::F64x4>, Plain<1, true>>()
    }
    // SAFETY: `run_on` is called with paths that were found to be available.
    unsafe { inner(kernel) }
}
