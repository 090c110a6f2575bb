//! Columns in, columns out: prices, partials and implied volatilities of many options.
//!
//! Rows run in parallel, sums never do (see [`crate::threads`]); a row's bits depend on its own
//! arguments alone, whatever the thread count, its place and its neighbours.

use crate::black::{Clock, Discount, Row, Sink, clock, discount, evaluate};
use crate::columns::{Column, Kinds, Options, check_length, store_padded};
use crate::error::PricingError;
use crate::extreme::{self, FINITE, Option76};
use crate::implied::{self, Premium, Quoted};
use crate::implied_rare;
use crate::lanes::{Kernel, Lane, LaneMask, dispatch};
use crate::threads::{PIECE, in_parallel, is_parallel};
use crate::types::{IvStatus, OUTPUTS, Output, Wanted};

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

/// Prices and partials of one piece on one thread.
struct Prices<'a, 't, 'o> {
    options: Options<'a>,
    rows: usize,
    wanted: Wanted,
    targets: &'t mut Targets<'o>,
}

impl Prices<'_, '_, '_> {
    #[inline(always)]
    fn bundle<L: Lane>(
        &mut self,
        at: usize,
        clock: &Clock<L>,
        discount: Option<&Discount<L>>,
    ) -> u32 {
        let options = self.options;
        let row = Row {
            is_call: options.is_call.load::<L>(at),
            forward: options.forward.load::<L>(at),
            strike: options.strike.load::<L>(at),
            vol: options.vol.load::<L>(at),
        };
        let mut writer = Writer {
            targets: self.targets,
            at,
        };
        evaluate(&row, clock, discount, self.wanted, &mut writer)
    }

    /// Each row has its own time: a flat batch.
    #[inline(always)]
    fn flat<L: Lane>(&mut self) {
        let undiscounted = self.options.rate.is_zero();
        let mut at = 0;
        while at < self.rows {
            let clock = clock(self.options.years.load::<L>(at));
            let rare = if undiscounted {
                self.bundle::<L>(at, &clock, None)
            } else {
                let rate = self.options.rate.load::<L>(at);
                let (discount, in_range) = discount(rate, clock.years);
                self.bundle::<L>(at, &clock, Some(&discount)) | (!in_range).bits()
            };
            self.repair(at, rare, L::WIDTH);
            at += L::WIDTH;
        }
    }

    /// Rows `from..to` share forward, years and rate: one expiry of a chain. The last bundle may
    /// write past `to`, into rows of the next expiry, which are written after it.
    #[inline(always)]
    fn shared<L: Lane>(&mut self, years: f64, rate: f64, from: usize, to: usize) {
        let clock = clock(L::splat(years));
        let (discount, in_range) = discount(L::splat(rate), clock.years);
        let late = if rate == 0.0 { 0 } else { (!in_range).bits() };
        let discount = (rate != 0.0).then_some(&discount);
        let mut at = from;
        while at < to {
            let rare = self.bundle::<L>(at, &clock, discount) | late;
            self.repair(at, rare, L::WIDTH.min(to - at));
            at += L::WIDTH;
        }
    }

    #[inline(always)]
    fn repair(&mut self, at: usize, rare: u32, width: usize) {
        if rare & ((1 << width) - 1) != 0 {
            self.repair_rows(at, rare & ((1 << width) - 1));
        }
    }

    #[cold]
    #[inline(never)]
    fn repair_rows(&mut self, at: usize, rare: u32) {
        let mut left = rare;
        while left != 0 {
            let row = at + left.trailing_zeros() as usize;
            left &= left - 1;
            if row >= self.rows {
                return;
            }
            let values = dispatch(Careful(&self.options.option(row)));
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
            (Column::One(_), Column::One(years), Column::One(rate)) => {
                self.shared::<L>(years, rate, 0, self.rows);
            }
            _ => self.flat::<L>(),
        }
    }
}

/// Implied volatilities of one piece on one thread; the price stands in `options.vol`.
struct Volatilities<'a, 't> {
    options: Options<'a>,
    premium: Premium,
    vols: &'t mut [f64],
    statuses: &'t mut [u8],
}

impl Volatilities<'_, '_> {
    #[inline(always)]
    fn bundle<L: Lane>(&mut self, at: usize) {
        let options = self.options;
        let forward = options.forward.load::<L>(at);
        let years = options.years.load::<L>(at);
        let stated = options.vol.load::<L>(at);
        let mut price = stated;
        let mut price_low = L::splat(0.0);
        if self.premium == Premium::Coin {
            price = stated * forward;
            price_low = L::splat(0.0) - stated.residual(forward, price);
        } else if !options.rate.is_zero() {
            price = implied::undiscounted(stated, options.rate.load::<L>(at), years);
        }
        let quoted = Quoted {
            is_call: options.is_call.load::<L>(at),
            forward,
            strike: options.strike.load::<L>(at),
            years,
            price,
            price_low,
        };
        let (vol, rare) = implied::solve(&quoted, self.premium == Premium::TimeValue);
        store_padded(vol, self.vols, at);
        let end = self.statuses.len().min(at + L::WIDTH);
        if let Some(rest) = self.statuses.get_mut(at..end) {
            rest.fill(IvStatus::Ok as u8);
        }
        if rare != 0 {
            self.repair(at, rare);
        }
    }

    #[cold]
    #[inline(never)]
    fn repair(&mut self, at: usize, rare: u32) {
        let mut left = rare;
        while left != 0 {
            let row = at + left.trailing_zeros() as usize;
            left &= left - 1;
            let (Some(slot), Some(code)) = (self.vols.get_mut(row), self.statuses.get_mut(row))
            else {
                return;
            };
            let option = self.options.option(row);
            let (vol, status) = dispatch(CarefulVol {
                option: &option,
                price: option.vol,
                premium: self.premium,
            });
            *slot = vol;
            *code = status as u8;
        }
    }
}

/// One implied volatility on the careful path, compiled for the instruction set in use.
struct CarefulVol<'a> {
    option: &'a Option76,
    price: f64,
    premium: Premium,
}

impl Kernel for CarefulVol<'_> {
    type Output = (f64, IvStatus);
    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> (f64, IvStatus) {
        implied_rare::solve::<S>(self.option, self.price, self.premium)
    }
}

impl Kernel for Volatilities<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane, S: Lane>(mut self) {
        let mut at = 0;
        while at < self.vols.len() {
            self.bundle::<L>(at);
            at += L::WIDTH;
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

/// The expiries of a chain: what all strikes of one share, and where its rows begin.
#[derive(Clone, Copy, Debug)]
pub struct Expiries<'a> {
    /// Row of the first option of each expiry, ascending, the first 0; each ends where the next
    /// begins, the last with the rows.
    pub starts: &'a [usize],
    /// Forward of each expiry.
    pub forward: &'a [f64],
    /// Years of each expiry.
    pub years: &'a [f64],
    /// Rate of each expiry.
    pub rate: Column<'a>,
}

impl Expiries<'_> {
    fn check(&self, rows: usize) -> Result<(), PricingError> {
        let count = self.starts.len();
        check_length("forward", Some(self.forward.len()), count)?;
        check_length("years", Some(self.years.len()), count)?;
        check_length("rate", self.rate.len(), count)?;
        let ordered = self.starts.is_sorted() && self.starts.last().is_none_or(|s| *s <= rows);
        if !ordered || self.starts.first().map_or(rows != 0, |start| *start != 0) {
            return Err(PricingError::OutOfDomain(format!(
                "starts must begin with 0, ascend and stay within the {rows} rows"
            )));
        }
        Ok(())
    }
}

/// Prices and partials of a chain, whose rows are grouped by expiry. The same bits as the flat
/// call, with what an expiry shares computed once.
///
/// # Errors
/// `OutOfDomain` where lengths or starts do not fit, or a thread pool can not be made.
pub fn chain_into(
    is_call: Kinds<'_>,
    strike: Column<'_>,
    vol: Column<'_>,
    expiries: &Expiries<'_>,
    rows: usize,
    mut targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    expiries.check(rows)?;
    check_length("is_call", is_call.len(), rows)?;
    check_length("strike", strike.len(), rows)?;
    check_length("vol", vol.len(), rows)?;
    let wanted = wanted_of(&targets, rows)?;
    let run = |(start, rows, mut targets): (usize, usize, Targets<'_>)| {
        let options = Options {
            is_call: is_call.piece(start, rows),
            strike: strike.piece(start, rows),
            vol: vol.piece(start, rows),
            // Replaced by those of each expiry in turn.
            forward: Column::One(f64::NAN),
            years: Column::One(f64::NAN),
            rate: Column::One(0.0),
        };
        let prices = Prices {
            options,
            rows,
            wanted,
            targets: &mut targets,
        };
        dispatch(ChainPiece {
            prices,
            expiries: *expiries,
            start,
        });
    };
    if !is_parallel(rows, threads) {
        run((0, rows, targets));
        return Ok(());
    }
    let mut pieces = Vec::with_capacity(rows / PIECE + 1);
    let mut start = 0;
    while start < rows {
        let count = PIECE.min(rows - start);
        pieces.push((start, count, split_targets(&mut targets, count)));
        start += count;
    }
    in_parallel(threads, pieces, run)
}

/// Some rows of a chain on one thread, `start` rows after its first.
struct ChainPiece<'a, 't, 'o> {
    prices: Prices<'a, 't, 'o>,
    expiries: Expiries<'a>,
    start: usize,
}

impl Kernel for ChainPiece<'_, '_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane, S: Lane>(mut self) {
        let rows = self.prices.rows;
        let starts = self.expiries.starts;
        let first = starts
            .partition_point(|start| *start <= self.start)
            .saturating_sub(1);
        for expiry in first..starts.len() {
            let local = |row: usize| row.saturating_sub(self.start).min(rows);
            let from = local(starts.get(expiry).copied().unwrap_or(usize::MAX));
            let to = local(starts.get(expiry + 1).copied().unwrap_or(usize::MAX));
            if from >= rows {
                return;
            }
            let years = self.expiries.years.get(expiry).copied().unwrap_or(f64::NAN);
            let rate = self.expiries.rate.at(expiry);
            let options = &mut self.prices.options;
            let forward = self
                .expiries
                .forward
                .get(expiry)
                .copied()
                .unwrap_or(f64::NAN);
            options.forward = Column::One(forward);
            options.years = Column::One(years);
            options.rate = Column::One(rate);
            self.prices.shared::<L>(years, rate, from, to);
        }
    }
}

/// Implied volatilities into `vols` and their [`IvStatus`] codes into `statuses`; the prices stand
/// in `options.vol`. NaN where the status is neither ok nor no information.
///
/// # Errors
/// `OutOfDomain` where a column's length is not that of `vols`, or a thread pool can not be made.
pub fn implied_into(
    options: &Options<'_>,
    premium: Premium,
    vols: &mut [f64],
    statuses: &mut [u8],
    threads: usize,
) -> Result<(), PricingError> {
    let rows = vols.len();
    options.check(rows)?;
    check_length("statuses", Some(statuses.len()), rows)?;
    let run = |(start, vols, statuses): (usize, &mut [f64], &mut [u8])| {
        let options = options.piece(start, vols.len());
        dispatch(Volatilities {
            options,
            premium,
            vols,
            statuses,
        });
    };
    if !is_parallel(rows, threads) {
        run((0, vols, statuses));
        return Ok(());
    }
    let pieces = vols
        .chunks_mut(PIECE)
        .zip(statuses.chunks_mut(PIECE))
        .enumerate();
    let pieces = pieces
        .map(|(piece, (vols, statuses))| (piece * PIECE, vols, statuses))
        .collect();
    in_parallel(threads, pieces, run)
}

/// One option: all outputs that are wanted, others not meaningful.
///
/// # Errors
/// `InvalidInput` naming the argument.
pub fn evaluate_one(option: &Option76, wanted: Wanted) -> Result<[f64; OUTPUTS], PricingError> {
    option.check()?;
    Ok(dispatch(One { option, wanted }))
}

struct One<'a> {
    option: &'a Option76,
    wanted: Wanted,
}

struct Record([f64; OUTPUTS]);

impl<S: Lane> Sink<S> for Record {
    #[inline(always)]
    fn put(&mut self, output: Output, value: S) {
        if let Some(slot) = self.0.get_mut(output as usize) {
            *slot = value.first();
        }
    }
}

impl Kernel for One<'_> {
    type Output = [f64; OUTPUTS];

    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> [f64; OUTPUTS] {
        let option = self.option;
        let row: Row<S> = Row {
            is_call: S::Mask::splat(option.is_call),
            forward: S::splat(option.forward),
            strike: S::splat(option.strike),
            vol: S::splat(option.vol),
        };
        let clock = clock(S::splat(option.years));
        let mut record = Record([0.0; OUTPUTS]);
        let rare = if option.rate == 0.0 {
            evaluate(&row, &clock, None, self.wanted, &mut record)
        } else {
            let (discount, in_range) = discount(S::splat(option.rate), clock.years);
            (!in_range).bits() & 1
                | evaluate(&row, &clock, Some(&discount), self.wanted, &mut record)
        };
        if rare != 0 {
            return dispatch(Careful(option));
        }
        record.0
    }
}

/// One implied volatility and its status; the price stands apart from the option's `vol`.
#[must_use]
pub fn implied_one(option: &Option76, price: f64, premium: Premium) -> (f64, IvStatus) {
    dispatch(OneVol {
        option,
        price,
        premium,
    })
}

/// One implied volatility, or why there is none.
///
/// # Errors
/// `InvalidInput` naming the argument outside its domain; `OutOfDomain` where the price is at or
/// beyond a bound or no time is left; `NotConverged`.
pub fn implied_checked(
    option: &Option76,
    price: f64,
    premium: Premium,
) -> Result<f64, PricingError> {
    let (vol, status) = implied_one(option, price, premium);
    let refuse = |reason: &str| {
        Err(PricingError::OutOfDomain(format!(
            "price = {price}: {reason}"
        )))
    };
    match status {
        IvStatus::Ok => Ok(vol),
        IvStatus::BelowIntrinsic => refuse("must be above the discounted intrinsic value"),
        IvStatus::AboveBound => {
            refuse("must be below the discounted forward (call) or strike (put)")
        }
        IvStatus::NoInformation => {
            refuse("must be more than two units in its last place away from its bounds")
        }
        IvStatus::Expired => Err(PricingError::OutOfDomain(format!(
            "years = {}: must be above 0 for an implied volatility",
            option.years
        ))),
        IvStatus::BadInput => {
            option.check()?;
            Err(PricingError::InvalidInput {
                field: "price",
                value: price,
                rule: FINITE,
            })
        }
        IvStatus::NotConverged => Err(PricingError::NotConverged {
            model: "implied volatility",
            iterations: implied_rare::STEPS_MAX,
            residual: f64::NAN,
        }),
    }
}

struct OneVol<'a> {
    option: &'a Option76,
    price: f64,
    premium: Premium,
}

impl Kernel for OneVol<'_> {
    type Output = (f64, IvStatus);

    #[inline(always)]
    fn run<L: Lane, S: Lane>(self) -> (f64, IvStatus) {
        let Self {
            option,
            price,
            premium,
        } = self;
        let options = Options {
            is_call: Kinds::One(option.is_call),
            forward: Column::One(option.forward),
            strike: Column::One(option.strike),
            years: Column::One(option.years),
            vol: Column::One(price),
            rate: Column::One(option.rate),
        };
        let (mut vols, mut statuses) = ([f64::NAN], [IvStatus::BadInput as u8]);
        let mut solver = Volatilities {
            options,
            premium,
            vols: &mut vols,
            statuses: &mut statuses,
        };
        solver.bundle::<S>(0);
        let [vol] = vols;
        let [code] = statuses;
        (vol, IvStatus::from_code(code).unwrap_or(IvStatus::BadInput))
    }
}
