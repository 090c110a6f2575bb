//! The quotes of one expiry as a smile in its own units, and what they predict of any place.
//!
//! Vols count in the expiry's own level, log-moneyness in standard deviations: there smiles of
//! neighbouring expiries look alike. Seen from a place, a smile is a line plus a bend whose slope
//! walks at random, one way to the left, another to the right. The best prediction from noisy
//! quotes is then the cubic smoothing spline through them (Wahba, "Improper Priors, Spline
//! Smoothing and the Problem of Guarding Against Model Errors in Regression", 1978), here its value
//! and variance from the four quotes on each side, by the information form of the Kalman filter.

use super::quotes::SliceQuotes;

/// Standard deviation of a quote's middle about a smooth smile, in its half-spreads. This and the
/// bends are most likely on recorded chains of 2021 to 2026, alike for each of them.
pub const NOISE: f64 = 0.25;

/// Variance of what a smile's slope changes by within a standard deviation of moneyness, vol as a
/// share of the expiry's level: of every expiry, and what a day to expiry adds, shared among its
/// days. The smiles of the last days bend sharply.
const BEND: f64 = 0.0015;
const BEND_DAYS: f64 = 0.01;

/// Quotes on each side that are asked.
const BESIDE: usize = 4;

/// Quotes below which nothing is predicted of any.
const ROWS_MIN: usize = 5;

/// Quotes nearest the money whose median vol is the level: two of them may be wrong.
const LEVEL_ROWS: usize = 5;

/// Up to so many times the gap before it, the gap to an outermost quote is like the others.
const GAPS_ALIKE: f64 = 2.5;

/// Least weight of a quote that is asked: its noise stays finite.
const UNHEARD: f64 = 1e-6;

/// Days of a year, act/365.
pub const DAYS_PER_YEAR: f64 = 365.0;

/// One quote in its expiry's units.
#[derive(Clone, Copy, Debug)]
pub struct ShapeRow {
    /// Log-moneyness ln(K/F).
    pub k: f64,
    /// The same in standard deviations at the level.
    pub x: f64,
    /// Middle vol over the level.
    pub vol: f64,
    /// Half the spread over the level.
    pub half: f64,
    /// Median half-spread of the row and the two on either side.
    pub around: f64,
}

impl ShapeRow {
    /// Variance of the row's middle about a smooth smile.
    pub fn noise(&self) -> f64 {
        (NOISE * self.half).powi(2)
    }
}

/// A vol over the level that is predicted of a place, and its variance.
#[derive(Clone, Copy, Debug)]
pub struct Prediction {
    /// Vol over the level.
    pub vol: f64,
    /// Its variance.
    pub variance: f64,
}

/// The quotes of one expiry, ascending in log-moneyness.
#[derive(Clone, Debug)]
pub struct QuoteShape {
    /// Time to expiry, years of 365 days.
    pub years: f64,
    /// Vol at the money, a fraction.
    pub level: f64,
    /// The quotes.
    pub rows: Vec<ShapeRow>,
    bend: f64,
    reach: (f64, f64),
}

impl QuoteShape {
    /// The shape of `quotes`, all two-sided and checked; None of fewer than five. Half-spreads are
    /// at least `floor`, a vol.
    pub fn new(quotes: &SliceQuotes<'_>, floor: f64) -> Option<Self> {
        if quotes.k.len() < ROWS_MIN {
            return None;
        }
        let mut nearest: Vec<(f64, f64)> = quotes.iter().map(|q| (q.k.abs(), q.mid())).collect();
        nearest.sort_by(|a, b| a.0.total_cmp(&b.0));
        let level = median(nearest.iter().take(LEVEL_ROWS).map(|row| row.1).collect());
        let unit = level * quotes.years.sqrt();
        let halves: Vec<f64> = quotes
            .iter()
            .map(|q| q.half_spread(floor) / level)
            .collect();
        let rows = quotes
            .iter()
            .zip(&halves)
            .zip(surroundings(&halves))
            .map(|((quote, &half), around)| ShapeRow {
                k: quote.k,
                x: quote.k / unit,
                vol: quote.mid() / level,
                half,
                around,
            })
            .collect::<Vec<ShapeRow>>();
        Some(Self {
            years: quotes.years,
            level,
            bend: BEND + BEND_DAYS / (quotes.years * DAYS_PER_YEAR),
            reach: reach(&rows),
            rows,
        })
    }

    /// What the rows beside `row` say of it, each heard with its `weight`, 0 to 1.
    pub fn left_out(&self, row: usize, weight: &[f64]) -> Option<Prediction> {
        let here = self.rows.get(row)?;
        let mut found = self.line_at(here.x, row, row + 1, weight).value()?;
        // What is extrapolated over a wide gap from a narrow one is worth as much less.
        if row == 0 {
            found.variance *= self.reach.0.powi(2);
        } else if row + 1 == self.rows.len() {
            found.variance *= self.reach.1.powi(2);
        }
        Some(found)
    }

    /// What the rows say of log-moneyness `k`, each heard with its `weight`.
    pub fn at(&self, k: f64, weight: &[f64]) -> Option<Prediction> {
        let x = k / (self.level * self.years.sqrt());
        let place = self.rows.partition_point(|row| row.x < x);
        self.line_at(x, place, place, weight).value()
    }

    /// What the rows before `left` and those from `right` on know of the line at `x`.
    fn line_at(&self, x: f64, left: usize, right: usize, weight: &[f64]) -> Line {
        let heard = |(row, weight): (&ShapeRow, &f64)| {
            let variance = row.noise() / weight.max(UNHEARD);
            ((row.x - x).abs(), row.vol, variance)
        };
        let pairs = || self.rows.iter().zip(weight);
        let left = pairs()
            .take(left)
            .skip(left.saturating_sub(BESIDE))
            .map(heard);
        let right = pairs().skip(right).take(BESIDE).map(heard);
        let seen_from_left = one_side(left, self.bend).mirrored();
        seen_from_left.with(one_side(right.rev(), self.bend))
    }
}

/// What is known of a line at a place: information matrix ((`one`, `slope`), (`slope`, `square`))
/// and vector (`value`, `product`) in (value, slope).
///
/// The matrix' determinant is kept beside it: sums of what is not negative make it, where the
/// difference of products would leave nothing of it between rows that are close together.
#[derive(Clone, Copy, Default)]
struct Line {
    one: f64,
    slope: f64,
    square: f64,
    determinant: f64,
    value: f64,
    product: f64,
}

impl Line {
    /// Heard a value here.
    fn hear(self, value: f64, variance: f64) -> Self {
        Self {
            one: self.one + 1.0 / variance,
            determinant: self.determinant + self.square / variance,
            value: self.value + value / variance,
            ..self
        }
    }

    /// The line seen from `step` nearer, its slope having walked there by `bend` a unit.
    fn nearer(self, step: f64, bend: f64) -> Self {
        let (cube, half, walk) = (
            bend * step.powi(3) / 3.0,
            bend * step * step / 2.0,
            bend * step,
        );
        // Λ + |Λ| adj Q over |1 + ΛQ|, of information Λ and variance walked Q, is the inverse of
        // their variances' sum though the information of the first row alone has none.
        let growth = 1.0
            + self.one * cube
            + 2.0 * self.slope * half
            + self.square * walk
            + self.determinant * (bend * step * step).powi(2) / 12.0;
        let one = (self.one + self.determinant * walk) / growth;
        let slope = (self.slope - self.determinant * half) / growth;
        let square = (self.square + self.determinant * cube) / growth;
        let value = self.value * (1.0 + self.slope * half + self.square * walk)
            - self.product * (self.one * half + self.slope * walk);
        let product = self.product * (1.0 + self.one * cube + self.slope * half)
            - self.value * (self.slope * cube + self.square * half);
        Self {
            one,
            slope: slope + step * one,
            square: square + 2.0 * step * slope + step * step * one,
            determinant: self.determinant / growth,
            value: value / growth,
            product: (product + step * value) / growth,
        }
    }

    /// The line with places counted the other way.
    fn mirrored(self) -> Self {
        Self {
            slope: -self.slope,
            product: -self.product,
            ..self
        }
    }

    /// Both sides' knowledge together.
    fn with(self, other: Self) -> Self {
        Self {
            one: self.one + other.one,
            slope: self.slope + other.slope,
            square: self.square + other.square,
            determinant: self.determinant
                + other.determinant
                + self.one * other.square
                + self.square * other.one
                - 2.0 * self.slope * other.slope,
            value: self.value + other.value,
            product: self.product + other.product,
        }
    }

    /// The line's value; None where fewer than two rows were heard.
    fn value(self) -> Option<Prediction> {
        let found = Prediction {
            vol: (self.square * self.value - self.slope * self.product) / self.determinant,
            variance: self.square / self.determinant,
        };
        (self.determinant > 0.0 && found.vol.is_finite() && found.variance > 0.0).then_some(found)
    }
}

/// The line that rows of one side know of, (distance, value, variance) from the farthest on.
fn one_side(rows: impl Iterator<Item = (f64, f64, f64)>, bend: f64) -> Line {
    let mut line = Line::default();
    let mut from: Option<f64> = None;
    for (distance, value, variance) in rows {
        if let Some(farther) = from {
            line = line.nearer(farther - distance, bend);
        }
        line = line.hear(value, variance);
        from = Some(distance);
    }
    from.map_or(line, |distance| line.nearer(distance, bend))
}

/// Factors on deviations of what is predicted of the first and the last row.
fn reach(rows: &[ShapeRow]) -> (f64, f64) {
    let gaps: Vec<f64> = rows
        .windows(2)
        .filter_map(|pair| match pair {
            [low, high] => Some(high.x - low.x),
            _ => None,
        })
        .collect();
    let factor = |outer: Option<&f64>, inner: Option<&f64>| match (outer, inner) {
        (Some(outer), Some(inner)) => (outer / inner / GAPS_ALIKE).max(1.0),
        _ => 1.0,
    };
    let last = gaps.len().saturating_sub(1);
    (
        factor(gaps.first(), gaps.get(1)),
        factor(gaps.last(), gaps.get(last.saturating_sub(1))),
    )
}

/// Median of each value and the two on either side, the ends mirrored.
fn surroundings(values: &[f64]) -> Vec<f64> {
    let last = values.len().saturating_sub(1);
    let mirrored = |i: isize| {
        let i = i.unsigned_abs();
        values.get(if i > last { 2 * last - i } else { i }).copied()
    };
    (0..values.len() as isize)
        .map(|i| median((i - 2..=i + 2).filter_map(mirrored).collect()))
        .collect()
}

/// Middle one of an odd number of values; 0 of none.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(0.0)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::indexing_slicing, clippy::unwrap_used)]

    use super::*;

    /// Distances on one side, from the farthest, with values and variances.
    const ROWS: [(f64, f64, f64); 4] = [
        (1.9, 1.31, 0.02),
        (1.4, 1.12, 0.03),
        (0.6, 1.02, 0.01),
        (0.25, 1.01, 0.04),
    ];
    const WALK: f64 = 0.05;

    /// Generalised least squares of a line through `ROWS` with their full covariance, by
    /// elimination: an information matrix and vector in (value, slope).
    fn dense_line() -> [f64; 5] {
        let n = ROWS.len();
        let mut system: Vec<Vec<f64>> = (0..n)
            .map(|i| {
                let (own, value, variance) = ROWS[i];
                let mut line: Vec<f64> = (0..n)
                    .map(|j| {
                        let (near, far) = (own.min(ROWS[j].0), own.max(ROWS[j].0));
                        let walked = WALK / 6.0 * near * near * (3.0 * far - near);
                        walked + if i == j { variance } else { 0.0 }
                    })
                    .collect();
                line.extend([1.0, own, value]);
                line
            })
            .collect();
        for pivot in 0..n {
            for row in 0..n {
                if row != pivot {
                    let share = system[row][pivot] / system[pivot][pivot];
                    let from = system[pivot].clone();
                    for (cell, from) in system[row].iter_mut().zip(from) {
                        *cell -= share * from;
                    }
                }
            }
        }
        let mut sums = [0.0; 5];
        for (i, (distance, _, _)) in ROWS.iter().enumerate() {
            let solved = |column: usize| system[i][n + column] / system[i][i];
            sums[0] += solved(0);
            sums[1] += solved(1);
            sums[2] += distance * solved(1);
            sums[3] += solved(2);
            sums[4] += distance * solved(2);
        }
        sums
    }

    #[test]
    fn the_filter_is_generalised_least_squares() {
        let line = one_side(ROWS.into_iter(), WALK);
        let found = [line.one, line.slope, line.square, line.value, line.product];
        for (one, other) in found.iter().zip(dense_line()) {
            assert!((one - other).abs() < 1e-10 * other.abs(), "{one} {other}");
        }
    }

    #[test]
    fn rows_close_together_tell_as_little_of_a_place_far_away_as_they_do() {
        let (gap, far, variance) = (1e-9, 3.0, 1e-6);
        let rows = [(far + gap, 1.0, variance), (far, 1.0, variance)];
        let found = one_side(rows.into_iter(), WALK).value().unwrap();
        // The line through both, extrapolated, and the slope's walk on the way.
        let gap = rows[0].0 - far;
        let shares = (far / gap).powi(2) + (1.0 + far / gap).powi(2);
        let expected = variance * shares + WALK * far * far * (far + gap) / 3.0;
        assert!((found.variance / expected - 1.0).abs() < 1e-12);
    }

    #[test]
    fn a_place_half_way_is_the_mean_with_its_noise_and_bend() {
        let row = |value| one_side([(0.5, value, 0.01)].into_iter(), WALK);
        let found = row(1.0).mirrored().with(row(1.2)).value().unwrap();
        assert!((found.vol - 1.1).abs() < 1e-12);
        let variance = (0.01 + WALK * 0.125 / 3.0) / 2.0;
        assert!((found.variance - variance).abs() < 1e-12);
    }

    #[test]
    fn one_row_predicts_nothing() {
        assert!(
            one_side([(0.5, 1.0, 0.01)].into_iter(), WALK)
                .value()
                .is_none()
        );
    }

    fn shape(k: &[f64], vol: impl Fn(f64) -> f64) -> QuoteShape {
        let mid: Vec<f64> = k.iter().map(|&k| vol(k)).collect();
        let bid: Vec<f64> = mid.iter().map(|mid| mid - 0.01).collect();
        let ask: Vec<f64> = mid.iter().map(|mid| mid + 0.01).collect();
        let quotes = SliceQuotes {
            years: 0.25,
            k,
            bid: &bid,
            ask: &ask,
            trust: &[],
        };
        QuoteShape::new(&quotes, 0.0015).unwrap()
    }

    #[test]
    fn a_line_is_predicted_wherever_it_is_asked() {
        let k: Vec<f64> = (0..9).map(|i| -0.4 + 0.1 * f64::from(i)).collect();
        let shape = shape(&k, |k| 0.5 + 0.2 * k);
        let all = [1.0; 9];
        for at in [-0.6, -0.4, 0.03, 0.4, 0.7] {
            let found = shape.at(at, &all).unwrap().vol * shape.level;
            assert!((found - 0.5 - 0.2 * at).abs() < 1e-9, "{at}: {found}");
        }
        for (row, &k) in k.iter().enumerate() {
            let found = shape.left_out(row, &all).unwrap();
            assert!((found.vol * shape.level - 0.5 - 0.2 * k).abs() < 1e-9);
        }
        let (middle, end) = (shape.left_out(4, &all), shape.left_out(0, &all));
        assert!(middle.unwrap().variance < end.unwrap().variance);
    }

    #[test]
    fn an_end_beyond_a_wide_gap_is_predicted_with_less_certainty() {
        let k = [-0.7, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3];
        let (whole, rest) = (shape(&k, |_| 0.5), shape(&k[1..], |_| 0.5));
        let found = whole.left_out(0, &[1.0; 7]).unwrap();
        let plain = rest.at(k[0], &[1.0; 6]).unwrap();
        // Five times the gap before it, of which 2.5 would be like the others.
        assert!((found.variance / plain.variance - 4.0).abs() < 1e-9);
        let other = whole.left_out(6, &[1.0; 7]).unwrap();
        let plain = shape(&k[..6], |_| 0.5).at(k[6], &[1.0; 6]).unwrap();
        assert!((other.variance / plain.variance - 1.0).abs() < 1e-9);
    }

    #[test]
    fn wings_do_not_move_the_level() {
        let k: Vec<f64> = (0..15).map(|i| -0.7 + 0.1 * f64::from(i)).collect();
        let winged = shape(&k, |k| if k.abs() < 0.25 { 0.5 } else { 2.0 });
        assert!((winged.level - 0.5).abs() < 1e-12);
    }

    #[test]
    fn two_wrong_quotes_next_to_the_money_do_not_move_the_level() {
        let k = [-0.3, -0.2, -0.1, 0.0, 0.1, 0.2, 0.3];
        let wrong = shape(&k, |k| if (0.0..0.15).contains(&k) { 0.9 } else { 0.5 });
        assert!((wrong.level - 0.5).abs() < 1e-12);
    }
}
