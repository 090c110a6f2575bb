//! The coin-settled face of Black-76: v = V/F, and the partials of v from those of V.
//!
//! `∂v/∂F = (Δ − v)/F`, `∂²v/∂F² = Γ/F − 2(Δ − v)/F²`, `∂²v/∂F∂σ = (V_Fσ − v_σ)/F`,
//! `∂²v/∂F∂T` likewise; all others are divided by F. By Euler's rule `V = F·∂V/∂F + K·∂V/∂K`, so
//! that Δ − v, the premium-adjusted delta, is `−(K/F)·∂V/∂K`: no difference of near numbers.
//! Coin prices are not discounted.

use crate::batch::{Careful, Targets, split_targets, wanted_of};
use crate::black::{Row, Sink, clock, evaluate};
use crate::columns::{Column, Options, WIDTH_MAX, store_padded};
use crate::error::PricingError;
use crate::lanes::{Kernel, Lane, dispatch};
use crate::threads::{PIECE, in_parallel, is_parallel};
use crate::types::{OUTPUTS, Output, Wanted};

/// Outputs of one bundle, held until they are converted.
#[derive(Clone, Copy)]
pub struct Held<L>(pub [L; OUTPUTS]);

impl<L: Lane> Sink<L> for Held<L> {
    #[inline(always)]
    fn put(&mut self, output: Output, value: L) {
        if let Some(slot) = self.0.get_mut(output as usize) {
            *slot = value;
        }
    }
}

impl<L: Lane> Held<L> {
    /// Zeros.
    #[inline(always)]
    pub fn new() -> Self {
        Self([L::splat(0.0); OUTPUTS])
    }

    /// One output.
    #[inline(always)]
    pub fn get(&self, output: Output) -> L {
        self.0
            .get(output as usize)
            .copied()
            .unwrap_or(L::splat(f64::NAN))
    }

    /// Puts values in the place of one lane.
    #[inline(always)]
    pub fn replace(&mut self, lane: usize, values: &[f64; OUTPUTS]) {
        for (slot, value) in self.0.iter_mut().zip(values) {
            let mut lanes = [0.0; WIDTH_MAX];
            slot.store(&mut lanes);
            if let Some(place) = lanes.get_mut(lane) {
                *place = *value;
            }
            *slot = L::load(&lanes);
        }
    }

    /// The partials of v = V/F in the place of those of V.
    #[inline(always)]
    #[must_use]
    pub fn into_coin(mut self, forward: L, strike: L) -> Self {
        let per_forward = L::splat(1.0) / forward;
        let ratio = strike * per_forward;
        let adjusted = L::splat(0.0) - ratio * self.get(Output::DualDelta);
        let slope = adjusted * per_forward;
        let gamma = (self.get(Output::Gamma) - (slope + slope)) * per_forward;
        let vega = self.get(Output::Vega) * per_forward;
        let theta = self.get(Output::Theta) * per_forward;
        let vanna = (self.get(Output::Vanna) - vega) * per_forward;
        let charm = (self.get(Output::Charm) - theta) * per_forward;
        for value in &mut self.0 {
            *value = *value * per_forward;
        }
        self.put(Output::Delta, slope);
        self.put(Output::Gamma, gamma);
        self.put(Output::Vanna, vanna);
        self.put(Output::Charm, charm);
        self
    }
}

impl<L: Lane> Default for Held<L> {
    fn default() -> Self {
        Self::new()
    }
}

/// What must be evaluated for coin outputs, of which some mix with others.
#[must_use]
pub fn evaluated_for_coin(mut wanted: Wanted) -> Wanted {
    let mixes = [
        (Output::Gamma, Output::DualDelta),
        (Output::Delta, Output::DualDelta),
        (Output::Vanna, Output::Vega),
        (Output::Charm, Output::Theta),
    ];
    for (output, other) in mixes {
        if wanted.has(output) {
            wanted = wanted.with(other);
        }
    }
    wanted
}

/// Coin values and partials of one piece on one thread.
struct CoinPrices<'a, 't, 'o> {
    options: Options<'a>,
    rows: usize,
    wanted: Wanted,
    targets: &'t mut Targets<'o>,
}

impl Kernel for CoinPrices<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) {
        let options = self.options;
        let evaluated = evaluated_for_coin(self.wanted);
        let mut at = 0;
        while at < self.rows {
            let row = Row {
                is_call: options.is_call.load::<L>(at),
                forward: options.forward.load::<L>(at),
                strike: options.strike.load::<L>(at),
                vol: options.vol.load::<L>(at),
            };
            let clock = clock(options.years.load::<L>(at));
            let mut held = Held::new();
            let rare = evaluate(&row, &clock, None, evaluated, &mut held);
            if rare != 0 {
                repair(&options, at, rare, &mut held);
            }
            let held = held.into_coin(row.forward, row.strike);
            for (column, value) in self.targets.iter_mut().zip(held.0) {
                if let Some(column) = column {
                    store_padded(value, column, at);
                }
            }
            at += L::WIDTH;
        }
    }
}

/// The lanes that the polynomials do not reach, one by one.
#[cold]
#[inline(never)]
fn repair<L: Lane>(options: &Options<'_>, at: usize, rare: u32, held: &mut Held<L>) {
    let mut left = rare;
    while left != 0 {
        let lane = left.trailing_zeros() as usize;
        left &= left - 1;
        held.replace(lane, &dispatch(Careful(&options.option(at + lane))));
    }
}

/// Coin values and the partials that are wanted, each into its column; rates are not looked at.
///
/// A row with an argument outside its domain gets NaN in each column. Rho is that of V, over F.
///
/// # Errors
/// `OutOfDomain` where a column's length is not `rows`, or a thread pool can not be made.
pub fn coin_into(
    options: &Options<'_>,
    rows: usize,
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    let options = Options {
        rate: Column::One(0.0),
        ..*options
    };
    options.check(rows)?;
    let wanted = wanted_of(&targets, rows)?;
    let run = |(options, rows, mut targets): (Options<'_>, usize, Targets<'_>)| {
        dispatch(CoinPrices {
            options,
            rows,
            wanted,
            targets: &mut targets,
        });
    };
    if !is_parallel(rows, threads) {
        run((options, rows, targets));
        return Ok(());
    }
    let mut pieces = Vec::with_capacity(rows / PIECE + 1);
    let mut start = 0;
    while start < rows {
        let count = PIECE.min(rows - start);
        let columns = split_targets(&mut targets, count);
        pieces.push((options.piece(start, count), count, columns));
        start += count;
    }
    in_parallel(threads, pieces, run)
}
