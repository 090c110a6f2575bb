"""Two venues' options side by side as records: the schema `quantdesk.venue_pair/1`."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from quantdesk.app.render.chain_record import to_json
from quantdesk.domain.times import format_instant
from quantdesk.market.cross_venue import NO_ROW, Best, VenueComparison, VenueValues
from quantdesk.snapshot import ChainSnapshot

SCHEMA = "quantdesk.venue_pair/1"

UNITS = {
    "bid, ask, mark": "price_currency of each venue, as quoted",
    "bid_value, ask_value": "USD per coin, undiscounted forward value: coin × the quote's own "
    "forward, dollars ÷ the discount of the expiry from parity",
    "bid_fee, ask_fee": "USD per coin, the taker's, caps included",
    "bid_iv, ask_iv, mark_iv, net_bid_iv, net_ask_iv": "fraction per sqrt(year)",
    "mark_iv_gap_points, net_points": "vol points (0.01)",
    "net_usd": "USD per coin, undiscounted",
}

_BEST_WORDS = {Best.NONE: None, Best.EQUAL: "both"}


def pair_record(left: ChainSnapshot, right: ChainSnapshot, seen: VenueComparison) -> dict[str, Any]:
    """The whole comparison as one object; None where there is no value."""
    return {
        "schema": SCHEMA,
        "underlying": left.underlying,
        "venues": [_venue_record(left, seen.left), _venue_record(right, seen.right)],
        "units": UNITS,
        "rows": pair_rows(left, right, seen),
    }


def _venue_record(snapshot: ChainSnapshot, values: VenueValues) -> dict[str, Any]:
    listed = set(values.chain.expiry_ns.tolist())
    return {
        "venue": snapshot.venue,
        "environment": snapshot.environment.value,
        "as_of": format_instant(snapshot.as_of_ns),
        "index_price": snapshot.index_price,
        "expiries": [
            {
                "expiry": format_instant(expiry.expiry_ns),
                "forward": expiry.forward.price,
                "forward_source": expiry.forward.source,
                "atm_iv": expiry.atm_iv,
                **_discount_fields(values, expiry.expiry_ns),
            }
            for expiry in snapshot.expiries
            if expiry.expiry_ns in listed
        ],
    }


def _discount_fields(values: VenueValues, expiry_ns: int) -> dict[str, Any]:
    """Discount of the expiry's linear options; None where it has none."""
    found = values.discounts.get(expiry_ns)
    if found is None:
        return {"discount": None, "discount_error": None, "discount_source": None}
    return {
        "discount": found.discount,
        "discount_error": found.error,
        "discount_source": found.source,
    }


def pair_rows(
    left: ChainSnapshot, right: ChainSnapshot, seen: VenueComparison
) -> list[dict[str, Any]]:
    """One record an option that either venue lists."""
    names = {Best.LEFT: left.venue, Best.RIGHT: right.venue, **_BEST_WORDS}
    rows = []
    for entry in range(len(seen)):
        gap, edge = float(seen.mark_gap[entry]), float(seen.edge[entry])
        way = Best(int(seen.edge_buy[entry]))
        sell = {Best.LEFT: Best.RIGHT, Best.RIGHT: Best.LEFT}.get(way, Best.NONE)
        rows.append(
            {
                "expiry": format_instant(int(seen.expiry_ns[entry])),
                "strike": float(seen.strike[entry]),
                "option_type": "call" if seen.is_call[entry] else "put",
                "quotes": [
                    _quote_record(seen.left, int(seen.left_row[entry])),
                    _quote_record(seen.right, int(seen.right_row[entry])),
                ],
                "best_bid": names[Best(int(seen.best_bid[entry]))],
                "best_ask": names[Best(int(seen.best_ask[entry]))],
                "mark_iv_gap_points": _number(gap * 100),
                "net_points": _number(edge * 100),
                "net_usd": _number(float(seen.edge_usd[entry])),
                "net_buy": names[way],
                "net_sell": names[sell],
            }
        )
    return rows


def _quote_record(values: VenueValues, row: int) -> dict[str, Any] | None:
    """One venue's quote of an option; None where it does not list it."""
    if row == NO_ROW:
        return None
    chain = values.chain
    instrument = chain.instruments[row]
    prices = {name: _number(float(getattr(chain, name)[row])) for name in ("bid", "ask", "mark")}
    return {
        "venue": chain.venue,
        "instrument_name": instrument.name,
        "price_currency": instrument.quote_currency,
        "forward": _number(float(values.forward[row])),
        "event_ns": int(chain.event_ns[row]) or None,
        **prices,
        "bid_value": _number(float(values.bid[row])),
        "ask_value": _number(float(values.ask[row])),
        "bid_fee": _number(float(values.bid_fee[row])),
        "ask_fee": _number(float(values.ask_fee[row])),
        "bid_iv": _number(float(values.bid_iv[row])),
        "ask_iv": _number(float(values.ask_iv[row])),
        "mark_iv": _number(float(values.mark_iv[row])),
        "net_bid_iv": _number(float(values.net_bid_iv[row])),
        "net_ask_iv": _number(float(values.net_ask_iv[row])),
        "is_usable": bool(values.is_usable[row]),
    }


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def pair_json(left: ChainSnapshot, right: ChainSnapshot, seen: VenueComparison) -> bytes:
    """The comparison as one JSON object and a newline."""
    return to_json(pair_record(left, right, seen)) + b"\n"


def pair_ndjson(left: ChainSnapshot, right: ChainSnapshot, seen: VenueComparison) -> bytes:
    """One option a line, each with the schema and the coin."""
    head = {"schema": SCHEMA, "underlying": left.underlying}
    return b"".join(to_json(head | row) + b"\n" for row in pair_rows(left, right, seen))


PAIR_FORMATS: dict[str, Callable[[ChainSnapshot, ChainSnapshot, VenueComparison], bytes]] = {
    "json": pair_json,
    "ndjson": pair_ndjson,
}
"""Writers by the name `--format` takes."""
