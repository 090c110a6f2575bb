//! Implied volatility on lanes: a seed, then Householder steps of third order on ln(price).
//!
//! With β the out-of-the-money value over min(F, K) and `s = (M(a) − M(b))/v` (see
//! [`crate::black`]), `ln β = ln(s·v/√(2π)) − a²/2` and `d ln β/dv = 1/(s·v)`, so that a step
//! needs a logarithm and no exponential. A lane that has converged is frozen: the bits of a row do
//! not depend on its neighbours. Rows that are not answered here (β above a half, time value
//! lost in the price, bad arguments, statuses) go one at a time to [`crate::implied_rare`].

use crate::black::{INV_SQRT_2PI, Moneyness, moneyness};
use crate::lanes::{Lane, LaneMask};
use crate::math::elementary::{exp_pair, log, sum};
use crate::math::mills::{MILLS_HIGH, MILLS_LOW, mills_pair};

/// What is known of an option whose volatility is asked.
#[derive(Clone, Copy)]
pub struct Quoted<L: Lane> {
    /// Call, else put.
    pub is_call: L::Mask,
    /// Forward price.
    pub forward: L,
    /// Strike.
    pub strike: L,
    /// Years to expiry.
    pub years: L,
    /// Undiscounted price as an unevaluated sum, quote currency.
    pub price: L,
    /// Second part of the price.
    pub price_low: L,
}

/// In what the price of an implied volatility is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Premium {
    /// Discounted price in quote currency.
    Quote = 0,
    /// Undiscounted price over the forward: coin-settled options.
    Coin = 1,
    /// Discounted price less discounted intrinsic value, quote currency.
    TimeValue = 2,
}

impl Premium {
    /// The kind of that number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        [Self::Quote, Self::Coin, Self::TimeValue]
            .into_iter()
            .find(|kind| *kind as u8 == code)
    }
}

/// A relative step below this leaves an error of its fourth power.
const STEP_SMALL: f64 = 3e-5;
const STEPS_MAX: u32 = 5;
/// Time value and room to the bound below this share of the price need more than doubles.
const SHARE_LOW: f64 = 1e-12;
const BETA_LOW: f64 = 1e-250;
const BETA_HIGH: f64 = 0.5;
const MONEY_LOW: f64 = 1e-70;
const MONEY_HIGH: f64 = 1e70;

/// Undiscounted price of the bundle from a quoted one.
#[inline(always)]
pub fn undiscounted<L: Lane>(price: L, rate: L, years: L) -> L {
    let exponent = rate * years;
    let low = L::splat(0.0) - rate.residual(years, exponent);
    price * exp_pair(exponent, low)
}

/// Implied volatilities of a bundle, and the lanes that are *rare*: their value is not meaningful
/// and must be taken, with a status, from [`crate::implied_rare::solve`]. The status of the others
/// is ok.
#[inline(always)]
pub fn solve<L: Lane>(quoted: &Quoted<L>, is_time_value: bool) -> (L, u32) {
    let money = moneyness(quoted.forward, quoted.strike, L::splat(0.0));
    let zero = L::splat(0.0);
    let call_is_out = money.call_is_out;
    let is_in = if is_time_value {
        L::Mask::splat(false)
    } else {
        (quoted.is_call & !call_is_out) | (!quoted.is_call & call_is_out)
    };
    let intrinsic = sum(money.high, zero - money.low);
    let inside = (quoted.price - intrinsic.high) + (quoted.price_low - intrinsic.low);
    let value = L::select(is_in, inside, quoted.price);
    let per_low = L::splat(1.0) / money.low;
    let beta = value * per_low;
    let fine = L::splat(MONEY_LOW).le(money.low)
        & money.high.le(L::splat(MONEY_HIGH))
        & L::splat(BETA_LOW).le(beta)
        & beta.le(L::splat(BETA_HIGH))
        & (L::splat(SHARE_LOW) * quoted.price).le(value)
        & L::splat(MONEY_LOW).le(quoted.years)
        & quoted.years.le(L::splat(MONEY_HIGH));
    let x = money.distance.high;
    let target = money.low / value;
    let start = seed(x, &money, beta, per_low, target);
    let (total, solved) = refine(x, target, start, fine);
    let vol = total / quoted.years.sqrt();
    (vol, (!(fine & solved)).bits() & ((1 << L::WIDTH) - 1))
}

/// ln x to about a hundredth, for positive normal x.
#[inline(always)]
fn rough_log<L: Lane>(x: L) -> L {
    let (n, octaves) = x.split_ratio(L::splat(1.0));
    let f = n - L::splat(1.0);
    let inner = f
        .mul_add(L::splat(-0.2), L::splat(0.33))
        .mul_add(f, L::splat(-0.5));
    let near = (inner * f).mul_add(f, f);
    octaves.mul_add(L::splat(std::f64::consts::LN_2), near)
}

/// Total volatility to some percent.
///
/// Near the money the formula of Corrado and Miller (1996); in the wings the root of
/// `h²/2 + ln h + ln(1 + 1.25h + h²) = ln(x/β) + x/2 − ln √(2π)`, where the third term stands for
/// the logarithm of 1/(1 − h·M(h)), by two Newton steps.
#[inline(always)]
fn seed<L: Lane>(x: L, money: &Moneyness<L>, beta: L, per_low: L, target: L) -> L {
    let one = L::splat(1.0);
    let half = L::splat(0.5);
    let excess = (money.high - money.low) * per_low;
    let centred = excess.mul_add(half, beta);
    let under_root = (excess * excess).neg_mul_add(L::splat(FRAC_1_PI), centred * centred);
    let near = (centred + under_root.max(L::splat(0.0)).sqrt()) * L::splat(SQRT_2PI)
        / (excess + L::splat(2.0));
    let floor = x.max(L::splat(1e-200));
    let level = rough_log(floor * target) + x.mul_add(half, L::splat(-0.918_938_5));
    // For small h the equation reads ln h = level; for large h, h² = 2·level.
    let mut h = (level + level).max(one).sqrt();
    for _ in 0..2 {
        let quadratic = (h + L::splat(1.25)).mul_add(h, one);
        let product = h * quadratic;
        let excess = h.mul_add(half * h, rough_log(product)) - level;
        let slope = h + (quadratic + h * (h + h + L::splat(1.25))) / product;
        h = (h - excess / slope).max(L::splat(0.3));
    }
    let far = x / h;
    let is_far = near.mul_add(L::splat(NEAR_RATIO), L::splat(0.0)).lt(x);
    L::select(is_far, far, near)
}

const FRAC_1_PI: f64 = std::f64::consts::FRAC_1_PI;
const SQRT_2PI: f64 = 2.506_628_274_631_000_5;
/// Up to this ratio of |ln(F/K)| to its own answer the formula for the money is the better one.
const NEAR_RATIO: f64 = 1.0;

/// Householder steps until each lane that is fine has converged; true where it has.
#[inline(always)]
fn refine<L: Lane>(x: L, target: L, start: L, fine: L::Mask) -> (L, L::Mask) {
    let half = L::splat(0.5);
    let mut v = start;
    let mut active = fine;
    let mut good = fine;
    let weight = target * L::splat(INV_SQRT_2PI);
    for _ in 0..STEPS_MAX {
        let h = x / v;
        let t = half * v;
        let near = h - t;
        let far = h + t;
        good = good & (!active | (L::splat(MILLS_LOW).le(near) & far.le(L::splat(MILLS_HIGH))));
        let slope = mills_pair(near, far).slope;
        let f = log(slope * v * weight) - (half * near) * near;
        let newton = L::splat(0.0) - f * slope;
        let bend = near * far;
        let first = newton.mul_add(bend, f);
        let curve = bend.mul_add(bend, L::splat(-3.0) * h * h) - t * t;
        let cross = (L::splat(3.0) * bend).mul_add(newton, f + f) * f;
        let second = (newton * newton).mul_add(curve, cross);
        let above = newton * first.mul_add(half, L::splat(1.0));
        let below = second.mul_add(L::splat(1.0 / 6.0), first) + L::splat(1.0);
        let step = above / below;
        v = L::select(active, step.mul_add(v, v), v);
        active = active & good & !(step.abs().le(L::splat(STEP_SMALL)));
        if active.bits() & ((1 << L::WIDTH) - 1) == 0 {
            break;
        }
    }
    (v, good & !active)
}
