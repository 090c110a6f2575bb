//! Black-76 price and raw partials, on lanes.
//!
//! `c = D·(F·Φ(d₁) − K·Φ(d₂))`, `d₁,₂ = ln(F/K)/v ± v/2`, `v = σ√T`, `D = exp(−rT)`.
//!
//! The out-of-the-money option is priced first, and parity applied last. With `h = |ln(F/K)|/v`,
//! `t = v/2`, `a = h − t`, `b = h + t` and Mills ratio M, the out-of-the-money value of either kind
//! is `min(F, K)·φ(a)·(M(a) − M(b))`: one exponential, no difference of near numbers. What the
//! wings amplify (ln(F/K), v, h and a) is carried as pairs of doubles, so that φ(a) is good to
//! a few units in the last place. Rows outside the range of the polynomials are marked *rare*
//! and go to [`crate::extreme`]. Accuracy: `tests/reference.rs`. Source: Black (1976).

use crate::lanes::{Lane, LaneMask};
use crate::math::elementary::{LN2_HIGH, LN2_LOW, Pair, exp_pair, log_ratio, sum};
use crate::math::mills::{MILLS_HIGH, MILLS_LOW, mills_pair};
use crate::types::{Output, Wanted};

/// 1/√(2π).
pub const INV_SQRT_2PI: f64 = 0.398_942_280_401_432_7;
/// What [`INV_SQRT_2PI`] lacks, relative to it.
const INV_SQRT_2PI_REST: f64 = -6.247_337_8e-17;

/// Above this no partial loses digits to underflow that it could hold.
const WEIGHT_LOW: f64 = 1e-290;
/// Forwards and strikes up to this can not overflow any partial that a double could hold.
const MONEY_HIGH: f64 = 1e70;
/// Times and total vols above this keep the rounding errors of their pairs normal.
const TIME_LOW: f64 = 1e-60;
const TIME_HIGH: f64 = 1e60;
/// φ(a) stays a normal double.
const ARM_HIGH: f64 = 37.5;
/// exp(−rT) stays far from the ends of the doubles.
const DISCOUNT_EXPONENT_HIGH: f64 = 100.0;

/// The arguments of a bundle of options.
#[derive(Clone, Copy)]
pub struct Row<L: Lane> {
    /// Call, else put.
    pub is_call: L::Mask,
    /// Forward price.
    pub forward: L,
    /// Strike.
    pub strike: L,
    /// Volatility.
    pub vol: L,
}

/// Time to expiry.
#[derive(Clone, Copy)]
pub struct Clock<L> {
    /// Years to expiry, T.
    pub years: L,
    /// √T.
    pub root: Pair<L>,
    /// 1/(2√T).
    pub half_per_root: L,
}

/// Distance to the money: |ln(F/K)| with which side is which.
#[derive(Clone, Copy)]
pub struct Moneyness<L: Lane> {
    /// The call is out of the money (or at it).
    pub call_is_out: L::Mask,
    /// min(F, K).
    pub low: L,
    /// max(F, K).
    pub high: L,
    /// |ln(F/K)|.
    pub distance: Pair<L>,
}

/// Total volatility and its parts.
#[derive(Clone, Copy)]
pub struct Spread<L> {
    /// σ√T.
    pub total: Pair<L>,
    /// 1/(σ√T), within two units in the last place.
    pub reciprocal: L,
}

/// Discount factor and rate.
#[derive(Clone, Copy)]
pub struct Discount<L> {
    /// Continuously compounded rate.
    pub rate: L,
    /// exp(−rT).
    pub factor: L,
}

/// The pair of arguments of the Mills ratios, and the density at the first.
#[derive(Clone, Copy)]
pub struct Arms<L> {
    /// h − v/2, the nearer.
    pub near: L,
    /// h + v/2.
    pub far: L,
    /// φ(near).
    pub density: L,
}

/// Where outputs go; implemented by whoever holds the columns.
pub trait Sink<L> {
    /// Takes one output of the bundle.
    fn put(&mut self, output: Output, value: L);
}

/// |ln(F/K)| as a pair, for positive normal F and K; `extra` octaves are added to ln(F/K).
#[inline(always)]
pub fn moneyness<L: Lane>(forward: L, strike: L, extra: L) -> Moneyness<L> {
    let call_is_out = forward.le(strike);
    let signed = log_ratio(forward, strike, extra);
    let zero = L::splat(0.0);
    Moneyness {
        call_is_out,
        low: L::select(call_is_out, forward, strike),
        high: L::select(call_is_out, strike, forward),
        distance: Pair {
            high: signed.high.abs(),
            low: L::select(call_is_out, zero - signed.low, signed.low),
        },
    }
}

/// √T as a pair, for normal T.
#[inline(always)]
pub fn clock<L: Lane>(years: L) -> Clock<L> {
    let root = years.sqrt();
    // √T − root = (T − root²)/(2·root) to first order.
    let half_per_root = L::splat(0.5) / root;
    let low = root.residual(root, years) * half_per_root;
    Clock {
        years,
        root: Pair { high: root, low },
        half_per_root,
    }
}

/// σ√T as a pair.
#[inline(always)]
pub fn spread<L: Lane>(vol: L, clock: &Clock<L>) -> Spread<L> {
    let root = clock.root;
    let total = vol * root.high;
    let low = vol.mul_add(root.low, L::splat(0.0) - vol.residual(root.high, total));
    Spread {
        total: Pair { high: total, low },
        reciprocal: L::splat(1.0) / total,
    }
}

/// h and near = h − v/2 as pairs, with far = h + v/2.
#[inline(always)]
fn near_and_far<L: Lane>(distance: Pair<L>, spread: &Spread<L>) -> (Pair<L>, L) {
    let v = spread.total;
    let h = distance.high * spread.reciprocal;
    let rest = h.residual(v.high, distance.high) + h.neg_mul_add(v.low, distance.low);
    let h_low = rest * spread.reciprocal;
    let half = L::splat(0.5);
    let t = half * v.high;
    let near = sum(h, L::splat(0.0) - t);
    let low = near.low + v.low.neg_mul_add(half, h_low);
    (
        Pair {
            high: near.high,
            low,
        },
        h + t,
    )
}

/// −x²/2 as a pair, plus what [`INV_SQRT_2PI`] lacks.
#[inline(always)]
fn density_exponent<L: Lane>(x: Pair<L>) -> Pair<L> {
    let minus_half = L::splat(-0.5);
    let square = x.high * x.high;
    let rest = x.high.mul_add(
        x.low + x.low,
        L::splat(0.0) - x.high.residual(x.high, square),
    );
    let low = minus_half.mul_add(rest, L::splat(INV_SQRT_2PI_REST));
    Pair {
        high: minus_half * square,
        low,
    }
}

/// The arguments of the Mills ratios; `density` is good for |near| ≤ 37.5.
#[inline(always)]
pub fn arms<L: Lane>(distance: Pair<L>, spread: &Spread<L>) -> Arms<L> {
    let (near, far) = near_and_far(distance, spread);
    let exponent = density_exponent(near);
    let density = L::splat(INV_SQRT_2PI) * exp_pair(exponent.high, exponent.low);
    Arms {
        near: near.high,
        far,
        density,
    }
}

/// φ(near) of a one-wide lane as a fraction and a power of two, for |near| ≤ 64.
#[must_use]
pub fn scaled_density<S: Lane>(distance: Pair<S>, spread: &Spread<S>) -> (f64, i32) {
    // Adding 200 ln 2 as often as needed keeps the fraction far from underflow.
    const STEP: i32 = 200;
    let (near, _) = near_and_far(distance, spread);
    let exponent = density_exponent(near);
    let mut steps = 0;
    let mut high = exponent.high;
    let mut low = exponent.low;
    while high.first() < -150.0 {
        let moved = sum(high, S::splat(f64::from(STEP) * LN2_HIGH));
        high = moved.high;
        low = low + moved.low + S::splat(f64::from(STEP) * LN2_LOW);
        steps += 1;
    }
    (INV_SQRT_2PI * exp_pair(high, low).first(), -STEP * steps)
}

/// exp(−rT), and whether it is in range.
#[inline(always)]
pub fn discount<L: Lane>(rate: L, years: L) -> (Discount<L>, L::Mask) {
    let zero = L::splat(0.0);
    let exponent = rate * years;
    let low = zero - rate.residual(years, exponent);
    let factor = exp_pair(zero - exponent, zero - low);
    let in_range = exponent.abs().le(L::splat(DISCOUNT_EXPONENT_HIGH));
    (Discount { rate, factor }, in_range)
}

/// Lanes whose arguments are in the range of [`evaluate`]'s polynomials.
#[inline(always)]
fn in_range<L: Lane>(
    years: L,
    money: &Moneyness<L>,
    spread: &Spread<L>,
    arms: &Arms<L>,
    weight: L,
) -> L::Mask {
    L::splat(WEIGHT_LOW).le(weight)
        & money.high.le(L::splat(MONEY_HIGH))
        & L::splat(TIME_LOW).le(years)
        & years.le(L::splat(TIME_HIGH))
        & L::splat(TIME_LOW).le(spread.total.high)
        & L::splat(MILLS_LOW).le(arms.near)
        & arms.near.le(L::splat(ARM_HIGH))
        & arms.far.le(L::splat(MILLS_HIGH))
}

/// Prices and partials of a bundle. Returns the lanes that are *rare*: their outputs are not
/// meaningful and must be taken from [`crate::extreme::evaluate`].
#[inline(always)]
pub fn evaluate<L: Lane>(
    row: &Row<L>,
    clock: &Clock<L>,
    discount: Option<&Discount<L>>,
    wanted: Wanted,
    sink: &mut impl Sink<L>,
) -> u32 {
    let spread = spread(row.vol, clock);
    let money = moneyness(row.forward, row.strike, L::splat(0.0));
    let arms = arms(money.distance, &spread);
    let pair = mills_pair(arms.near, arms.far);
    let v = spread.total;
    let gap = pair.slope.mul_add(v.high, pair.slope * v.low);
    let weight = money.low * arms.density;
    let fine = in_range(clock.years, &money, &spread, &arms, weight);
    let value = Valued {
        money,
        arms,
        spread,
        far_ratio: pair.far,
        gap,
        weight,
    };
    put_all(row, clock, discount, &value, wanted, sink);
    (!fine).bits() & ((1 << L::WIDTH) - 1)
}

/// The out-of-the-money option of each lane, valued.
struct Valued<L: Lane> {
    money: Moneyness<L>,
    arms: Arms<L>,
    spread: Spread<L>,
    /// M(far).
    far_ratio: L,
    /// M(near) − M(far).
    gap: L,
    /// min(F, K)·φ(near) = F·φ(d₁) = K·φ(d₂).
    weight: L,
}

/// `factor·x`, or x where there is no discount.
#[inline(always)]
fn discounted<L: Lane>(discount: Option<&Discount<L>>, x: L) -> L {
    match discount {
        Some(discount) => discount.factor * x,
        None => x,
    }
}

/// `rate·value + change`, or the change where there is no discount.
#[inline(always)]
fn carried<L: Lane>(discount: Option<&Discount<L>>, value: L, change: L) -> L {
    match discount {
        Some(discount) => discount.rate.mul_add(value, change),
        None => change,
    }
}

#[inline(always)]
fn put_all<L: Lane>(
    row: &Row<L>,
    clock: &Clock<L>,
    discount: Option<&Discount<L>>,
    value: &Valued<L>,
    wanted: Wanted,
    sink: &mut impl Sink<L>,
) {
    let zero = L::splat(0.0);
    let one = L::splat(1.0);
    let call_is_out = value.money.call_is_out;
    let call_is_in = !call_is_out;
    let is_in = (row.is_call & call_is_in) | (!row.is_call & call_is_out);
    let intrinsic = L::select(is_in, value.money.high - value.money.low, zero);
    let price = discounted(discount, value.weight.mul_add(value.gap, intrinsic));
    if wanted.has(Output::Price) {
        sink.put(Output::Price, price);
    }
    if !wanted.has_partials() {
        return;
    }
    let d2 = L::select(call_is_out, zero - value.arms.far, value.arms.near);
    let weight = discounted(discount, value.weight);
    let per_total = value.spread.reciprocal;
    let per_forward = one / row.forward;
    let density = value.weight * per_forward;
    let near_ratio = value.far_ratio + value.gap;
    let near_chance = value.arms.density * near_ratio;
    let probability = L::select(call_is_out, near_chance, density * value.far_ratio);
    let chance = L::select(is_in, one - probability, probability);
    let delta = discounted(discount, L::select(row.is_call, chance, zero - chance));
    if wanted.has(Output::Delta) {
        sink.put(Output::Delta, delta);
    }
    if wanted.has(Output::Gamma) {
        sink.put(
            Output::Gamma,
            discounted(discount, density) * (per_forward * per_total),
        );
    }
    let vega = weight * clock.root.high;
    if wanted.has(Output::Vega) {
        sink.put(Output::Vega, vega);
    }
    if wanted.has(Output::Theta) {
        let decay = zero - weight * (row.vol * clock.half_per_root);
        sink.put(Output::Theta, carried(discount, price, decay));
    }
    if wanted.has(Output::Rho) {
        sink.put(Output::Rho, (zero - clock.years) * price);
    }
    if wanted.has(Output::Vanna) {
        let per_vol = clock.root.high * per_total;
        sink.put(
            Output::Vanna,
            zero - discounted(discount, density) * (d2 * per_vol),
        );
    }
    if wanted.has(Output::Volga) {
        let bend = (value.arms.near * value.arms.far) * (clock.root.high * per_total);
        sink.put(Output::Volga, vega * bend);
    }
    if wanted.has(Output::Charm) {
        let rate_of_d1 = (clock.half_per_root * clock.half_per_root) * (d2 + d2);
        let drift = discounted(discount, density) * rate_of_d1;
        sink.put(Output::Charm, carried(discount, delta, drift));
    }
    if wanted.has(Output::DualDelta) || wanted.has(Output::DualGamma) {
        let per_strike = one / row.strike;
        let far_chance = value.weight * per_strike * value.far_ratio;
        let probability = L::select(call_is_out, far_chance, near_chance);
        let chance = L::select(is_in, one - probability, probability);
        if wanted.has(Output::DualDelta) {
            sink.put(
                Output::DualDelta,
                discounted(discount, L::select(row.is_call, zero - chance, chance)),
            );
        }
        if wanted.has(Output::DualGamma) {
            let second = (weight * per_strike) * (per_strike * per_total);
            sink.put(Output::DualGamma, second);
        }
    }
}
