//! Columns in, columns out: prices, partials and implied volatilities of many options.
//!
//! The only file that knows rayon. Rows run in parallel, sums never do; a row's bits depend on
//! its own arguments alone, whatever the thread count, its place and its neighbours.

use std::sync::{Arc, Mutex, PoisonError};

use rayon::prelude::*;

use crate::black::{Discount, Row, Sink, Spread, discount, evaluate, spread};
use crate::error::PricingError;
use crate::extreme::{self, Option76};
use crate::implied::{self, Premium, Quoted};
use crate::implied_rare;
use crate::lanes::{Kernel, Lane, LaneMask, dispatch};
use crate::types::{IvStatus, OUTPUTS, Output, Wanted};

/// Rows in one piece of work; a multiple of every lane width.
const PIECE: usize = 16_384;
/// Below this many rows a second thread costs more than it brings.
pub const THREADS_FROM: usize = 20_000;

/// One number for all rows, or one a row.
#[derive(Clone, Copy, Debug)]
pub enum Column<'a> {
    /// The same for each row.
    One(f64),
    /// One a row.
    Many(&'a [f64]),
}

/// One kind for all rows, or one a row (a byte that is not zero is a call).
#[derive(Clone, Copy, Debug)]
pub enum Kinds<'a> {
    /// The same for each row.
    One(bool),
    /// One a row.
    Many(&'a [u8]),
}

impl<'a> Column<'a> {
    fn len(self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Many(values) => Some(values.len()),
        }
    }

    #[inline(always)]
    fn load<L: Lane>(self, at: usize) -> L {
        match self {
            Self::One(value) => L::splat(value),
            Self::Many(values) => L::load(values.get(at..).unwrap_or(&[])),
        }
    }

    fn at(self, row: usize) -> f64 {
        match self {
            Self::One(value) => value,
            Self::Many(values) => values.get(row).copied().unwrap_or(f64::NAN),
        }
    }

    fn piece(self, start: usize, count: usize) -> Self {
        match self {
            Self::One(value) => Self::One(value),
            Self::Many(values) => Self::Many(values.get(start..start + count).unwrap_or(&[])),
        }
    }
}

impl Kinds<'_> {
    fn len(self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Many(values) => Some(values.len()),
        }
    }

    #[inline(always)]
    fn load<L: Lane>(self, at: usize) -> L::Mask {
        match self {
            Self::One(value) => L::Mask::splat(value),
            Self::Many(bytes) => L::mask_from_bytes(bytes.get(at..).unwrap_or(&[])),
        }
    }

    fn at(self, row: usize) -> bool {
        match self {
            Self::One(value) => value,
            Self::Many(bytes) => bytes.get(row).is_some_and(|byte| *byte != 0),
        }
    }

    fn piece(self, start: usize, count: usize) -> Self {
        match self {
            Self::One(value) => Self::One(value),
            Self::Many(bytes) => Self::Many(bytes.get(start..start + count).unwrap_or(&[])),
        }
    }
}

/// The arguments of many options.
#[derive(Clone, Copy, Debug)]
pub struct Options<'a> {
    /// Calls and puts.
    pub is_call: Kinds<'a>,
    /// Forward prices.
    pub forward: Column<'a>,
    /// Strikes.
    pub strike: Column<'a>,
    /// Years to expiry.
    pub years: Column<'a>,
    /// Volatilities (prices, for implied volatility).
    pub vol: Column<'a>,
    /// Rates for discounting.
    pub rate: Column<'a>,
}

impl Options<'_> {
    fn option(&self, row: usize) -> Option76 {
        Option76 {
            is_call: self.is_call.at(row),
            forward: self.forward.at(row),
            strike: self.strike.at(row),
            years: self.years.at(row),
            vol: self.vol.at(row),
            rate: self.rate.at(row),
        }
    }

    fn piece(&self, start: usize, count: usize) -> Self {
        Self {
            is_call: self.is_call.piece(start, count),
            forward: self.forward.piece(start, count),
            strike: self.strike.piece(start, count),
            years: self.years.piece(start, count),
            vol: self.vol.piece(start, count),
            rate: self.rate.piece(start, count),
        }
    }

    /// Refuses columns whose length is not `rows`.
    fn check(&self, rows: usize) -> Result<(), PricingError> {
        let columns = [
            ("forward", self.forward.len()),
            ("strike", self.strike.len()),
            ("years", self.years.len()),
            ("vol", self.vol.len()),
            ("rate", self.rate.len()),
            ("is_call", self.is_call.len()),
        ];
        for (field, length) in columns {
            if length.is_some_and(|length| length != rows) {
                return Err(PricingError::OutOfDomain(format!(
                    "{field} has {} rows where the output has {rows}",
                    length.unwrap_or(0)
                )));
            }
        }
        Ok(())
    }
}

/// Columns for the outputs that are wanted, all of one length.
pub type Targets<'o> = [Option<&'o mut [f64]>; OUTPUTS];

/// Outputs of one piece, and the row being written.
struct Writer<'t, 'o> {
    targets: &'t mut Targets<'o>,
    at: usize,
}

impl<L: Lane> Sink<L> for Writer<'_, '_> {
    #[inline(always)]
    fn put(&mut self, output: Output, value: L) {
        if let Some(Some(column)) = self.targets.get_mut(output as usize) {
            if let Some(rest) = column.get_mut(self.at..) {
                value.store(rest);
            }
        }
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
    fn bundle<L: Lane, S: Lane>(&mut self, at: usize, shared: Option<&Spread<L>>) {
        let options = self.options;
        let row = Row {
            is_call: options.is_call.load::<L>(at),
            forward: options.forward.load::<L>(at),
            strike: options.strike.load::<L>(at),
            years: options.years.load::<L>(at),
            vol: options.vol.load::<L>(at),
        };
        let own;
        let spread = match shared {
            Some(shared) => shared,
            None => {
                own = spread(row.vol, row.years);
                &own
            }
        };
        let mut writer = Writer {
            targets: self.targets,
            at,
        };
        let rare = if matches!(options.rate, Column::One(rate) if rate == 0.0) {
            evaluate(&row, spread, None, self.wanted, &mut writer)
        } else {
            let (discount, in_range): (Discount<L>, L::Mask) =
                discount(options.rate.load::<L>(at), row.years);
            let late = (!in_range).bits() & ((1 << L::WIDTH) - 1);
            late | evaluate(&row, spread, Some(&discount), self.wanted, &mut writer)
        };
        if rare != 0 {
            self.repair::<S>(at, rare);
        }
    }

    #[inline(never)]
    fn repair<S: Lane>(&mut self, at: usize, rare: u32) {
        let mut left = rare;
        while left != 0 {
            let row = at + left.trailing_zeros() as usize;
            left &= left - 1;
            let values = extreme::evaluate::<S>(&self.options.option(row));
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
        let whole = self.rows - self.rows % L::WIDTH;
        let mut at = 0;
        while at < whole {
            self.bundle::<L, S>(at, None);
            at += L::WIDTH;
        }
        while at < self.rows {
            self.bundle::<S, S>(at, None);
            at += 1;
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
    fn bundle<L: Lane, S: Lane>(&mut self, at: usize) {
        let options = self.options;
        let forward = options.forward.load::<L>(at);
        let years = options.years.load::<L>(at);
        let stated = options.vol.load::<L>(at);
        let mut price = stated;
        let mut price_low = L::splat(0.0);
        if self.premium == Premium::Coin {
            price = stated * forward;
            price_low = L::splat(0.0) - stated.residual(forward, price);
        } else if !matches!(options.rate, Column::One(rate) if rate == 0.0) {
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
        if let Some(rest) = self.vols.get_mut(at..) {
            vol.store(rest);
        }
        if let Some(rest) = self.statuses.get_mut(at..at + L::WIDTH) {
            rest.fill(IvStatus::Ok as u8);
        }
        if rare != 0 {
            self.repair::<S>(at, rare);
        }
    }

    #[inline(never)]
    fn repair<S: Lane>(&mut self, at: usize, rare: u32) {
        let mut left = rare;
        while left != 0 {
            let row = at + left.trailing_zeros() as usize;
            left &= left - 1;
            let option = self.options.option(row);
            let (vol, status) = implied_rare::solve::<S>(&option, option.vol, self.premium);
            if let (Some(slot), Some(code)) = (self.vols.get_mut(row), self.statuses.get_mut(row)) {
                *slot = vol;
                *code = status as u8;
            }
        }
    }
}

impl Kernel for Volatilities<'_, '_> {
    type Output = ();

    #[inline(always)]
    fn run<L: Lane, S: Lane>(mut self) {
        let rows = self.vols.len();
        let whole = rows - rows % L::WIDTH;
        let mut at = 0;
        while at < whole {
            self.bundle::<L, S>(at);
            at += L::WIDTH;
        }
        while at < rows {
            self.bundle::<S, S>(at);
            at += 1;
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
    targets: Targets<'_>,
    threads: usize,
) -> Result<(), PricingError> {
    options.check(rows)?;
    let mut wanted = Wanted::NONE;
    for (output, column) in Output::ALL.into_iter().zip(&targets) {
        let Some(column) = column else { continue };
        if column.len() != rows {
            return Err(PricingError::OutOfDomain(format!(
                "an output has {} rows where {rows} are asked",
                column.len()
            )));
        }
        wanted = wanted.with(output);
    }
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
    let mut rest = targets;
    let mut start = 0;
    while start < rows {
        let count = PIECE.min(rows - start);
        let mut piece: Targets<'_> = Default::default();
        for (slot, column) in piece.iter_mut().zip(rest.iter_mut()) {
            if let Some((head, tail)) = column.take().and_then(|c| c.split_at_mut_checked(count)) {
                *slot = Some(head);
                *column = Some(tail);
            }
        }
        pieces.push((options.piece(start, count), count, piece));
        start += count;
    }
    pool(threads)?.install(|| pieces.into_par_iter().for_each(run));
    Ok(())
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
    if statuses.len() != rows {
        return Err(PricingError::OutOfDomain(format!(
            "statuses has {} rows where vols has {rows}",
            statuses.len()
        )));
    }
    if !is_parallel(rows, threads) {
        dispatch(Volatilities {
            options: *options,
            premium,
            vols,
            statuses,
        });
        return Ok(());
    }
    pool(threads)?.install(|| {
        vols.par_chunks_mut(PIECE)
            .zip(statuses.par_chunks_mut(PIECE))
            .enumerate()
            .for_each(|(piece, (vols, statuses))| {
                let options = options.piece(piece * PIECE, vols.len());
                dispatch(Volatilities {
                    options,
                    premium,
                    vols,
                    statuses,
                });
            });
    });
    Ok(())
}

fn is_parallel(rows: usize, threads: usize) -> bool {
    threads > 1 && rows >= THREADS_FROM
}

/// The pool in use with its size and the process that made it: threads do not survive a fork.
type Pool = Option<(usize, u32, Arc<rayon::ThreadPool>)>;

static POOL: Mutex<Pool> = Mutex::new(None);

fn pool(threads: usize) -> Result<Arc<rayon::ThreadPool>, PricingError> {
    let process = std::process::id();
    let mut held = POOL.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some((size, owner, pool)) = held.as_ref() {
        if *size == threads && *owner == process {
            return Ok(Arc::clone(pool));
        }
        if *owner != process {
            // Joining the threads of another process would wait for ever.
            std::mem::forget(Arc::clone(pool));
        }
    }
    let made = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| PricingError::OutOfDomain(format!("threads = {threads}: {error}")))?;
    let made = Arc::new(made);
    *held = Some((threads, process, Arc::clone(&made)));
    Ok(made)
}

/// One option: all outputs that are wanted, others 0.
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
            years: S::splat(option.years),
            vol: S::splat(option.vol),
        };
        let spread = spread(row.vol, row.years);
        let mut record = Record([0.0; OUTPUTS]);
        let rare = if option.rate == 0.0 {
            evaluate(&row, &spread, None, self.wanted, &mut record)
        } else {
            let (discount, in_range) = discount(S::splat(option.rate), row.years);
            (!in_range).bits() & 1
                | evaluate(&row, &spread, Some(&discount), self.wanted, &mut record)
        };
        if rare != 0 {
            return extreme::evaluate::<S>(option);
        }
        record.0
    }
}

/// One implied volatility and its status; the price stands apart from the option's `vol`.
#[must_use]
pub fn implied_one(option: &Option76, price: f64, premium: Premium) -> (f64, IvStatus) {
    let options = Options {
        is_call: Kinds::One(option.is_call),
        forward: Column::One(option.forward),
        strike: Column::One(option.strike),
        years: Column::One(option.years),
        vol: Column::One(price),
        rate: Column::One(option.rate),
    };
    let (mut vols, mut statuses) = ([f64::NAN], [IvStatus::BadInput as u8]);
    dispatch(Volatilities {
        options,
        premium,
        vols: &mut vols,
        statuses: &mut statuses,
    });
    let [vol] = vols;
    let [code] = statuses;
    (vol, IvStatus::from_code(code).unwrap_or(IvStatus::BadInput))
}
