//! The probability that a lognormal price touches a level before expiry.
//!
//! With `m = |ln(H/S)|`, `g = ±(ln(F/S) − v²/2)` (plus for a level above the spot) and `v = σ√T`,
//! `P = Φ((g − m)/v) + exp(2gm/v²)·Φ(−(g + m)/v)`: the reflection principle, exact for constant
//! vol and carry. With `z₁ = (m − g)/v`, `z₂ = (m + g)/v` the second term is `φ(z₁)·M(z₂)`, which
//! neither overflows nor cancels. Source: Harrison (1985), the maximum of Brownian motion.

use crate::black::INV_SQRT_2PI;
use crate::columns::{Column, check_length};
use crate::error::PricingError;
use crate::extreme::{NOT_NEGATIVE, POSITIVE, mills_any};
use crate::lanes::{Kernel, Lane, dispatch};
use crate::math::elementary::log_ratio;

/// The arguments of one probability.
#[derive(Clone, Copy, Debug)]
pub struct Touch {
    /// Price now, above 0.
    pub spot: f64,
    /// Forward for the expiry, above 0; equal to the spot without carry.
    pub forward: f64,
    /// The level, above 0, on either side of the spot.
    pub level: f64,
    /// Years to expiry, 0 or more.
    pub years: f64,
    /// Volatility, 0 or more.
    pub vol: f64,
}

impl Touch {
    /// Refuses arguments outside the domain.
    ///
    /// # Errors
    /// `InvalidInput` naming the argument.
    pub fn check(&self) -> Result<(), PricingError> {
        let positive = [
            ("spot", self.spot),
            ("forward", self.forward),
            ("level", self.level),
        ];
        for (field, value) in positive {
            if !(value.is_normal() && value > 0.0) {
                return Err(PricingError::InvalidInput {
                    field,
                    value,
                    rule: POSITIVE,
                });
            }
        }
        for (field, value) in [("years", self.years), ("vol", self.vol)] {
            if !(value >= 0.0 && value.is_finite()) {
                return Err(PricingError::InvalidInput {
                    field,
                    value,
                    rule: NOT_NEGATIVE,
                });
            }
        }
        Ok(())
    }
}

/// A larger total vol changes no digit, and its square would overflow.
const TOTAL_MAX: f64 = 1e100;

/// φ(z).
fn density(z: f64) -> f64 {
    INV_SQRT_2PI * (-0.5 * z * z).exp()
}

/// Φ(−z), of full relative accuracy in the tail.
#[inline(always)]
fn tail<S: Lane>(z: f64) -> f64 {
    if z > 39.0 {
        0.0
    } else if z >= -1.0 {
        density(z) * mills_any::<S>(z)
    } else if z < -39.0 {
        1.0
    } else {
        1.0 - density(z) * mills_any::<S>(-z)
    }
}

/// The natural logarithm of a ratio of positive normal numbers.
#[inline(always)]
fn log_of<S: Lane>(numerator: f64, denominator: f64) -> f64 {
    log_ratio(S::splat(numerator), S::splat(denominator), S::splat(0.0))
        .high
        .first()
}

#[inline(always)]
fn probability<S: Lane>(touch: &Touch) -> f64 {
    if touch.check().is_err() {
        return f64::NAN;
    }
    let signed = log_of::<S>(touch.level, touch.spot);
    let distance = signed.abs();
    if distance == 0.0 {
        return 1.0;
    }
    let v = (touch.vol * touch.years.sqrt()).min(TOTAL_MAX);
    let carry = log_of::<S>(touch.forward, touch.spot);
    let toward = if signed > 0.0 {
        carry - 0.5 * v * v
    } else {
        0.5 * v * v - carry
    };
    if v == 0.0 {
        // Without vol the price runs straight to its forward.
        return if toward >= distance { 1.0 } else { 0.0 };
    }
    let (z1, z2) = ((distance - toward) / v, (distance + toward) / v);
    let reflected = if z2 >= -1.0 {
        if z1.abs() > 39.0 {
            0.0
        } else {
            density(z1) * mills_any::<S>(z2)
        }
    } else {
        (2.0 * (toward / v) * (distance / v)).exp() * tail::<S>(z2)
    };
    (tail::<S>(z1) + reflected).min(1.0)
}

struct One<'a>(&'a Touch);

impl Kernel for One<'_> {
    type Output = f64;
    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> f64 {
        probability::<S>(self.0)
    }
}

/// Probability of one touch.
///
/// # Errors
/// `InvalidInput` naming the argument.
pub fn touch_one(touch: &Touch) -> Result<f64, PricingError> {
    touch.check()?;
    Ok(dispatch(One(touch)))
}

/// The arguments of many probabilities.
#[derive(Clone, Copy, Debug)]
pub struct Touches<'a> {
    /// See [`Touch::spot`].
    pub spot: Column<'a>,
    /// See [`Touch::forward`].
    pub forward: Column<'a>,
    /// See [`Touch::level`].
    pub level: Column<'a>,
    /// See [`Touch::years`].
    pub years: Column<'a>,
    /// See [`Touch::vol`].
    pub vol: Column<'a>,
}

struct Many<'a, 't> {
    touches: Touches<'a>,
    target: &'t mut [f64],
}

impl Kernel for Many<'_, '_> {
    type Output = ();
    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) {
        for (row, slot) in self.target.iter_mut().enumerate() {
            *slot = probability::<S>(&Touch {
                spot: self.touches.spot.at(row),
                forward: self.touches.forward.at(row),
                level: self.touches.level.at(row),
                years: self.touches.years.at(row),
                vol: self.touches.vol.at(row),
            });
        }
    }
}

/// Probabilities into `target`, NaN where an argument is outside its domain.
///
/// # Errors
/// `OutOfDomain` where a column's length is not that of `target`.
pub fn touch_into(touches: &Touches<'_>, target: &mut [f64]) -> Result<(), PricingError> {
    let rows = target.len();
    check_length("spot", touches.spot.len(), rows)?;
    check_length("forward", touches.forward.len(), rows)?;
    check_length("level", touches.level.len(), rows)?;
    check_length("years", touches.years.len(), rows)?;
    check_length("vol", touches.vol.len(), rows)?;
    dispatch(Many {
        touches: *touches,
        target,
    });
    Ok(())
}
