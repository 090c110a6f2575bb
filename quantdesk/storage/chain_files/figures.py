"""Recorded figures of one option made into its quote: the files' habits end here.

A bid or ask of 0, or one with a size of 0, is no quote. An IV or forward of 0 is none. A mark of 0
is a mark: the venue rounds far wings to it.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from quantdesk.domain.events import QuoteUpdate, VenueGreeks
from quantdesk.storage.chain_files.cells import RowFault, exact, in_range, word

PERCENT = Decimal(100)
FRACTION = Decimal(1)

IV_MAX = Decimal(1000)
"""Largest believable volatility, as a fraction: venues show some hundred thousand percent."""

_PLAIN = ("mark", "last", "open_interest", "volume")
_POSITIVE = ("forward", "index_price")
_VOLATILITIES = ("bid_iv", "mark_iv", "ask_iv")
_GREEKS = ("delta", "gamma", "vega", "theta", "rho")

Figures = Mapping[str, Decimal | None]
"""Figures by our names (`bid`, `bid_size`, `mark_iv`, `delta`, …); absent ones may be left out."""


def figures_of(row: Mapping[str, str], columns: Mapping[str, str]) -> dict[str, Decimal | None]:
    """The figures of a row; `columns` maps our names to the file's. Raises RowFault."""
    return {figure: exact(row[column], column) for figure, column in columns.items()}


def to_quote(
    figures: Figures,
    *,
    name: str,
    event_ns: int,
    recv_ns: int | None = None,
    venue: str = "deribit",
    iv_unit: Decimal = PERCENT,
    forward_index: str = "",
    state: str = "",
) -> QuoteUpdate:
    """The quote that `figures` make. `iv_unit` is what a volatility of 1 is written as.

    Raises RowFault where a figure can not be.
    """
    bid, bid_size = _level(figures, "bid")
    ask, ask_size = _level(figures, "ask")
    plain = {figure: _at_least_0(figures.get(figure), figure) for figure in _PLAIN}
    positive = {figure: _at_least_0(figures.get(figure), figure) or None for figure in _POSITIVE}
    ivs = {f"venue_{f}": _volatility(figures.get(f), f, iv_unit) for f in _VOLATILITIES}
    greeks = {greek: _signed(figures.get(greek), greek) for greek in _GREEKS}
    return QuoteUpdate(
        venue=venue,
        instrument_name=name,
        event_ns=event_ns,
        recv_ns=event_ns if recv_ns is None else recv_ns,
        bid=bid,
        ask=ask,
        bid_size=bid_size,
        ask_size=ask_size,
        mark=plain["mark"],
        last=plain["last"],
        forward=positive["forward"],
        forward_index=word(forward_index, "forward_index") or None,
        index_price=positive["index_price"],
        venue_bid_iv=ivs["venue_bid_iv"],
        venue_mark_iv=ivs["venue_mark_iv"],
        venue_ask_iv=ivs["venue_ask_iv"],
        venue_greeks=VenueGreeks(**greeks),
        open_interest=plain["open_interest"],
        volume=plain["volume"],
        state=word(state, "state") or "open",
    )


def quoted(price: Decimal | None, field: str) -> Decimal | None:
    """A price that is there: None where it is absent or 0. Raises RowFault where it is negative."""
    return _at_least_0(price, field) or None


def _level(figures: Figures, side: str) -> tuple[Decimal | None, Decimal | None]:
    price = quoted(figures.get(side), side)
    size = _at_least_0(figures.get(f"{side}_size"), f"{side}_size")
    if price is None or size == 0:
        return None, None
    return price, size


def _at_least_0(value: Decimal | None, field: str) -> Decimal | None:
    if value is None:
        return None
    if in_range(value, field) < 0:
        raise RowFault(f"{field} is negative")
    return value


def _volatility(value: Decimal | None, field: str, unit: Decimal) -> float | None:
    checked = quoted(value, field)
    if checked is None:
        return None
    if checked > IV_MAX * unit:
        raise RowFault(f"{field} is out of range")
    return float(checked / unit)


def _signed(value: Decimal | None, field: str) -> float | None:
    return None if value is None else float(in_range(value, field))
