//! The slices of a chain fitted again: only those that something reached.
//!
//! A slice is a function of its own quotes, of the floors that shorter expiries put under it, of
//! the slice above it, the model and the options, and with SVI of what the joint fit, which is
//! solved each time, says of it. Where all of them are what an earlier fit was made of, to the last
//! bit, that fit is the answer and nothing else is solved. Where only a neighbour moved and the
//! slice comes back to where it stood, it stays there, and the change goes no further.

use std::sync::Arc;

use super::fit::{Model, SliceFit, fit_one, floors_under};
use crate::error::PricingError;
use crate::smile::butterfly::check;
use crate::smile::quotes::SliceQuotes;
use crate::smile::slice::{Slice, common_grid};
use crate::smile::spline_fit::SplineOptions;
use crate::smile::spline_problem::Floor;
use crate::smile::svi::RawSvi;
use crate::smile::{SmileSection, svi_joint};

/// Relative difference of total variance at its quotes up to which a slice that only neighbours
/// reached stays where it stood: 1e-7 vol points at a vol of 50 %.
pub const STILL_AT_QUOTES: f64 = 4e-9;
/// The same on the common grid, whose far wings no quote holds: every bound that moves anywhere
/// moves them by some 1e-6, and would have all shorter slices solved again for nothing.
pub const STILL_ON_GRID: f64 = 1e-5;

/// A fitted slice and all that it was made of.
#[derive(Clone, Debug)]
pub struct KnownSlice {
    /// The fit.
    pub fit: SliceFit,
    made_of: Inputs,
}

#[derive(Clone, Debug)]
struct Inputs {
    model: Model,
    options: SplineOptions,
    years: f64,
    k: Vec<f64>,
    bid: Vec<f64>,
    ask: Vec<f64>,
    trust: Vec<f64>,
    floors: Vec<Floor>,
    upper: Option<Slice>,
    joint: Option<RawSvi>,
}

impl Inputs {
    /// Whether quotes, model and options are these: what is the slice's own.
    fn is_own(&self, model: Model, quotes: &SliceQuotes<'_>, options: &SplineOptions) -> bool {
        self.model == model
            && self.options == *options
            && self.years == quotes.years
            && self.k == quotes.k
            && self.bid == quotes.bid
            && self.ask == quotes.ask
            && self.trust == quotes.trust
    }
}

/// Fits every slice of `expiries`, ascending in years, that is not what it was; results in the
/// same order, a slice that was kept being the one of `earlier` itself.
///
/// `earlier` holds what is known of each expiry, and may be short or empty; `warm` coefficients to
/// start from where nothing is. A slice that can not be fitted is an error in its place and bounds
/// nobody.
pub fn refit_chain(
    model: Model,
    expiries: &[SliceQuotes<'_>],
    warm: &[Vec<f64>],
    earlier: &[Option<Arc<KnownSlice>>],
    options: &SplineOptions,
) -> Vec<Result<Arc<KnownSlice>, PricingError>> {
    let mut found: Vec<Result<Arc<KnownSlice>, PricingError>> = Vec::with_capacity(expiries.len());
    let mut upper: Option<Slice> = None;
    let joint = match model {
        Model::Svi => svi_joint::joint(expiries, options.floor),
        _ => Vec::new(),
    };
    for (i, quotes) in expiries.iter().enumerate().rev() {
        let known = earlier.get(i).and_then(Option::as_ref);
        let start = known
            .map(|known| &known.fit.coefficients)
            .or_else(|| warm.get(i))
            .map(Vec::as_slice)
            .filter(|coefficients| !coefficients.is_empty());
        let shorter = expiries.get(..i).unwrap_or_default();
        let fit = refit_one(
            model,
            quotes,
            shorter,
            upper.as_ref(),
            (known, start),
            joint.get(i).copied().flatten(),
            options,
        );
        if let Ok(known) = &fit {
            upper = Some(known.fit.slice.clone());
        }
        found.push(fit);
    }
    found.reverse();
    found
}

fn refit_one(
    model: Model,
    quotes: &SliceQuotes<'_>,
    shorter: &[SliceQuotes<'_>],
    upper: Option<&Slice>,
    (known, start): (Option<&Arc<KnownSlice>>, Option<&[f64]>),
    joint: Option<RawSvi>,
    options: &SplineOptions,
) -> Result<Arc<KnownSlice>, PricingError> {
    quotes.check()?;
    let floors = floors_under(quotes, shorter, options.floor);
    let same = known.filter(|known| known.made_of.is_own(model, quotes, options));
    if let Some(known) = same
        && known.made_of.floors == floors
        && known.made_of.upper.as_ref() == upper
        && known.made_of.joint == joint
    {
        return Ok(Arc::clone(known));
    }
    let mut fit = fit_one(model, quotes, &floors, upper, start, joint, options)?;
    if let Some(known) = same {
        fit = at_rest(&known.fit, fit, quotes.k, upper);
    }
    Ok(Arc::new(KnownSlice {
        fit,
        made_of: Inputs {
            model,
            options: *options,
            years: quotes.years,
            k: quotes.k.to_vec(),
            bid: quotes.bid.to_vec(),
            ask: quotes.ask.to_vec(),
            trust: quotes.trust.to_vec(),
            floors,
            upper: upper.cloned(),
            joint,
        },
    }))
}

/// `held` where `fit` came back to it and it is free of arbitrage below the bound as it is now.
fn at_rest(held: &SliceFit, fit: SliceFit, k: &[f64], upper: Option<&Slice>) -> SliceFit {
    if held.fallback != fit.fallback || !is_still(&held.slice, &fit.slice, k) {
        return fit;
    }
    let (g_min, calendar_slack) = check(&held.slice, upper);
    if !(g_min >= 0.0 && calendar_slack >= 0.0) {
        return fit;
    }
    SliceFit {
        slice: held.slice.clone(),
        coefficients: held.coefficients.clone(),
        g_min,
        calendar_slack,
        ..fit
    }
}

fn is_still(held: &Slice, new: &Slice, k: &[f64]) -> bool {
    let is_near = |old: f64, new: f64, share: f64| (new - old).abs() <= share * old.abs();
    let mut before = Vec::new();
    held.march(common_grid(), |_, jet| before.push(jet.w));
    let mut old = before.into_iter();
    let mut is_near_all = true;
    new.march(common_grid(), |_, jet| {
        is_near_all &= old.next().is_some_and(|w| is_near(w, jet.w, STILL_ON_GRID));
    });
    let mut at_quotes = k
        .iter()
        .map(|&k| (held.total_variance(k), new.total_variance(k)));
    is_near_all && at_quotes.all(|(old, new)| is_near(old, new, STILL_AT_QUOTES))
}
