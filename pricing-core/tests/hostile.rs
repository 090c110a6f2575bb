//! No input, however hostile, panics, hangs or gives a plausible wrong number; and what holds for
//! every option: bounds, parity, homogeneity, monotonicity, convexity, the way back from a price.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failed assumption fails the test

use pricing_core::batch::{evaluate_into, evaluate_one};
use pricing_core::columns::{Column, Kinds, Options};
use pricing_core::extreme::Option76;
use pricing_core::implied::Premium;
use pricing_core::touch::{Touch, touch_one};
use pricing_core::types::{IvStatus, OUTPUTS, Output, Wanted};
use pricing_core::volatilities::implied_one;
use proptest::prelude::*;

/// Any double at all, with the difficult ones often.
fn any_bits() -> impl Strategy<Value = f64> {
    let edges = vec![
        0.0,
        -0.0,
        1.0,
        -1.0,
        f64::NAN,
        f64::INFINITY,
        f64::NEG_INFINITY,
        f64::MIN_POSITIVE,
        5e-324,
        1e308,
        f64::MAX,
        1e-300,
        1e-16,
        1e16,
        0.5,
        2.0,
        37.5,
        41.0,
        700.0,
        1e-160,
        1e160,
    ];
    prop_oneof![
        any::<u64>().prop_map(f64::from_bits),
        prop::sample::select(edges),
        -10.0..10.0
    ]
}

/// Arguments of a market, wide of anything seen.
fn market() -> impl Strategy<Value = Option76> {
    (
        any::<bool>(),
        -6.0..6.0,
        -10.0..10.0,
        -6.0..1.5,
        -3.0..0.8,
        -0.1..0.2,
    )
        .prop_map(|(is_call, size, deviations, time, level, rate)| {
            let (forward, years): (f64, f64) = (10f64.powf(size), 10f64.powf(time));
            let deviations: f64 = deviations;
            let vol = 10f64.powf(level);
            let strike = forward * (deviations * vol * years.sqrt()).exp().clamp(1e-30, 1e30);
            Option76 {
                is_call,
                forward,
                strike,
                years,
                vol,
                rate,
            }
        })
}

fn price(option: &Option76) -> f64 {
    evaluate_one(option, Wanted::NONE.with(Output::Price)).unwrap()[0]
}

fn discount(option: &Option76) -> f64 {
    (-option.rate * option.years).exp()
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(3000) })]

    #[test]
    fn any_bits_give_a_refusal_or_a_price_within_its_bounds(
        is_call: bool,
        (forward, strike, years) in (any_bits(), any_bits(), any_bits()),
        (vol, rate, paid) in (any_bits(), any_bits(), any_bits()),
    ) {
        let option = Option76 { is_call, forward, strike, years, vol, rate };
        let columns = [forward, strike, years, vol, rate].map(|value| [value; 3]);
        let options = Options {
            is_call: Kinds::One(is_call),
            forward: Column::Many(&columns[0]),
            strike: Column::Many(&columns[1]),
            years: Column::Many(&columns[2]),
            vol: Column::Many(&columns[3]),
            rate: Column::Many(&columns[4]),
        };
        let mut batch = [0.0; 3];
        let targets = std::array::from_fn(|_| None);
        let mut targets: [Option<&mut [f64]>; OUTPUTS] = targets;
        targets[0] = Some(&mut batch);
        evaluate_into(&options, 3, targets, 1).unwrap();
        match evaluate_one(&option, Wanted::ALL) {
            Err(_) => prop_assert!(batch.iter().all(|x| x.is_nan())),
            Ok(outputs) => {
                prop_assert!(batch.iter().all(|x| x.to_bits() == outputs[0].to_bits()));
                let factor = discount(&option);
                let cap = factor * if is_call { forward } else { strike };
                prop_assert!(outputs[0] >= 0.0, "{option:?} {}", outputs[0]);
                prop_assert!(outputs[0] <= cap * (1.0 + 1e-14), "{option:?} {}", outputs[0]);
                prop_assert!(outputs[1].abs() <= factor * (1.0 + 1e-14), "{option:?}");
// Theta and charm are differences, whose two terms may both overflow at the ends
                // of the doubles: that is the one NaN from arguments inside the domain.
                let tame = [forward, strike].iter().all(|x| (1e-140..1e140).contains(x));
                let tame = tame && rate.abs() < 1e100 && vol < 1e100 && years < 1e100;
                for (output, value) in Output::ALL.into_iter().zip(outputs) {
                    let is_difference = matches!(output, Output::Theta | Output::Charm);
                    let may_be_nan = is_difference && !tame;
                    prop_assert!(may_be_nan || !value.is_nan(), "{output:?} {option:?}");
                }
            }
        }
        for premium in [Premium::Quote, Premium::Coin, Premium::TimeValue] {
            let (found, status) = implied_one(&option, paid, premium);
            match status {
                IvStatus::Ok => prop_assert!(found > 0.0 && found.is_finite()),
                IvStatus::NoInformation => prop_assert!(found.is_nan() || found > 0.0),
                IvStatus::NotConverged => prop_assert!(false, "{option:?} {paid:e} {premium:?}"),
                _ => prop_assert!(found.is_nan()),
            }
        }
        let level = Touch { spot: forward, forward, level: strike, years, vol };
        if let Ok(chance) = touch_one(&level) {
            prop_assert!((0.0..=1.0).contains(&chance), "{level:?} {chance}");
        }
    }

    #[test]
    fn calls_less_puts_are_the_discounted_forward_less_the_strike(option in market()) {
        let call = price(&Option76 { is_call: true, ..option });
        let put = price(&Option76 { is_call: false, ..option });
        let worth = discount(&option) * (option.forward - option.strike);
        let size = call.max(put).max(worth.abs());
        prop_assert!((call - put - worth).abs() <= 4e-15 * size);
    }

    #[test]
    fn doubling_forward_and_strike_doubles_the_price(option in market()) {
        // A power of two scales every double exactly, so that the bits must agree too.
        let doubled = Option76 { forward: 2.0 * option.forward, strike: 2.0 * option.strike, ..option };
        prop_assert_eq!(price(&doubled).to_bits(), (2.0 * price(&option)).to_bits());
    }

    #[test]
    fn prices_rise_with_vol_and_time_and_towards_the_money(option in market(), step in 1e-6..0.5f64) {
        let base = price(&option);
        let slack = base * 4e-15;
        let louder = price(&Option76 { vol: option.vol * (1.0 + step), ..option });
        prop_assert!(louder >= base - slack);
        let undiscounted = Option76 { rate: 0.0, ..option };
        let longer = Option76 { years: option.years * (1.0 + step), ..undiscounted };
        prop_assert!(price(&longer) >= price(&undiscounted) * (1.0 - 4e-15));
        let factor = if option.is_call { 1.0 + step } else { 1.0 / (1.0 + step) };
        let nearer = price(&Option76 { forward: option.forward * factor, ..option });
        prop_assert!(nearer >= base - slack);
    }

    #[test]
    fn prices_are_convex_in_the_strike(option in market(), gap in 1e-3..0.3f64) {
        let at = |strike: f64| price(&Option76 { strike, ..option });
        let (low, high) = (option.strike * (1.0 - gap), option.strike * (1.0 + gap));
        let (below, middle, above) = (at(low), at(option.strike), at(high));
        // The strikes themselves are rounded, which moves a price by as much.
        let slack = 8e-15 * below.max(above) + 4.0 * f64::EPSILON * option.strike;
        prop_assert!(below + above - 2.0 * middle >= -slack);
    }

    #[test]
    fn the_vol_of_a_price_is_the_vol_that_made_it(option in market()) {
        let outputs = evaluate_one(&option, Wanted::ALL).unwrap();
        let (found, status) = implied_one(&option, outputs[0], Premium::Quote);
        if status == IvStatus::Ok {
            let vega = outputs[Output::Vega as usize];
            let attainable = 2.2e-16 * (4.0 + outputs[0] / (option.vol * vega));
            let error = (found / option.vol - 1.0).abs();
            // The price itself is off by some units, and near a bound the vol is not linear in it.
            prop_assert!(error <= 40.0 * attainable, "{option:?} {found} {error:e} {attainable:e}");
        }
    }
}
