//! How far quotes contradict what every price curve obeys: convex and falling outwards.
//!
//! Where a tick is worth more than prices bend between strikes, a quote one tick above the line of
//! those beside it can not be fitted without lifting them all: convexity makes one straight line of
//! the whole stretch. Such a quote is therefore believed less, before anything is fitted, and a
//! tick of it stays where it is.

use super::quotes::{Quote, SliceQuotes};
use crate::batch::price_one;
use crate::extreme::Option76;

/// Excess over the line, in half-spreads of the quote and the line together, from which belief
/// falls, and at which it is least. At 1 no convex curve is inside all three quotes.
const EXCESS_ONSET: f64 = 0.0;
const EXCESS_END: f64 = 0.6;
/// What is left of a quote's weight then.
const BELIEF_MIN: f64 = 0.3;

/// Least half-spread, of a forward of 1: rounding alone contradicts nothing.
const HALF_MIN: f64 = 1e-9;

/// A quote's call price, half its spread, and the strike, of a forward of 1.
#[derive(Clone, Copy)]
struct PricePoint {
    strike: f64,
    call: f64,
    half: f64,
}

impl PricePoint {
    fn new(quote: &Quote, years: f64) -> Option<Self> {
        if !quote.is_two_sided() {
            return None;
        }
        let strike = quote.k.exp();
        let price = |vol: f64| {
            let option = Option76 {
                is_call: quote.k >= 0.0,
                forward: 1.0,
                strike,
                years,
                vol,
                rate: 0.0,
            };
            price_one(&option).ok()
        };
        let (bid, ask) = (price(quote.bid)?, price(quote.ask)?);
        let intrinsic = (1.0 - strike).max(0.0);
        Some(Self {
            strike,
            call: 0.5 * (bid + ask) + intrinsic,
            half: (0.5 * (ask - bid)).max(HALF_MIN),
        })
    }

    /// Price of the option out of the money.
    fn otm(&self) -> f64 {
        self.call - (1.0 - self.strike).max(0.0)
    }

    /// Height above the line through `low` and `high`, in half-spreads; none where their strikes
    /// are apart in log-moneyness only, by less than numbers near 1 can say.
    fn above_line(&self, low: &Self, high: &Self) -> Option<f64> {
        if high.strike <= low.strike {
            return None;
        }
        let share = (self.strike - low.strike) / (high.strike - low.strike);
        let line = low.call + share * (high.call - low.call);
        let width = low.half + share * (high.half - low.half);
        Some((self.call - line) / (self.half + width))
    }

    /// Height above the quote next nearer to the money, in half-spreads; none across the money.
    fn above_inner(&self, inner: &Self) -> Option<f64> {
        let same_side = (self.strike >= 1.0) == (inner.strike >= 1.0);
        same_side.then(|| (self.otm() - inner.otm()) / (self.half + inner.half))
    }
}

/// By quote: the share of its weight that convexity and monotony of prices leave it, 0.3 to 1.
///
/// A quote between two others is held against the line through them, an outermost one against
/// the one beside it. One-sided quotes keep their weight, and those beside them are not judged.
pub fn price_beliefs(quotes: &SliceQuotes<'_>) -> Vec<f64> {
    let points: Vec<Option<PricePoint>> = quotes
        .iter()
        .map(|quote| PricePoint::new(&quote, quotes.years))
        .collect();
    let at = |i: Option<usize>| i.and_then(|i| points.get(i).copied().flatten());
    (0..points.len())
        .map(|i| {
            let Some(here) = at(Some(i)) else { return 1.0 };
            let is_end = i == 0 || i + 1 == points.len();
            let excess = match (at(i.checked_sub(1)), at(Some(i + 1))) {
                (Some(low), Some(high)) => here.above_line(&low, &high),
                (Some(inner), None) | (None, Some(inner)) if is_end => here.above_inner(&inner),
                _ => None,
            };
            excess.map_or(1.0, belief)
        })
        .collect()
}

/// Weight left at an excess: a smooth step, so that no tick decides.
fn belief(excess: f64) -> f64 {
    let t = ((excess - EXCESS_ONSET) / (EXCESS_END - EXCESS_ONSET)).clamp(0.0, 1.0);
    let lost = t * t * (3.0 - 2.0 * t);
    1.0 - (1.0 - BELIEF_MIN) * lost
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing)]

    use super::*;

    /// Vols of one smile, each half a point wide.
    fn flat(count: usize, vol: f64) -> (Vec<f64>, Vec<f64>, Vec<f64>) {
        let k = (0..count).map(|i| -0.3 + 0.1 * i as f64).collect();
        (k, vec![vol - 0.005; count], vec![vol + 0.005; count])
    }

    fn beliefs(k: &[f64], bid: &[f64], ask: &[f64]) -> Vec<f64> {
        price_beliefs(&SliceQuotes {
            years: 0.25,
            k,
            bid,
            ask,
            trust: &[],
        })
    }

    #[test]
    fn a_convex_chain_is_believed_whole() {
        let (k, bid, ask) = flat(7, 0.5);
        assert_eq!(beliefs(&k, &bid, &ask), vec![1.0; 7]);
    }

    #[test]
    fn a_quote_far_above_the_line_of_its_neighbours_is_believed_least() {
        let (k, mut bid, mut ask) = flat(7, 0.5);
        bid[5] += 0.5;
        ask[5] += 0.5;
        let found = beliefs(&k, &bid, &ask);
        assert!((found[5] - BELIEF_MIN).abs() < 1e-12, "{found:?}");
        assert_eq!(found[..4], [1.0; 4]);
    }

    #[test]
    fn an_outermost_quote_dearer_than_the_one_inside_is_believed_least() {
        for end in [0, 6] {
            let (k, mut bid, mut ask) = flat(7, 0.5);
            bid[end] += 1.0;
            ask[end] += 1.0;
            let found = beliefs(&k, &bid, &ask);
            assert!((found[end] - BELIEF_MIN).abs() < 1e-12, "{end}: {found:?}");
        }
    }

    #[test]
    fn one_sided_quotes_and_those_beside_them_are_not_judged() {
        let (k, mut bid, mut ask) = flat(7, 0.5);
        bid[5] += 0.5;
        ask[5] += 0.5;
        bid[4] = 0.0;
        ask[6] = f64::INFINITY;
        assert_eq!(beliefs(&k, &bid, &ask), vec![1.0; 7]);
    }

    #[test]
    fn quotes_of_one_strike_to_the_last_digit_are_not_judged() {
        let k = [-0.1, 0.0, 1e-17, 2e-17, 0.1];
        let found = beliefs(&k, &[0.495; 5], &[0.505; 5]);
        assert_eq!(found, vec![1.0; 5]);
    }

    #[test]
    fn belief_falls_without_a_step() {
        let steps: Vec<f64> = (-50..=100).map(|i| belief(f64::from(i) * 0.02)).collect();
        let falls = steps
            .windows(2)
            .all(|pair| pair[1] <= pair[0] && pair[0] - pair[1] < 0.05);
        assert!(falls, "{steps:?}");
    }
}
