"""Slices of a whole chain, fitted in one call of the kernel, and total variance between them."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

from quantdesk import _core
from quantdesk.errors import InvalidInput
from quantdesk.pricing.columns import FloatArray, Numbers, as_numbers
from quantdesk.pricing.smile import HALF_SPREAD_FLOOR, Jets, Slice

Value = TypeVar("Value")

MODELS = ("spline", "svi", "svi-free", "ssvi")
"""Models of a slice: the desk's constrained spline, SVI free of arbitrage, SVI within Lee's bound
only (for comparison), three-parameter SSVI."""

SMOOTHING = 0.7
"""Weight of a spline's roughness against residuals in half-spreads, in units of its own width."""

G_MARGIN = 2e-3
"""Durrleman's g stays above this at the points where the fit enforces it."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceQuotes:
    """Quotes of one expiry, ascending in log-moneyness ln(K/F); arrays (n,).

    `years` are of 365 days, vols are fractions a year: 0.5 is 50 %.
    A bid of 0 or an ask of infinity is a missing side: the other is kept to as a bound. `trust` is
    each quote's share of a full weight, 0 to 1; None where all have it.
    """

    years: float
    log_moneyness: FloatArray
    bid_iv: FloatArray
    ask_iv: FloatArray
    trust: FloatArray | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FittedSlice:
    """What the kernel made of the quotes of one expiry.

    smile : the slice; None where there is none, with the `reason`
    reason : why a simpler model stands in, or why there is no slice; "" where all went well
    coefficients : to start a later fit from, empty for SVI
    steps : iterations taken
    g_min : smallest g on the check grid
    calendar_slack : smallest distance below the next longer slice, total variance; infinite for
        the longest
    known : all that it was made of, as the kernel keeps it; None where there is no slice
    """

    smile: Slice | None
    reason: str
    coefficients: FloatArray
    steps: int
    g_min: float
    calendar_slack: float
    known: _core.KnownSlice | None = None


def fit_slices(
    expiries: Sequence[SliceQuotes],
    *,
    model: str = "spline",
    warm: Sequence[FloatArray | None] | None = None,
    earlier: Sequence[FittedSlice | None] | None = None,
    smoothing: float = SMOOTHING,
    floor: float = HALF_SPREAD_FLOOR,
    margin: float = G_MARGIN,
) -> list[FittedSlice]:
    """Fit every expiry, longest first, each slice below the next longer one ("svi-free" apart).

    An expiry that nothing reached since `earlier` is not fitted: its earlier slice, the same
    object, is the answer. What reaches it are its own quotes, `model` and options, shorter
    expiries' quotes near or above its own, and the slice above it; of "svi", whose slices are
    fitted together, all quotes. One that only others reached and that comes back to where it stood
    keeps the numbers of its smile.

    Parameters
    ----------
    expiries : ascending in years
    model : one of `MODELS`
    warm : coefficients of an earlier fit for each expiry, None where there are none
    earlier : the slice of each expiry in an earlier fit, None where there is none; a better start
        than `warm`
    smoothing, floor, margin : see `SMOOTHING`, `HALF_SPREAD_FLOOR`, `G_MARGIN`

    Raises
    ------
    InvalidInput : for an unknown model, expiries out of order, columns of different lengths in one
        of them, or a number of `warm` or `earlier` that is not theirs
    """
    years = np.array([quotes.years for quotes in expiries], dtype=np.float64)
    if not np.all(np.diff(years) > 0):
        raise InvalidInput("years", years.tolist(), "must be strictly ascending")
    for name, value in (("smoothing", smoothing), ("floor", floor), ("margin", margin)):
        if not (np.isfinite(value) and value > 0):
            raise InvalidInput(name, value, "must be finite and above 0")
    starts_from = _one_each("warm", warm, len(expiries))
    held = _one_each("earlier", earlier, len(expiries))
    found = _core.fit_slices(
        model,
        years,
        *_rows_of(expiries),
        [[] if each is None else each.tolist() for each in starts_from],
        smoothing,
        floor,
        margin,
        _joined([_trust_of(quotes) for quotes in expiries]),
        [None if each is None else each.known for each in held],
    )
    return [_fitted_slice(one, before) for one, before in zip(found, held, strict=True)]


def quote_trust(
    expiries: Sequence[SliceQuotes], *, floor: float = HALF_SPREAD_FLOOR
) -> list[FloatArray]:
    """How far each quote (n,) of every expiry is to be trusted, 0 to 1, by those around it.

    The distance of a middle from what its neighbours, the smiles of the expiries beside its own
    and their total variances say counts in standard deviations of the quote's noise and of what is
    said: up to 3.5 a quote is trusted whole, from 9 on not at all. What is said is less sure at the
    ends, between strikes far apart and beside doubted quotes. A wide quote whose own spread holds
    it is no outlier, and the quotes of an expiry lose at most 35 % on average.

    An expiry with fewer than five quotes, with one-sided ones, or that no slice could be fitted to
    is trusted whole and says nothing of others. The `trust` that quotes already have is not looked
    at.

    Parameters
    ----------
    expiries : ascending in years
    floor : least half-spread, a vol

    Raises
    ------
    InvalidInput : for expiries out of order, columns of different lengths, or a floor that is not
        above 0
    """
    years = np.array([quotes.years for quotes in expiries], dtype=np.float64)
    if not np.all(np.diff(years) > 0):
        raise InvalidInput("years", years.tolist(), "must be strictly ascending")
    if not (np.isfinite(floor) and floor > 0):
        raise InvalidInput("floor", floor, "must be finite and above 0")
    starts, k, bid, ask = _rows_of(expiries)
    trust = _core.quote_trust(years, starts, k, bid, ask, floor)
    return [trust[first:last] for first, last in itertools.pairwise(starts)]


def _rows_of(
    expiries: Sequence[SliceQuotes],
) -> tuple[list[int], FloatArray, FloatArray, FloatArray]:
    """First rows of the expiries and the number of all; their joined k, bids and asks."""
    for quotes in expiries:
        _check_lengths(quotes)
    return (
        [0, *np.cumsum([quotes.log_moneyness.size for quotes in expiries]).tolist()],
        _joined([quotes.log_moneyness for quotes in expiries]),
        _joined([quotes.bid_iv for quotes in expiries]),
        _joined([quotes.ask_iv for quotes in expiries]),
    )


def _fitted_slice(
    found: tuple[Slice | None, FloatArray, int, float, float, str | None, _core.KnownSlice | None]
    | None,
    before: FittedSlice | None,
) -> FittedSlice:
    if found is None:
        assert before is not None, "the kernel keeps only what it was given"
        return before
    smile, coefficients, steps, g_min, slack, reason, known = found
    return FittedSlice(
        smile=smile,
        reason=reason or "",
        coefficients=coefficients,
        steps=steps,
        g_min=g_min,
        calendar_slack=slack,
        known=known,
    )


def _check_lengths(quotes: SliceQuotes) -> None:
    """Refuse columns of one expiry that would be read as rows of the next."""
    count = quotes.log_moneyness.size
    columns = {"bid_iv": quotes.bid_iv, "ask_iv": quotes.ask_iv, "trust": _trust_of(quotes)}
    for name, column in columns.items():
        if column.size != count:
            raise InvalidInput(name, column.size, f"must be one for each of {count} log_moneyness")


def _one_each(name: str, values: Sequence[Value | None] | None, count: int) -> list[Value | None]:
    found: list[Value | None] = [None] * count if values is None else list(values)
    if len(found) != count:
        raise InvalidInput(name, len(found), f"must be one for each of {count} expiries")
    return found


def _trust_of(quotes: SliceQuotes) -> FloatArray:
    return np.ones(quotes.log_moneyness.size) if quotes.trust is None else quotes.trust


def _joined(columns: list[FloatArray]) -> FloatArray:
    return np.concatenate(columns) if columns else np.empty(0)


class VarianceSurface:
    """Slices at ascending times of a clock; frozen.

    Between them total variance is linear in the clock's time at constant log-moneyness, before the
    first it is proportional to that time. After the last the forward variance at the money of the
    last interval (of a single slice its own variance at the money) is added at every log-moneyness:
    derivatives in it stay those of the last slice. It holds no forwards: log-moneyness is of the
    forward that the caller has for a date, which a fitted surface keeps after its last expiry.
    """

    def __init__(self, times: Sequence[float], slices: Sequence[Slice]) -> None:
        """Raises InvalidInput or OutOfDomain for times that do not ascend from above 0."""
        self._kernel = _core.Surface(list(times), list(slices))

    def total_variance(self, time: Numbers, log_moneyness: Numbers) -> FloatArray:
        """w (broadcast shape) at clock `time` and `log_moneyness`; NaN for a time not above 0."""
        shape, time_column, k = _columns(time, log_moneyness)
        w = np.empty(k.size)
        self._kernel.total_variance(time_column, k, w)
        return w.reshape(shape)

    def jets(self, time: Numbers, log_moneyness: Numbers) -> Jets:
        """w and its derivatives in k, arrays of the broadcast shape."""
        shape, time_column, k = _columns(time, log_moneyness)
        w, dw, d2w = (np.empty(k.size) for _ in range(3))
        self._kernel.jets(time_column, k, w, dw, d2w)
        return Jets(w.reshape(shape), dw.reshape(shape), d2w.reshape(shape))


def _columns(
    time: Numbers, log_moneyness: Numbers
) -> tuple[tuple[int, ...], FloatArray, FloatArray]:
    at, k = as_numbers("time", time), as_numbers("log_moneyness", log_moneyness)
    if at.shape != k.shape:
        at, k = np.broadcast_arrays(at, k)
    flat = (np.ascontiguousarray(column, dtype=np.float64).reshape(-1) for column in (at, k))
    first, second = flat
    return k.shape, first, second
