//! A book of options under scenarios of spot, basis, vol and time: profit and Greeks, summed or
//! each.
//!
//! Lanes hold scenarios and positions are summed one after the other, in chunks whose sums are then
//! added in order: a sum has one order whatever the instruction set and the thread count.

use crate::batch::{Careful, Targets, evaluate_into, split_targets, wanted_of};
use crate::black::{Row, Sink, clock, discount, evaluate};
use crate::columns::{Column, Options, WIDTH_MAX, check_length, store_padded};
use crate::error::PricingError;
use crate::extreme::Option76;
use crate::inverse::{Held, evaluated_for_coin};
use crate::lanes::{Kernel, Lane, LaneMask, dispatch};
use crate::shocks::Shocks;
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
    /// The index that a leg settles on once it has no time left; it then has no partials. None: a
    /// leg without time stays at its forward, with the limits of its partials.
    pub index: Option<Column<'a>>,
    /// The group of moves that each position takes; None is group 0 for all.
    pub groups: Option<&'a [u32]>,
    /// Number of positions.
    pub positions: usize,
    /// In what they settle.
    pub settlement: Settlement,
}

/// Scenarios on one thread at a time; a multiple of every lane width.
const BLOCK: usize = 32;
/// Positions in one sum; the sums of chunks are added in the order of the book.
const CHUNK: usize = 4_096;

impl Book<'_> {
    fn check(&self, groups: usize) -> Result<(), PricingError> {
        self.options.check(self.positions)?;
        check_length("quantity", self.quantity.len(), self.positions)?;
        check_length("index", self.index.and_then(Column::len), self.positions)?;
        let Some(places) = self.groups else {
            return Ok(());
        };
        check_length("group", Some(places.len()), self.positions)?;
        match places.iter().find(|place| **place as usize >= groups) {
            Some(place) => Err(PricingError::OutOfDomain(format!(
                "group {place}: must be below {groups}, the number of groups"
            ))),
            None => Ok(()),
        }
    }

    fn piece(&self, start: usize, count: usize) -> Self {
        Self {
            options: self.options.piece(start, count),
            quantity: self.quantity.piece(start, count),
            index: self.index.map(|index| index.piece(start, count)),
            groups: self
                .groups
                .map(|groups| groups.get(start..start + count).unwrap_or(&[])),
            positions: count,
            settlement: self.settlement,
        }
    }

    #[inline(always)]
    fn group(&self, position: usize) -> usize {
        match self.groups {
            None => 0,
            Some(groups) => groups.get(position).map_or(usize::MAX, |g| *g as usize),
        }
    }

    /// Value of one of each position before any move, NaN where it is outside the domain.
    ///
    /// # Errors
    /// `OutOfDomain` where a column's length is not the number of positions.
    pub fn values_into(&self, values: &mut [f64], threads: usize) -> Result<(), PricingError> {
        check_length("index", self.index.and_then(Column::len), self.positions)?;
        let mut targets: Targets<'_> = Default::default();
        if let Some(slot) = targets.get_mut(Output::Price as usize) {
            *slot = Some(&mut *values);
        }
        evaluate_into(&self.options, self.positions, targets, threads)?;
        for (position, value) in values.iter_mut().enumerate() {
            let option = self.options.option(position);
            let mut settles_on = option.forward;
            if let (Some(index), true) = (self.index, option.years == 0.0) {
                settles_on = index.at(position);
                *value = payoff(&option, settles_on) + *value * 0.0;
            }
            if self.settlement == Settlement::Coin {
                *value /= settles_on;
            }
        }
        Ok(())
    }
}

/// Intrinsic value at a settlement price, NaN where that is not a finite number above 0.
fn payoff(option: &Option76, settles_on: f64) -> f64 {
    if !(settles_on > 0.0 && settles_on.is_finite()) {
        return f64::NAN;
    }
    let difference = if option.is_call {
        settles_on - option.strike
    } else {
        option.strike - settles_on
    };
    difference.max(0.0)
}

/// One block of scenarios for some positions.
struct Block<'a, 't, 'o> {
    book: Book<'a>,
    shocks: Shocks<'a>,
    values: &'a [f64],
    wanted: Wanted,
    /// Sums over positions, or each position's rows one after the other at `stride`.
    targets: &'t mut Targets<'o>,
    stride: Option<usize>,
}

/// A position under one bundle of scenarios.
struct Shocked<L: Lane> {
    row: Row<L>,
    years: L,
    /// The index at expiry; the forward where there is none.
    index: L,
    expired: L::Mask,
}

impl Block<'_, '_, '_> {
    /// What must be evaluated: in coin some outputs mix with others.
    fn evaluated(&self) -> Wanted {
        match self.book.settlement {
            Settlement::Quote => self.wanted,
            Settlement::Coin => evaluated_for_coin(self.wanted),
        }
    }

    #[inline(always)]
    fn shocked<L: Lane>(&self, position: usize, option: &Option76, at: usize) -> Shocked<L> {
        let group = self.book.group(position);
        let shocks = &self.shocks;
        let (zero, one) = (L::splat(0.0), L::splat(1.0));
        let up = one + shocks.spot.row(group).load::<L>(at);
        let over = one + shocks.basis.row(group).load::<L>(at);
        let forward = L::splat(option.forward) * up * over;
        let factor = shocks.vol_factor.row(group).load::<L>(at);
        let vol = L::splat(option.vol).mul_add(factor, shocks.vol.row(group).load::<L>(at));
        let left = L::splat(option.years) - shocks.years.row(group).load::<L>(at);
        // The larger of unordered values is the second: NaN stays NaN.
        let years = zero.max(left);
        let (index, expired) = match self.book.index {
            Some(index) => (L::splat(index.at(position)) * up, years.le(zero)),
            None => (forward, L::Mask::splat(false)),
        };
        Shocked {
            row: Row {
                is_call: L::Mask::splat(option.is_call),
                forward,
                strike: L::splat(option.strike),
                vol: zero.max(vol),
            },
            years,
            index,
            expired,
        }
    }

    /// One of a position under one bundle of scenarios, with profit in the place of the price.
    #[inline(always)]
    fn bundle<L: Lane>(&self, position: usize, at: usize, wanted: Wanted) -> Held<L> {
        let all = (1 << L::WIDTH) - 1;
        let option = self.book.options.option(position);
        let shocked = self.shocked::<L>(position, &option, at);
        let row = &shocked.row;
        let before = self.values.get(position).copied().unwrap_or(f64::NAN);
        let mut held = Held::new();
        let expired = shocked.expired.bits() & all;
        if expired != all {
            let clock = clock(shocked.years);
            let rare = if option.rate == 0.0 {
                evaluate(row, &clock, None, wanted, &mut held)
            } else {
                let (discount, in_range) = discount(L::splat(option.rate), shocked.years);
                evaluate(row, &clock, Some(&discount), wanted, &mut held) | (!in_range).bits()
            };
            let rare = rare & all & !expired;
            if rare != 0 {
                repair(&option, &shocked, rare, &mut held);
            }
            if self.book.settlement == Settlement::Coin {
                held = held.into_coin(row.forward, row.strike);
            }
        }
        if expired != 0 {
            held = settled(held, &shocked, self.book.settlement, before);
        }
        let profit = held.get(Output::Price) - L::splat(before);
        held.put(Output::Price, profit);
        held
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

/// The lanes that the polynomials do not reach, one by one.
#[cold]
#[inline(never)]
fn repair<L: Lane>(option: &Option76, shocked: &Shocked<L>, rare: u32, held: &mut Held<L>) {
    let spill = |lane: L| {
        let mut values = [f64::NAN; WIDTH_MAX];
        lane.store(&mut values);
        values
    };
    let forwards = spill(shocked.row.forward);
    let vols = spill(shocked.row.vol);
    let times = spill(shocked.years);
    let lanes = forwards.into_iter().zip(vols).zip(times).enumerate();
    for (lane, ((forward, vol), years)) in lanes.take(L::WIDTH) {
        if rare >> lane & 1 == 1 {
            let shocked = Option76 {
                forward,
                vol,
                years,
                ..*option
            };
            held.replace(lane, &dispatch(Careful(&shocked)));
        }
    }
}

/// Lanes without time left take the payoff at the index, and no partials: such a leg is cash.
#[inline(always)]
fn settled<L: Lane>(
    held: Held<L>,
    shocked: &Shocked<L>,
    settlement: Settlement,
    before: f64,
) -> Held<L> {
    let zero = L::splat(0.0);
    let Shocked {
        row,
        index,
        expired,
        ..
    } = shocked;
    let difference = *index - row.strike;
    let gain = zero.max(L::select(row.is_call, difference, zero - difference));
    let gain = match settlement {
        Settlement::Quote => gain,
        Settlement::Coin => gain / *index,
    };
    // What is outside its domain (and would have made the others NaN) makes these NaN.
    let allowed = zero.lt(*index) & index.le(L::splat(f64::MAX));
    let nothing = zero * (L::splat(before) + row.vol + row.forward);
    let nothing = L::select(allowed, nothing, L::splat(f64::NAN));
    let mut after = held;
    for (slot, output) in after.0.iter_mut().zip(Output::ALL) {
        let value = if output == Output::Price {
            gain + nothing
        } else {
            nothing
        };
        *slot = L::select(*expired, value, *slot);
    }
    after
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
/// The column of [`Output::Price`] takes the profit: value under the scenario less `values`, that
/// of one of each position before. NaN where any position or scenario is outside the domain.
///
/// # Errors
/// `OutOfDomain` where lengths do not fit, or a thread pool can not be made.
pub fn sum_into(
    book: &Book<'_>,
    shocks: &Shocks<'_>,
    groups: usize,
    values: &[f64],
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    book.check(groups)?;
    check_length("values", Some(values.len()), book.positions)?;
    let wanted = wanted_of(&targets, shocks.scenarios)?;
    if book.positions <= CHUNK {
        return sum_chunks(book, shocks, values, wanted, vec![targets], threads);
    }
    let chunks = book.positions.div_ceil(CHUNK);
    let mut sums: [Vec<f64>; OUTPUTS] = Default::default();
    for (sum, output) in sums.iter_mut().zip(Output::ALL) {
        if wanted.has(output) {
            sum.resize(chunks * shocks.scenarios, 0.0);
        }
    }
    let mut rest: Targets<'_> = Default::default();
    for ((slot, sum), output) in rest.iter_mut().zip(&mut sums).zip(Output::ALL) {
        if wanted.has(output) {
            *slot = Some(sum);
        }
    }
    let parts = (0..chunks)
        .map(|_| split_targets(&mut rest, shocks.scenarios))
        .collect();
    sum_chunks(book, shocks, values, wanted, parts, threads)?;
    for (column, sum) in targets.iter_mut().zip(&sums) {
        if let Some(column) = column {
            column.fill(0.0);
            for part in sum.chunks(shocks.scenarios.max(1)) {
                for (total, value) in column.iter_mut().zip(part) {
                    *total += value;
                }
            }
        }
    }
    Ok(())
}

/// The sums of each chunk of positions, into the targets of that chunk.
fn sum_chunks(
    book: &Book<'_>,
    shocks: &Shocks<'_>,
    values: &[f64],
    wanted: Wanted,
    parts: Vec<Targets<'_>>,
    threads: usize,
) -> Result<(), PricingError> {
    let run = |(chunk, start, count, mut targets): (usize, usize, usize, Targets<'_>)| {
        let first = chunk * CHUNK;
        let positions = CHUNK.min(book.positions - first);
        dispatch(Block {
            book: book.piece(first, positions),
            shocks: shocks.piece(start, count),
            values: values.get(first..first + positions).unwrap_or(&[]),
            wanted,
            targets: &mut targets,
            stride: None,
        });
    };
    let parallel = is_parallel(book.positions.saturating_mul(shocks.scenarios), threads);
    let block = if parallel { BLOCK } else { usize::MAX };
    let mut pieces = Vec::new();
    for (chunk, mut targets) in parts.into_iter().enumerate() {
        let mut start = 0;
        while start < shocks.scenarios {
            let count = block.min(shocks.scenarios - start);
            pieces.push((chunk, start, count, split_targets(&mut targets, count)));
            start += count;
        }
    }
    if parallel {
        return in_parallel(threads, pieces, run);
    }
    pieces.into_iter().for_each(run);
    Ok(())
}

/// Profit and the Greeks that are wanted of each position: position after position, a row a
/// scenario. As [`sum_into`] otherwise.
///
/// # Errors
/// `OutOfDomain` where lengths do not fit, or a thread pool can not be made.
pub fn each_into(
    book: &Book<'_>,
    shocks: &Shocks<'_>,
    groups: usize,
    values: &[f64],
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    book.check(groups)?;
    check_length("values", Some(values.len()), book.positions)?;
    let rows = book.positions.saturating_mul(shocks.scenarios);
    let wanted = wanted_of(&targets, rows)?;
    let run = |(start, count, mut targets): (usize, usize, Targets<'_>)| {
        dispatch(Block {
            book: book.piece(start, count),
            shocks: *shocks,
            values: values.get(start..start + count).unwrap_or(&[]),
            wanted,
            targets: &mut targets,
            stride: Some(shocks.scenarios),
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
