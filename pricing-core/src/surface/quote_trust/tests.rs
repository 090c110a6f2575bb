//! Who is doubted, by whom, and who is not.

#![allow(clippy::indexing_slicing, clippy::unwrap_used)]

use super::*;

struct Quotes {
    years: f64,
    k: Vec<f64>,
    vol: Vec<f64>,
    half: f64,
}

impl Quotes {
    /// A skewed smile over deviations −2 to 2, alike for every time to expiry.
    fn new(years: f64) -> Self {
        Self::over(years, 17)
    }

    /// The same with another number of rows from deviation −2 on.
    fn over(years: f64, rows: u32) -> Self {
        let x: Vec<f64> = (0..rows).map(|i| -2.0 + 0.25 * f64::from(i)).collect();
        let vol = |x: &f64| 0.5 * (1.0 - 0.04 * x + 0.03 * x * x);
        Self {
            years,
            vol: x.iter().map(vol).collect(),
            k: x.iter().map(|x| 0.5 * x * years.sqrt()).collect(),
            half: 0.004,
        }
    }
}

fn trusts(expiries: &[Quotes]) -> Vec<Vec<f64>> {
    let sides: Vec<(Vec<f64>, Vec<f64>)> = expiries
        .iter()
        .map(|one| {
            let side = |half: f64| one.vol.iter().map(|vol| vol + half).collect();
            (side(-one.half), side(one.half))
        })
        .collect();
    let quotes: Vec<SliceQuotes<'_>> = expiries
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
    quote_trust(&quotes, 0.0015)
}

/// Rows of each expiry that are trusted less than half.
fn doubted(expiries: &[Quotes]) -> Vec<Vec<usize>> {
    let low = |trust: Vec<f64>| (0..trust.len()).filter(|&i| trust[i] < 0.5).collect();
    trusts(expiries).into_iter().map(low).collect()
}

fn chain() -> Vec<Quotes> {
    [0.1, 0.2, 0.4, 0.8].map(Quotes::new).into()
}

#[test]
fn a_chain_without_wrong_quotes_is_trusted_whole() {
    assert!(trusts(&chain()).concat().iter().all(|&trust| trust == 1.0));
}

#[test]
fn expiries_beside_it_tell_that_a_whole_end_is_wrong() {
    let mut spoiled = chain();
    for row in 0..3 {
        spoiled[2].vol[row] += 0.3;
    }
    assert_eq!(
        doubted(&spoiled),
        vec![vec![], vec![], vec![0, 1, 2], vec![]]
    );
    // By itself the expiry can not know: it may have a steep wing.
    assert_ne!(doubted(&spoiled[2..3]), vec![vec![0, 1, 2]]);
}

#[test]
fn a_quote_above_the_next_expirys_total_variance_is_doubted() {
    let mut crossed = chain();
    let far = 0.62;
    crossed[0].k.push(far);
    crossed[0].vol.push(1.1);
    let last = crossed[0].k.len() - 1;
    assert_eq!(doubted(&crossed)[0], vec![last]);
    assert!(doubted(&crossed)[1..].iter().all(Vec::is_empty));
}

#[test]
fn what_can_not_be_judged_is_trusted_and_harms_nobody() {
    let mut odd = chain();
    odd[1].k.truncate(4);
    odd[1].vol = vec![0.5, 5.0, 0.1, 0.5];
    assert!(trusts(&odd).concat().iter().all(|&trust| trust == 1.0));
    for years in [f64::NAN, 0.0] {
        let mut odd = chain();
        odd[1].years = years;
        odd[1].vol[8] = 2.0;
        assert!(trusts(&odd).concat().iter().all(|&trust| trust == 1.0));
    }
    let mut odd = chain();
    odd[1].k.swap(3, 4);
    odd[1].vol[8] = 2.0;
    assert!(trusts(&odd).concat().iter().all(|&trust| trust == 1.0));
    assert!(quote_trust(&[], 0.0015).is_empty());
}

fn shape(years: f64, k: &[f64], vol: &[f64]) -> QuoteShape {
    let side = |half: f64| vol.iter().map(|vol| vol + half).collect::<Vec<f64>>();
    let (bid, ask) = (side(-0.004), side(0.004));
    let quotes = SliceQuotes {
        years,
        k,
        bid: &bid,
        ask: &ask,
        trust: &[],
    };
    QuoteShape::new(&quotes, 0.0015).unwrap()
}

#[test]
fn total_variances_that_cross_count_and_others_do_not() {
    let k: Vec<f64> = (0..9).map(|i| -0.4 + 0.1 * f64::from(i)).collect();
    let (all, mut vol) = ([1.0; 9], [0.5; 9]);
    let longer = shape(0.2, &k, &vol);
    // A third more total variance than the longer expiry has, and almost as much.
    vol[8] = 0.5 * (2.0_f64 * 4.0 / 3.0).sqrt();
    vol[0] = 0.5 * (2.0_f64 * 0.99).sqrt();
    let shorter = shape(0.1, &k, &vol);
    let above = |row: usize| crossing(&shorter, &shorter.rows[row], &(&longer, &all), 1.0);
    assert_eq!((above(0), above(4)), (0.0, 0.0));
    let there = longer.at(k[8], &all).unwrap();
    // Vols of the longer expiry, told in the shorter one's units.
    let excess = vol[8] / 0.5 - 2.0_f64.sqrt();
    let variance = 2.0 * there.variance + 4.0 * shorter.rows[8].noise();
    assert!((above(8) * variance / (excess * excess) - 1.0).abs() < 1e-9);
    // The same from the other side: the longer expiry lies below.
    vol = [0.5; 9];
    let shorter = shape(0.1, &k, &vol);
    vol[8] = 0.5 * 0.375_f64.sqrt();
    let longer = shape(0.2, &k, &vol);
    let below = |row: usize| crossing(&longer, &longer.rows[row], &(&shorter, &all), -1.0);
    assert_eq!(below(4), 0.0);
    assert!(below(8) > 1.0);
}

#[test]
fn crossing_alone_is_enough_to_be_doubted() {
    // Longer expiries that are alike in their own units, below and above the last quote.
    let trust = |scale: f64| {
        let mut shorter = Quotes::over(0.1, 17);
        shorter.k.push(0.62);
        shorter.vol.push(0.72);
        let mut longer = Quotes::over(0.2, 26);
        for one in longer.k.iter_mut().chain(&mut longer.vol) {
            *one *= scale;
        }
        trusts(&[shorter, longer])[0][17]
    };
    assert!(trust(0.8) < 0.5);
    assert!(trust(1.0) > 0.9);
}

#[test]
fn a_hair_of_doubt_does_not_reach_another_expiry() {
    let mut doubtful = chain();
    doubtful[2].vol[5] += 0.008;
    let before = trusts(&doubtful);
    assert!(before[2][5] > 0.5 && before[2][5] < 1.0, "{}", before[2][5]);
    doubtful[0].vol[5] += 1e-5;
    assert_eq!(trusts(&doubtful), before);
}

#[test]
fn smiles_are_compared_by_all_their_rows_not_by_the_level_alone() {
    let one = Quotes::new(0.2);
    let flat = shape(0.2, &one.k, &[0.5; 17]);
    let mut vol = [0.5; 17];
    vol[7..10].fill(0.45);
    let low = shape(0.1, &Quotes::new(0.1).k, &vol);
    let (all, mut doubting) = ([1.0; 17], [1.0; 17]);
    doubting[7..10].fill(0.01);
    for said in said_by_shape(&(&low, &doubting), &(&flat, &all)) {
        assert!((said.unwrap().vol * low.level - 0.5).abs() < 1e-9);
    }
}

#[test]
fn a_weighted_median_moves_with_weights_without_a_step() {
    let at = |weight| weighted_median(vec![(1.0, 1.0), (2.0, weight), (4.0, 1.0)]);
    assert!((at(1.0) - 2.0).abs() < 1e-12);
    let found: Vec<f64> = (0..1000).map(|i| at(0.002 * f64::from(i))).collect();
    assert!(
        found
            .windows(2)
            .all(|pair| (pair[1] - pair[0]).abs() < 0.01)
    );
    assert!((weighted_median(vec![]) - 1.0).abs() < 1e-12);
}
