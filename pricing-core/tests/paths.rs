//! The instruction sets agree: bits where both fuse, a few units in the last place otherwise; and
//! scalar, batch and chain calls give the same bits on each.

#![allow(clippy::unwrap_used, clippy::indexing_slicing)] // a failed assumption fails the test

use std::sync::Mutex;

use pricing_core::batch::{Targets, evaluate_into, evaluate_one};
use pricing_core::chain::{Expiries, chain_into};
use pricing_core::columns::{Column, Kinds, Options};
use pricing_core::implied::Premium;
use pricing_core::lanes::{Path, default_path, set_path};
use pricing_core::types::{OUTPUTS, Output, Wanted};
use pricing_core::volatilities::{implied_into, implied_one};

/// The path is one for the process: tests that set it take turns.
static TURN: Mutex<()> = Mutex::new(());

/// Units in the last place that the path without fused multiply-add may differ by, in the
/// outputs that no subtraction follows. Half of its rows give the same bits, 99.9 % are within 4.
const UNITS: u64 = 16;

struct Sample {
    is_call: Vec<u8>,
    columns: [Vec<f64>; 5],
}

/// A linear congruential generator: the same rows in each run.
fn sample(rows: usize, seed: u64) -> Sample {
    let mut state = seed;
    let mut uniform = || {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        (state >> 11) as f64 / (1u64 << 53) as f64
    };
    let mut is_call = Vec::new();
    let mut columns: [Vec<f64>; 5] = Default::default();
    for _ in 0..rows {
        let forward = 10f64.powf(uniform() * 8.0 - 2.0);
        let years = 10f64.powf(uniform() * 5.0 - 4.0);
        let vol = 0.02 + 2.0 * uniform() * uniform();
        let deviations = 12.0 * (uniform() - 0.5);
        let strike = forward * (deviations * vol * years.sqrt()).exp();
        let rate = if uniform() < 0.3 {
            0.0
        } else {
            0.2 * uniform() - 0.05
        };
        is_call.push(u8::from(uniform() < 0.5));
        for (column, value) in columns.iter_mut().zip([forward, strike, years, vol, rate]) {
            column.push(value);
        }
    }
    Sample { is_call, columns }
}

impl Sample {
    fn options(&self) -> Options<'_> {
        let [forward, strike, years, vol, rate] = &self.columns;
        Options {
            is_call: Kinds::Many(&self.is_call),
            forward: Column::Many(forward),
            strike: Column::Many(strike),
            years: Column::Many(years),
            vol: Column::Many(vol),
            rate: Column::Many(rate),
        }
    }

    fn rows(&self) -> usize {
        self.is_call.len()
    }
}

fn evaluate_all(options: &Options<'_>, rows: usize, threads: usize) -> Vec<Vec<f64>> {
    let mut columns = vec![vec![0.0; rows]; OUTPUTS];
    let mut targets: Targets<'_> = Default::default();
    for (slot, column) in targets.iter_mut().zip(columns.iter_mut()) {
        *slot = Some(column);
    }
    evaluate_into(options, rows, targets, threads).unwrap();
    columns
}

fn bits(columns: &[Vec<f64>]) -> Vec<Vec<u64>> {
    columns
        .iter()
        .map(|column| column.iter().map(|x| x.to_bits()).collect())
        .collect()
}

fn units_apart(a: f64, b: f64) -> u64 {
    if a.is_nan() && b.is_nan() || a == b {
        return 0;
    }
    let ordered = |x: f64| {
        let bits = x.to_bits().cast_signed();
        if bits < 0 {
            i64::MIN.wrapping_sub(bits)
        } else {
            bits
        }
    };
    ordered(a).abs_diff(ordered(b))
}

fn implied_all(options: &Options<'_>, prices: &[f64], threads: usize) -> (Vec<f64>, Vec<u8>) {
    let (mut vols, mut statuses) = (vec![0.0; prices.len()], vec![0; prices.len()]);
    let options = Options {
        vol: Column::Many(prices),
        ..*options
    };
    implied_into(&options, Premium::Quote, &mut vols, &mut statuses, threads).unwrap();
    (vols, statuses)
}

#[test]
fn fused_paths_give_the_same_bits_and_the_unfused_one_nearly() {
    let _turn = TURN.lock().unwrap();
    let sample = sample(20_011, 1);
    let options = sample.options();
    let mut fused: Option<(Vec<Vec<u64>>, Vec<u64>)> = None;
    let best = evaluate_all(&options, sample.rows(), 1);
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert!(set_path(path));
        let got = evaluate_all(&options, sample.rows(), 1);
        let (vols, _) = implied_all(&options, &best[0], 1);
        let vols: Vec<u64> = vols.iter().map(|x| x.to_bits()).collect();
        if path == Path::Unfused {
            let smooth = [Output::Price, Output::Gamma, Output::Vega, Output::Rho];
            for output in smooth.map(|output| output as usize) {
                for (row, (a, b)) in got[output].iter().zip(&best[output]).enumerate() {
                    let apart = units_apart(*a, *b);
                    assert!(apart <= UNITS, "output {output} row {row}: {a} {b} {apart}");
                }
            }
            continue;
        }
        let got = bits(&got);
        let (expected, expected_vols) = fused.get_or_insert_with(|| (got.clone(), vols.clone()));
        assert_eq!(&got, expected, "{}", path.name());
        assert_eq!(&vols, expected_vols, "{}", path.name());
    }
    set_path(default_path());
}

#[test]
fn scalar_batch_and_threads_give_the_same_bits() {
    let _turn = TURN.lock().unwrap();
    let sample = sample(40_003, 2);
    let options = sample.options();
    for path in Path::ALL.into_iter().filter(|path| path.is_available()) {
        assert!(set_path(path));
        let batch = evaluate_all(&options, sample.rows(), 1);
        assert_eq!(
            bits(&batch),
            bits(&evaluate_all(&options, sample.rows(), 3))
        );
        let (vols, statuses) = implied_all(&options, &batch[0], 1);
        let (again, same) = implied_all(&options, &batch[0], 2);
        assert_eq!(statuses, same);
        assert!(
            vols.iter()
                .zip(&again)
                .all(|(a, b)| a.to_bits() == b.to_bits())
        );
        for row in (0..sample.rows()).step_by(97) {
            let option = options.option(row);
            let one = evaluate_one(&option, Wanted::ALL).unwrap();
            for output in 0..OUTPUTS {
                assert_eq!(
                    one[output].to_bits(),
                    batch[output][row].to_bits(),
                    "{option:?}"
                );
            }
            let (vol, status) = implied_one(&option, batch[0][row], Premium::Quote);
            assert_eq!(
                (vol.to_bits(), status as u8),
                (vols[row].to_bits(), statuses[row])
            );
        }
    }
    set_path(default_path());
}

#[test]
fn a_chain_gives_the_bits_of_the_flat_call() {
    let _turn = TURN.lock().unwrap();
    let starts = [0, 1, 8, 25, 25, 190];
    let ends = [1, 8, 25, 25, 190, 400];
    let sample = sample(400, 3);
    let [forward, strike, years, vol, rate] = &sample.columns;
    let expand = |values: &[f64]| -> Vec<f64> {
        let pairs = starts.iter().zip(ends);
        pairs
            .enumerate()
            .flat_map(|(i, (s, e))| vec![values[i]; e - s])
            .collect()
    };
    let (forwards, times, rates) = (expand(forward), expand(years), expand(rate));
    let flat = Options {
        forward: Column::Many(&forwards),
        years: Column::Many(&times),
        rate: Column::Many(&rates),
        ..sample.options()
    };
    let expected = evaluate_all(&flat, 400, 1);
    let mut columns = vec![vec![0.0; 400]; OUTPUTS];
    let mut targets: Targets<'_> = Default::default();
    for (slot, column) in targets.iter_mut().zip(columns.iter_mut()) {
        *slot = Some(column);
    }
    let expiries = Expiries {
        starts: &starts,
        forward: &forward[..6],
        years: &years[..6],
        rate: Column::Many(&rate[..6]),
    };
    let kinds = Kinds::Many(&sample.is_call);
    let (strike, vol) = (Column::Many(strike), Column::Many(vol));
    chain_into(kinds, strike, vol, &expiries, 400, targets, 1).unwrap();
    assert_eq!(bits(&columns), bits(&expected));
}

#[test]
fn a_row_does_not_depend_on_its_neighbours() {
    let _turn = TURN.lock().unwrap();
    let sample = sample(64, 4);
    let options = sample.options();
    let whole = evaluate_all(&options, 64, 1);
    for start in 0..17 {
        let part = evaluate_all(&options.piece(start, 40), 40, 1);
        for output in 0..OUTPUTS {
            let expected = &whole[output][start..start + 40];
            assert!(
                part[output]
                    .iter()
                    .zip(expected)
                    .all(|(a, b)| a.to_bits() == b.to_bits())
            );
        }
    }
}
