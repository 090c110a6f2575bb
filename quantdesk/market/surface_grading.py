"""How good a model is on a set of chains: in sample, out of sample, and by its arbitrage.

A snapshot is fitted twice: as it is, and (with hold-out) with every n-th quote of each expiry
hidden, by the same arbitrage-free fit. Averages are over snapshots, as a desk would meet them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray
from quantdesk.market.fitting import (
    INSIDE_TOLERANCE,
    FitOptions,
    SurfaceFit,
    core_rows,
    fit_surface,
)
from quantdesk.market.fitting_grades import GridFaults, grid_faults
from quantdesk.market.surface_quotes import ExpiryQuotes, SurfaceQuotes, trusted, without_rows
from quantdesk.market.surface_trials import (
    FAR_SHARE,
    OUTLIER_HALF_SPREADS,
    TickTrial,
    outlier_cost,
    sampled_moves,
    tick_moves,
    tick_trials,
)
from quantdesk.market.variance_clock import CALENDAR, VarianceClock

HOLD_OUT_MIN = 2

TRIAL_SEED = 1
"""First seed of what is drawn: the same chains and counts give the same figures."""


@dataclass(frozen=True, slots=True, kw_only=True)
class TrialCounts:
    """How often a snapshot's fit is disturbed: `ticks` quotes moved by one, and `outliers` draws of
    wrong quotes of each size."""

    ticks: int = 0
    outliers: int = 0


NO_TRIALS = TrialCounts()


@dataclass(frozen=True, slots=True, kw_only=True)
class Tally:
    """Counts and squares of residuals of scored quotes; a sum of tallies is a tally."""

    quotes: int = 0
    inside: int = 0
    squares: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            quotes=self.quotes + other.quotes,
            inside=self.inside + other.inside,
            squares=self.squares + other.squares,
        )

    @property
    def share(self) -> float:
        """Share inside bid and ask; NaN without quotes."""
        return self.inside / self.quotes if self.quotes else math.nan

    @property
    def rmse(self) -> float:
        """Root mean square of fit − mid, vol as a fraction; NaN without quotes."""
        return math.sqrt(self.squares / self.quotes) if self.quotes else math.nan


@dataclass(frozen=True, slots=True, kw_only=True)
class SnapshotScore:
    """One chain under one model.

    quotes_all, quotes_core : scored quotes, and those within 5 to 95 delta
    held_out : quotes hidden from the fit that they judge
    fitted, refused, failed, fallbacks : slices; refused by their quotes, failed with enough quotes
    faults : violations on the common grid, summed over slices
    atm_misses : slices whose ATM vol lies outside the quotes beside the money
    ticks : what single quotes, moved by a tick, did to the others
    outlier_costs : share inside that 5 % of wrong quotes cost the others, by draw
    """

    as_of_ns: int
    quotes_all: Tally
    quotes_core: Tally
    held_out: Tally
    fitted: int
    refused: int
    failed: int
    fallbacks: int
    faults: GridFaults
    atm_misses: int
    fit: SurfaceFit | None
    ticks: tuple[TickTrial, ...] = ()
    outlier_costs: tuple[float, ...] = ()


def score_snapshot(
    quotes: SurfaceQuotes,
    options: FitOptions,
    *,
    hold_out: int | None = None,
    clock: VarianceClock = CALENDAR,
    trials: TrialCounts = NO_TRIALS,
) -> SnapshotScore:
    """How `options` fare on one chain; every `hold_out`-th quote hidden for the second fit, and the
    fit disturbed as often as `trials` says.

    Raises InvalidInput for a hold-out below 2.
    """
    if hold_out is not None and hold_out < HOLD_OUT_MIN:
        raise InvalidInput("hold_out", hold_out, f"must be at least {HOLD_OUT_MIN}")
    fit = fit_surface(quotes, options=options, clock=clock)
    refused = sum(1 for each in quotes.expiries if each.refusal)
    hidden = Tally() if hold_out is None else _held_out(quotes, options, hold_out)
    if not isinstance(fit, SurfaceFit):
        return SnapshotScore(
            as_of_ns=quotes.as_of_ns,
            quotes_all=Tally(),
            quotes_core=Tally(),
            held_out=hidden,
            fitted=0,
            refused=refused,
            failed=len(quotes.expiries) - refused,
            fallbacks=0,
            faults=GridFaults(0, 0, 0, 0),
            atm_misses=0,
            fit=None,
        )
    faults, before = GridFaults(0, 0, 0, 0), None
    for each in fit.slices:
        found, before = grid_faults(each.smile, before)
        faults = GridFaults(*(a + b for a, b in zip(faults, found, strict=True)))
    scored = [each.quotes.is_scored for each in fit.slices]
    core = [rows & core_rows(each.quotes) for rows, each in zip(scored, fit.slices, strict=True)]
    return SnapshotScore(
        as_of_ns=quotes.as_of_ns,
        quotes_all=_tally(fit, scored),
        quotes_core=_tally(fit, core),
        held_out=hidden,
        fitted=len(fit.slices),
        refused=refused,
        failed=len(fit.refused) - refused,
        fallbacks=sum(1 for each in fit.slices if each.fallback),
        faults=faults,
        atm_misses=sum(1 for each in fit.slices if misses_atm(each.quotes, each.atm_iv)),
        fit=fit,
        ticks=tuple(_ticks(quotes, trials.ticks, options)),
        outlier_costs=tuple(
            outlier_cost(quotes, size, TRIAL_SEED + draw, options)
            for size in OUTLIER_HALF_SPREADS
            for draw in range(trials.outliers)
        ),
    )


def _ticks(quotes: SurfaceQuotes, count: int, options: FitOptions) -> list[TickTrial]:
    moves = sampled_moves(tick_moves(quotes), count, TRIAL_SEED) if count else []
    return tick_trials(quotes, moves, options)


def misses_atm(quotes: ExpiryQuotes, atm_iv: float) -> bool:
    """Whether `atm_iv` lies outside the bids and asks of the strikes on both sides of the money."""
    used = np.flatnonzero(quotes.is_used)
    k = quotes.log_moneyness[used]
    beside = [int(used[i]) for i in (np.searchsorted(k, 0.0) - 1, np.searchsorted(k, 0.0))
              if 0 <= i < used.size]  # fmt: skip
    low = min(float(quotes.bid_iv[row]) for row in beside)
    high = max(float(quotes.ask_iv[row]) for row in beside)
    return not low - INSIDE_TOLERANCE <= atm_iv <= high + INSIDE_TOLERANCE


def _tally(fit: SurfaceFit, rows: Sequence[BoolArray]) -> Tally:
    total = Tally()
    for each, mask in zip(fit.slices, rows, strict=True):
        total += Tally(
            quotes=int(mask.sum()),
            inside=int((each.is_inside & mask).sum()),
            squares=float((each.residual[mask] ** 2).sum()),
        )
    return total


def _held_out(quotes: SurfaceQuotes, options: FitOptions, every: int) -> Tally:
    """Score of quotes that the fit did not see: each `every`-th used one, never first or last."""
    hidden = [_hidden_rows(each, every) for each in quotes.expiries]
    seen = trusted(list(map(without_rows, quotes.expiries, hidden)))
    fit = fit_surface(replace(quotes, expiries=seen), options=options)
    if not isinstance(fit, SurfaceFit):
        return Tally()
    total = Tally()
    for expiry, rows in zip(quotes.expiries, hidden, strict=True):
        fitted = fit.slice_at(expiry.expiry_ns)
        if fitted is None or not rows.any():
            continue
        vol = fitted.fit_iv[rows]
        bid, ask = expiry.bid_iv[rows], expiry.ask_iv[rows]
        inside = (vol >= bid - INSIDE_TOLERANCE) & (vol <= ask + INSIDE_TOLERANCE)
        total += Tally(
            quotes=int(rows.sum()),
            inside=int(inside.sum()),
            squares=float(((vol - (bid + ask) / 2) ** 2).sum()),
        )
    return total


def _hidden_rows(expiry: ExpiryQuotes, every: int) -> BoolArray:
    used = np.flatnonzero(expiry.is_used)
    rows = np.zeros(expiry.is_used.size, dtype=np.bool_)
    rows[used[every - 1 : -1 : every]] = True
    return rows


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelScore:
    """One model over a set of snapshots; shares and RMSEs are means over snapshots.

    worst : the smallest share inside of any snapshot
    ticks : quotes that were moved by one, and the share of them that moved some theo beyond two
        strikes on each side by more than a tenth of its half-spread; the furthest in half-spreads
    outliers : draws of 5 % of wrong quotes, and what they cost the others, as shares inside
    """

    model: str
    snapshots: int
    quotes: int
    slices: int
    refused: int
    failed: int
    fallbacks: int
    inside: float
    worst: float
    inside_core: float
    rmse: float
    rmse_core: float
    held_out: int
    inside_held_out: float
    rmse_held_out: float
    faults: GridFaults
    atm_misses: int
    ticks: int
    far_ticks: float
    furthest_tick: float
    outliers: int
    outlier_cost: float
    outlier_cost_worst: float


def summarise(model: str, scores: Sequence[SnapshotScore]) -> ModelScore:
    """The scores of all snapshots as one line."""
    fitted = [score for score in scores if score.fit is not None]
    hidden = [score.held_out for score in scores if score.held_out.quotes]
    shares = [score.quotes_all.share for score in fitted]
    far = [trial.far for score in scores for trial in score.ticks]
    costs = [cost for score in scores for cost in score.outlier_costs]
    totals = [sum(column) for column in zip(*(score.faults for score in scores), strict=True)]
    return ModelScore(
        model=model,
        snapshots=len(scores),
        quotes=sum(score.quotes_all.quotes for score in scores),
        slices=sum(score.fitted for score in scores),
        refused=sum(score.refused for score in scores),
        failed=sum(score.failed for score in scores),
        fallbacks=sum(score.fallbacks for score in scores),
        inside=_mean(shares),
        worst=min(shares, default=math.nan),
        inside_core=_mean([score.quotes_core.share for score in fitted]),
        rmse=_mean([score.quotes_all.rmse for score in fitted]),
        rmse_core=_mean([score.quotes_core.rmse for score in fitted]),
        held_out=sum(tally.quotes for tally in hidden),
        inside_held_out=_mean([tally.share for tally in hidden]),
        rmse_held_out=_mean([tally.rmse for tally in hidden]),
        faults=GridFaults(*totals) if totals else GridFaults(0, 0, 0, 0),
        atm_misses=sum(score.atm_misses for score in scores),
        ticks=len(far),
        far_ticks=_mean([float(each > FAR_SHARE) for each in far]),
        furthest_tick=max(far, default=math.nan),
        outliers=len(costs),
        outlier_cost=_mean(costs),
        outlier_cost_worst=max(costs, default=math.nan),
    )


def _mean(values: Sequence[float]) -> float:
    known = [value for value in values if not math.isnan(value)]
    return math.fsum(known) / len(known) if known else math.nan
