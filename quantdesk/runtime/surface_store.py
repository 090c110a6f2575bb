"""Fits to and from the history: `SurfaceFit` on one side, plain columns on the other.

A fit comes back whole, from its parameters: nothing is fitted again.
"""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np

from quantdesk.errors import StorageError
from quantdesk.market.fitting import INSIDE_TOLERANCE, FitOptions, Grade, SliceFit, SurfaceFit
from quantdesk.market.forward_curve import ForwardPoint
from quantdesk.market.surface_quotes import ExpiryQuotes
from quantdesk.market.variance_clock import (
    DAYS_PER_YEAR,
    NS_PER_DAY,
    VarianceClock,
    VarianceEvent,
)
from quantdesk.pricing.smile import slice_from_parameters, slice_jets
from quantdesk.pricing.surface import VarianceSurface
from quantdesk.storage.surface_history import FitSummary, StoredFit, StoredSlice, SurfaceHistory

HISTORY_FILE = "surfaces.duckdb"
"""In the data folder."""


REFERENCE_ROUNDING_NS = 1_000
"""A float of fifty years tells nanoseconds to some hundreds."""

KEEP_INTERVAL_NS = 60_000_000_000
RECALLED_MAX = 60
"""A chain's fits are kept once a minute; a desk that opens has the last hour of them."""


def history_path(data_folder: Path) -> Path:
    """Where the desk keeps its fits."""
    return data_folder / HISTORY_FILE


class FitKeeper:
    """Keeps one fit a minute of each chain in the history, and recalls earlier ones once a chain.

    Used by one worker at a time. A history that can not be used is said in `problem`, and tried
    again a minute later: nothing else suffers from it.
    """

    def __init__(self, history: SurfaceHistory, *, origin: str) -> None:
        self._history = history
        self._origin = origin
        self._tried_ns: dict[tuple[str, str], int] = {}
        self.problem = ""

    def take(self, key: tuple[str, str], fit: SurfaceFit, now_ns: int) -> list[SurfaceFit]:
        """Keep `fit` of `key` (venue, underlying) where one is due at `now_ns`.

        Returns what was kept before it, ascending in time, when the chain is seen for the first
        time; else nothing.
        """
        tried_ns = self._tried_ns.get(key)
        if tried_ns is not None and now_ns - tried_ns < KEEP_INTERVAL_NS:
            return []
        self._tried_ns[key] = now_ns
        try:
            recalled = [] if tried_ns is not None else self._earlier(fit)
            self._history.append(stored_fit(fit, origin=self._origin, saved_ns=now_ns))
        except StorageError as error:
            self.problem = f"not keeping surfaces: {error}"
            return []
        self.problem = ""
        return recalled

    def _earlier(self, fit: SurfaceFit) -> list[SurfaceFit]:
        found = self._history.summaries(
            fit.underlying,
            venue=fit.venue,
            origin=self._origin,
            end_ns=fit.as_of_ns - 1,
            limit=RECALLED_MAX,
        )
        return [restored_fit(each) for each in self._history.whole_fits(found)]


def stored_fit(fit: SurfaceFit, *, origin: str, saved_ns: int) -> StoredFit:
    """`fit` as the history keeps it; `origin` says where its quotes came from."""
    return StoredFit(
        summary=FitSummary(
            digest=fit.digest,
            venue=fit.venue,
            underlying=fit.underlying,
            origin=origin,
            as_of_ns=fit.as_of_ns,
            saved_ns=saved_ns,
            model=fit.options.model,
            smoothing=fit.options.smoothing,
            floor=fit.options.floor,
            margin=fit.options.margin,
            day_weights=fit.clock.day_weights,
            events=json.dumps([asdict(event) for event in fit.clock.events]),
            grade=fit.grade.value,
            in_spread=fit.in_spread,
            in_spread_core=fit.in_spread_core,
            rmse=fit.rmse,
            rmse_core=fit.rmse_core,
            g_min=fit.g_min,
            calendar_slack=fit.calendar_slack,
            faults=fit.faults,
            between_dates=fit.between,
        ),
        slices=tuple(_stored_slice(each) for each in fit.slices),
        refused=fit.refused,
    )


def _stored_slice(each: SliceFit) -> StoredSlice:
    quotes = each.quotes
    return StoredSlice(
        **_stored_evidence(quotes.evidence),
        trust=quotes.trust,
        expiry_ns=each.expiry_ns,
        years=each.years,
        clock_years=each.clock_years,
        forward=each.forward,
        forward_source=each.forward_source,
        model=each.model,
        kind=each.smile.kind,
        knots=each.smile.knots,
        parameters=each.parameters,
        coefficients=np.asarray(each.coefficients, dtype=np.float64),
        atm_iv=each.atm_iv,
        in_spread=each.in_spread,
        in_spread_core=each.in_spread_core,
        rmse=each.rmse,
        rmse_core=each.rmse_core,
        g_min=each.g_min,
        calendar_slack=each.calendar_slack,
        steps=each.steps,
        fallback=each.fallback,
        flags=each.flags,
        grade=each.grade.value,
        names=quotes.names,
        strike=quotes.strike,
        is_call=quotes.is_call,
        log_moneyness=quotes.log_moneyness,
        bid_iv=quotes.bid_iv,
        ask_iv=quotes.ask_iv,
        is_used=quotes.is_used,
        reasons=quotes.reasons,
    )


def _stored_evidence(found: ForwardPoint | None) -> dict[str, Any]:
    """What a slice's forward was held against, as columns; none where it was not looked at."""
    if found is None:
        return {}
    return {
        "venue_price": found.venue_price,
        "future_price": found.future_price,
        "parity_price": found.parity_price,
        "parity_low": found.low,
        "parity_high": found.high,
        "parity_pairs": found.pairs,
        "is_consistent": found.is_consistent,
        "basis": found.basis,
        "discount": found.discount,
        "discount_source": found.discount_source,
    }


def _restored_evidence(each: StoredSlice) -> ForwardPoint | None:
    if each.parity_pairs is None or each.discount is None or each.discount_source is None:
        return None
    return ForwardPoint(
        expiry_ns=each.expiry_ns,
        years=each.years,
        price=each.forward,
        source=each.forward_source,
        venue_price=each.venue_price,
        future_price=each.future_price,
        parity_price=each.parity_price,
        pairs=each.parity_pairs,
        low=each.parity_low,
        high=each.parity_high,
        is_consistent=each.is_consistent,
        basis=each.basis,
        discount=each.discount,
        discount_source=each.discount_source,
    )


def restored_fit(stored: StoredFit) -> SurfaceFit:
    """The fit that was kept, value for value; earlier versions kept no trust and no evidence of
    forwards. Raises InvalidInput for parameters of no slice."""
    head = stored.summary
    events = [VarianceEvent(**event) for event in json.loads(head.events)]
    clock = VarianceClock(day_weights=head.day_weights, events=tuple(events))
    reference_ns = _reference_ns(head.as_of_ns, stored.slices[0])
    # Times of the clock as it is now: an earlier version did not normalise events.
    slices = tuple(
        replace(_slice_fit(each), clock_years=float(clock.years(reference_ns, each.expiry_ns)))
        for each in stored.slices
    )
    return SurfaceFit(
        venue=head.venue,
        underlying=head.underlying,
        as_of_ns=head.as_of_ns,
        options=FitOptions(
            model=head.model, smoothing=head.smoothing, floor=head.floor, margin=head.margin
        ),
        clock=clock,
        slices=slices,
        refused=stored.refused,
        digest=head.digest,
        in_spread=head.in_spread,
        in_spread_core=head.in_spread_core,
        rmse=head.rmse,
        rmse_core=head.rmse_core,
        g_min=head.g_min,
        calendar_slack=head.calendar_slack,
        faults=head.faults,
        between=head.between_dates,
        grade=Grade(head.grade),
        surface=VarianceSurface(
            [each.clock_years for each in slices], [each.smile for each in slices]
        ),
        reference_ns=reference_ns,
    )


def _reference_ns(as_of_ns: int, nearest: StoredSlice) -> int:
    """The instant that the years of `nearest` are counted from: that of the fit, or before it."""
    counted = nearest.expiry_ns - round(nearest.years * DAYS_PER_YEAR * NS_PER_DAY)
    # What a float of years rounds away is no difference.
    return counted if as_of_ns - counted > REFERENCE_ROUNDING_NS else as_of_ns


def _slice_fit(each: StoredSlice) -> SliceFit:
    smile = slice_from_parameters(each.kind, each.knots, each.parameters)
    quotes = ExpiryQuotes(
        expiry_ns=each.expiry_ns,
        years=each.years,
        forward=each.forward,
        forward_source=each.forward_source,
        names=each.names,
        strike=each.strike,
        is_call=each.is_call,
        log_moneyness=each.log_moneyness,
        bid_iv=each.bid_iv,
        ask_iv=each.ask_iv,
        is_used=each.is_used,
        reasons=each.reasons,
        trust=each.trust,
        evidence=_restored_evidence(each),
    )
    w = slice_jets(smile, each.log_moneyness).w
    fit_iv = np.sqrt(np.maximum(w, 0.0) / each.years)
    scored = quotes.is_scored
    with np.errstate(invalid="ignore"):
        inside = (
            scored
            & (fit_iv >= each.bid_iv - INSIDE_TOLERANCE)
            & (fit_iv <= each.ask_iv + INSIDE_TOLERANCE)
        )
        residual = np.where(scored, fit_iv - quotes.mid_iv, np.nan)
    return SliceFit(
        expiry_ns=each.expiry_ns,
        years=each.years,
        clock_years=each.clock_years,
        forward=each.forward,
        forward_source=each.forward_source,
        model=each.model,
        smile=smile,
        coefficients=each.coefficients,
        quotes=quotes,
        fit_iv=fit_iv,
        residual=residual,
        is_inside=inside,
        atm_iv=each.atm_iv,
        in_spread=each.in_spread,
        in_spread_core=each.in_spread_core,
        rmse=each.rmse,
        rmse_core=each.rmse_core,
        g_min=each.g_min,
        calendar_slack=each.calendar_slack,
        steps=each.steps,
        fallback=each.fallback,
        flags=each.flags,
        grade=Grade(each.grade),
    )
