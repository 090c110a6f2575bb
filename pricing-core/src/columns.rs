//! The arguments of many options as borrowed columns.

use crate::error::PricingError;
use crate::extreme::Option76;
use crate::lanes::{Lane, LaneMask};

/// The widest lane.
pub const WIDTH_MAX: usize = 16;

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

/// `WIDTH` values from `at` on; past the end the last is repeated.
#[inline(always)]
pub fn load_padded<L: Lane>(values: &[f64], at: usize) -> L {
    let rest = values.get(at..).unwrap_or(&[]);
    if rest.len() >= L::WIDTH {
        return L::load(rest);
    }
    let mut padded = [rest.last().copied().unwrap_or(f64::NAN); WIDTH_MAX];
    for (slot, value) in padded.iter_mut().zip(rest) {
        *slot = *value;
    }
    L::load(&padded)
}

/// Writes `WIDTH` values from `at` on, or as many as there is room for.
#[inline(always)]
pub fn store_padded<L: Lane>(lane: L, target: &mut [f64], at: usize) {
    let Some(rest) = target.get_mut(at..) else {
        return;
    };
    if rest.len() >= L::WIDTH {
        lane.store(rest);
        return;
    }
    let mut padded = [0.0; WIDTH_MAX];
    lane.store(&mut padded);
    for (slot, value) in rest.iter_mut().zip(padded) {
        *slot = value;
    }
}

impl Column<'_> {
    /// Rows, where it has them.
    #[must_use]
    pub fn len(self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Many(values) => Some(values.len()),
        }
    }

    /// Whether it holds an empty slice.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == Some(0)
    }

    /// The bundle from row `at` on.
    #[inline(always)]
    pub fn load<L: Lane>(self, at: usize) -> L {
        match self {
            Self::One(value) => L::splat(value),
            Self::Many(values) => load_padded(values, at),
        }
    }

    /// One row; NaN past the end.
    #[must_use]
    pub fn at(self, row: usize) -> f64 {
        match self {
            Self::One(value) => value,
            Self::Many(values) => values.get(row).copied().unwrap_or(f64::NAN),
        }
    }

    /// Rows `start..start + count`.
    #[must_use]
    pub fn piece(self, start: usize, count: usize) -> Self {
        match self {
            Self::One(value) => Self::One(value),
            Self::Many(values) => Self::Many(values.get(start..start + count).unwrap_or(&[])),
        }
    }

    /// Whether each row is 0.
    #[must_use]
    pub fn is_zero(self) -> bool {
        matches!(self, Self::One(value) if value == 0.0)
    }
}

impl Kinds<'_> {
    /// Rows, where it has them.
    #[must_use]
    pub fn len(self) -> Option<usize> {
        match self {
            Self::One(_) => None,
            Self::Many(values) => Some(values.len()),
        }
    }

    /// Whether it holds an empty slice.
    #[must_use]
    pub fn is_empty(self) -> bool {
        self.len() == Some(0)
    }

    /// The bundle from row `at` on; puts past the end.
    #[inline(always)]
    pub fn load<L: Lane>(self, at: usize) -> L::Mask {
        match self {
            Self::One(value) => L::Mask::splat(value),
            Self::Many(bytes) => {
                let rest = bytes.get(at..).unwrap_or(&[]);
                if rest.len() >= L::WIDTH {
                    return L::mask_from_bytes(rest);
                }
                let mut padded = [0; WIDTH_MAX];
                for (slot, byte) in padded.iter_mut().zip(rest) {
                    *slot = *byte;
                }
                L::mask_from_bytes(&padded)
            }
        }
    }

    /// One row; a put past the end.
    #[must_use]
    pub fn at(self, row: usize) -> bool {
        match self {
            Self::One(value) => value,
            Self::Many(bytes) => bytes.get(row).is_some_and(|byte| *byte != 0),
        }
    }

    /// Rows `start..start + count`.
    #[must_use]
    pub fn piece(self, start: usize, count: usize) -> Self {
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
    /// One row.
    #[must_use]
    pub fn option(&self, row: usize) -> Option76 {
        Option76 {
            is_call: self.is_call.at(row),
            forward: self.forward.at(row),
            strike: self.strike.at(row),
            years: self.years.at(row),
            vol: self.vol.at(row),
            rate: self.rate.at(row),
        }
    }

    /// Rows `start..start + count`.
    #[must_use]
    pub fn piece(&self, start: usize, count: usize) -> Self {
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
    ///
    /// # Errors
    /// `OutOfDomain` naming the column.
    pub fn check(&self, rows: usize) -> Result<(), PricingError> {
        let columns = [
            ("forward", self.forward.len()),
            ("strike", self.strike.len()),
            ("years", self.years.len()),
            ("vol", self.vol.len()),
            ("rate", self.rate.len()),
            ("is_call", self.is_call.len()),
        ];
        for (field, length) in columns {
            check_length(field, length, rows)?;
        }
        Ok(())
    }
}

/// Refuses a length that is not `rows`; None, a single number, fits any.
///
/// # Errors
/// `OutOfDomain` naming the column.
pub fn check_length(field: &str, length: Option<usize>, rows: usize) -> Result<(), PricingError> {
    match length {
        Some(length) if length != rows => Err(PricingError::OutOfDomain(format!(
            "{field} has {length} rows where {rows} are due"
        ))),
        _ => Ok(()),
    }
}
