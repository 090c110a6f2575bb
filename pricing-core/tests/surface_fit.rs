//! The fit of a chain: free of arbitrage on any quotes, inside the spread where that is possible.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, missing_docs)] // a test may panic

use pricing_core::smile::SmileSection;
use pricing_core::smile::butterfly::check;
use pricing_core::smile::quotes::SliceQuotes;
use pricing_core::smile::slice::Slice;
use pricing_core::smile::spline_fit::SplineOptions;
use pricing_core::smile::svi::RawSvi;
use pricing_core::surface::between::VarianceSurface;
use pricing_core::surface::fit::{Model, SliceFit, fit_chain};
use proptest::prelude::*;

struct Owned {
    years: f64,
    k: Vec<f64>,
    bid: Vec<f64>,
    ask: Vec<f64>,
}

impl Owned {
    fn quotes(&self) -> SliceQuotes<'_> {
        SliceQuotes {
            years: self.years,
            k: &self.k,
            bid: &self.bid,
            ask: &self.ask,
            trust: &[],
        }
    }
}

/// Quotes around a skewed smile, the middle off by `noise` half-spreads in turn.
fn market(years: f64, count: u32, half: f64, noise: f64) -> Owned {
    let width = 2.5 * 0.6 * years.sqrt();
    let k: Vec<f64> = (0..count)
        .map(|i| width * (2.0 * f64::from(i) / f64::from(count - 1) - 1.0))
        .collect();
    let vol = |k: f64| {
        let x = k / years.sqrt();
        0.5 - 0.06 * x + 0.08 * (x * x + 0.05).sqrt()
    };
    let shift = |i: usize| noise * half * [1.0, -1.0, 0.5][i % 3];
    let sided = |sign: f64| {
        k.iter()
            .enumerate()
            .map(|(i, &k)| vol(k) + shift(i) + sign * half)
            .collect()
    };
    Owned {
        years,
        bid: sided(-1.0),
        ask: sided(1.0),
        k,
    }
}

fn fits(model: Model, owned: &[Owned]) -> Vec<SliceFit> {
    let quotes: Vec<SliceQuotes<'_>> = owned.iter().map(Owned::quotes).collect();
    fit_chain(model, &quotes, &[], &SplineOptions::default())
        .into_iter()
        .map(Result::unwrap)
        .collect()
}

fn assert_sound(found: &[SliceFit]) {
    for (slice, longer) in found
        .iter()
        .zip(found.iter().skip(1).map(Some).chain([None]))
    {
        let (g, slack) = check(&slice.slice, longer.map(|fit| &fit.slice));
        assert!(g >= 0.0, "g {g}");
        assert!(slack >= 0.0, "slack {slack}");
        let (left, right) = slice.slice.wing_slopes();
        assert!(left >= -2.0 && right <= 2.0);
    }
}

#[test]
fn quotes_of_a_smooth_market_are_all_met() {
    let chain: Vec<Owned> = [0.01, 0.05, 0.2, 0.8]
        .map(|t| market(t, 25, 0.005, 0.3))
        .into();
    let found = fits(Model::Spline, &chain);
    assert_sound(&found);
    for (owned, fit) in chain.iter().zip(&found) {
        for quote in owned.quotes().iter() {
            let vol = (fit.slice.total_variance(quote.k) / owned.years).sqrt();
            assert!(vol >= quote.bid && vol <= quote.ask, "{vol} at {}", quote.k);
        }
    }
}

#[test]
fn a_start_from_an_earlier_fit_ends_in_the_same_place() {
    let chain: Vec<Owned> = [0.02, 0.3].map(|t| market(t, 21, 0.004, 0.9)).into();
    let quotes: Vec<SliceQuotes<'_>> = chain.iter().map(Owned::quotes).collect();
    let options = SplineOptions::default();
    let cold = fits(Model::Spline, &chain);
    let warm: Vec<Vec<f64>> = cold.iter().map(|fit| fit.coefficients.clone()).collect();
    let again = fit_chain(Model::Spline, &quotes, &warm, &options);
    for ((owned, cold), again) in chain.iter().zip(&cold).zip(again) {
        let again = again.unwrap();
        assert!(again.steps < cold.steps);
        for &k in &owned.k {
            let gap = (again.slice.total_variance(k) / cold.slice.total_variance(k) - 1.0).abs();
            assert!(gap < 1e-7, "{gap} at {k}");
        }
    }
}

#[test]
fn crossing_expiries_are_kept_apart() {
    // The shorter expiry is quoted above the longer one in total variance: an impossible market.
    let mut short = market(0.10, 21, 0.004, 0.0);
    for vol in short.bid.iter_mut().chain(short.ask.iter_mut()) {
        *vol *= 1.6;
    }
    let chain = [short, market(0.12, 21, 0.004, 0.0)];
    for model in [Model::Spline, Model::Svi, Model::Ssvi] {
        assert_sound(&fits(model, &chain));
    }
}

#[test]
fn three_wide_quotes_leave_room_for_a_shorter_expiry() {
    // The quotes of 2021-02-11: the longest with a flat left wing, the thin one below it, and a
    // short expiry with a steep smile, whose bids the thin slice must not lie under.
    let thin = Owned {
        years: 14.56 / 365.0,
        k: vec![-0.341, -0.179, 0.044],
        bid: vec![0.884, 0.797, 0.446],
        ask: vec![3.756, 2.647, 0.814],
    };
    let short = Owned {
        years: 7.56 / 365.0,
        k: vec![-0.475, -0.32, -0.2, -0.103, -0.026, 0.006],
        bid: vec![1.403, 1.271, 1.029, 0.890, 0.815, 0.132],
        ask: vec![4.936, 3.157, 2.064, 1.491, 1.300, 1.042],
    };
    let long = Owned {
        years: 42.56 / 365.0,
        k: vec![-0.910, -0.575, -0.324, -0.034],
        bid: vec![1.077, 0.817, 0.727, 0.563],
        ask: vec![1.174, 2.500, 1.344, 2.872],
    };
    let owned = [short, thin, long];
    for model in [Model::Spline, Model::Svi, Model::Ssvi] {
        let found = fits(model, &owned);
        assert_sound(&found);
        let vol = (found[1].slice.total_variance(0.0) / owned[1].years).sqrt();
        assert!(vol > 0.4, "{model:?}: {vol}");
    }
    for (fit, owned) in fits(Model::Spline, &owned).iter().zip(&owned).take(2) {
        for quote in owned.quotes().iter() {
            let vol = (fit.slice.total_variance(quote.k) / owned.years).sqrt();
            assert!(vol > quote.bid && vol < quote.ask, "{quote:?}: {vol}");
        }
    }
}

#[test]
fn a_slice_far_under_its_quotes_is_still_a_slice() {
    // The longer expiry quotes a twentieth of the shorter one's variance: no slice can meet both.
    let short = market(0.1, 9, 0.01, 0.0);
    let mut long = market(0.11, 9, 0.01, 0.0);
    for side in [&mut long.bid, &mut long.ask] {
        side.iter_mut().for_each(|vol| *vol *= 0.2);
    }
    for model in [Model::Spline, Model::Svi, Model::Ssvi] {
        assert_sound(&fits(
            model,
            &[
                Owned {
                    k: short.k.clone(),
                    bid: short.bid.clone(),
                    ask: short.ask.clone(),
                    ..short
                },
                Owned {
                    k: long.k.clone(),
                    bid: long.bid.clone(),
                    ask: long.ask.clone(),
                    ..long
                },
            ],
        ));
    }
}

#[test]
fn vogt_quotes_are_fitted_without_his_butterfly() {
    let vogt = RawSvi::new(-0.0410, 0.1331, 0.3060, 0.3586, 0.4153).unwrap();
    let k: Vec<f64> = (0..31).map(|i| -1.5 + 0.1 * f64::from(i)).collect();
    let vol = |k: &f64| vogt.jet(*k).w.sqrt();
    let owned = Owned {
        years: 1.0,
        bid: k.iter().map(|k| vol(k) - 0.002).collect(),
        ask: k.iter().map(|k| vol(k) + 0.002).collect(),
        k,
    };
    for model in [Model::Spline, Model::Svi] {
        let found = fits(model, std::slice::from_ref(&owned));
        assert_sound(&found);
        assert!(found.iter().all(|fit| fit.fallback.is_none()), "{model:?}");
    }
    let free = fits(Model::SviFree, std::slice::from_ref(&owned));
    assert!(
        free.iter().all(|fit| fit.g_min < -0.02),
        "it is there to be seen"
    );
}

#[test]
fn bad_quotes_are_refused_by_name() {
    let options = SplineOptions::default();
    let good = market(0.1, 11, 0.01, 0.0);
    let refused = |change: &dyn Fn(&mut Owned)| {
        let mut owned = Owned {
            years: good.years,
            k: good.k.clone(),
            bid: good.bid.clone(),
            ask: good.ask.clone(),
        };
        change(&mut owned);
        let found = fit_chain(Model::Spline, &[owned.quotes()], &[], &options);
        found.into_iter().next().unwrap().unwrap_err().to_string()
    };
    assert!(refused(&|o| o.years = 0.0).starts_with("years = 0"));
    assert!(refused(&|o| o.years = f64::NAN).starts_with("years = NaN"));
    assert!(refused(&|o| o.k.swap(2, 3)).starts_with("k = "));
    assert!(refused(&|o| o.bid.fill(f64::NAN)).starts_with("bid = NaN"));
    assert!(refused(&|o| o.ask.fill(0.1)).starts_with("ask = 0.1"));
    assert!(
        refused(&|o| {
            o.ask.pop();
        })
        .contains("one length")
    );
    assert!(refused(&|o| o.bid.fill(0.0)).contains("two-sided"));
}

#[test]
fn time_between_slices_is_linear_and_never_crosses() {
    let chain: Vec<Owned> = [0.05, 0.2].map(|t| market(t, 21, 0.004, 0.0)).into();
    let slices: Vec<Slice> = fits(Model::Spline, &chain)
        .into_iter()
        .map(|fit| fit.slice)
        .collect();
    let surface = VarianceSurface::new(vec![0.05, 0.2], slices.clone()).unwrap();
    for k in [-1.0, -0.1, 0.0, 0.3] {
        let (near, far) = (slices[0].total_variance(k), slices[1].total_variance(k));
        assert!((surface.jet(0.05, k).w - near).abs() < 1e-16);
        assert!((surface.jet(0.2, k).w - far).abs() < 1e-15);
        assert!((surface.jet(0.125, k).w - 0.5 * (near + far)).abs() < 1e-15);
        assert!((surface.jet(0.025, k).w - 0.5 * near).abs() < 1e-15);
        // After the last the forward variance at the money is added at every k.
        let rise = slices[1].total_variance(0.0) - slices[0].total_variance(0.0);
        assert!((surface.jet(0.35, k).w - (far + rise)).abs() < 1e-14);
    }
    assert!(surface.jet(0.0, 0.0).w.is_nan() && surface.jet(0.1, f64::NAN).w.is_nan());
    assert!(VarianceSurface::new(vec![0.2, 0.1], slices.clone()).is_err());
    assert!(VarianceSurface::new(vec![0.1], slices).is_err());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn no_quotes_make_an_arbitrage(
        years in 0.002..1.5f64,
        count in 5u32..40,
        half in 0.0005..0.08f64,
        noise in 0.0..6.0f64,
        ratio in 1.05..3.0f64,
    ) {
        let chain = [market(years, count, half, noise), market(years * ratio, count, half, noise)];
        let quotes: Vec<SliceQuotes<'_>> = chain.iter().map(Owned::quotes).collect();
        prop_assume!(quotes.iter().all(|q| q.check().is_ok()));
        let found = fit_chain(Model::Spline, &quotes, &[], &SplineOptions::default());
        let slices: Vec<SliceFit> = found.into_iter().map(Result::unwrap).collect();
        assert_sound(&slices);
    }
}
