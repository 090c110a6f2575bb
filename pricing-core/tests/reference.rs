//! Prices, partials and implied volatilities against exact values.
//!
//! `fixtures/black76_sample.csv` holds rows computed with mpmath at 60 digits from exact doubles,
//! rounded once; its header line says from where. Errors are measured as its README states: theta,
//! vanna and volga against the size of their terms, implied vol against what the rounded price
//! determines. `QUANTDESK_REFERENCE` may name a larger file of the same columns.

#![allow(clippy::expect_used, clippy::indexing_slicing)] // a failed assumption fails the test

use pricing_core::batch::evaluate_one;
use pricing_core::extreme::Option76;
use pricing_core::implied::Premium;
use pricing_core::types::{IvStatus, Output, Wanted};
use pricing_core::volatilities::implied_one;

/// Allowed relative error of price and every partial; the measured worst is 5e-15.
const TOLERANCE: f64 = 2e-14;
/// Allowed multiple of the attainable error of an implied volatility; the measured worst is 1.7.
const IV_MULTIPLE: f64 = 4.0;

struct Reference {
    option: Option76,
    exact: Vec<(Output, f64)>,
    price: f64,
    iv: Option<f64>,
}

fn rows() -> Vec<Reference> {
    let path = std::env::var("QUANTDESK_REFERENCE").unwrap_or_else(|_| {
        format!(
            "{}/tests/fixtures/black76_sample.csv",
            env!("CARGO_MANIFEST_DIR")
        )
    });
    let text = std::fs::read_to_string(&path).expect("the reference file is readable");
    let mut lines = text.lines().filter(|line| !line.starts_with('#'));
    let header: Vec<&str> = lines.next().expect("a header").split(',').collect();
    let place = |name: &str| {
        header
            .iter()
            .position(|h| *h == name)
            .expect("a known column")
    };
    let columns = ["forward", "strike", "t", "sigma", "rate", "is_call"].map(place);
    let outputs = [
        (Output::Price, "price"),
        (Output::Delta, "delta"),
        (Output::Gamma, "gamma"),
        (Output::Vega, "vega"),
        (Output::Theta, "theta"),
        (Output::Rho, "rho"),
        (Output::Vanna, "vanna"),
        (Output::Volga, "volga"),
    ]
    .map(|(output, name)| (output, place(name)));
    let iv = place("iv_of_price");
    lines
        .map(|line| {
            let cells: Vec<&str> = line.split(',').collect();
            let number = |place: usize| cells[place].parse::<f64>().expect("a number");
            let [forward, strike, years, vol, rate, is_call] = columns.map(number);
            let exact: Vec<_> = outputs
                .iter()
                .map(|(output, place)| (*output, number(*place)))
                .collect();
            Reference {
                option: Option76 {
                    is_call: is_call == 1.0,
                    forward,
                    strike,
                    years,
                    vol,
                    rate,
                },
                price: exact[0].1,
                exact,
                iv: cells[iv].parse().ok(),
            }
        })
        .collect()
}

/// What an output's error is divided by.
fn size(row: &Reference, output: Output, exact: f64) -> f64 {
    let Option76 {
        forward,
        strike,
        years,
        vol,
        rate,
        ..
    } = row.option;
    let v = vol * years.sqrt();
    let d1 = (forward / strike).ln() / v + 0.5 * v;
    let d2 = d1 - v;
    let vega = row.exact[3].1;
    match output {
        Output::Theta => (exact - rate * row.price).abs() + (rate * row.price).abs(),
        Output::Vanna => vega / (forward * years.sqrt() * vol) * d2.abs().max(1.0),
        Output::Volga => vega / vol * (d1 * d2).abs().max(1.0),
        _ => exact.abs(),
    }
}

#[test]
fn every_output_is_exact_to_a_few_units_in_the_last_place() {
    let rows = rows();
    assert!(rows.len() >= 400, "only {} rows", rows.len());
    let mut worst = (0.0, Output::Price);
    for row in &rows {
        let got = evaluate_one(&row.option, Wanted::ALL).expect("arguments in the domain");
        for (output, exact) in &row.exact {
            let error = (got[*output as usize] - exact).abs() / size(row, *output, *exact);
            assert!(
                error <= TOLERANCE,
                "{output:?} off by {error:e} at {:?}",
                row.option
            );
            if error > worst.0 {
                worst = (error, *output);
            }
        }
    }
    println!("worst relative error {:e} ({:?})", worst.0, worst.1);
}

#[test]
fn implied_volatility_is_what_the_rounded_price_determines() {
    let mut worst: f64 = 0.0;
    for row in rows() {
        let (vol, status) = implied_one(&row.option, row.price, Premium::Quote);
        let Some(exact) = row.iv else {
            assert_ne!(status, IvStatus::Ok, "{:?}", row.option);
            continue;
        };
        let attainable = 2.2e-16 * (4.0 + row.price / (exact * row.exact[3].1));
        let multiple = (vol / exact - 1.0).abs() / attainable;
        assert!(
            multiple <= IV_MULTIPLE,
            "{multiple} times attainable at {:?}",
            row.option
        );
        worst = worst.max(multiple);
    }
    println!("worst multiple of the attainable error {worst}");
}
