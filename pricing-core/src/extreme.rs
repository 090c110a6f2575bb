//! The rare rows of Black-76, one at a time: no time or no vol, total vols above two, more than
//! 37 deviations, numbers near the ends of the doubles. Slow, careful, the same on every path.

use crate::black::{INV_SQRT_2PI, Spread, clock, scaled_density, spread};
use crate::error::PricingError;
use crate::lanes::Lane;
use crate::math::elementary::{Pair, log_ratio};
use crate::math::mills::{MILLS_HIGH, mills, mills_pair};
use crate::types::{OUTPUTS, Output};

/// The arguments of one option.
#[derive(Clone, Copy, Debug)]
pub struct Option76 {
    /// Call, else put.
    pub is_call: bool,
    /// Forward price, above 0.
    pub forward: f64,
    /// Strike, above 0.
    pub strike: f64,
    /// Years to expiry, 0 or more.
    pub years: f64,
    /// Volatility, 0 or more.
    pub vol: f64,
    /// Continuously compounded rate for discounting.
    pub rate: f64,
}

/// What is allowed for an argument that must be above zero.
pub const POSITIVE: &str = "must be a finite number above 0";
/// What is allowed for an argument that may be zero.
pub const NOT_NEGATIVE: &str = "must be a finite number, 0 or more";
/// What is allowed for an rate.
pub const FINITE: &str = "must be a finite number";
/// What is allowed for a rate.
pub const RATE: &str = "must be a finite number, with rate·years within ±700";
const EXPONENT_MAX: f64 = 700.0;

impl Option76 {
    /// Refuses arguments outside the domain.
    ///
    /// # Errors
    /// `InvalidInput` naming the first argument that is refused.
    pub fn check(&self) -> Result<(), PricingError> {
        let fail = |field, value, rule| Err(PricingError::InvalidInput { field, value, rule });
        if !(self.forward > 0.0 && self.forward.is_finite()) {
            return fail("forward", self.forward, POSITIVE);
        }
        if !(self.strike > 0.0 && self.strike.is_finite()) {
            return fail("strike", self.strike, POSITIVE);
        }
        if !(self.years >= 0.0 && self.years.is_finite()) {
            return fail("years", self.years, NOT_NEGATIVE);
        }
        if !(self.vol >= 0.0 && self.vol.is_finite()) {
            return fail("vol", self.vol, NOT_NEGATIVE);
        }
        let exponent = (self.rate * self.years).abs();
        if exponent.is_nan() || exponent > EXPONENT_MAX || !self.rate.is_finite() {
            return fail("rate", self.rate, RATE);
        }
        Ok(())
    }
}

/// Φ at both arguments and both signs, and the out-of-the-money value, all undiscounted.
struct Parts {
    /// Φ(d₁), Φ(−d₁), Φ(d₂), Φ(−d₂).
    d1_up: f64,
    d1_down: f64,
    d2_up: f64,
    d2_down: f64,
    d1: f64,
    d2: f64,
    /// φ(d₁) and φ(d₂), each over `shift`: apart they stay normal numbers.
    density1: f64,
    density2: f64,
    shift: f64,
    /// Value of the out-of-the-money option.
    out: f64,
}

/// All outputs of one option, in the order of [`Output::ALL`]; NaN in each where an argument is
/// outside its domain. At zero total vol the limits from above are given.
#[must_use]
#[inline(always)]
pub fn evaluate<S: Lane>(option: &Option76) -> [f64; OUTPUTS] {
    if option.check().is_err() {
        return [f64::NAN; OUTPUTS];
    }
    let parts = parts::<S>(option);
    outputs(option, &parts)
}

/// 2ⁿ·x without overflow on the way.
fn scale(x: f64, n: i32) -> f64 {
    let half = n / 2;
    x * 2f64.powi(half) * 2f64.powi(n - half)
}

/// A positive number as a fraction in [1, 2) and a power of two.
fn fraction(x: f64) -> (f64, f64) {
    const SUBNORMAL_SHIFT: f64 = 18_014_398_509_481_984.0;
    const FIELD: u64 = 0x7FF0_0000_0000_0000;
    const ONE: u64 = 0x3FF0_0000_0000_0000;
    let (x, shift) = if x < f64::MIN_POSITIVE {
        (x * SUBNORMAL_SHIFT, 54.0)
    } else {
        (x, 0.0)
    };
    let bits = x.to_bits();
    #[allow(clippy::cast_precision_loss)] // eleven bits
    let exponent = ((bits & FIELD) >> 52) as f64 - 1023.0;
    (f64::from_bits((bits & !FIELD) | ONE), exponent - shift)
}

/// |ln(F/K)| of any positive doubles.
#[inline(always)]
fn distance<S: Lane>(forward: f64, strike: f64) -> Pair<f64> {
    let (f, f_octaves) = fraction(forward);
    let (k, k_octaves) = fraction(strike);
    let signed = log_ratio(S::splat(f), S::splat(k), S::splat(f_octaves - k_octaves));
    let (high, low) = (signed.high.first(), signed.low.first());
    if high < 0.0 {
        Pair {
            high: -high,
            low: -low,
        }
    } else {
        Pair { high, low }
    }
}

/// σ√T as a pair, of any doubles that are not negative.
#[inline(always)]
fn total_vol<S: Lane>(vol: f64, years: f64) -> (f64, Pair<f64>) {
    let root = years.sqrt();
    let total = vol * root;
    let ordinary = |x: f64| (1e-130..=1e130).contains(&x);
    if !(ordinary(years) && ordinary(vol) && ordinary(total)) {
        return (
            root,
            Pair {
                high: total,
                low: 0.0,
            },
        );
    }
    let spread = spread(S::splat(vol), &clock(S::splat(years)));
    (
        root,
        Pair {
            high: total,
            low: spread.total.low.first(),
        },
    )
}

/// Mills ratio for any argument ≥ [`crate::math::mills::MILLS_LOW`].
#[inline(always)]
pub fn mills_any<S: Lane>(a: f64) -> f64 {
    if a <= MILLS_HIGH {
        return mills(S::splat(a)).first();
    }
    // 1/a·(1 − 1/a² + 3/a⁴ − …): at 41 the eighth term is below 1e-19.
    let square = 1.0 / (a * a);
    let mut series = 1.0;
    for order in (1..=8u32).rev() {
        series = 1.0 - f64::from(2 * order - 1) * square * series;
    }
    series / a
}

/// M(a) − M(a + v) for a ≥ −1 and b = a + v.
#[inline(always)]
fn mills_gap<S: Lane>(a: f64, b: f64, v: f64) -> f64 {
    if b <= MILLS_HIGH {
        return mills_pair(S::splat(a), S::splat(b)).slope.first() * v;
    }
    if a < 20.0 {
        return mills_any::<S>(a) - mills_any::<S>(b);
    }
    // Term by term: u^(2n+1) − w^(2n+1) = (u − w)·Σ u^j·w^(2n−j), u = 1/a, w = 1/b.
    let (u, w) = (1.0 / a, 1.0 / b);
    let mut powers = 1.0; // Σ over j of u^j·w^(2n−j)
    let mut u_power = 1.0;
    let mut coefficient = 1.0;
    let mut total = 0.0;
    for order in 0..12u32 {
        total += coefficient * powers;
        coefficient *= -f64::from(2 * order + 1);
        u_power *= u;
        powers = powers * w + u_power;
        u_power *= u;
        powers = powers * w + u_power;
    }
    total * v * u * w
}

/// φ(near) as a fraction and a power of two, which keeps it exact below the doubles.
#[inline(always)]
fn density<S: Lane>(distance: Pair<f64>, total: Pair<f64>, near: f64) -> (f64, i32) {
    // Above this φ is below 2^-2900, which no multiplier brings back.
    const NOWHERE: f64 = 64.0;
    if near.abs() > NOWHERE {
        return (0.0, 0);
    }
    let ordinary = |x: f64| (1e-130..=1e130).contains(&x);
    if !ordinary(total.high) || near.abs() < 1.0 {
        return (INV_SQRT_2PI * (-0.5 * near * near).exp(), 0);
    }
    let spread = Spread {
        total: Pair {
            high: S::splat(total.high),
            low: S::splat(total.low),
        },
        reciprocal: S::splat(1.0 / total.high),
    };
    let distance = Pair {
        high: S::splat(distance.high),
        low: S::splat(distance.low),
    };
    scaled_density(distance, &spread)
}

#[inline(always)]
fn parts<S: Lane>(option: &Option76) -> Parts {
    let Option76 {
        forward,
        strike,
        years,
        vol,
        ..
    } = *option;
    let call_is_out = forward <= strike;
    let (low, high) = if call_is_out {
        (forward, strike)
    } else {
        (strike, forward)
    };
    let distance = distance::<S>(forward, strike);
    let (_, total) = total_vol::<S>(vol, years);
    let v = total.high;
    let zero_vol = vol == 0.0 || years == 0.0;
    // v may round to 0 (or h to infinity) while σ and T are above 0: the same limits hold.
    let h = if distance.high == 0.0 {
        0.0
    } else if zero_vol || v == 0.0 {
        f64::INFINITY
    } else {
        distance.high / v
    };
    let (near, far) = (h - 0.5 * v, h + 0.5 * v);
    let (fraction, octaves) = if h.is_infinite() {
        (0.0, 0)
    } else {
        density::<S>(distance, total, near)
    };
    if near < -1.0 {
        return saturated::<S>(call_is_out, low, high, near, far, scale(fraction, octaves));
    }
    if fraction == 0.0 {
        return worthless(call_is_out, near, far);
    }
    let gap = mills_gap::<S>(near, far, v);
    let far_ratio = mills_any::<S>(far);
    let near_chance = scale(fraction * (far_ratio + gap), octaves);
    let ratio = low / high;
    let far_chance = scale(fraction * ratio * far_ratio, octaves);
    let out = if zero_vol {
        0.0
    } else if v < f64::MIN_POSITIVE {
        // Only at the money: the total vol has lost its digits, the product has not.
        INV_SQRT_2PI * (low.sqrt() * vol) * (low.sqrt() * years.sqrt())
    } else {
        scale(low * fraction * gap, octaves)
    };
    let side = Sides {
        near_chance,
        near_rest: 1.0 - near_chance,
        far_chance,
        far_rest: 1.0 - far_chance,
    };
    let half = octaves / 2;
    let near_density = scale(fraction, half);
    let far_density = near_density * ratio;
    let mut parts = side.parts(call_is_out, near, far, near_density, far_density, out);
    parts.shift = scale(1.0, octaves - half);
    parts
}

/// Φ(−near), Φ(near), Φ(−far), Φ(far).
struct Sides {
    near_chance: f64,
    near_rest: f64,
    far_chance: f64,
    far_rest: f64,
}

impl Sides {
    fn parts(
        &self,
        call_is_out: bool,
        near: f64,
        far: f64,
        near_density: f64,
        far_density: f64,
        out: f64,
    ) -> Parts {
        if call_is_out {
            Parts {
                d1_up: self.near_chance,
                d1_down: self.near_rest,
                d2_up: self.far_chance,
                d2_down: self.far_rest,
                d1: -near,
                d2: -far,
                density1: near_density,
                density2: far_density,
                shift: 1.0,
                out,
            }
        } else {
            Parts {
                d1_up: self.far_rest,
                d1_down: self.far_chance,
                d2_up: self.near_rest,
                d2_down: self.near_chance,
                d1: far,
                d2: near,
                density1: far_density,
                density2: near_density,
                shift: 1.0,
                out,
            }
        }
    }
}

/// No chance of ending in the money that a double could hold.
fn worthless(call_is_out: bool, near: f64, far: f64) -> Parts {
    let side = Sides {
        near_chance: 0.0,
        near_rest: 1.0,
        far_chance: 0.0,
        far_rest: 1.0,
    };
    side.parts(call_is_out, near, far, 0.0, 0.0, 0.0)
}

/// near < −1, that is a total vol above two: the option is near its upper bound min(F, K).
#[inline(always)]
fn saturated<S: Lane>(
    call_is_out: bool,
    low: f64,
    high: f64,
    near: f64,
    far: f64,
    phi: f64,
) -> Parts {
    let (near_ratio, far_ratio) = if phi == 0.0 {
        (0.0, 0.0)
    } else {
        (mills_any::<S>(-near), mills_any::<S>(far))
    };
    let near_rest = phi * near_ratio;
    let far_density = phi * (low / high);
    let far_chance = far_density * far_ratio;
    let side = Sides {
        near_chance: 1.0 - near_rest,
        near_rest,
        far_chance,
        far_rest: 1.0 - far_chance,
    };
    let out = low * (1.0 - phi * (near_ratio + far_ratio));
    side.parts(call_is_out, near, far, phi, far_density, out)
}

/// 0 where a factor is 0, even if the other is infinite: the limit of each use here.
fn times(a: f64, b: f64) -> f64 {
    if a == 0.0 || b == 0.0 { 0.0 } else { a * b }
}

fn outputs(option: &Option76, parts: &Parts) -> [f64; OUTPUTS] {
    let Option76 {
        is_call,
        forward,
        strike,
        years,
        vol,
        rate,
    } = *option;
    let factor = (-rate * years).exp();
    let root = years.sqrt();
    let difference = if is_call {
        forward - strike
    } else {
        strike - forward
    };
    let price = factor
        * if difference > 0.0 {
            parts.out + difference
        } else {
            parts.out
        };
    let sign = if is_call { 1.0 } else { -1.0 };
    let (up1, up2) = if is_call {
        (parts.d1_up, parts.d2_up)
    } else {
        (parts.d1_down, parts.d2_down)
    };
    let delta = factor * sign * up1;
    let shift = parts.shift;
    let vega = factor * times(parts.density1 * forward, root);
    let decay = shift * times(0.5 * factor * parts.density1 * forward * vol, 1.0 / root);
    let carried = |x: f64| if rate == 0.0 { 0.0 } else { rate * x };
    let mut out = [0.0; OUTPUTS];
    let mut put = |output: Output, value: f64| {
        if let Some(slot) = out.get_mut(output as usize) {
            *slot = value;
        }
    };
    put(Output::Price, price);
    put(Output::Delta, delta);
    put(
        Output::Gamma,
        shift * (factor * times(parts.density1, 1.0 / vol / root / forward)),
    );
    put(Output::Vega, shift * vega);
    let bend = times(parts.density1, times(times(parts.d1, parts.d2), 1.0 / vol));
    put(Output::Theta, carried(price) - decay);
    put(Output::Rho, -times(price, years));
    put(
        Output::Vanna,
        -shift * (factor * times(times(parts.density1, parts.d2), 1.0 / vol)),
    );
    put(
        Output::Volga,
        shift * (factor * times(bend, forward * root)),
    );
    let drift = shift * times(factor * 0.5 * times(parts.density1, parts.d2), 1.0 / years);
    put(Output::Charm, carried(delta) + drift);
    put(Output::DualDelta, -factor * sign * up2);
    put(
        Output::DualGamma,
        shift * (factor * times(parts.density2, 1.0 / vol / root / strike)),
    );
    out
}

/// Logarithms of the out-of-the-money value, of its room to the bound min(F, K), and of its
/// derivative by total vol, each in units of min(F, K).
pub struct OutValue {
    /// ln(value / min(F, K)).
    pub log_value: f64,
    /// ln(1 − value / min(F, K)).
    pub log_room: f64,
    /// ln(∂value/∂v / min(F, K)).
    pub log_slope: f64,
}

/// The undiscounted out-of-the-money option of total vol `v > 0`.
#[must_use]
#[inline(always)]
pub fn out_value<S: Lane>(forward: f64, strike: f64, v: f64) -> OutValue {
    let h = if forward == strike {
        0.0
    } else {
        distance::<S>(forward, strike).high / v
    };
    let (near, far) = (h - 0.5 * v, h + 0.5 * v);
    let log_density = INV_SQRT_2PI.ln() - 0.5 * near * near;
    let log_slope = log_density;
    if near < -1.0 {
        let rest = mills_any::<S>(-near) + mills_any::<S>(far);
        let room = log_density + rest.ln();
        return OutValue {
            log_value: (-room.exp()).ln_1p(),
            log_room: room,
            log_slope,
        };
    }
    let value = log_density + mills_gap::<S>(near, far, v).ln();
    OutValue {
        log_value: value,
        log_room: (-value.exp()).ln_1p(),
        log_slope,
    }
}
