"""What the recorded Deribit chain says at strikes of another ladder: IVs, spreads and sizes.

Pure. Reads one expiry of a sample; knows nothing of Binance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from quantdesk.simulator.samples import RecordedTicker

FloatArray = NDArray[np.float64]
BoolArray = NDArray[np.bool_]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Distances:
    """How the recorded market was quoted around its mark, USD; arrays (n,).

    bid_below, ask_above : distance of each quote from the mark, NaN where that side has none
    bid_amount, ask_amount : coins, 0 where there is no quote
    """

    bid_below: FloatArray
    ask_above: FloatArray
    bid_amount: FloatArray
    ask_amount: FloatArray


class RecordedExpiry:
    """One expiry of a recorded chain.

    Attributes
    ----------
    basis : forward over index, of the latest ticker
    strike_lowest, strike_highest : recorded bounds
    """

    def __init__(
        self, strikes: Sequence[float], is_call: Sequence[bool], tickers: Sequence[RecordedTicker]
    ) -> None:
        """All three in step, at least one option."""
        order = np.argsort(strikes, kind="stable")
        self._strike = np.array(strikes)[order]
        self._is_call = np.array(is_call)[order]
        self._tickers = [tickers[row] for row in order]
        latest = max(self._tickers, key=lambda ticker: ticker.timestamp)
        self.basis = latest.underlying_price / latest.index_price
        self.strike_lowest = float(self._strike[0])
        self.strike_highest = float(self._strike[-1])
        knots: dict[float, float] = {}
        for strike, ticker in zip(self._strike.tolist(), self._tickers, strict=True):
            knots.setdefault(strike, ticker.mark_iv / 100)
        self._knots = np.log(np.array(list(knots)))
        self._ivs = np.array(list(knots.values()))

    def mark_ivs(self, strikes: FloatArray) -> FloatArray:
        """Mark IVs (fractions) at `strikes` (n,): linear in log strike between recorded ones."""
        found: FloatArray = np.interp(np.log(strikes), self._knots, self._ivs)
        return found

    def distances(self, strikes: FloatArray, is_call: BoolArray) -> Distances:
        """Quotes' distances from the mark at `strikes` (n,), of the same option type."""
        columns = np.full((4, len(strikes)), np.nan)
        for side in (True, False):
            rows = np.flatnonzero(is_call == side)
            if len(rows):
                columns[:, rows] = self._of_type(strikes[rows], side)
        below, above, bid_amount, ask_amount = columns
        return Distances(
            bid_below=np.where(bid_amount > 0, below, np.nan),
            ask_above=np.where(ask_amount > 0, above, np.nan),
            bid_amount=bid_amount,
            ask_amount=ask_amount,
        )

    def _of_type(self, strikes: FloatArray, is_call: bool) -> FloatArray:
        """(4, n): distances between the quoted strikes, sizes of the nearest recorded strike."""
        rows = np.flatnonzero(self._is_call == is_call)
        if not len(rows):
            return np.zeros((4, len(strikes)))
        recorded = self._strike[rows]
        tickers = [self._tickers[row] for row in rows]
        nearest = np.abs(np.log(strikes)[:, None] - np.log(recorded)[None, :]).argmin(axis=1)
        values = []
        for price, amount, sign in (
            ("best_bid_price", "best_bid_amount", 1.0),
            ("best_ask_price", "best_ask_amount", -1.0),
        ):
            prices = np.array([getattr(ticker, price) for ticker in tickers])
            marks = np.array([ticker.mark_price for ticker in tickers])
            forwards = np.array([ticker.underlying_price for ticker in tickers])
            amounts = np.array([getattr(ticker, amount) for ticker in tickers])
            quoted = (prices > 0) & (amounts > 0)
            away = sign * (marks - prices) * forwards
            has_any = bool(quoted.any())
            values.append(
                (
                    np.interp(strikes, recorded[quoted], away[quoted])
                    if has_any
                    else np.zeros(len(strikes)),
                    np.where(quoted, amounts, 0.0)[nearest],
                )
            )
        (below, bid_amount), (above, ask_amount) = values
        return np.vstack((below, above, bid_amount, ask_amount))
