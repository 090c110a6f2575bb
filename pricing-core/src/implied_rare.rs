//! Implied volatility of one option, whatever the arguments: the status of each row is decided
//! here, and the rows that the lanes leave are solved inside a bracket.

use crate::extreme::{Option76, out_value};
use crate::implied::Premium;
use crate::lanes::Lane;
use crate::math::double_double::DoubleDouble;
use crate::types::IvStatus;

/// A price is too near a bound where this many units in its last place would reach it.
const UNITS_TOO_NEAR: f64 = 2.0;
/// Steps after which the solver gives up; bisection alone needs fewer than 80.
pub const STEPS_MAX: u32 = 200;

/// Above this, sums of two numbers are formed in eighths.
const HUGE: f64 = 1e300;
/// Below this a product loses digits.
const TINY: f64 = 1e-290;

/// What the price says: the time value and the room to the upper bound, undiscounted.
struct Stated {
    value: f64,
    /// ln(value / min(F, K)).
    log_value: f64,
    room: f64,
    status: IvStatus,
}

/// Implied volatility of one option and its status; NaN unless the status is ok or no information.
#[must_use]
#[inline(always)]
pub fn solve<S: Lane>(option: &Option76, price: f64, premium: Premium) -> (f64, IvStatus) {
    if !price.is_finite()
        || (Option76 {
            vol: 0.0,
            years: option.years.max(0.0),
            ..*option
        })
        .check()
        .is_err()
        || !option.years.is_finite()
    {
        return (f64::NAN, IvStatus::BadInput);
    }
    if option.years <= 0.0 {
        return (f64::NAN, IvStatus::Expired);
    }
    if price < 0.0 {
        return (f64::NAN, IvStatus::BelowIntrinsic);
    }
    let stated = state(option, price, premium);
    if !matches!(stated.status, IvStatus::Ok | IvStatus::NoInformation)
        || stated.value <= 0.0
        || stated.room <= 0.0
    {
        return (f64::NAN, stated.status);
    }
    match bracketed::<S>(option, &stated) {
        Some(total) => (total / option.years.sqrt(), stated.status),
        None => (f64::NAN, IvStatus::NotConverged),
    }
}

/// The spacing of doubles at |x|.
fn unit(x: f64) -> f64 {
    let x = x.abs();
    let up = x.next_up() - x;
    if up.is_finite() {
        up
    } else {
        x - x.next_down()
    }
}

fn state(option: &Option76, price: f64, premium: Premium) -> Stated {
    let Option76 {
        is_call,
        forward,
        strike,
        years,
        rate,
        ..
    } = *option;
    let (low, high) = if forward <= strike {
        (forward, strike)
    } else {
        (strike, forward)
    };
    let is_in = is_call == (forward > strike) && forward != strike && premium != Premium::TimeValue;
    let growth = if rate == 0.0 || premium == Premium::Coin {
        DoubleDouble::from(1.0)
    } else {
        DoubleDouble::product(rate, years).exp()
    };
    let quoted = match premium {
        Premium::Coin => DoubleDouble::product(price, forward),
        _ => growth.times(price),
    };
    if !quoted.high.is_finite() {
        let room = f64::NEG_INFINITY;
        return Stated {
            value: quoted.high,
            log_value: f64::INFINITY,
            room,
            status: IvStatus::AboveBound,
        };
    }
    let ulp = match premium {
        Premium::Coin => unit(price) * forward,
        _ => unit(price) * growth.high,
    };
    let cap = if is_in { high } else { low };
    // Sums near the largest double would overflow on the way: eighths of them do not.
    let shrink = if high > HUGE { 0.125 } else { 1.0 };
    let shrunk = DoubleDouble {
        high: quoted.high * shrink,
        low: quoted.low * shrink,
    };
    let value = if is_in {
        shrunk.minus(high * shrink).plus(low * shrink).high / shrink
    } else {
        quoted.high
    };
    let room = DoubleDouble::from(cap * shrink).minus_pair(shrunk).high / shrink;
    let near = UNITS_TOO_NEAR * ulp;
    let status = if value < -near {
        IvStatus::BelowIntrinsic
    } else if room < -near {
        IvStatus::AboveBound
    } else if value <= near || room <= near {
        IvStatus::NoInformation
    } else {
        IvStatus::Ok
    };
    let log_value = if value > TINY || is_in {
        log_ratio_of(value, low)
    } else {
        // The undiscounted value may have lost digits below the normal doubles: the price has not.
        match premium {
            Premium::Coin => price.ln() + log_ratio_of(forward, low),
            _ => price.ln() - low.ln() + rate * years,
        }
    };
    Stated {
        value,
        log_value,
        room,
        status,
    }
}

/// ln(a / b), without the rounding of large logarithms where the ratio is an ordinary number.
fn log_ratio_of(a: f64, b: f64) -> f64 {
    let ratio = a / b;
    if ratio.is_normal() {
        ratio.ln()
    } else {
        a.ln() - b.ln()
    }
}

/// Total volatility by Newton steps on the logarithm of the value (or of the room to the bound),
/// held inside a bracket and replaced by bisection where they leave it or stall.
#[inline(always)]
fn bracketed<S: Lane>(option: &Option76, stated: &Stated) -> Option<f64> {
    let low = option.forward.min(option.strike);
    let by_value = stated.value <= stated.room;
    let goal = if by_value {
        stated.log_value
    } else {
        log_ratio_of(stated.room, low)
    };
    let (mut floor, mut ceiling) = (f64::MIN_POSITIVE.sqrt(), 200.0_f64);
    let mut v = (stated.value / low * 2.5).clamp(1e-3, 3.0);
    let mut last = f64::INFINITY;
    for _ in 0..STEPS_MAX {
        let at = out_value::<S>(option.forward, option.strike, v);
        let (f, slope) = if by_value {
            (at.log_value - goal, (at.log_slope - at.log_value).exp())
        } else {
            (goal - at.log_room, (at.log_slope - at.log_room).exp())
        };
        if f == 0.0 {
            return Some(v);
        }
        if f > 0.0 {
            ceiling = v
        } else {
            floor = v
        }
        let newton = v - f / slope;
        let inside = newton > floor && newton < ceiling && (newton - v).abs() < 0.5 * last;
        let next = if inside {
            newton
        } else {
            (floor.ln() * 0.5 + ceiling.ln() * 0.5).exp()
        };
        last = (next - v).abs();
        let done = last <= 2.0 * f64::EPSILON * v || ceiling - floor <= f64::EPSILON * v;
        v = next;
        if done {
            return Some(v);
        }
    }
    None
}
