//! The forward that the call and put prices of one expiry agree on, by put-call parity.
//!
//! Linear prices: `C − P = D·(F − K)`. Coin-settled, undiscounted: `c − p = 1 − K/F`.

use crate::error::PricingError;

/// Rounds of reweighting; the biweight settles in three or four on real pairs.
const ROUNDS: usize = 8;
/// Tukey's biweight constant: 5 % less efficient than least squares on normal errors.
const BIWEIGHT: f64 = 4.685;
/// Median absolute deviation to standard deviation, on normal errors.
const MAD_TO_SIGMA: f64 = 1.4826;

/// Prices of one strike; a pair with a NaN, or a weight that is not above 0, is left out.
#[derive(Clone, Copy, Debug)]
pub struct Pair {
    /// Strike, quote currency per unit of underlying.
    pub strike: f64,
    /// Price of the call.
    pub call: f64,
    /// Price of the put.
    pub put: f64,
    /// Relative trust, for example one over the summed spreads squared.
    pub weight: f64,
}

impl Pair {
    fn is_usable(&self) -> bool {
        self.strike.is_finite()
            && self.strike > 0.0
            && self.call.is_finite()
            && self.put.is_finite()
            && self.weight.is_finite()
            && self.weight > 0.0
    }
}

/// What one pair says of the forward, and how much it is trusted.
#[derive(Clone, Copy)]
struct Vote {
    forward: f64,
    weight: f64,
}

/// Forward from prices in quote currency: each pair says `F = K + (C − P)/D`.
///
/// The votes are averaged by weight with outliers weighed down (Tukey's biweight about the
/// weighted median). Errors: `InvalidInput` for a discount that is not above 0, or no usable pair.
pub fn forward_from_quotes(
    pairs: impl Iterator<Item = Pair>,
    discount: f64,
) -> Result<f64, PricingError> {
    if !(discount.is_finite() && discount > 0.0) {
        return Err(PricingError::InvalidInput {
            field: "discount",
            value: discount,
            rule: "must be a finite number above 0",
        });
    }
    agreed(pairs.filter(Pair::is_usable).map(|pair| Vote {
        forward: pair.strike + (pair.call - pair.put) / discount,
        weight: pair.weight,
    }))
}

/// Forward from prices in coin: each pair says `F = K/(1 − (c − p))`.
///
/// Averaged as in [`forward_from_quotes`]. Errors: `InvalidInput` where no pair is usable, which
/// includes those whose call is worth a coin more than the put.
pub fn forward_from_coin(pairs: impl Iterator<Item = Pair>) -> Result<f64, PricingError> {
    agreed(pairs.filter(Pair::is_usable).filter_map(|pair| {
        let share = 1.0 - (pair.call - pair.put);
        (share > 0.0).then(|| Vote {
            forward: pair.strike / share,
            weight: pair.weight,
        })
    }))
}

fn agreed(votes: impl Iterator<Item = Vote>) -> Result<f64, PricingError> {
    let mut votes: Vec<Vote> = votes.filter(|vote| vote.forward.is_finite()).collect();
    let Some(mut centre) = weighted_median(&mut votes, |vote| vote.forward) else {
        return Err(PricingError::InvalidInput {
            field: "pairs",
            value: 0.0,
            rule: "must hold one with strike, call, put and weight at least",
        });
    };
    for _ in 0..ROUNDS {
        let spread = weighted_median(&mut votes, |vote| (vote.forward - centre).abs());
        // Below the floor the pairs agree to the rounding of their own prices.
        let scale = (MAD_TO_SIGMA * spread.unwrap_or(0.0)).max(1e-12 * centre.abs());
        let (mut total, mut trusted) = (0.0, 0.0);
        votes.sort_by(|a, b| a.forward.total_cmp(&b.forward));
        for vote in &votes {
            let distance = (vote.forward - centre) / (BIWEIGHT * scale);
            let inside = (1.0 - distance * distance).max(0.0);
            let trust = vote.weight * inside * inside;
            total += trust * vote.forward;
            trusted += trust;
        }
        let following = total / trusted;
        if !following.is_finite() {
            break;
        }
        let is_settled = (following - centre).abs() <= 1e-15 * centre.abs();
        centre = following;
        if is_settled {
            break;
        }
    }
    Ok(centre)
}

/// Value at which half of the weight is reached, the middle where it falls between two; sorts.
fn weighted_median(votes: &mut [Vote], key: impl Fn(&Vote) -> f64) -> Option<f64> {
    votes.sort_by(|a, b| key(a).total_cmp(&key(b)));
    let half = 0.5 * votes.iter().map(|vote| vote.weight).sum::<f64>();
    let mut below = 0.0;
    let mut rest = votes.iter();
    while let Some(vote) = rest.next() {
        below += vote.weight;
        if below >= half {
            let value = key(vote);
            let is_between = below == half;
            return Some(match rest.next() {
                Some(next) if is_between => 0.5 * (value + key(next)),
                _ => value,
            });
        }
    }
    votes.last().map(key)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pair(strike: f64, forward: f64, weight: f64) -> Pair {
        // Any call does: parity fixes the put.
        let call = 0.3 * forward;
        Pair {
            strike,
            call,
            put: call - (forward - strike),
            weight,
        }
    }

    #[test]
    fn one_pair_gives_its_own_forward() {
        let found = forward_from_quotes([pair(90.0, 100.0, 2.0)].into_iter(), 1.0);
        assert!((found.unwrap_or(f64::NAN) - 100.0).abs() < 1e-12);
    }

    #[test]
    fn outlier_is_weighed_down() {
        let mut pairs: Vec<Pair> = (0..9)
            .map(|i| pair(80.0 + 5.0 * f64::from(i), 100.0, 1.0))
            .collect();
        pairs.push(pair(100.0, 140.0, 1.0));
        let found = forward_from_quotes(pairs.into_iter(), 1.0).unwrap_or(f64::NAN);
        assert!((found - 100.0).abs() < 1e-9, "{found}");
    }

    #[test]
    fn coin_pairs_give_the_forward_of_the_same_dollars() {
        let pairs = (0..5).map(|i| {
            let linear = pair(80.0 + 10.0 * f64::from(i), 100.0, 1.0);
            Pair {
                call: linear.call / 100.0,
                put: linear.put / 100.0,
                ..linear
            }
        });
        let found = forward_from_coin(pairs).unwrap_or(f64::NAN);
        assert!((found - 100.0).abs() < 1e-10, "{found}");
    }

    #[test]
    fn nothing_usable_is_an_error() {
        let broken = Pair {
            strike: 1.0,
            call: f64::NAN,
            put: 0.1,
            weight: 1.0,
        };
        assert!(forward_from_quotes([broken].into_iter(), 1.0).is_err());
        assert!(forward_from_coin(std::iter::empty()).is_err());
        assert!(forward_from_quotes([pair(90.0, 100.0, 1.0)].into_iter(), 0.0).is_err());
        let rich = Pair {
            strike: 1.0,
            call: 1.5,
            put: 0.1,
            weight: 1.0,
        };
        assert!(forward_from_coin([rich].into_iter()).is_err());
    }
}
