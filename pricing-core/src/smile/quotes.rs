//! What a slice is fitted to: bid and ask vols by log-moneyness.

use crate::error::PricingError;

/// Longest time to expiry that is taken, years.
pub const YEARS_MAX: f64 = 50.0;
/// Highest vol that is taken, as a fraction.
pub const VOL_MAX: f64 = 20.0;
/// Trust below which a quote decides nothing but its own small pull.
pub const TRUST_MIN: f64 = 0.5;

/// Quotes of one expiry, ascending in `k`; columns of one length.
///
/// A bid of 0 or an ask of infinity is a side without a quote: the other side is then a bound that
/// the fit keeps to, not a point.
#[derive(Clone, Copy, Debug)]
pub struct SliceQuotes<'a> {
    /// Time to expiry, years of 365 days.
    pub years: f64,
    /// Log-moneyness ln(K/F).
    pub k: &'a [f64],
    /// Bid vols, fractions.
    pub bid: &'a [f64],
    /// Ask vols, fractions.
    pub ask: &'a [f64],
    /// How far each quote is trusted, 0 to 1; empty where all are fully.
    pub trust: &'a [f64],
}

/// One quote of a slice.
#[derive(Clone, Copy, Debug)]
pub struct Quote {
    /// Log-moneyness.
    pub k: f64,
    /// Bid vol; 0 where there is none.
    pub bid: f64,
    /// Ask vol; infinite where there is none.
    pub ask: f64,
    /// Share of a full quote's weight, 0 to 1.
    pub trust: f64,
}

impl Quote {
    /// Whether both sides are there.
    pub fn is_two_sided(&self) -> bool {
        self.bid > 0.0 && self.ask.is_finite()
    }

    /// Whether both sides are there and more for than against it.
    pub fn is_trusted(&self) -> bool {
        self.is_two_sided() && self.trust >= TRUST_MIN
    }

    /// Middle of both sides; the side that is there where only one is.
    pub fn mid(&self) -> f64 {
        if self.is_two_sided() {
            0.5 * (self.bid + self.ask)
        } else if self.ask.is_finite() {
            self.ask
        } else {
            self.bid
        }
    }

    /// Half the width, at least `floor`.
    pub fn half_spread(&self, floor: f64) -> f64 {
        if self.is_two_sided() {
            (0.5 * (self.ask - self.bid)).max(floor)
        } else {
            floor
        }
    }
}

impl SliceQuotes<'_> {
    /// The quotes one by one.
    pub fn iter(&self) -> impl Iterator<Item = Quote> + '_ {
        let trust = self.trust.iter().copied().chain(std::iter::repeat(1.0));
        self.k
            .iter()
            .zip(self.bid)
            .zip(self.ask)
            .zip(trust)
            .map(|(((&k, &bid), &ask), trust)| Quote { k, bid, ask, trust })
    }

    /// Refuses quotes that no slice can be fitted to, naming the field.
    pub fn check(&self) -> Result<(), PricingError> {
        if !(self.years > 0.0 && self.years <= YEARS_MAX) {
            return Err(invalid(
                "years",
                self.years,
                "must be above 0 and at most 50",
            ));
        }
        if self.bid.len() != self.k.len() || self.ask.len() != self.k.len() {
            return Err(PricingError::OutOfDomain(format!(
                "k, bid and ask must be of one length, and are of {}, {} and {}",
                self.k.len(),
                self.bid.len(),
                self.ask.len()
            )));
        }
        if !(self.trust.is_empty() || self.trust.len() == self.k.len()) {
            return Err(PricingError::OutOfDomain(format!(
                "trust must be empty or of the length of k, {}, and is of {}",
                self.k.len(),
                self.trust.len()
            )));
        }
        let mut before = f64::NEG_INFINITY;
        for quote in self.iter() {
            if !(0.0..=1.0).contains(&quote.trust) {
                return Err(invalid("trust", quote.trust, "must be from 0 to 1"));
            }
            if !(quote.k.is_finite() && quote.k > before) {
                return Err(invalid(
                    "k",
                    quote.k,
                    "must be finite and strictly ascending",
                ));
            }
            before = quote.k;
            if !(0.0..=VOL_MAX).contains(&quote.bid) {
                return Err(invalid("bid", quote.bid, "must be a vol from 0 to 20"));
            }
            let is_ask = quote.ask > 0.0 && (quote.ask <= VOL_MAX || quote.ask.is_infinite());
            if !is_ask || quote.ask < quote.bid {
                let rule = "must be a vol from the bid to 20, or infinite";
                return Err(invalid("ask", quote.ask, rule));
            }
            if quote.bid <= 0.0 && quote.ask.is_infinite() {
                return Err(invalid("ask", quote.ask, "needs a bid beside it"));
            }
        }
        Ok(())
    }

    /// Lowest bid and highest ask of the trusted quotes on both sides of the money; None where
    /// one side has none.
    pub fn atm_range(&self) -> Option<(f64, f64)> {
        let (below, above) = self.beside_the_money();
        let (low, high) = (below?, above?);
        Some((low.bid.min(high.bid), low.ask.max(high.ask)))
    }

    fn beside_the_money(&self) -> (Option<Quote>, Option<Quote>) {
        let (mut below, mut above): (Option<Quote>, Option<Quote>) = (None, None);
        for quote in self.iter().filter(Quote::is_trusted) {
            if quote.k <= 0.0 {
                below = Some(quote);
            } else if above.is_none() {
                above = Some(quote);
            }
        }
        (below, above)
    }

    /// Vol at the money: mids of trusted quotes, variance linear between; None without any.
    pub fn atm_vol(&self) -> Option<f64> {
        match self.beside_the_money() {
            (Some(low), Some(high)) => {
                let share = -low.k / (high.k - low.k);
                let variance = (1.0 - share) * low.mid().powi(2) + share * high.mid().powi(2);
                Some(variance.sqrt())
            }
            (Some(one), None) | (None, Some(one)) => Some(one.mid()),
            (None, None) => None,
        }
    }
}

fn invalid(field: &'static str, value: f64, rule: &'static str) -> PricingError {
    PricingError::InvalidInput { field, value, rule }
}
