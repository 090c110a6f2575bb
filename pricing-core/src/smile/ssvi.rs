//! A slice of SSVI: three parameters, for expiries whose quotes carry no more.
//!
//! `w = (θ/2)(1 + ρφk + √((φk+ρ)² + 1 − ρ²))`, `ψ = θφ`. Source: Gatheral & Jacquier (2014);
//! butterfly bound per slice as in Hendriks & Martini (2019).

use super::svi::RawSvi;
use crate::error::PricingError;

/// Share of the butterfly bound that is used: the first part of it is strict.
const SHARE: f64 = 0.999;

/// One slice: total variance at the money θ, tilt ρ, ψ = θφ.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ssvi {
    /// Total variance at the money.
    pub theta: f64,
    /// Tilt, inside −1 to 1.
    pub rho: f64,
    /// θφ, above 0.
    pub psi: f64,
}

impl Ssvi {
    /// Largest ψ that is free of butterfly arbitrage: `min(4/(1+|ρ|), 2√(θ/(1+|ρ|)))`.
    pub fn psi_max(theta: f64, rho: f64) -> f64 {
        let wide = 1.0 + rho.abs();
        SHARE * (4.0 / wide).min(2.0 * (theta / wide).sqrt())
    }

    /// The slice as raw SVI. Errors: `InvalidInput` for θ, ρ or ψ outside their domains.
    pub fn to_raw(&self) -> Result<RawSvi, PricingError> {
        let refuse = |field, value| {
            Err(PricingError::InvalidInput {
                field,
                value,
                rule: "must be finite and above 0",
            })
        };
        if !(self.theta > 0.0 && self.theta.is_finite()) {
            return refuse("theta", self.theta);
        }
        if !(self.psi > 0.0 && self.psi.is_finite()) {
            return refuse("psi", self.psi);
        }
        let phi = self.psi / self.theta;
        let square = 1.0 - self.rho * self.rho;
        RawSvi::new(
            0.5 * self.theta * square,
            0.5 * self.psi,
            self.rho,
            -self.rho / phi,
            square.max(0.0).sqrt() / phi,
        )
    }

    /// Whether this slice can lie below `longer` everywhere by the sufficient conditions of eSSVI.
    pub fn is_below(&self, longer: &Self) -> bool {
        let tilt =
            ((1.0 + self.rho) / (1.0 + longer.rho)).max((1.0 - self.rho) / (1.0 - longer.rho));
        longer.theta >= self.theta
            && longer.psi >= self.psi * tilt
            && longer.psi * self.theta <= self.psi * longer.theta
    }
}
