//! A book of options under scenarios of spot, vol and time: profit and Greeks, summed or each.
//!
//! Lanes hold scenarios and positions are summed one after the other, so that a sum has one order
//! whatever the instruction set and the thread count: threads share scenarios, never a sum.

use crate::batch::{Careful, Targets, evaluate_one, split_targets, wanted_of};
use crate::black::{Row, Sink, clock, discount, evaluate};
use crate::columns::{Column, Options, WIDTH_MAX, check_length, store_padded};
use crate::error::PricingError;
use crate::extreme::Option76;
use crate::lanes::{Kernel, Lane, LaneMask, dispatch};
use crate::threads::{in_parallel, is_parallel};
use crate::types::{OUTPUTS, Output, Wanted};

/// In what a position is settled and its profit measured.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Settlement {
    /// Quote currency: V.
    Quote,
    /// Coin: v = V/F, with the partials of v.
    Coin,
}

/// Positions: options and how many of each, shorts negative.
#[derive(Clone, Copy, Debug)]
pub struct Book<'a> {
    /// The options; each column has a row a position, or one number for all.
    pub options: Options<'a>,
    /// How many of each.
    pub quantity: Column<'a>,
    /// Number of positions.
    pub positions: usize,
    /// In what they settle.
    pub settlement: Settlement,
}

/// Scenarios, one a row in each column.
#[derive(Clone, Copy, Debug)]
pub struct Shocks<'a> {
    /// Relative move of each forward: F becomes F·(1 + move), which must stay above 0.
    pub spot: Column<'a>,
    /// Added to each vol; where the sum is below 0 the vol is 0.
    pub vol: Column<'a>,
    /// Years that pass; where fewer are left the option is at expiry.
    pub years: Column<'a>,
    /// Number of scenarios.
    pub scenarios: usize,
}

/// Scenarios on one thread at a time; a multiple of every lane width.
const BLOCK: usize = 64;

impl Shocks<'_> {
    fn check(&self) -> Result<(), PricingError> {
        check_length("spot", self.spot.len(), self.scenarios)?;
        check_length("vol", self.vol.len(), self.scenarios)?;
        check_length("years", self.years.len(), self.scenarios)
    }

    fn piece(&self, start: usize, count: usize) -> Self {
        Self {
            spot: self.spot.piece(start, count),
            vol: self.vol.piece(start, count),
            years: self.years.piece(start, count),
            scenarios: count,
        }
    }
}

impl Book<'_> {
    fn check(&self) -> Result<(), PricingError> {
        self.options.check(self.positions)?;
        check_length("quantity", self.quantity.len(), self.positions)
    }

    /// Value of each position before any shock, NaN where it is outside the domain.
    fn values(&self) -> Vec<f64> {
        let wanted = Wanted::NONE.with(Output::Price);
        (0..self.positions)
            .map(|position| {
                let option = self.options.option(position);
                let [price, ..] = evaluate_one(&option, wanted).unwrap_or([f64::NAN; OUTPUTS]);
                match self.settlement {
                    Settlement::Quote => price,
                    Settlement::Coin => price / option.forward,
                }
            })
            .collect()
    }
}

/// Outputs of one bundle, held until they are converted, weighted and summed.
struct Held<L>([L; OUTPUTS]);

impl<L: Lane> Sink<L> for Held<L> {
    #[inline(always)]
    fn put(&mut self, output: Output, value: L) {
        if let Some(slot) = self.0.get_mut(output as usize) {
            *slot = value;
        }
    }
}

impl<L: Lane> Held<L> {
    #[inline(always)]
    fn get(&self, output: Output) -> L {
        self.0
            .get(output as usize)
            .copied()
            .unwrap_or(L::splat(f64::NAN))
    }

    /// Partials of v = V/F from those of V: ∂v/∂F = (Δ − v)/F, ∂²v/∂F² = Γ/F − 2(Δ − v)/F²,
    /// ∂²v/∂F∂σ = (V_Fσ − v_σ)/F, ∂²v/∂F∂T likewise; others are divided by F.
    #[inline(always)]
    fn into_coin(mut self, forward: L) -> Self {
        let per_forward = L::splat(1.0) / forward;
        let price = self.get(Output::Price) * per_forward;
        // Δ − v = −(K/F)·∂V/∂K: the difference loses digits only where K is far below F.
        let slope = (self.get(Output::Delta) - price) * per_forward;
        let gamma = (self.get(Output::Gamma) - (slope + slope)) * per_forward;
        let vega = self.get(Output::Vega) * per_forward;
        let theta = self.get(Output::Theta) * per_forward;
        let vanna = (self.get(Output::Vanna) - vega) * per_forward;
        let charm = (self.get(Output::Charm) - theta) * per_forward;
        for value in &mut self.0 {
            *value = *value * per_forward;
        }
        self.put(Output::Price, price);
        self.put(Output::Delta, slope);
        self.put(Output::Gamma, gamma);
        self.put(Output::Vanna, vanna);
        self.put(Output::Charm, charm);
        self
    }
}

/// One block of scenarios for every position.
struct Block<'a, 't, 'o> {
    book: Book<'a>,
    shocks: Shocks<'a>,
    values: &'a [f64],
    wanted: Wanted,
    /// Sums over positions, or each position's rows one after the other at `stride`.
    targets: &'t mut Targets<'o>,
    stride: Option<usize>,
}

impl Block<'_, '_, '_> {
    /// What must be evaluated: in coin an output mixes with those below it.
    fn evaluated(&self) -> Wanted {
        let mut wanted = self.wanted;
        if self.book.settlement == Settlement::Quote {
            return wanted;
        }
        let mixes = [
            (Output::Gamma, Output::Delta),
            (Output::Delta, Output::Price),
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

    /// One of a position under one bundle of scenarios, with profit in the place of the price.
    #[inline(always)]
    fn bundle<L: Lane>(&self, position: usize, at: usize, wanted: Wanted) -> Held<L> {
        let option = self.book.options.option(position);
        let zero = L::splat(0.0);
        let moved = L::splat(1.0) + self.shocks.spot.load::<L>(at);
        let row = Row {
            is_call: L::Mask::splat(option.is_call),
            forward: L::splat(option.forward) * moved,
            strike: L::splat(option.strike),
            vol: (L::splat(option.vol) + self.shocks.vol.load::<L>(at)).max(zero),
        };
        let years = (L::splat(option.years) - self.shocks.years.load::<L>(at)).max(zero);
        let clock = clock(years);
        let mut held = Held([zero; OUTPUTS]);
        let rare = if option.rate == 0.0 {
            evaluate(&row, &clock, None, wanted, &mut held)
        } else {
            let (discount, in_range) = discount(L::splat(option.rate), years);
            evaluate(&row, &clock, Some(&discount), wanted, &mut held) | (!in_range).bits()
        };
        let rare = rare & ((1 << L::WIDTH) - 1);
        if rare != 0 {
            self.repair(&option, at, rare, &mut held);
        }
        let mut held = match self.book.settlement {
            Settlement::Quote => held,
            Settlement::Coin => held.into_coin(row.forward),
        };
        let before = self.values.get(position).copied().unwrap_or(f64::NAN);
        let profit = held.get(Output::Price) - L::splat(before);
        held.put(Output::Price, profit);
        held
    }

    #[cold]
    #[inline(never)]
    fn repair<L: Lane>(&self, option: &Option76, at: usize, rare: u32, held: &mut Held<L>) {
        let mut left = rare;
        while left != 0 {
            let lane = left.trailing_zeros() as usize;
            left &= left - 1;
            let scenario = (at + lane).min(self.shocks.scenarios.saturating_sub(1));
            let shocked = Option76 {
                forward: option.forward * (1.0 + self.shocks.spot.at(scenario)),
                vol: above_zero(option.vol + self.shocks.vol.at(scenario)),
                years: above_zero(option.years - self.shocks.years.at(scenario)),
                ..*option
            };
            let values = dispatch(Careful(&shocked));
            for (slot, value) in held.0.iter_mut().zip(values) {
                let mut lanes = [0.0; WIDTH_MAX];
                slot.store(&mut lanes);
                if let Some(place) = lanes.get_mut(lane) {
                    *place = value;
                }
                *slot = L::load(&lanes);
            }
        }
    }

    #[inline(always)]
    fn sum<L: Lane>(&mut self, at: usize, evaluated: Wanted) {
        let mut total = [L::splat(0.0); OUTPUTS];
        for position in 0..self.book.positions {
            let held = self.bundle::<L>(position, at, evaluated);
            let quantity = L::splat(self.book.quantity.at(position));
            for ((sum, value), output) in total.iter_mut().zip(held.0).zip(Output::ALL) {
                if self.wanted.has(output) {
                    *sum = value.mul_add(quantity, *sum);
                }
            }
        }
        for (column, value) in self.targets.iter_mut().zip(total) {
            if let Some(column) = column {
                store_padded(value, column, at);
            }
        }
    }

    #[inline(always)]
    fn each<L: Lane>(&mut self, at: usize, stride: usize, evaluated: Wanted) {
        for position in 0..self.book.positions {
            let held = self.bundle::<L>(position, at, evaluated);
            let quantity = L::splat(self.book.quantity.at(position));
            let start = position * stride;
            for (column, value) in self.targets.iter_mut().zip(held.0) {
                if let Some(rows) = column
                    .as_mut()
                    .and_then(|c| c.get_mut(start..start + stride))
                {
                    store_padded(value * quantity, rows, at);
                }
            }
        }
    }
}

/// 0 for negative numbers; NaN stays.
fn above_zero(x: f64) -> f64 {
    if x < 0.0 { 0.0 } else { x }
}

impl Kernel for Block<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane, S: Lane>(mut self) {
        let evaluated = self.evaluated();
        let mut at = 0;
        while at < self.shocks.scenarios {
            match self.stride {
                None => self.sum::<L>(at, evaluated),
                Some(stride) => self.each::<L>(at, stride, evaluated),
            }
            at += L::WIDTH;
        }
    }
}

/// Profit and the Greeks that are wanted of the whole book, one row a scenario.
///
/// The column of [`Output::Price`] takes the profit: value under the scenario less value before.
/// NaN where any position or scenario is outside the domain.
///
/// # Errors
/// `OutOfDomain` where lengths do not fit, or a thread pool can not be made.
pub fn sum_into(
    book: &Book<'_>,
    shocks: &Shocks<'_>,
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    book.check()?;
    shocks.check()?;
    let wanted = wanted_of(&targets, shocks.scenarios)?;
    let values = book.values();
    let run = |(shocks, mut targets): (Shocks<'_>, Targets<'_>)| {
        let targets = &mut targets;
        dispatch(Block {
            book: *book,
            shocks,
            values: &values,
            wanted,
            targets,
            stride: None,
        });
    };
    if !is_parallel(book.positions.saturating_mul(shocks.scenarios), threads) {
        run((*shocks, targets));
        return Ok(());
    }
    let mut pieces = Vec::with_capacity(shocks.scenarios / BLOCK + 1);
    let mut start = 0;
    while start < shocks.scenarios {
        let count = BLOCK.min(shocks.scenarios - start);
        pieces.push((
            shocks.piece(start, count),
            split_targets(&mut targets, count),
        ));
        start += count;
    }
    in_parallel(threads, pieces, run)
}

/// Profit and the Greeks that are wanted of each position: position after position, a row a
/// scenario. As [`sum_into`] otherwise.
///
/// # Errors
/// `OutOfDomain` where lengths do not fit, or a thread pool can not be made.
pub fn each_into(
    book: &Book<'_>,
    shocks: &Shocks<'_>,
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    book.check()?;
    shocks.check()?;
    let rows = book.positions.saturating_mul(shocks.scenarios);
    let wanted = wanted_of(&targets, rows)?;
    let values = book.values();
    let run = |(start, count, mut targets): (usize, usize, Targets<'_>)| {
        let book = Book {
            options: book.options.piece(start, count),
            quantity: book.quantity.piece(start, count),
            positions: count,
            settlement: book.settlement,
        };
        let values = values.get(start..start + count).unwrap_or(&[]);
        let stride = Some(shocks.scenarios);
        let targets = &mut targets;
        dispatch(Block {
            book,
            shocks: *shocks,
            values,
            wanted,
            targets,
            stride,
        });
    };
    if !is_parallel(rows, threads) {
        run((0, book.positions, targets));
        return Ok(());
    }
    let mut pieces = Vec::with_capacity(book.positions / BLOCK + 1);
    let mut start = 0;
    while start < book.positions {
        let count = BLOCK.min(book.positions - start);
        let columns = split_targets(&mut targets, count * shocks.scenarios);
        pieces.push((start, count, columns));
        start += count;
    }
    in_parallel(threads, pieces, run)
}
