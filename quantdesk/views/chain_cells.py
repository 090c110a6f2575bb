"""Each column's text for one row of a chain. Written one cell at a time: only what is visible."""

from __future__ import annotations

from collections.abc import Callable
from math import isnan, nan

from quantdesk.market.chain import FloatArray
from quantdesk.market.surface_edge import SurfaceEdge
from quantdesk.market.valuation import IV_RECORDED, GreeksSource
from quantdesk.snapshot import ChainSnapshot
from quantdesk.views.chain_columns import THEO_KEYS
from quantdesk.views.number_text import DASH, number_text, percent_text, tick_decimals
from quantdesk.views.time_text import age_text
from quantdesk.views.units import Units, price_in

CellWriter = Callable[[int], str]
"""Chain row to cell text."""

FALLBACK_MARK = "~"
"""Stands before a number whose vol does not come from the row's own mark."""

USD_DECIMALS = 2

_GREEK_DECIMALS = {
    "delta": 3,
    "delta_premium_adjusted": 3,
    "gamma": 6,
    "vega": 2,
    "theta": 2,
}


def cell_writers(
    snapshot: ChainSnapshot,
    *,
    units: Units,
    now_ns: int,
    widths: dict[str, int],
    edge: SurfaceEdge | None = None,
) -> dict[str, CellWriter]:
    """A writer for each column but the flags. `now_ns` is on the venue's clock.

    `edge` is the chain's theo; its columns hold dashes without it.
    """
    chain, values = snapshot.chain, snapshot.values
    writers: dict[str, CellWriter] = {
        "age": _age_writer(snapshot, now_ns),
        "venue_mark_iv": _percent_writer(chain.venue_mark_iv, widths.get("venue_mark_iv")),
        "venue_delta": _number_writer(chain.venue_delta, 3, widths.get("venue_delta")),
        "venue_theta": _number_writer(chain.venue_theta, 2, widths.get("venue_theta")),
        "bid_iv": _iv_writer(snapshot, "bid", widths.get("bid_iv")),
        "mark_iv": _iv_writer(snapshot, "mark", widths.get("mark_iv")),
        "ask_iv": _iv_writer(snapshot, "ask", widths.get("ask_iv")),
    }
    for key, decimals in _GREEK_DECIMALS.items():
        writers[key] = _greek_writer(getattr(values, key), snapshot, decimals, widths.get(key))
    for key in ("bid_size", "ask_size", "open_interest", "volume"):
        writers[key] = _amount_writer(getattr(chain, key), snapshot, widths.get(key))
    for key in ("bid", "ask", "mark", "last"):
        if units is not Units.IV:
            writers[key] = _price_writer(getattr(chain, key), snapshot, units, widths.get(key))
        elif key != "last":
            writers[key] = _iv_writer(snapshot, key, widths.get(key))
        else:
            # A last trade belongs to a forward of its own moment, which nobody recorded.
            writers[key] = _no_value
    return writers | _theo_writers(snapshot, edge, units, widths)


def _theo_writers(
    snapshot: ChainSnapshot, edge: SurfaceEdge | None, units: Units, widths: dict[str, int]
) -> dict[str, CellWriter]:
    """Theo in vol and price; edges in vol points and ticks, with their sign."""
    if edge is None:
        return dict.fromkeys(THEO_KEYS, _no_value)
    theo_iv = _percent_writer(edge.theo_iv, widths.get("theo_iv"))
    theo = theo_iv
    if units is not Units.IV:
        theo = _price_writer(edge.theo, snapshot, units, widths.get("theo"))
    return {
        "theo_iv": theo_iv,
        "theo": theo,
        "sell_edge": _signed_writer(edge.sell_edge_vol * 100.0, 2, widths.get("sell_edge")),
        "buy_edge": _signed_writer(edge.buy_edge_vol * 100.0, 2, widths.get("buy_edge")),
        "sell_ticks": _signed_writer(edge.sell_edge_ticks, 1, widths.get("sell_ticks")),
        "buy_ticks": _signed_writer(edge.buy_edge_ticks, 1, widths.get("buy_ticks")),
    }


def _signed_writer(column: FloatArray, decimals: int, width: int | None) -> CellWriter:
    def write(row: int) -> str:
        value = column.item(row)
        room = width if width is None or not value > 0 else width - 1
        text = number_text(value, decimals, room)
        # Rounded to nothing it has no sign.
        return f"+{text}" if value > 0 and text.strip("0.") else text

    return write


def _no_value(_row: int) -> str:
    return DASH


def _age_writer(snapshot: ChainSnapshot, now_ns: int) -> CellWriter:
    event_ns = snapshot.chain.event_ns

    def write(row: int) -> str:
        quoted_ns = int(event_ns[row])
        return age_text(now_ns - quoted_ns) if quoted_ns else DASH

    return write


def _number_writer(column: FloatArray, decimals: int, width: int | None) -> CellWriter:
    def write(row: int) -> str:
        return number_text(column.item(row), decimals, width)

    return write


def _percent_writer(column: FloatArray, width: int | None) -> CellWriter:
    def write(row: int) -> str:
        return percent_text(column.item(row), 2, width)

    return write


def _iv_writer(snapshot: ChainSnapshot, side: str, width: int | None) -> CellWriter:
    column: FloatArray = getattr(snapshot.values, f"{side}_iv")
    status = getattr(snapshot.values, f"{side}_iv_status")
    room = None if width is None else width - 1

    def write(row: int) -> str:
        if status[row] != IV_RECORDED:
            return percent_text(column.item(row), 2, width)
        text = percent_text(column.item(row), 2, room)
        return text if text == DASH else FALLBACK_MARK + text

    return write


def _greek_writer(
    column: FloatArray, snapshot: ChainSnapshot, decimals: int, width: int | None
) -> CellWriter:
    source = snapshot.values.greeks_source
    room = None if width is None else width - 1

    def write(row: int) -> str:
        value = column.item(row)
        if isnan(value) or source[row] == GreeksSource.MARK:
            return number_text(value, decimals, width)
        text = number_text(value, decimals, room)
        return text if text == DASH else FALLBACK_MARK + text

    return write


def _amount_writer(column: FloatArray, snapshot: ChainSnapshot, width: int | None) -> CellWriter:
    instruments = snapshot.chain.instruments

    def write(row: int) -> str:
        # An amount is a multiple of the instrument's own step, as a price is of its tick.
        step = -int(instruments[row].amount_step.normalize().as_tuple().exponent)
        return number_text(column.item(row), min(max(step, 0), 4), width)

    return write


def _price_writer(
    column: FloatArray, snapshot: ChainSnapshot, units: Units, width: int | None
) -> CellWriter:
    instruments = snapshot.chain.instruments
    forward = snapshot.values.forward
    index_price = nan if snapshot.index_price is None else snapshot.index_price

    def write(row: int) -> str:
        instrument = instruments[row]
        is_inverse = instrument.is_inverse
        price = price_in(units, column.item(row), is_inverse, index_price, forward.item(row))
        if units is Units.COIN or not is_inverse:
            return number_text(price, tick_decimals(instrument.ticks), width)
        return number_text(price, USD_DECIMALS, width)

    return write
