"""What a symbol's trades amount to: the last 24 hours, and bars of any interval. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Side
from quantdesk.simulator.exchange.events import Trade

DAY_NS = 86_400_000_000_000
_NS_PER_S = 1_000_000_000

INTERVALS_NS = {
    name: seconds * _NS_PER_S
    for name, seconds in (
        ("1m", 60),
        ("3m", 180),
        ("5m", 300),
        ("15m", 900),
        ("30m", 1_800),
        ("1h", 3_600),
        ("2h", 7_200),
        ("4h", 14_400),
        ("6h", 21_600),
        ("8h", 28_800),
        ("12h", 43_200),
        ("1d", 86_400),
        ("3d", 259_200),
        ("1w", 604_800),
    )
}
"""Bar lengths by name. The calendar month is left out: no recorded chain lives that long."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Summary:
    """Trades of a stretch of time, at least one: prices, Σ of amounts and of amount × price.

    first_seq, last_seq : trade numbers within the symbol
    """

    open: Decimal
    high: Decimal
    low: Decimal
    close: Decimal
    last_amount: Decimal
    amount: Decimal
    value: Decimal
    buy_amount: Decimal
    buy_value: Decimal
    first_ns: int
    last_ns: int
    first_seq: int
    last_seq: int
    count: int

    @property
    def average(self) -> Decimal:
        """Price weighted by amount."""
        return self.value / self.amount


def summarise(trades: Sequence[Trade]) -> Summary | None:
    """The summary of `trades`, oldest first; None of none."""
    if not trades:
        return None
    prices = [trade.price for trade in trades]
    bought = [trade for trade in trades if trade.side is Side.BUY]
    return Summary(
        open=prices[0],
        high=max(prices),
        low=min(prices),
        close=prices[-1],
        last_amount=trades[-1].amount,
        amount=_amount(trades),
        value=_value(trades),
        buy_amount=_amount(bought),
        buy_value=_value(bought),
        first_ns=trades[0].event_ns,
        last_ns=trades[-1].event_ns,
        first_seq=trades[0].trade_seq,
        last_seq=trades[-1].trade_seq,
        count=len(trades),
    )


def last_day(trades: Iterable[Trade], now_ns: int) -> Summary | None:
    """The summary of the 24 hours up to `now_ns`."""
    return summarise([trade for trade in trades if trade.event_ns > now_ns - DAY_NS])


def bars(trades: Iterable[Trade], length_ns: int) -> list[tuple[int, Summary]]:
    """(begin, summary) of each interval in which something traded, oldest first."""
    groups: dict[int, list[Trade]] = {}
    for trade in trades:
        groups.setdefault(trade.event_ns // length_ns * length_ns, []).append(trade)
    found = [(begin, summarise(group)) for begin, group in groups.items()]
    return [(begin, summary) for begin, summary in found if summary is not None]


def _amount(trades: Iterable[Trade]) -> Decimal:
    return sum((trade.amount for trade in trades), Decimal(0))


def _value(trades: Iterable[Trade]) -> Decimal:
    return sum((trade.amount * trade.price for trade in trades), Decimal(0))
