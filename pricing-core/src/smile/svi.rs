//! Raw SVI and its natural and jump-wing forms.
//!
//! Source: Gatheral (2004); Gatheral & Jacquier, "Arbitrage-free SVI volatility surfaces" (2014).

use super::{Jet, SmileSection};
use crate::error::PricingError;

/// `w = a + b(ρ(k−m) + √((k−m)² + s²))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct RawSvi {
    /// Level.
    pub a: f64,
    /// Wing steepness, not below 0.
    pub b: f64,
    /// Tilt, inside −1 to 1.
    pub rho: f64,
    /// Shift in log-moneyness.
    pub m: f64,
    /// Rounding at the bottom, above 0.
    pub s: f64,
}

/// `w = Δ + (ω/2)(1 + ζρ(k−μ) + √((ζ(k−μ)+ρ)² + 1 − ρ²))`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct NaturalSvi {
    /// Δ.
    pub delta: f64,
    /// μ.
    pub mu: f64,
    /// ρ.
    pub rho: f64,
    /// ω.
    pub omega: f64,
    /// ζ.
    pub zeta: f64,
}

/// Quantities that traders name, at expiry `years`.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct JumpWings {
    /// Time to expiry, years.
    pub years: f64,
    /// Variance at the money, w(0)/t.
    pub v: f64,
    /// Skew at the money, ∂√w/∂k.
    pub psi: f64,
    /// Slope of the put wing over √w(0).
    pub p: f64,
    /// Slope of the call wing over √w(0).
    pub c: f64,
    /// Least variance.
    pub v_min: f64,
}

impl RawSvi {
    /// A slice with its parameters checked: finite, `b ≥ 0`, `|ρ| < 1`, `s > 0`, least variance
    /// not below 0. Errors: `InvalidInput` naming the parameter.
    pub fn new(a: f64, b: f64, rho: f64, m: f64, s: f64) -> Result<Self, PricingError> {
        let refuse = |field, value, rule| Err(PricingError::InvalidInput { field, value, rule });
        if !a.is_finite() {
            return refuse("a", a, "must be finite");
        }
        if !(b >= 0.0 && b.is_finite()) {
            return refuse("b", b, "must be finite and not below 0");
        }
        if rho.is_nan() || rho.abs() >= 1.0 {
            return refuse("rho", rho, "must be inside -1 to 1");
        }
        if !m.is_finite() {
            return refuse("m", m, "must be finite");
        }
        if !(s > 0.0 && s.is_finite()) {
            return refuse("s", s, "must be finite and above 0");
        }
        let slice = Self { a, b, rho, m, s };
        if slice.least_variance() < 0.0 {
            return refuse("a", a, "must leave the least total variance not below 0");
        }
        Ok(slice)
    }

    /// Least total variance, `a + b s √(1−ρ²)`.
    pub fn least_variance(&self) -> f64 {
        self.a + self.b * self.s * (1.0 - self.rho * self.rho).sqrt()
    }

    /// The natural form. Errors: `OutOfDomain` for `b = 0`, which has no ω and ζ of its own.
    pub fn to_natural(&self) -> Result<NaturalSvi, PricingError> {
        if self.b <= 0.0 {
            return Err(PricingError::OutOfDomain(
                "b = 0: a flat slice has no natural form".into(),
            ));
        }
        let root = (1.0 - self.rho * self.rho).sqrt();
        let omega = 2.0 * self.b * self.s / root;
        Ok(NaturalSvi {
            delta: self.a - 0.5 * omega * root * root,
            mu: self.m + self.rho * self.s / root,
            rho: self.rho,
            omega,
            zeta: root / self.s,
        })
    }

    /// The jump-wing form at expiry `years`. Errors: `InvalidInput` for years not above 0,
    /// `OutOfDomain` without variance at the money.
    pub fn to_jump_wings(&self, years: f64) -> Result<JumpWings, PricingError> {
        check_years(years)?;
        let w = self.jet(0.0).w;
        if w <= 0.0 {
            return Err(PricingError::OutOfDomain(format!(
                "total variance {w} at the money"
            )));
        }
        let root = w.sqrt();
        Ok(JumpWings {
            years,
            v: w / years,
            psi: self.b / (2.0 * root) * (self.rho - self.m / self.m.hypot(self.s)),
            p: self.b * (1.0 - self.rho) / root,
            c: self.b * (1.0 + self.rho) / root,
            v_min: self.least_variance() / years,
        })
    }
}

impl NaturalSvi {
    /// The raw form. Errors: `InvalidInput` as [`RawSvi::new`], or for ζ not above 0.
    pub fn to_raw(&self) -> Result<RawSvi, PricingError> {
        if !(self.zeta > 0.0 && self.zeta.is_finite()) {
            return Err(PricingError::InvalidInput {
                field: "zeta",
                value: self.zeta,
                rule: "must be finite and above 0",
            });
        }
        let square = 1.0 - self.rho * self.rho;
        RawSvi::new(
            self.delta + 0.5 * self.omega * square,
            0.5 * self.omega * self.zeta,
            self.rho,
            self.mu - self.rho / self.zeta,
            square.sqrt() / self.zeta,
        )
    }
}

impl JumpWings {
    /// The raw form. Errors: `OutOfDomain` where no slice has these quantities, or where β = ρ (the
    /// bottom lies at the money), where they do not determine m and s.
    pub fn to_raw(&self) -> Result<RawSvi, PricingError> {
        check_years(self.years)?;
        let w = self.v * self.years;
        let wings = self.c + self.p;
        let out = |reason: &str| Err(PricingError::OutOfDomain(reason.to_owned()));
        if !(w > 0.0 && wings > 0.0 && wings.is_finite()) {
            return out("v and p + c must be above 0");
        }
        let root = w.sqrt();
        let b = 0.5 * root * wings;
        let rho = 1.0 - self.p * root / b;
        let beta = rho - 2.0 * self.psi * root / b;
        if beta.is_nan() || beta.abs() > 1.0 || rho.abs() >= 1.0 {
            return out("psi lies outside what the wings p and c allow");
        }
        let flat = (1.0 - rho * rho).sqrt();
        let gap = (self.v - self.v_min) * self.years;
        // β = m/√(m²+s²): with m = 0 the bottom is found from s alone.
        let (m, s) = if beta.abs() < 1e-14 {
            if 1.0 - flat < 1e-14 {
                return out("with psi and rho 0 jump wings do not determine s");
            }
            (0.0, gap / (b * (1.0 - flat)))
        } else {
            let alpha = beta.signum() * (1.0 / (beta * beta) - 1.0).sqrt();
            let lift = beta.signum() * alpha.hypot(1.0);
            let m = gap / (b * (lift - rho - alpha * flat));
            (m, alpha * m)
        };
        if !(m.is_finite() && s.is_finite()) {
            return out(
                "with psi 0 the bottom lies at the money: jump wings do not determine m and s",
            );
        }
        RawSvi::new(self.v_min * self.years - b * s * flat, b, rho, m, s)
    }
}

fn check_years(years: f64) -> Result<(), PricingError> {
    if years > 0.0 && years.is_finite() {
        return Ok(());
    }
    Err(PricingError::InvalidInput {
        field: "years",
        value: years,
        rule: "must be finite and above 0",
    })
}

impl SmileSection for RawSvi {
    #[inline]
    fn jet(&self, k: f64) -> Jet {
        let x = k - self.m;
        let root = (x * x + self.s * self.s).sqrt();
        Jet {
            w: self.a + self.b * (self.rho * x + root),
            dw: self.b * (self.rho + x / root),
            d2w: self.b * self.s * self.s / (root * root * root),
        }
    }

    fn wing_slopes(&self) -> (f64, f64) {
        (-self.b * (1.0 - self.rho), self.b * (1.0 + self.rho))
    }
}
