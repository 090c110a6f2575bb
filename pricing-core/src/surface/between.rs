//! Total variance between, before and after the slices of a surface.
//!
//! Linear in w at constant k on the clock that the slices are placed on: what does not cross at
//! the slices does not cross between them. Before the first slice w is proportional to the clock;
//! after the last the forward variance of the last interval goes on. The clock (calendar, or one
//! with weekends and events) is the caller's.

use crate::error::PricingError;
use crate::smile::slice::Slice;
use crate::smile::{Jet, SmileSection};

/// Slices by ascending clock time.
#[derive(Clone, Debug)]
pub struct VarianceSurface {
    times: Vec<f64>,
    slices: Vec<Slice>,
}

/// Between which slices a time lies, and with what weights.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    low: usize,
    low_weight: f64,
    high: usize,
    high_weight: f64,
}

impl VarianceSurface {
    /// A surface of `slices` at strictly ascending clock `times` above 0.
    ///
    /// Errors: `OutOfDomain` without slices or for lengths that differ, `InvalidInput` for a time
    /// that does not ascend.
    pub fn new(times: Vec<f64>, slices: Vec<Slice>) -> Result<Self, PricingError> {
        if slices.is_empty() || times.len() != slices.len() {
            return Err(PricingError::OutOfDomain(format!(
                "{} times for {} slices; a surface needs one for each, and one slice at least",
                times.len(),
                slices.len()
            )));
        }
        let mut before = 0.0;
        for &time in &times {
            if !(time > before && time.is_finite()) {
                return Err(PricingError::InvalidInput {
                    field: "times",
                    value: time,
                    rule: "must be finite, above 0 and strictly ascending",
                });
            }
            before = time;
        }
        Ok(Self { times, slices })
    }

    /// The slices.
    pub fn slices(&self) -> &[Slice] {
        &self.slices
    }

    fn span(&self, time: f64) -> Span {
        let count = self.times.len();
        let at = |i: usize| self.times.get(i).copied().unwrap_or(f64::NAN);
        let above = self.times.partition_point(|&known| known < time);
        if above == 0 {
            return Span {
                low: 0,
                low_weight: time / at(0),
                high: 0,
                high_weight: 0.0,
            };
        }
        if count == 1 {
            return Span {
                low: 0,
                low_weight: time / at(0),
                high: 0,
                high_weight: 0.0,
            };
        }
        let high = above.min(count - 1);
        let share = (time - at(high - 1)) / (at(high) - at(high - 1));
        Span {
            low: high - 1,
            low_weight: 1.0 - share,
            high,
            high_weight: share,
        }
    }

    /// Total variance and its derivatives in k, at clock `time` and log-moneyness `k`; NaN for a
    /// time that is not above 0, or a NaN.
    #[inline]
    pub fn jet(&self, time: f64, k: f64) -> Jet {
        if time > 0.0 {
            self.jet_at(self.span(time), k)
        } else {
            Jet {
                w: f64::NAN,
                dw: f64::NAN,
                d2w: f64::NAN,
            }
        }
    }

    #[inline]
    fn jet_at(&self, span: Span, k: f64) -> Jet {
        let part = |index: usize, weight: f64| {
            if weight == 0.0 {
                return [0.0; 3];
            }
            self.slices.get(index).map_or([f64::NAN; 3], |slice| {
                let jet = slice.jet(k);
                [weight * jet.w, weight * jet.dw, weight * jet.d2w]
            })
        };
        let (low, high) = (
            part(span.low, span.low_weight),
            part(span.high, span.high_weight),
        );
        Jet {
            w: low[0] + high[0],
            dw: low[1] + high[1],
            d2w: low[2] + high[2],
        }
    }

    /// Writes total variance at each (time, k), and the derivatives where targets are given.
    ///
    /// Errors: `OutOfDomain` for columns of different lengths.
    pub fn jets_into(
        &self,
        time: &[f64],
        k: &[f64],
        w: &mut [f64],
        slopes: Option<(&mut [f64], &mut [f64])>,
    ) -> Result<(), PricingError> {
        let fits = |len: usize| len == k.len();
        if !(fits(time.len()) && fits(w.len()))
            || slopes
                .as_ref()
                .is_some_and(|(a, b)| !(fits(a.len()) && fits(b.len())))
        {
            return Err(PricingError::OutOfDomain(
                "time, k and the targets must be of one length".to_owned(),
            ));
        }
        // Queries come expiry by expiry: the span of the row before often serves.
        let mut known = (f64::NAN, self.span(1.0));
        let mut at = |time: f64, k: f64| {
            if time.to_bits() != known.0.to_bits() {
                known = (time, self.span(time));
            }
            if time > 0.0 {
                self.jet_at(known.1, k)
            } else {
                self.jet(time, k)
            }
        };
        match slopes {
            None => {
                for ((w, &time), &k) in w.iter_mut().zip(time).zip(k) {
                    *w = at(time, k).w;
                }
            }
            Some((dw, d2w)) => {
                let targets = w.iter_mut().zip(dw).zip(d2w);
                for (((w, dw), d2w), (&time, &k)) in targets.zip(time.iter().zip(k)) {
                    let jet = at(time, k);
                    (*w, *dw, *d2w) = (jet.w, jet.dw, jet.d2w);
                }
            }
        }
        Ok(())
    }
}
