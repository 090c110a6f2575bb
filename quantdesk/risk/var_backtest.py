"""Backtest of value at risk on the record: today's book, every recorded day, data before it only.

For day i the figure is drawn from the `window` observations before i, filtered to the forecast for
i, which knows nothing of day i or later; the result of the day is the same book revalued under the
move that then came. The book is held fixed: this tests the method, not the trading.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.historical_moves import MoveHistory, Series, VarVols, joint_moves
from quantdesk.risk.revaluation import PreparedBook
from quantdesk.risk.var import DEFAULT_METHOD, VarMethod, VarReport, VarSettings
from quantdesk.risk.var_exceptions import ExceptionTests, examine_exceptions
from quantdesk.risk.var_filter import BURN_IN, forecast_vols
from quantdesk.risk.var_quantiles import OBSERVATIONS_MIN, quantile_losses
from quantdesk.risk.var_revaluation import moved_pnl

CELLS_MAX = 60_000_000
"""Instruments × revaluations up to which a filtered backtest is made: each of its days has a sample
of its own."""

SCENARIOS_A_TURN = 25_000


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Backtest:
    """What became of the figures of each tested day, arrays (t,), USD without collateral.

    end_ns : of each day;  losses : value at risk said before it;  profits : what came
    tests : None where there was nothing to test, with the reason
    """

    method: VarMethod
    vols: VarVols
    confidence: float
    window: int
    end_ns: np.ndarray[tuple[int], np.dtype[np.int64]]
    losses: FloatArray
    profits: FloatArray
    tests: ExceptionTests | None
    sources: tuple[str, ...] = ()
    reason: str = ""

    @property
    def exceptions(self) -> np.ndarray[tuple[int], np.dtype[np.bool_]]:
        """Days (t,) whose loss was larger than the figure said before."""
        return np.asarray(self.profits < -self.losses)


def backtest(
    prepared: PreparedBook,
    *,
    until_ns: int,
    settings: VarSettings | None = None,
    method: VarMethod = DEFAULT_METHOD[0],
    vols: VarVols = DEFAULT_METHOD[1],
    records: Mapping[tuple[str, str], Series] | None = None,
    threads: int | None = None,
    cells_max: int = CELLS_MAX,
) -> Backtest:
    """Exceptions of one method on the whole record before `until_ns`."""
    chosen = settings or VarSettings()
    history: MoveHistory | str = "no position could be marked"
    if prepared.underlyings:
        history = joint_moves(
            prepared.underlyings,
            horizon_days=chosen.horizon_days,
            vols=vols,
            until_ns=until_ns,
            records=records,
        )
    if isinstance(history, str):
        return _nothing(chosen, method, vols, history)
    first = chosen.window + (BURN_IN if method is VarMethod.FILTERED else 0)
    days = len(history) - first
    if days < OBSERVATIONS_MIN:
        reason = (
            f"not available: {max(days, 0)} days after a window of {chosen.window}; "
            f"at least {OBSERVATIONS_MIN} are needed"
        )
        return _nothing(chosen, method, vols, reason)
    cells = len(prepared.legs) * days * chosen.window
    if method is VarMethod.FILTERED and cells > cells_max:
        reason = (
            f"not made: {cells:,} revaluations of {len(prepared.legs)} instruments, "
            f"at most {cells_max:,}"
        )
        return _nothing(chosen, method, vols, reason)
    profits = _usd(prepared, history.spot, history.vol, chosen, threads)
    if method is VarMethod.FILTERED:
        losses = _filtered_losses(prepared, history, first, chosen, threads)
    else:
        samples = np.lib.stride_tricks.sliding_window_view(profits, chosen.window)
        losses = quantile_losses(samples[first - chosen.window : -1], chosen.confidence)
    came = profits[first:]
    return Backtest(
        method=method,
        vols=vols,
        confidence=chosen.confidence,
        window=chosen.window,
        end_ns=history.end_ns[first:],
        losses=losses,
        profits=came,
        tests=examine_exceptions((came < -losses).tolist(), 1.0 - chosen.confidence),
        sources=history.sources,
    )


def headline_backtests(
    prepared: PreparedBook,
    report: VarReport,
    *,
    until_ns: int,
    windows: Sequence[int] = (),
    threads: int | None = None,
) -> tuple[Backtest, ...]:
    """Backtests of a report's headline vols: filtered, with other windows too, and plain history;
    with vols unchanged where the record of the vol index is too short. Each window is tested once.

    Without a headline those of the default are tried, and say why there are none.
    """
    head = report.headline
    vols = DEFAULT_METHOD[1] if head is None else head.vols
    each_once = dict.fromkeys((report.settings.window, *windows))
    tried = [(VarMethod.FILTERED, replace(report.settings, window=one)) for one in each_once]
    tried.append((VarMethod.HISTORICAL, report.settings))
    found = [
        backtest(
            prepared,
            until_ns=until_ns,
            settings=settings,
            method=method,
            vols=vols,
            threads=threads,
        )
        for method, settings in tried
    ]
    if vols is VarVols.VOL_INDEX and found[0].tests is None:
        # Prices go further back than the vol index does.
        found.append(
            backtest(
                prepared,
                until_ns=until_ns,
                settings=report.settings,
                vols=VarVols.UNCHANGED,
                threads=threads,
            )
        )
    return tuple(found)


def _filtered_losses(
    prepared: PreparedBook,
    history: MoveHistory,
    first: int,
    settings: VarSettings,
    threads: int | None,
) -> FloatArray:
    """The figure (t,) of each day from `first` on; each day's sample is scaled to its forecast."""
    spot = _Samples(history.spot, settings)
    vol = _Samples(history.vol, settings)
    a_turn = max(SCENARIOS_A_TURN // settings.window, 1)
    losses = []
    for start in range(first, len(history), a_turn):
        days = np.arange(start, min(start + a_turn, len(history)))
        profits = _usd(prepared, spot.of(days), vol.of(days), settings, threads)
        losses.append(
            quantile_losses(profits.reshape(days.size, settings.window), settings.confidence)
        )
    return np.concatenate(losses)


class _Samples:
    """The scaled observations before a day, for any days."""

    def __init__(self, moves: FloatArray, settings: VarSettings) -> None:
        self.window = settings.window
        # Without the forecast of the day after the last, which no tested day has use for.
        self.vols = np.array([forecast_vols(row, settings.decay)[:-1] for row in moves])
        ratio = np.divide(moves, self.vols, out=np.zeros_like(moves), where=self.vols > 0)
        self.standard = ratio

    def of(self, days: np.ndarray[tuple[int], np.dtype[np.int64]]) -> FloatArray:
        """Moves (coins, days × window)."""
        places = days[:, None] - np.arange(self.window, 0, -1)[None, :]
        found = self.standard[:, places] * self.vols[:, days][:, :, None]
        return np.asarray(found.reshape(self.standard.shape[0], -1), dtype=np.float64)


def _usd(
    prepared: PreparedBook,
    spot: FloatArray,
    vol: FloatArray,
    settings: VarSettings,
    threads: int | None,
) -> FloatArray:
    """USD P&L (m,) over the coins, without collateral."""
    _, usd = moved_pnl(
        prepared,
        spot,
        vol,
        horizon_days=settings.horizon_days,
        tenor_power=settings.tenor_power,
        threads=threads,
    )
    return np.asarray(np.add.reduce(usd, axis=0), dtype=np.float64)


def _nothing(settings: VarSettings, method: VarMethod, vols: VarVols, reason: str) -> Backtest:
    return Backtest(
        method=method,
        vols=vols,
        confidence=settings.confidence,
        window=settings.window,
        end_ns=np.empty(0, dtype=np.int64),
        losses=np.empty(0),
        profits=np.empty(0),
        tests=None,
        reason=reason,
    )
