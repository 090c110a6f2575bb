//! The interior-point method behind a spline slice: primal-dual, on banded systems.
//!
//! Slacks and multipliers are eliminated constraint by constraint, so that one step costs a pass
//! over the stations and one banded solution. Slacks that the constraint has outgrown are set to
//! what it really has: on a curved constraint that is what the linear step could not see.

// Each index is a station or coefficient number of arrays that are made here of one length.
#![allow(clippy::indexing_slicing)]

use super::slice::Slice;
use super::spline_fit::SplineOptions;
use super::spline_problem::{
    Curvature, Floor, Station, Target, atm_targets, curvature, roughness, targets,
};
use super::{SmileSection, quotes::SliceQuotes};
use crate::math::banded::{Banded, Row};
use crate::math::natural_spline::SplineBasis;

/// Steepest wing, |dw/dk|; Lee's bound is 2.
const SLOPE_MAX: f64 = 1.9;
/// Flattest wing, per root of a year: longer slices have room above shorter ones.
pub(super) const SLOPE_MIN: f64 = 1e-4;
/// Share of the bound from above that is left free: enough for what stations do not see between
/// them, so that hardly a fit has to be tightened, which would move it by a step.
const CALENDAR_MARGIN: f64 = 5e-4;
/// What that share grows by where it was not enough.
const CALENDAR_GROWTH: f64 = 4.0;
/// Distance from the outermost quotes after which a wing only rises, in standard deviations.
const MONOTONE_AFTER: f64 = 1.0;
/// Most Newton steps of one solution.
const STEPS_MAX: usize = 90;
/// Complementarity at which a solution is one: forces of 1e-5 against those of half-spreads.
const MU_END: f64 = 1e-5;
/// Largest change of a coefficient at the end: where a pull is bounded steps shrink by a factor
/// each, and what is left has to be far below what a vol is read to.
const CHANGE_END: f64 = 1e-8;

/// A linear constraint `row·c ≥ bound` on the end slopes.
#[derive(Clone, Copy)]
struct Limit {
    row: Row,
    bound: f64,
}

/// Slack and multiplier of one constraint.
#[derive(Clone, Copy, Default)]
struct Dual {
    slack: f64,
    price: f64,
}

/// The whole problem of one slice.
pub struct Problem {
    penalty: Banded,
    targets: Vec<Target>,
    stations: Vec<Station>,
    limits: Vec<Limit>,
    w0: f64,
    margin: f64,
    calendar_margin: f64,
}

/// What one point of the iteration looks like.
struct Iterate {
    c: Vec<f64>,
    at: Vec<[f64; 3]>,
    g: Vec<Dual>,
    upper: Vec<Dual>,
    limits: Vec<Dual>,
}

/// A Newton system: matrix and right-hand side under assembly.
struct System {
    matrix: Banded,
    rhs: Vec<f64>,
    mu: f64,
}

impl System {
    /// Adds the constraint `h ≥ 0` with gradient `row`, its slack and multiplier eliminated.
    #[inline(always)]
    fn constrain(&mut self, row: &Row, h: f64, dual: Dual) {
        let stiffness = dual.price / dual.slack;
        self.matrix.add_square(row, stiffness);
        let force = self.mu / dual.slack - stiffness * (h - dual.slack);
        row.add_to(force, &mut self.rhs);
    }
}

impl Problem {
    /// The problem of `quotes` on `basis`; `inner` are the places where the slice has to bend.
    pub fn new(
        quotes: &SliceQuotes<'_>,
        floors: &[Floor],
        inner: &[f64],
        basis: &SplineBasis,
        w0: f64,
        upper: Option<&Slice>,
        options: &SplineOptions,
    ) -> Self {
        let edges = (
            inner.first().map_or(0.0, |x| *x),
            inner.last().map_or(0.0, |x| *x),
        );
        let stations = stations(basis, w0.sqrt(), upper, 1);
        let limits = limits(&stations, edges, quotes.years, w0.sqrt(), upper);
        Self {
            penalty: roughness(basis, options.smoothing, edges.0, edges.1),
            targets: targets(quotes, basis, w0, options.floor)
                .into_iter()
                .chain(floors.iter().map(|floor| floor.target(basis, w0)))
                .chain(atm_targets(quotes, basis, w0))
                .collect(),
            stations,
            limits,
            w0,
            margin: options.margin,
            calendar_margin: CALENDAR_MARGIN,
        }
    }

    /// Asks for more room where a finer check found too little.
    pub fn tighten(&mut self, is_butterfly: bool, is_calendar: bool) {
        if is_butterfly {
            self.margin = 3.0 * self.margin + 1e-3;
        }
        if is_calendar {
            self.calendar_margin *= CALENDAR_GROWTH;
        }
    }

    /// Looks `density` times as closely between knots: margins at stations do not reach what bends
    /// sharply between them, under a bound of another expiry.
    pub fn refine(&mut self, basis: &SplineBasis, upper: Option<&Slice>, density: usize) {
        self.stations = stations(basis, self.w0.sqrt(), upper, density);
    }

    fn look(&self, c: &[f64], at: &mut Vec<[f64; 3]>) {
        at.clear();
        at.extend(self.stations.iter().map(|station| {
            let jet = &station.jet;
            [jet.value.dot(c), jet.first.dot(c), jet.second.dot(c)]
        }));
    }

    fn curvature(&self, station: usize, at: &[f64; 3]) -> Curvature {
        curvature(self.stations[station].x, self.w0, at[0], at[1], at[2])
    }

    fn room(&self, station: usize, value: f64) -> f64 {
        self.stations[station].upper * (1.0 - self.calendar_margin) - value
    }

    fn begin(&self, warm: Option<&[f64]>) -> Iterate {
        let size = self.penalty.size();
        let (mut c, mut mu, mut least) = (vec![1.0; size], 1.0, 0.1);
        let mut at = Vec::with_capacity(self.stations.len());
        if let Some(warm) = warm {
            self.look(warm, &mut at);
            if at.iter().all(|at| at[0] > 1e-3) {
                c.copy_from_slice(warm);
                (mu, least) = (1e-3, 1e-3);
            }
        }
        self.look(&c, &mut at);
        let dual = |h: f64| {
            let slack = h.max(least);
            Dual {
                slack,
                price: mu / slack,
            }
        };
        let g = (0..at.len())
            .map(|j| dual(self.curvature(j, &at[j]).g - self.margin))
            .collect();
        let upper = (0..at.len())
            .map(|j| {
                if self.stations[j].upper.is_finite() {
                    dual(self.room(j, at[j][0]))
                } else {
                    Dual::default()
                }
            })
            .collect();
        let limits = self
            .limits
            .iter()
            .map(|l| dual(l.row.dot(&c) - l.bound))
            .collect();
        Iterate {
            c,
            at,
            g,
            upper,
            limits,
        }
    }

    /// Coefficients of the solution, None where the steps came to nothing, and the steps taken.
    pub fn solve(&self, warm: Option<&[f64]>) -> (Option<Vec<f64>>, usize) {
        let mut now = self.begin(warm);
        let mut system = System {
            matrix: Banded::new(now.c.len()),
            rhs: vec![0.0; now.c.len()],
            mu: now.mean_gap(),
        };
        for step in 1..=STEPS_MAX {
            self.assemble(&now, &mut system);
            if !system.matrix.solve(&mut system.rhs) {
                return (None, step);
            }
            let (primal, change) = self.advance(&mut now, &system.rhs, system.mu);
            if !change.is_finite() {
                return (None, step);
            }
            let gap = now.mean_gap();
            if gap < 3.0 * MU_END && primal > 0.9 && change < CHANGE_END {
                return (Some(now.c), step);
            }
            let shrink = if primal > 0.9 {
                0.1
            } else if primal > 0.5 {
                0.3
            } else {
                0.8
            };
            system.mu = (shrink * gap).max(MU_END);
        }
        // Not settled to the last digit; the checks decide whether it is an answer.
        (Some(now.c), STEPS_MAX)
    }

    fn assemble(&self, now: &Iterate, system: &mut System) {
        system.matrix.copy_from(&self.penalty);
        self.penalty.negative_product(&now.c, &mut system.rhs);
        for target in &self.targets {
            let (slope, bend) = target.loss(target.row.dot(&now.c));
            system.matrix.add_square(&target.row, bend);
            target.row.add_to(-slope, &mut system.rhs);
        }
        for (j, station) in self.stations.iter().enumerate() {
            let curve = self.curvature(j, &now.at[j]);
            let row = g_row(station, &curve);
            let dual = now.g[j];
            system.constrain(&row, curve.g - self.margin, dual);
            add_convex_part(station, &curve, dual.price, &mut system.matrix);
            if station.upper.is_finite() {
                let down = station.jet.value.combine(-1.0, &station.jet.value, 0.0);
                system.constrain(&down, self.room(j, now.at[j][0]), now.upper[j]);
            }
        }
        for (limit, dual) in self.limits.iter().zip(&now.limits) {
            system.constrain(&limit.row, limit.row.dot(&now.c) - limit.bound, *dual);
        }
    }

    /// Takes the step `dc`; gives its primal length and the largest change of a coefficient.
    fn advance(&self, now: &mut Iterate, dc: &[f64], mu: f64) -> (f64, f64) {
        let mut step = StepLength::default();
        let mut moves: Vec<(Move, Move)> = Vec::with_capacity(self.stations.len());
        for (j, station) in self.stations.iter().enumerate() {
            let curve = self.curvature(j, &now.at[j]);
            let g = Move::new(
                now.g[j],
                g_row(station, &curve).dot(dc),
                curve.g - self.margin,
                mu,
            );
            step.limit(now.g[j], g);
            let value = station.jet.value.dot(dc);
            step.keep_positive(now.at[j][0], value);
            let mut upper = Move::default();
            if station.upper.is_finite() {
                upper = Move::new(now.upper[j], -value, self.room(j, now.at[j][0]), mu);
                step.limit(now.upper[j], upper);
            }
            moves.push((g, upper));
        }
        let ends: Vec<Move> = self
            .limits
            .iter()
            .zip(&now.limits)
            .map(|(limit, dual)| {
                let h = limit.row.dot(&now.c) - limit.bound;
                let ahead = Move::new(*dual, limit.row.dot(dc), h, mu);
                step.limit(*dual, ahead);
                ahead
            })
            .collect();
        let mut change: f64 = 0.0;
        for (c, d) in now.c.iter_mut().zip(dc) {
            *c += step.primal * d;
            change = if d.is_finite() {
                change.max(d.abs())
            } else {
                d.abs()
            };
        }
        self.look(&now.c, &mut now.at);
        for (j, (g, upper)) in moves.iter().enumerate() {
            now.g[j].advance(*g, &step, self.curvature(j, &now.at[j]).g - self.margin);
            if self.stations[j].upper.is_finite() {
                let room = self.room(j, now.at[j][0]);
                now.upper[j].advance(*upper, &step, room);
            }
        }
        for ((dual, ahead), limit) in now.limits.iter_mut().zip(ends).zip(&self.limits) {
            dual.advance(ahead, &step, limit.row.dot(&now.c) - limit.bound);
        }
        (step.primal, change)
    }
}

fn g_row(station: &Station, curve: &Curvature) -> Row {
    let [by_value, by_slope, by_bend] = curve.gradient;
    let jet = &station.jet;
    let first = jet.value.combine(by_value, &jet.first, by_slope);
    first.combine(1.0, &jet.second, by_bend)
}

/// Adds what `−price·∇²g` has of positive curvature: it speeds Newton's steps and keeps them sound.
fn add_convex_part(station: &Station, curve: &Curvature, price: f64, matrix: &mut Banded) {
    let [a, b, d] = curve.hessian.map(|entry| -price * entry);
    let (half_sum, half_gap) = (0.5 * (a + d), 0.5 * (a - d));
    let radius = half_gap.hypot(b);
    for eigenvalue in [half_sum + radius, half_sum - radius] {
        if eigenvalue <= 0.0 {
            continue;
        }
        // Of the two forms of the eigenvector, the one that does not cancel.
        let (p, q) = if (eigenvalue - d).abs() > (eigenvalue - a).abs() {
            (eigenvalue - d, b)
        } else {
            (b, eigenvalue - a)
        };
        let norm = p * p + q * q;
        if norm > 0.0 {
            let row = station.jet.value.combine(p, &station.jet.first, q);
            matrix.add_square(&row, eigenvalue / norm);
        }
    }
}

/// Changes of a slack and its multiplier.
#[derive(Clone, Copy, Default)]
struct Move {
    slack: f64,
    price: f64,
}

impl Move {
    #[inline(always)]
    fn new(dual: Dual, along: f64, h: f64, mu: f64) -> Self {
        let slack = along + h - dual.slack;
        Self {
            slack,
            price: (mu - dual.price * slack) / dual.slack - dual.price,
        }
    }
}

/// How far a step may go before a slack, a multiplier or a variance would vanish.
struct StepLength {
    primal: f64,
    dual: f64,
}

impl Default for StepLength {
    fn default() -> Self {
        Self {
            primal: 1.0,
            dual: 1.0,
        }
    }
}

impl StepLength {
    #[inline(always)]
    fn limit(&mut self, dual: Dual, ahead: Move) {
        if ahead.slack < 0.0 {
            self.primal = self.primal.min(-0.99 * dual.slack / ahead.slack);
        }
        if ahead.price < 0.0 {
            self.dual = self.dual.min(-0.99 * dual.price / ahead.price);
        }
    }

    #[inline(always)]
    fn keep_positive(&mut self, value: f64, change: f64) {
        if change < 0.0 {
            self.primal = self.primal.min(-0.8 * value / change);
        }
    }
}

impl Dual {
    /// Steps on; a slack below what the constraint really has is set to it.
    #[inline(always)]
    fn advance(&mut self, ahead: Move, step: &StepLength, h: f64) {
        self.slack = (self.slack + step.primal * ahead.slack).max(h);
        self.price += step.dual * ahead.price;
    }
}

impl Iterate {
    fn mean_gap(&self) -> f64 {
        let all = self.g.iter().chain(&self.upper).chain(&self.limits);
        let (mut sum, mut count) = (0.0, 0.0);
        for dual in all.filter(|dual| dual.slack > 0.0) {
            sum += dual.slack * dual.price;
            count += 1.0;
        }
        sum / count
    }
}

/// Places on all knots, between them, and on the knots of the slice above.
fn stations(
    basis: &SplineBasis,
    scale: f64,
    upper: Option<&Slice>,
    density: usize,
) -> Vec<Station> {
    let knots = basis.knots();
    let mut places: Vec<f64> = Vec::with_capacity(4 * basis.size());
    for pair in knots.windows(2) {
        // Wide intervals, in the wings, are looked at more closely.
        let parts = density * if pair[1] - pair[0] > 0.5 { 5 } else { 3 };
        places.extend((0..parts).map(|i| pair[0] + (pair[1] - pair[0]) * i as f64 / parts as f64));
    }
    let (first, last) = (knots[0], knots[knots.len() - 1]);
    places.push(last);
    if let Some(upper) = upper {
        let beside = upper.knots().iter().map(|k| k / scale);
        places.extend(beside.filter(|&x| x > first && x < last));
    }
    let bound = |x: f64| {
        upper.map_or(f64::INFINITY, |slice| {
            slice.total_variance(x * scale) / (scale * scale)
        })
    };
    places
        .into_iter()
        .map(|x| Station {
            x,
            jet: basis.jet(x),
            upper: bound(x),
        })
        .collect()
}

/// Slopes: wings rise outwards from a little beyond the quotes, and end below those of the slice
/// above and Lee's bound.
fn limits(
    stations: &[Station],
    edges: (f64, f64),
    years: f64,
    scale: f64,
    upper: Option<&Slice>,
) -> Vec<Limit> {
    let (outer_left, outer_right) = upper.map_or((-SLOPE_MAX, SLOPE_MAX), Slice::wing_slopes);
    let flattest = SLOPE_MIN * years.sqrt();
    let limit = |row: &Row, sign: f64, bound: f64| Limit {
        row: row.combine(sign, row, 0.0),
        bound: bound / scale,
    };
    let by_place = |a: &&Station, b: &&Station| a.x.total_cmp(&b.x);
    let (Some(first), Some(last)) = (
        stations.iter().min_by(by_place),
        stations.iter().max_by(by_place),
    ) else {
        return Vec::new();
    };
    let mut limits = vec![
        limit(&first.jet.first, 1.0, outer_left.max(-SLOPE_MAX)),
        limit(&last.jet.first, -1.0, -outer_right.min(SLOPE_MAX)),
    ];
    for station in stations {
        if station.x <= (edges.0 - MONOTONE_AFTER).max(first.x) {
            limits.push(limit(&station.jet.first, -1.0, flattest));
        } else if station.x >= (edges.1 + MONOTONE_AFTER).min(last.x) {
            limits.push(limit(&station.jet.first, 1.0, flattest));
        }
    }
    limits
}
