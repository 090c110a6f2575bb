//! Columns in, columns out: prices and partials of many options, or of one.
//!
//! Rows run in parallel, sums never do (see [`crate::threads`]); a row's bits depend on its own
//! arguments alone, whatever the thread count, its place and its neighbours.

use crate::black::{Clock, Discount, Row, Sink, clock, discount, evaluate};
use crate::chain::{Expiries, Expiry, Term, Terms};
use crate::columns::{Column, Options, check_length, store_padded};
use crate::error::PricingError;
use crate::extreme::{self, Option76};
use crate::lanes::{Kernel, Lane, LaneMask, dispatch};
use crate::threads::{PIECE, in_parallel, is_parallel};
use crate::types::{OUTPUTS, Output, Wanted};

/// Columns for the outputs that are wanted, all of one length.
pub type Targets<'o> = [Option<&'o mut [f64]>; OUTPUTS];

/// The outputs for which there is a column.
///
/// # Errors
/// `OutOfDomain` where a column's length is not `rows`.
pub fn wanted_of(targets: &Targets<'_>, rows: usize) -> Result<Wanted, PricingError> {
    let mut wanted = Wanted::NONE;
    for (output, column) in Output::ALL.into_iter().zip(targets) {
        if let Some(column) = column {
            check_length("output", Some(column.len()), rows)?;
            wanted = wanted.with(output);
        }
    }
    Ok(wanted)
}

/// Takes the first `count` rows off each column.
pub fn split_targets<'o>(targets: &mut Targets<'o>, count: usize) -> Targets<'o> {
    let mut head: Targets<'o> = Default::default();
    for (slot, column) in head.iter_mut().zip(targets.iter_mut()) {
        if let Some((first, rest)) = column.take().and_then(|c| c.split_at_mut_checked(count)) {
            *slot = Some(first);
            *column = Some(rest);
        }
    }
    head
}

/// Outputs of one piece, and the row being written.
struct Writer<'t, 'o> {
    targets: &'t mut Targets<'o>,
    at: usize,
}

impl<L: Lane> Sink<L> for Writer<'_, '_> {
    #[inline(always)]
    fn put(&mut self, output: Output, value: L) {
        if let Some(Some(column)) = self.targets.get_mut(output as usize) {
            store_padded(value, column, self.at);
        }
    }
}

/// One option on the careful path, compiled for the instruction set in use.
pub struct Careful<'a>(pub &'a Option76);

impl Kernel for Careful<'_> {
    type Output = [f64; OUTPUTS];
    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> [f64; OUTPUTS] {
        extreme::evaluate::<S>(self.0)
    }
}

/// The bundle from row `at` on of options that share their forward.
///
/// A function and no closure, as all that handles lanes must be: only functions can be told to be
/// inlined always, without which lanes pass through memory.
#[inline(always)]
fn strikes_row<L: Lane>(options: &Options<'_>, forward: f64, at: usize) -> Row<L> {
    Row {
        is_call: options.is_call.load::<L>(at),
        forward: L::splat(forward),
        strike: options.strike.load::<L>(at),
        vol: options.vol.load::<L>(at),
    }
}

/// Prices and partials of one piece on one thread.
pub(crate) struct Prices<'a, 't, 'o> {
    pub(crate) options: Options<'a>,
    pub(crate) rows: usize,
    pub(crate) wanted: Wanted,
    pub(crate) targets: &'t mut Targets<'o>,
}

impl Prices<'_, '_, '_> {
    #[inline(always)]
    fn bundle<L: Lane>(
        &mut self,
        at: usize,
        row: &Row<L>,
        clock: &Clock<L>,
        discount: Option<&Discount<L>>,
    ) -> u32 {
        let mut writer = Writer {
            targets: self.targets,
            at,
        };
        evaluate(row, clock, discount, self.wanted, &mut writer)
    }

    /// Each row has its own time: a flat batch.
    #[inline(always)]
    fn flat<L: Lane>(&mut self) {
        let options = self.options;
        let undiscounted = options.rate.is_zero();
        let mut at = 0;
        while at < self.rows {
            let row = Row {
                is_call: options.is_call.load::<L>(at),
                forward: options.forward.load::<L>(at),
                strike: options.strike.load::<L>(at),
                vol: options.vol.load::<L>(at),
            };
            let clock = clock(options.years.load::<L>(at));
            let rare = if undiscounted {
                self.bundle(at, &row, &clock, None)
            } else {
                let (discount, in_range) = discount(options.rate.load::<L>(at), clock.years);
                self.bundle(at, &row, &clock, Some(&discount)) | (!in_range).bits()
            };
            self.repair(at, rare, L::WIDTH, None);
            at += L::WIDTH;
        }
    }

    /// Rows `from..to` share forward, years and rate: one expiry of a chain. The last bundle may
    /// write past `to`, into rows of the next expiry, which are written after it.
    #[inline(always)]
    pub(crate) fn shared<L: Lane>(&mut self, term: &Term<L>, from: usize, to: usize) {
        let options = self.options;
        let mut at = from;
        // Two loops, so that neither asks at each product whether there is a discount.
        match &term.discount {
            None => {
                while at < to {
                    let rare = self.bundle(
                        at,
                        &strikes_row(&options, term.expiry.forward, at),
                        &term.clock,
                        None,
                    );
                    self.repair(at, rare, L::WIDTH.min(to - at), Some(&term.expiry));
                    at += L::WIDTH;
                }
            }
            Some(discount) => {
                while at < to {
                    let rare = self.bundle(
                        at,
                        &strikes_row(&options, term.expiry.forward, at),
                        &term.clock,
                        Some(discount),
                    );
                    self.repair(
                        at,
                        rare | term.late,
                        L::WIDTH.min(to - at),
                        Some(&term.expiry),
                    );
                    at += L::WIDTH;
                }
            }
        }
    }

    #[inline(always)]
    fn repair(&mut self, at: usize, rare: u32, width: usize, expiry: Option<&Expiry>) {
        if rare & ((1 << width) - 1) != 0 {
            self.repair_rows(at, rare & ((1 << width) - 1), expiry);
        }
    }

    #[cold]
    #[inline(never)]
    fn repair_rows(&mut self, at: usize, rare: u32, expiry: Option<&Expiry>) {
        let mut left = rare;
        while left != 0 {
            let row = at + left.trailing_zeros() as usize;
            left &= left - 1;
            if row >= self.rows {
                return;
            }
            let mut option = self.options.option(row);
            if let Some(Expiry {
                forward,
                years,
                rate,
            }) = expiry
            {
                option = Option76 {
                    forward: *forward,
                    years: *years,
                    rate: *rate,
                    ..option
                };
            }
            let values = dispatch(Careful(&option));
            for (column, value) in self.targets.iter_mut().zip(values) {
                if let Some(slot) = column.as_mut().and_then(|column| column.get_mut(row)) {
                    *slot = value;
                }
            }
        }
    }
}

impl Kernel for Prices<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane, S: Lane>(mut self) {
        match (self.options.forward, self.options.years, self.options.rate) {
            (Column::One(forward), Column::One(years), Column::One(rate)) => {
                let expiries = Expiries {
                    starts: &[0],
                    forward: &[],
                    years: &[years],
                    rate: Column::One(rate),
                };
                let term = Terms::of::<L>(&expiries, 0).term::<L>(0, forward);
                self.shared::<L>(&term, 0, self.rows);
            }
            _ => self.flat::<L>(),
        }
    }
}

/// Prices and the partials that are wanted, each into its column.
///
/// A row with an argument outside its domain gets NaN in each column; rows without time or vol get
/// the limits. Accuracy: `tests/reference.rs`.
///
/// # Errors
/// `OutOfDomain` where a column's length is not `rows`, or a thread pool can not be made.
pub fn evaluate_into(
    options: &Options<'_>,
    rows: usize,
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    options.check(rows)?;
    let wanted = wanted_of(&targets, rows)?;
    let run = |(options, rows, mut targets): (Options<'_>, usize, Targets<'_>)| {
        dispatch(Prices {
            options,
            rows,
            wanted,
            targets: &mut targets,
        });
    };
    if !is_parallel(rows, threads) {
        run((*options, rows, targets));
        return Ok(());
    }
    let mut pieces = Vec::with_capacity(rows / PIECE + 1);
    let mut start = 0;
    while start < rows {
        let count = PIECE.min(rows - start);
        pieces.push((
            options.piece(start, count),
            count,
            split_targets(&mut targets, count),
        ));
        start += count;
    }
    in_parallel(threads, pieces, run)
}

/// One option: all outputs that are wanted, others not meaningful.
///
/// # Errors
/// `InvalidInput` naming the argument.
pub fn evaluate_one(option: &Option76, wanted: Wanted) -> Result<[f64; OUTPUTS], PricingError> {
    match dispatch(One { option, wanted }) {
        Some(values) => Ok(values),
        None => careful(option),
    }
}

/// Price of one option; cheaper than [`evaluate_one`], the same bits.
///
/// # Errors
/// `InvalidInput` naming the argument.
pub fn price_one(option: &Option76) -> Result<f64, PricingError> {
    // What is outside the domain is rare: the check can wait until a row is.
    match dispatch(OnePrice { option }) {
        Some(price) => Ok(price),
        None => careful(option).map(|[price]| price),
    }
}

/// Price, delta, gamma, vega, theta and rho of one option; cheaper than [`evaluate_one`], the same
/// bits.
///
/// # Errors
/// `InvalidInput` naming the argument.
pub fn first_order_one(option: &Option76) -> Result<[f64; FIRST_ORDER], PricingError> {
    match dispatch(OneFirstOrder { option }) {
        Some(values) => Ok(values),
        None => careful(option),
    }
}

/// The outputs up to rho.
pub const FIRST_ORDER: usize = 6;

/// The first `N` outputs.
struct Record<const N: usize>([f64; N]);

impl<S: Lane, const N: usize> Sink<S> for Record<N> {
    #[inline(always)]
    fn put(&mut self, output: Output, value: S) {
        if let Some(slot) = self.0.get_mut(output as usize) {
            *slot = value.first();
        }
    }
}

impl<const N: usize> Record<N> {
    /// One option on a one-wide lane, None where it is rare; what is wanted is best a constant.
    #[inline(always)]
    fn of<S: Lane>(option: &Option76, wanted: Wanted) -> Option<[f64; N]> {
        let row: Row<S> = Row {
            is_call: S::Mask::splat(option.is_call),
            forward: S::splat(option.forward),
            strike: S::splat(option.strike),
            vol: S::splat(option.vol),
        };
        let clock = clock(S::splat(option.years));
        let mut record = Self([0.0; N]);
        let rare = if option.rate == 0.0 {
            evaluate(&row, &clock, None, wanted, &mut record)
        } else {
            let (discount, in_range) = discount(S::splat(option.rate), clock.years);
            (!in_range).bits() & 1 | evaluate(&row, &clock, Some(&discount), wanted, &mut record)
        };
        (rare == 0).then_some(record.0)
    }
}

/// The first outputs of a rare row.
#[cold]
#[inline(never)]
fn careful<const N: usize>(option: &Option76) -> Result<[f64; N], PricingError> {
    option.check()?;
    let mut values = [f64::NAN; N];
    for (slot, value) in values.iter_mut().zip(dispatch(Careful(option))) {
        *slot = value;
    }
    Ok(values)
}

struct One<'a> {
    option: &'a Option76,
    wanted: Wanted,
}

impl Kernel for One<'_> {
    type Output = Option<[f64; OUTPUTS]>;

    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> Self::Output {
        Record::of::<S>(self.option, self.wanted)
    }
}

struct OnePrice<'a> {
    option: &'a Option76,
}

impl Kernel for OnePrice<'_> {
    type Output = Option<f64>;

    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> Self::Output {
        const WANTED: Wanted = Wanted::NONE.with(Output::Price);
        Record::of::<S>(self.option, WANTED).map(|[price]| price)
    }
}

struct OneFirstOrder<'a> {
    option: &'a Option76,
}

impl Kernel for OneFirstOrder<'_> {
    type Output = Option<[f64; FIRST_ORDER]>;

    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> Self::Output {
        const WANTED: Wanted = Wanted::NONE
            .with(Output::Price)
            .with(Output::Delta)
            .with(Output::Gamma)
            .with(Output::Vega)
            .with(Output::Theta)
            .with(Output::Rho);
        Record::of::<S>(self.option, WANTED)
    }
}
