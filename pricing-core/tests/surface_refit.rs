//! A chain fitted again after a change: only what the change reaches is solved, and the answer is
//! that of a fit of the whole.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a test may panic

use std::sync::Arc;

use pricing_core::smile::SmileSection;
use pricing_core::smile::butterfly::check;
use pricing_core::smile::quotes::SliceQuotes;
use pricing_core::smile::spline_fit::SplineOptions;
use pricing_core::surface::fit::{Model, fit_chain};
use pricing_core::surface::refit::{KnownSlice, refit_chain};
use proptest::prelude::*;

const YEARS: [f64; 6] = [0.004, 0.012, 0.03, 0.08, 0.25, 0.7];

#[derive(Clone)]
struct Owned {
    years: f64,
    k: Vec<f64>,
    mid: Vec<f64>,
    half: Vec<f64>,
}

/// Quotes of a skewed smile whose level varies by expiry, so that bounds between them are felt.
fn market(years: f64, level: f64) -> Owned {
    let width = 1.4 * years.sqrt();
    let k: Vec<f64> = (0..19)
        .map(|i| width * (f64::from(i) / 9.0 - 1.0))
        .collect();
    let mid = |k: &f64| {
        let x = k / years.sqrt();
        level - 0.05 * x + 0.07 * (x * x + 0.05).sqrt()
    };
    Owned {
        years,
        mid: k.iter().map(mid).collect(),
        half: vec![0.004; k.len()],
        k,
    }
}

fn chain() -> Vec<Owned> {
    YEARS
        .iter()
        .zip([0.62, 0.45, 0.55, 0.5, 0.48, 0.5])
        .map(|(&years, level)| market(years, level))
        .collect()
}

fn refit(
    model: Model,
    chain: &[Owned],
    earlier: &[Option<Arc<KnownSlice>>],
) -> Vec<Option<Arc<KnownSlice>>> {
    let sides: Vec<(Vec<f64>, Vec<f64>)> = chain
        .iter()
        .map(|one| {
            let sided = |sign: f64| {
                let pairs = one.mid.iter().zip(&one.half);
                pairs.map(|(mid, half)| mid + sign * half).collect()
            };
            (sided(-1.0), sided(1.0))
        })
        .collect();
    let quotes: Vec<SliceQuotes<'_>> = chain
        .iter()
        .zip(&sides)
        .map(|(one, (bid, ask))| SliceQuotes {
            years: one.years,
            k: &one.k,
            bid,
            ask,
            trust: &[],
        })
        .collect();
    let options = SplineOptions::default();
    let found: Vec<_> = refit_chain(model, &quotes, &[], earlier, &options)
        .into_iter()
        .map(|fit| Some(fit.unwrap()))
        .collect();
    if earlier.is_empty() {
        let plain = fit_chain(model, &quotes, &[], &options);
        for (one, plain) in found.iter().flatten().zip(plain) {
            assert_eq!(one.fit.slice, plain.unwrap().slice);
        }
    }
    found
}

fn assert_sound(found: &[Option<Arc<KnownSlice>>]) {
    let slices: Vec<_> = found.iter().flatten().map(|one| &one.fit).collect();
    for (i, fit) in slices.iter().enumerate() {
        let upper = slices.get(i + 1).map(|longer| &longer.slice);
        let (g_min, slack) = check(&fit.slice, upper);
        assert!(g_min >= 0.0 && slack >= 0.0, "g {g_min}, slack {slack}");
        assert_eq!((g_min, slack), (fit.g_min, fit.calendar_slack));
    }
}

/// Largest difference of vol at the quotes.
fn vol_gap(
    chain: &[Owned],
    one: &[Option<Arc<KnownSlice>>],
    two: &[Option<Arc<KnownSlice>>],
) -> f64 {
    let mut worst = 0.0_f64;
    for (owned, (one, two)) in chain
        .iter()
        .zip(one.iter().flatten().zip(two.iter().flatten()))
    {
        let vol =
            |known: &KnownSlice, k: f64| (known.fit.slice.total_variance(k) / owned.years).sqrt();
        for &k in &owned.k {
            worst = worst.max((vol(one, k) - vol(two, k)).abs());
        }
    }
    worst
}

fn is_kept(new: &Option<Arc<KnownSlice>>, old: &Option<Arc<KnownSlice>>) -> bool {
    Arc::ptr_eq(new.as_ref().unwrap(), old.as_ref().unwrap())
}

#[test]
fn an_unchanged_chain_is_not_solved() {
    for model in [Model::Spline, Model::Svi, Model::SviFree, Model::Ssvi] {
        let first = refit(model, &chain(), &[]);
        let again = refit(model, &chain(), &first);
        assert!(again.iter().zip(&first).all(|(new, old)| is_kept(new, old)));
    }
}

/// What is known of the chain, and of the same after a tick of the middle quote of `expiry`.
fn ticked(expiry: usize) -> [Vec<Option<Arc<KnownSlice>>>; 2] {
    let mut chain = chain();
    let first = refit(Model::Spline, &chain, &[]);
    chain[expiry].mid[9] += 0.0005;
    let again = refit(Model::Spline, &chain, &first);
    [first, again]
}

#[test]
fn a_tick_of_the_shortest_expiry_leaves_all_others_as_they_are() {
    let [first, again] = ticked(0);
    assert!(!is_kept(&again[0], &first[0]));
    assert!(
        again[1..]
            .iter()
            .zip(&first[1..])
            .all(|(new, old)| is_kept(new, old))
    );
}

#[test]
fn a_bound_that_moves_out_of_reach_moves_no_slice_below_it() {
    let [first, again] = ticked(5);
    assert_sound(&again);
    assert!(!is_kept(&again[5], &first[5]));
    let slice =
        |known: &[Option<Arc<KnownSlice>>], i: usize| known[i].as_ref().unwrap().fit.slice.clone();
    for i in 0..5 {
        assert_eq!(slice(&again, i), slice(&first, i), "slice {i}");
    }
    // The first below it was solved and came back; those further down were not.
    assert!(!is_kept(&again[4], &first[4]));
    assert!((0..4).all(|i| is_kept(&again[i], &first[i])));
}

#[test]
fn other_options_keep_nothing() {
    let first = refit(Model::Spline, &chain(), &[]);
    let other = refit(Model::Svi, &chain(), &first);
    assert!(!other.iter().zip(&first).any(|(new, old)| is_kept(new, old)));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    #[test]
    fn any_sequence_of_changes_ends_where_a_fit_of_the_whole_does(
        changes in prop::collection::vec(
            (0..YEARS.len(), 0..19_usize, -0.003..0.003_f64, 0.002..0.006_f64), 1..8)
    ) {
        let mut chain = chain();
        let mut known = refit(Model::Spline, &chain, &[]);
        for (expiry, place, shift, half) in changes {
            chain[expiry].mid[place] += shift;
            chain[expiry].half[place] = half;
            known = refit(Model::Spline, &chain, &known);
            assert_sound(&known);
        }
        let cold = refit(Model::Spline, &chain, &[]);
        let gap = vol_gap(&chain, &known, &cold);
        prop_assert!(gap < 1e-8, "{gap}");
    }
}
