//! Implied volatilities of many options, or of one, with a status each.

use crate::columns::{Column, Kinds, Options, check_length, store_padded};
use crate::error::PricingError;
use crate::extreme::{FINITE, Option76};
use crate::implied::{self, Premium, Quoted};
use crate::implied_rare;
use crate::lanes::{Kernel, Lane, dispatch};
use crate::threads::{PIECE, in_parallel, is_parallel};
use crate::types::IvStatus;

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
