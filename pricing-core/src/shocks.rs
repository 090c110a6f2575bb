//! Scenarios: how forwards, vols and time move, for all positions alike or for groups of them.

use crate::columns::Column;
use crate::error::PricingError;

/// One kind of move under each scenario.
///
/// A single number for all; or a number a scenario; or, group after group, a number for each group
/// of positions and each scenario.
#[derive(Clone, Copy, Debug)]
pub struct Moves<'a> {
    column: Column<'a>,
    /// From one group's row to the next; 0 where all groups share one row.
    stride: usize,
    start: usize,
    count: usize,
}

impl<'a> Moves<'a> {
    /// Takes a column whose length says which of the three it is.
    ///
    /// # Errors
    /// `OutOfDomain` where the length is neither `scenarios` nor `groups`·`scenarios`.
    pub fn new(
        field: &str,
        column: Column<'a>,
        groups: usize,
        scenarios: usize,
    ) -> Result<Self, PricingError> {
        let grouped = groups.saturating_mul(scenarios);
        let stride = match column.len() {
            Some(length) if length != scenarios && length == grouped => scenarios,
            Some(length) if length != scenarios => {
                return Err(PricingError::OutOfDomain(format!(
                    "{field} has {length} numbers where {scenarios}, or {grouped} by group, are due"
                )));
            }
            _ => 0,
        };
        Ok(Self {
            column,
            stride,
            start: 0,
            count: scenarios,
        })
    }

    /// The moves of one group, a number a scenario.
    #[must_use]
    #[inline(always)]
    pub fn row(&self, group: usize) -> Column<'a> {
        match self.column {
            Column::One(value) => Column::One(value),
            Column::Many(values) => {
                let first = group * self.stride + self.start;
                Column::Many(values.get(first..first + self.count).unwrap_or(&[]))
            }
        }
    }

    /// The same moves under scenarios `start..start + count`.
    #[must_use]
    pub fn piece(&self, start: usize, count: usize) -> Self {
        Self {
            start: self.start + start,
            count,
            ..*self
        }
    }
}

/// Scenarios. The forward becomes `F·(1 + spot)·(1 + basis)`, the index of a leg at its expiry
/// `I·(1 + spot)`; both must stay above 0. The vol becomes `σ·vol_factor + vol`, not below 0.
#[derive(Clone, Copy, Debug)]
pub struct Shocks<'a> {
    /// Relative move of index and forward.
    pub spot: Moves<'a>,
    /// Relative move of the forward over the index.
    pub basis: Moves<'a>,
    /// What each vol is multiplied by.
    pub vol_factor: Moves<'a>,
    /// Added to each vol.
    pub vol: Moves<'a>,
    /// Years that pass; where fewer are left the option is at expiry.
    pub years: Moves<'a>,
    /// Number of scenarios.
    pub scenarios: usize,
}

impl Shocks<'_> {
    /// Scenarios `start..start + count`.
    #[must_use]
    pub fn piece(&self, start: usize, count: usize) -> Self {
        Self {
            spot: self.spot.piece(start, count),
            basis: self.basis.piece(start, count),
            vol_factor: self.vol_factor.piece(start, count),
            vol: self.vol.piece(start, count),
            years: self.years.piece(start, count),
            scenarios: count,
        }
    }
}
