//! A chain: options grouped by expiry, which share forward, years and rate.
//!
//! The same bits as the flat call of [`crate::batch`], with what an expiry shares computed once.

use crate::batch::{Prices, Targets, split_targets, wanted_of};
use crate::black::{Clock, Discount, clock, discount};
use crate::columns::{Column, Kinds, Options, WIDTH_MAX, check_length};
use crate::error::PricingError;
use crate::lanes::{Kernel, Lane, LaneMask, dispatch};
use crate::math::elementary::Pair;
use crate::threads::{PIECE, in_parallel, is_parallel};

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
            // Those of each expiry stand in its term.
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

/// The lanes as an array.
#[inline(always)]
fn spill<L: Lane>(lane: L) -> [f64; WIDTH_MAX] {
    let mut values = [0.0; WIDTH_MAX];
    lane.store(&mut values);
    values
}

/// One value of an array in each lane.
#[inline(always)]
fn spread<L: Lane>(values: &[f64; WIDTH_MAX], place: usize) -> L {
    L::splat(values.get(place).copied().unwrap_or(f64::NAN))
}

/// What the rows of one expiry share.
#[derive(Clone, Copy)]
pub(crate) struct Expiry {
    pub(crate) forward: f64,
    pub(crate) years: f64,
    pub(crate) rate: f64,
}

/// What the rows of one expiry share, in each lane.
pub(crate) struct Term<L> {
    pub(crate) expiry: Expiry,
    pub(crate) clock: Clock<L>,
    /// None where the rate is 0.
    pub(crate) discount: Option<Discount<L>>,
    /// All lanes where the discount is out of range.
    pub(crate) late: u32,
}

/// Clocks and discounts of as many expiries as a bundle has lanes, computed side by side.
pub(crate) struct Terms {
    first: usize,
    years: [f64; WIDTH_MAX],
    rate: [f64; WIDTH_MAX],
    root: [f64; WIDTH_MAX],
    root_low: [f64; WIDTH_MAX],
    half_per_root: [f64; WIDTH_MAX],
    factor: [f64; WIDTH_MAX],
    late: u32,
}

impl Terms {
    #[inline(always)]
    pub(crate) fn of<L: Lane>(expiries: &Expiries<'_>, first: usize) -> Self {
        let clock = clock(Column::Many(expiries.years).load::<L>(first));
        let rate = expiries.rate.load::<L>(first);
        let (discount, in_range) = discount(rate, clock.years);
        Self {
            first,
            years: spill(clock.years),
            rate: spill(rate),
            root: spill(clock.root.high),
            root_low: spill(clock.root.low),
            half_per_root: spill(clock.half_per_root),
            factor: spill(discount.factor),
            late: (!in_range).bits(),
        }
    }

    #[inline(always)]
    pub(crate) fn term<L: Lane>(&self, expiry: usize, forward: f64) -> Term<L> {
        let place = expiry.wrapping_sub(self.first);
        let root = Pair {
            high: spread(&self.root, place),
            low: spread(&self.root_low, place),
        };
        let rate = self.rate.get(place).copied().unwrap_or(f64::NAN);
        let discount = Discount {
            rate: L::splat(rate),
            factor: spread(&self.factor, place),
        };
        let years = self.years.get(place).copied().unwrap_or(f64::NAN);
        Term {
            expiry: Expiry {
                forward,
                years,
                rate,
            },
            clock: Clock {
                years: spread(&self.years, place),
                root,
                half_per_root: spread(&self.half_per_root, place),
            },
            discount: (rate != 0.0).then_some(discount),
            late: if self.late >> place & 1 == 0 {
                0
            } else {
                u32::MAX
            },
        }
    }
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
        let mut terms = Terms::of::<L>(&self.expiries, first);
        for expiry in first..starts.len() {
            let local = |row: usize| row.saturating_sub(self.start).min(rows);
            let from = local(starts.get(expiry).copied().unwrap_or(usize::MAX));
            let to = local(starts.get(expiry + 1).copied().unwrap_or(usize::MAX));
            if from >= rows {
                return;
            }
            if expiry - terms.first >= L::WIDTH {
                terms = Terms::of::<L>(&self.expiries, expiry);
            }
            let forward = Column::Many(self.expiries.forward).at(expiry);
            let term = terms.term::<L>(expiry, forward);
            self.prices.shared::<L>(&term, from, to);
        }
    }
}
