//! How far each vol of a chain is to be trusted, by what the quotes around it say.
//!
//! Trust is a smooth function of a quote and those around it: a tick of one quote decides nothing
//! about quotes far away, and no quote enters or leaves a fit by a step. Said of a quote is what
//! the smoothing spline through its neighbours predicts; what the smiles of the expiries beside
//! its own, in its units, have there; and that their total variances do not cross. Quotes that are
//! doubted themselves say less, and all are looked at several times.

use crate::smile::quote_shape::{DAYS_PER_YEAR, NOISE, Prediction, QuoteShape, ShapeRow};
use crate::smile::quotes::{Quote, SliceQuotes, TRUST_MIN};

/// Standard deviations at which a neighbour is heard half as much.
const DOUBT: f64 = 4.0;
/// Looks at the neighbours of an expiry's own, after the first.
const OWN_LOOKS: usize = 2;
/// Looks at the expiries beside it, too, before the last.
const CHAIN_LOOKS: usize = 2;

/// Standard deviations up to which a quote counts fully, and from which on not at all. On recorded
/// chains one quote in three thousand is called an outlier, half of those in asynchronous ones.
const FULL_UP_TO: f64 = 3.5;
const NONE_FROM: f64 = 9.0;

/// Times the half-spreads around it that a wide quote's own middle counts as, at most.
const WIDE: f64 = 2.0;

/// Standard deviations outside a quote's own spread up to which a wide one keeps the least trust of
/// what is no outlier, and from which on none.
const INSIDE_FROM: f64 = 0.5;
const OUTSIDE_FROM: f64 = 4.0;

/// Most trust that an expiry's quotes lose on average: where all contradict each other, who is
/// wrong? They are fitted then, and the fit's share inside the spread tells.
const LOST_MAX: f64 = 0.35;

/// Trust counts in steps of this, upwards: what is finer shows in no vol, and would have expiries
/// fitted again that a change hardly reaches.
const GRAIN: f64 = 1.0 / (1 << 20) as f64;

/// Standard deviation of what a smile in its own units changes by from one expiry to another e
/// times as long: at the money, and what each standard deviation of moneyness adds.
const CHANGE: f64 = 0.009;
const CHANGE_WING: f64 = 0.017;
/// Days to expiry at which the variance of that is twice as large.
const CHANGE_DAYS: f64 = 20.0;
/// Least vol over the level that a neighbour's smile is held against.
const SHAPE_MIN: f64 = 0.05;

/// Noises of a quote by which it may cross another expiry's smile as if it did not.
const CROSSING_NOISE: f64 = 2.0;

/// Neighbours on both sides whose straight line predicts a row, for the first look. With two of six
/// wrong three of the nine lines still know nothing of them.
const LINES: [(isize, isize); 9] = [
    (-1, 1),
    (-1, 2),
    (-1, 3),
    (-2, 1),
    (-2, 2),
    (-2, 3),
    (-3, 1),
    (-3, 2),
    (-3, 3),
];
/// Neighbours on one side, for the rows at each end that have fewer than six of those.
const LINES_OUTSIDE: [(isize, isize); 6] = [(1, 2), (1, 3), (2, 3), (-2, -1), (-3, -1), (-3, -2)];
const LINES_MIN: usize = 6;

/// Trust, 0 to 1, of each quote of `expiries`, which ascend in years.
///
/// An expiry with fewer than five quotes, with one-sided ones, or that no slice could be fitted to
/// is trusted whole and says nothing of others. A wide quote whose own spread holds what is
/// predicted is no outlier. Half-spreads are at least `floor`, a vol.
pub fn quote_trust(expiries: &[SliceQuotes<'_>], floor: f64) -> Vec<Vec<f64>> {
    let shape = |quotes: &SliceQuotes<'_>| {
        let is_whole = quotes.check().is_ok() && quotes.iter().all(|q: Quote| q.is_two_sided());
        is_whole.then(|| QuoteShape::new(quotes, floor)).flatten()
    };
    let shapes: Vec<Option<QuoteShape>> = expiries.iter().map(shape).collect();
    let judged: Vec<&QuoteShape> = shapes.iter().flatten().collect();
    let mut trusts = chain_trust(&judged).into_iter();
    expiries
        .iter()
        .zip(&shapes)
        .map(|(quotes, shape)| match shape {
            Some(_) => trusts.next().unwrap_or_default(),
            None => vec![1.0; quotes.k.len()],
        })
        .collect()
}

fn chain_trust(shapes: &[&QuoteShape]) -> Vec<Vec<f64>> {
    let mut weights: Vec<Vec<f64>> = shapes.iter().map(|shape| own_weights(shape)).collect();
    for _ in 0..CHAIN_LOOKS {
        weights = said_of_chain(shapes, &weights)
            .iter()
            .zip(shapes)
            .map(|(said, shape)| {
                let pairs = shape.rows.iter().zip(said);
                pairs.map(|(row, said)| said.heard(row)).collect()
            })
            .collect();
    }
    said_of_chain(shapes, &weights)
        .iter()
        .zip(shapes)
        .map(|(said, shape)| trusts(shape, said))
        .collect()
}

/// Trust by what is said at last of each row.
fn trusts(shape: &QuoteShape, said: &[Said]) -> Vec<f64> {
    let trust = |(row, said): (&ShapeRow, &Said)| {
        let outside = (said.distance(row) - row.half).max(0.0);
        let least = falling(
            outside / (said.line.variance + row.noise()).sqrt(),
            INSIDE_FROM,
            OUTSIDE_FROM,
        );
        falling(said.off(row), FULL_UP_TO, NONE_FROM).max(TRUST_MIN * least)
    };
    let found: Vec<f64> = shape.rows.iter().zip(said).map(trust).collect();
    let lost = found.iter().map(|trust| 1.0 - trust).sum::<f64>() / found.len() as f64;
    let share = (LOST_MAX / lost.max(LOST_MAX)).min(1.0);
    found
        .iter()
        .map(|trust| ((1.0 - share * (1.0 - trust)) / GRAIN).ceil() * GRAIN)
        .collect()
}

/// All that is said of one row.
#[derive(Clone, Copy)]
struct Said {
    /// What its own neighbours and the expiries beside its own say together.
    line: Prediction,
    /// What the smiles of the expiries beside its own say of it, without its own neighbours.
    beside: Option<Prediction>,
    /// Squared deviations by which it crosses a neighbouring expiry's smile.
    crossing: f64,
}

impl Said {
    /// What neighbours alone say.
    fn of_own(line: Prediction) -> Self {
        Self {
            line,
            beside: None,
            crossing: 0.0,
        }
    }

    /// How much the row is heard: neighbours that are wrong together confirm each other, and what
    /// other expiries say tells it.
    fn heard(&self, row: &ShapeRow) -> f64 {
        let beside = self.beside.map_or(0.0, |said| {
            (row.vol - said.vol).abs() / (said.variance + row.noise()).sqrt()
        });
        heard(self.off(row)) * heard(beside)
    }

    fn distance(&self, row: &ShapeRow) -> f64 {
        (row.vol - self.line.vol).abs()
    }

    /// Standard deviations that the row lies off; a wide quote's middle is no surer than twice its
    /// surroundings'.
    fn off(&self, row: &ShapeRow) -> f64 {
        let own = NOISE * row.half.min(WIDE * row.around);
        let squares = self.distance(row).powi(2) / (self.line.variance + own * own);
        (squares + self.crossing).sqrt()
    }
}

/// How much each row is heard after the looks at its own expiry alone.
fn own_weights(shape: &QuoteShape) -> Vec<f64> {
    let all = vec![1.0; shape.rows.len()];
    let lines = distances_of_lines(shape);
    let first = |((row, here), line): ((usize, &ShapeRow), f64)| {
        let own = NOISE * here.half.max(here.around);
        let spread = shape
            .left_out(row, &all)
            .map_or(0.0, |found| found.variance);
        heard(line / (spread + own * own).sqrt())
    };
    let mut weight: Vec<f64> = shape
        .rows
        .iter()
        .enumerate()
        .zip(lines)
        .map(first)
        .collect();
    for _ in 0..OWN_LOOKS {
        weight = shape
            .rows
            .iter()
            .zip(said_of_own(shape, &weight))
            .map(|(row, line)| Said::of_own(line).heard(row))
            .collect();
    }
    weight
}

fn said_of_own(shape: &QuoteShape, weight: &[f64]) -> Vec<Prediction> {
    let rows = shape.rows.iter().enumerate();
    rows.map(|(row, here)| {
        let nothing = Prediction {
            vol: here.vol,
            variance: f64::INFINITY,
        };
        shape.left_out(row, weight).unwrap_or(nothing)
    })
    .collect()
}

fn said_of_chain(shapes: &[&QuoteShape], weights: &[Vec<f64>]) -> Vec<Vec<Said>> {
    let all: Vec<(&QuoteShape, &[f64])> = shapes
        .iter()
        .zip(weights)
        .map(|(shape, weight)| (*shape, weight.as_slice()))
        .collect();
    (0..all.len())
        .filter_map(|at| {
            let shorter = at.checked_sub(1).and_then(|at| all.get(at));
            Some(said_of(all.get(at)?, shorter, all.get(at + 1)))
        })
        .collect()
}

/// An expiry and how much each of its rows is heard.
type Heard<'a> = (&'a QuoteShape, &'a [f64]);

/// What is said of the rows of `own` by their neighbours and by the expiries beside it.
fn said_of(own: &Heard<'_>, shorter: Option<&Heard<'_>>, longer: Option<&Heard<'_>>) -> Vec<Said> {
    let (shape, weight) = *own;
    let mut beside: Vec<Option<Prediction>> = vec![None; shape.rows.len()];
    for other in [shorter, longer].into_iter().flatten() {
        for (sum, said) in beside.iter_mut().zip(said_by_shape(own, other)) {
            *sum = both(*sum, said);
        }
    }
    let crossing = |row: &ShapeRow| {
        let below = shorter.map_or(0.0, |other| crossing(shape, row, other, -1.0));
        below.max(longer.map_or(0.0, |other| crossing(shape, row, other, 1.0)))
    };
    said_of_own(shape, weight)
        .into_iter()
        .zip(beside)
        .zip(&shape.rows)
        .map(|((line, beside), row)| Said {
            line: both(Some(line), beside).unwrap_or(line),
            beside,
            crossing: crossing(row),
        })
        .collect()
}

/// Two independent predictions of one place.
fn both(one: Option<Prediction>, other: Option<Prediction>) -> Option<Prediction> {
    let (Some(a), Some(b)) = (one, other) else {
        return one.or(other);
    };
    let sure = 1.0 / a.variance + 1.0 / b.variance;
    Some(Prediction {
        vol: (a.vol / a.variance + b.vol / b.variance) / sure,
        variance: 1.0 / sure,
    })
}

/// What the smile of `other`, in its own units and at the level of `own`, says of each row.
///
/// Smiles in their own units walk at random from expiry to expiry in the logarithm of time.
fn said_by_shape(own: &Heard<'_>, other: &Heard<'_>) -> Vec<Option<Prediction>> {
    let ((shape, weight), (beside, heard)) = (*own, *other);
    let apart = (shape.years / beside.years).ln().abs();
    let days = shape.years.min(beside.years) * DAYS_PER_YEAR;
    let unit = beside.level * beside.years.sqrt();
    let said: Vec<Option<Prediction>> = shape
        .rows
        .iter()
        .map(|row| {
            let there = beside.at(row.x * unit, heard)?;
            let change = CHANGE + CHANGE_WING * row.x.abs();
            let walked = change * change * (1.0 + CHANGE_DAYS / days) * apart;
            Some(Prediction {
                vol: there.vol,
                variance: there.variance + walked,
            })
        })
        .collect();
    // The level is that of few quotes; all together know better how the two compare.
    let ratios = shape.rows.iter().zip(weight).zip(&said);
    let ratio = weighted_median(
        ratios
            .filter_map(|((row, weight), said)| {
                let said = (*said)?;
                let ratio = row.vol / said.vol.max(SHAPE_MIN);
                Some((ratio, weight / (said.variance + row.noise())))
            })
            .collect(),
    );
    said.into_iter()
        .map(|said| {
            said.map(|said| Prediction {
                vol: ratio * said.vol,
                ..said
            })
        })
        .collect()
}

/// Squared deviations by which `row` lies above the longer `other`'s total variance (`side` 1) or
/// below the shorter one's (−1).
fn crossing(own: &QuoteShape, row: &ShapeRow, other: &Heard<'_>, side: f64) -> f64 {
    let (beside, heard) = *other;
    let Some(there) = beside.at(row.k, heard) else {
        return 0.0;
    };
    let units = beside.level / own.level * (beside.years / own.years).sqrt();
    let excess = (side * (row.vol - units * there.vol)).max(0.0);
    excess * excess / (units * units * there.variance + CROSSING_NOISE.powi(2) * row.noise())
}

/// Distance of each row from the nearest third of the lines through its neighbours: cruder than the
/// spline, and not misled by one or two wrong neighbours.
fn distances_of_lines(shape: &QuoteShape) -> Vec<f64> {
    let count = shape.rows.len() as isize;
    let row = |at: isize| usize::try_from(at).ok().and_then(|at| shape.rows.get(at));
    let off = |at: isize, (low, high): (isize, isize)| {
        let (here, low, high) = (row(at)?, row(at + low)?, row(at + high)?);
        let share = (here.x - low.x) / (high.x - low.x);
        Some((low.vol + share * (high.vol - low.vol) - here.vol).abs())
    };
    (0..count)
        .map(|at| {
            let mut found: Vec<f64> = LINES.iter().filter_map(|&line| off(at, line)).collect();
            if found.len() < LINES_MIN {
                found.extend(LINES_OUTSIDE.iter().filter_map(|&line| off(at, line)));
            }
            found.sort_by(f64::total_cmp);
            let third = found.len().div_ceil(3).saturating_sub(1);
            found.get(third).copied().unwrap_or(0.0)
        })
        .collect()
}

/// Weight of a neighbour by how many deviations it lies itself off what is said of it.
fn heard(deviations: f64) -> f64 {
    1.0 / (1.0 + (deviations / DOUBT).powi(4))
}

/// 1 up to `full_up_to`, 0 from `none_from` on, and smooth between.
fn falling(value: f64, full_up_to: f64, none_from: f64) -> f64 {
    let doubt = ((value - full_up_to) / (none_from - full_up_to)).clamp(0.0, 1.0);
    (1.0 - doubt * doubt).powi(2)
}

/// The value at half of all weight, on lines between values: no weight moves it by a step.
fn weighted_median(mut values: Vec<(f64, f64)>) -> f64 {
    values.sort_by(|a, b| a.0.total_cmp(&b.0));
    let half = 0.5 * values.iter().map(|one| one.1).sum::<f64>();
    let mut before: Option<(f64, f64)> = None;
    let mut sum = 0.0;
    for (value, weight) in &values {
        let middle = sum + 0.5 * weight;
        if middle >= half {
            return match before {
                Some((low, from)) if middle > from => {
                    low + (value - low) * (half - from) / (middle - from)
                }
                _ => *value,
            };
        }
        before = Some((*value, middle));
        sum += weight;
    }
    before.map_or(1.0, |one| one.0)
}

#[cfg(test)]
mod tests;
