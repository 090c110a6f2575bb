//! Total variance between, before and after the slices of a surface.
//!
//! Linear in w at constant k on the clock that the slices are placed on: what does not cross at
//! the slices does not cross between them. Before the first slice w is proportional to the clock.
//! The clock (calendar, or one with weekends and events) is the caller's.
//!
//! After the last slice w grows by the same at every k: by the forward variance at the money of the
//! last interval (of a single slice, by its own variance at the money), never by less than 0. So
//! slices do not cross there and wings keep the last slice's slopes. With `u = 1/w`,
//! `g = h(u) − w'²/16 + w''/2` and `h(u) = (1 − k w' u/2)² − w'² u/4`, of which a higher level
//! changes u alone, towards 0:
//!
//! - Where `k w' ≥ 0`, g only rises. A slice without butterflies has `k w' ≤ 2w`: where q = k w' − 2w
//!   is 0, g ≥ 0 makes `k q' ≥ k² w'²/8`, so q would stay above 0 out to the wing, w outgrow k² and
//!   Lee's bound break. On [0, 1/w] then `h' = −k w' (1 − k w' u/2) − w'²/4 ≤ 0`.
//! - Where `k w' < 0`, h is convex. Where `4|k| ≥ |w'|` it rises in u, and g falls with the level
//!   towards `1 − w'²/16 + w''/2`, which is above 0 unless `w'' < −2 + w'²/8`. Nearer to the money
//!   it may fall first, by no more than `(|w'|/(4|k|) − 1)²` below that limit.
//!
//! So the second case is not excluded: whoever relies on it has to look.

use crate::error::PricingError;
use crate::smile::slice::Slice;
use crate::smile::{Jet, SmileSection};

/// Slices by ascending clock time.
#[derive(Clone, Debug)]
pub struct VarianceSurface {
    times: Vec<f64>,
    slices: Vec<Slice>,
    growth: f64,
}

/// Between which slices a time lies, with what weights, and how much is added at every k.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Span {
    low: usize,
    low_weight: f64,
    high: usize,
    high_weight: f64,
    added: f64,
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
        let growth = growth_after(&times, &slices);
        Ok(Self {
            times,
            slices,
            growth,
        })
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
                added: 0.0,
            };
        }
        if above == count {
            return Span {
                low: count - 1,
                low_weight: 1.0,
                high: count - 1,
                high_weight: 0.0,
                added: self.growth * (time - at(count - 1)),
            };
        }
        let high = above;
        let share = (time - at(high - 1)) / (at(high) - at(high - 1));
        Span {
            low: high - 1,
            low_weight: 1.0 - share,
            high,
            high_weight: share,
            added: 0.0,
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
            w: low[0] + high[0] + span.added,
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

/// Total variance by which the surface grows after its last slice, for a unit of the clock's time.
fn growth_after(times: &[f64], slices: &[Slice]) -> f64 {
    let at_money = |slice: &Slice| slice.jet(0.0).w;
    match (times, slices) {
        ([.., before, last], [.., shorter, longer]) => {
            ((at_money(longer) - at_money(shorter)) / (last - before)).max(0.0)
        }
        ([only], [slice]) => (at_money(slice) / only).max(0.0),
        _ => 0.0,
    }
}

#[cfg(test)]
#[allow(clippy::unwrap_used, clippy::indexing_slicing)] // a test may panic
mod tests {
    use super::*;
    use crate::smile::svi::RawSvi;

    fn slice(a: f64, b: f64) -> Slice {
        Slice::Svi(RawSvi::new(a, b, -0.3, 0.02, 0.2).unwrap())
    }

    fn surface(levels: &[f64]) -> VarianceSurface {
        let slices: Vec<Slice> = levels.iter().map(|&a| slice(a, 0.1 + a)).collect();
        let times = (1..=levels.len()).map(|i| 0.25 * i as f64).collect();
        VarianceSurface::new(times, slices).unwrap()
    }

    #[test]
    fn after_the_last_slice_every_log_moneyness_grows_by_as_much() {
        let found = surface(&[0.01, 0.03, 0.08]);
        let last = &found.slices()[2];
        let rate = (last.jet(0.0).w - found.slices()[1].jet(0.0).w) / 0.25;
        for k in [-3.0, -0.4, 0.0, 0.7, 3.0] {
            for days in [0.0, 10.0, 400.0, 3650.0] {
                let (jet, own) = (found.jet(0.75 + days / 365.0, k), last.jet(k));
                assert!((jet.w - own.w - rate * days / 365.0).abs() < 1e-12);
                assert_eq!((jet.dw, jet.d2w), (own.dw, own.d2w));
            }
        }
    }

    #[test]
    fn a_single_slice_grows_by_its_own_variance_at_the_money() {
        let found = surface(&[0.04]);
        let own = &found.slices()[0];
        let grown = found.jet(0.75, 1.2).w - own.jet(1.2).w;
        assert!((grown - 2.0 * own.jet(0.0).w).abs() < 1e-12);
    }

    #[test]
    fn it_never_falls_after_the_last_slice() {
        let found = surface(&[0.08, 0.01]);
        assert_eq!(found.jet(9.0, 0.3), found.slices()[1].jet(0.3));
    }
}
