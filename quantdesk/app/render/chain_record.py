"""A chain as records with stable field names: the schema `quantdesk.chain/1`.

One place decides the fields; JSON, NDJSON, CSV, Parquet and Markdown all write these.
"""

from __future__ import annotations

import math
from typing import Any

import msgspec
import numpy as np

from quantdesk.app.render.surface_record import surface_record
from quantdesk.domain.instrument import OptionType
from quantdesk.domain.times import format_instant
from quantdesk.market.valuation import (
    IV_NO_QUOTE,
    IV_RECORDED,
    IV_TICK_NOISE,
    GreeksSource,
    IvStatus,
)
from quantdesk.snapshot import ChainSnapshot, ExpirySummary

SCHEMA = "quantdesk.chain/1"

UNITS = {
    "bid": "price_currency",
    "ask": "price_currency",
    "mark": "price_currency",
    "bid_size": "coin",
    "ask_size": "coin",
    "index_price": "USD per coin",
    "forward": "USD per coin",
    "strike": "USD per coin",
    "years": "ACT/365",
    "iv": "fraction per sqrt(year)",
    "delta": "coin per coin, Black on the forward",
    "delta_premium_adjusted": "coin per coin, delta - mark in coin",
    "gamma": "per USD, one coin",
    "vega": "USD per vol point, one coin",
    "theta": "USD per calendar day, plain dV/dt / 365, one coin",
    "venue_theta": "USD per day by the venue's own rule, one coin",
    "theo_iv": "fraction per sqrt(year), the surface's, or the user's own",
    "theo": "price_currency, at the row's own forward and time",
    "sell_edge_vol": "fraction, bid_iv - theo_iv",
    "sell_edge_ticks": "ticks of the grid from theo to bid",
    "buy_edge_vol": "fraction, theo_iv - ask_iv",
    "buy_edge_ticks": "ticks of the grid from ask to theo",
    "age_s": "seconds on the venue's clock",
    "time": "ISO-8601 UTC, venue's clock",
}


def _number(value: float) -> float | None:
    return None if math.isnan(value) else value


def _status(code: int) -> str:
    if code == IV_NO_QUOTE:
        return "no_quote"
    if code == IV_RECORDED:
        return "recorded"
    if code == IV_TICK_NOISE:
        return "tick_noise"
    return IvStatus(code).name.lower()


def chain_rows(snapshot: ChainSnapshot) -> list[dict[str, Any]]:
    """One record an option, in chain order; None where there is no value."""
    chain, values = snapshot.chain, snapshot.values
    floats = {
        "strike": chain.strike,
        "bid": chain.bid,
        "ask": chain.ask,
        "bid_size": chain.bid_size,
        "ask_size": chain.ask_size,
        "mark": chain.mark,
        "forward": values.forward,
        "bid_iv": values.bid_iv,
        "mark_iv": values.mark_iv,
        "ask_iv": values.ask_iv,
        "delta": values.delta,
        "delta_premium_adjusted": values.delta_premium_adjusted,
        "gamma": values.gamma,
        "vega": values.vega,
        "theta": values.theta,
        "venue_bid_iv": chain.venue_bid_iv,
        "venue_mark_iv": chain.venue_mark_iv,
        "venue_ask_iv": chain.venue_ask_iv,
        "venue_delta": chain.venue_delta,
        "venue_gamma": chain.venue_gamma,
        "venue_vega": chain.venue_vega,
        "venue_theta": chain.venue_theta,
        "open_interest": chain.open_interest,
        "volume": chain.volume,
    }
    edge = snapshot.edge()
    nothing = np.full(len(chain), np.nan)
    floats |= {name: nothing if edge is None else getattr(edge, name) for name in EDGE_FIELDS}
    columns = {name: _column(array) for name, array in floats.items()}
    made = " ".join(name for name in ROW_FIELDS if name in snapshot.made_by_rule) or None
    rows = []
    for i, instrument in enumerate(chain.instruments):
        event_ns = int(chain.event_ns[i])
        row: dict[str, Any] = {
            "instrument_name": instrument.name,
            "expiry": format_instant(int(chain.expiry_ns[i])),
            "option_type": "call" if instrument.option_type is OptionType.CALL else "put",
            "price_currency": instrument.quote_currency,
            "event_ns": event_ns or None,
            "age_s": (snapshot.as_of_ns - event_ns) / 1e9 if event_ns else None,
            "mark_iv_status": _status(int(values.mark_iv_status[i])),
            "greeks_source": GreeksSource(int(values.greeks_source[i])).name.lower(),
            "made_by_rule": made,
        }
        row.update({name: column[i] for name, column in columns.items()})
        rows.append({name: row[name] for name in ROW_FIELDS})
    return rows


def _column(array: np.ndarray) -> list[float | None]:
    return [_number(value) for value in array.tolist()]


EDGE_FIELDS = (
    "theo_iv",
    "theo",
    "sell_edge_vol",
    "sell_edge_ticks",
    "buy_edge_vol",
    "buy_edge_ticks",
)
"""Against the fitted surface; None where the desk holds none, or there is no such side."""

ROW_FIELDS = (
    "instrument_name",
    "expiry",
    "strike",
    "option_type",
    "bid",
    "ask",
    "bid_size",
    "ask_size",
    "mark",
    "price_currency",
    "forward",
    "event_ns",
    "bid_iv",
    "mark_iv",
    "ask_iv",
    "mark_iv_status",
    "delta",
    "delta_premium_adjusted",
    "gamma",
    "vega",
    "theta",
    "greeks_source",
    "venue_bid_iv",
    "venue_mark_iv",
    "venue_ask_iv",
    "venue_delta",
    "venue_gamma",
    "venue_vega",
    "venue_theta",
    "open_interest",
    "volume",
    "age_s",
    "made_by_rule",
    *EDGE_FIELDS,
)
"""Fields of a row, in the order they are written. `made_by_rule` names those of its numbers that a
simulator made by rule where the others are recorded, None where there are none."""


def expiry_record(expiry: ExpirySummary) -> dict[str, Any]:
    """One expiry of the header."""
    forward = expiry.forward
    return {
        "expiry": format_instant(expiry.expiry_ns),
        "forward": forward.price,
        "forward_source": forward.source,
        "discount": forward.discount,
        "discount_source": forward.discount_source,
        "parity_forward": forward.parity_price,
        "parity_pairs": forward.parity_pairs,
        "parity_bid": forward.parity_bid,
        "parity_ask": forward.parity_ask,
        "bound_pairs": forward.bound_pairs,
        "years": expiry.years,
        "atm_iv": expiry.atm_iv,
        "atm_iv_source": expiry.atm_iv_source,
    }


def chain_header(snapshot: ChainSnapshot) -> dict[str, Any]:
    """Everything of the chain's record but its rows."""
    return {
        "schema": SCHEMA,
        "underlying": snapshot.underlying,
        "venue": snapshot.venue,
        "environment": snapshot.environment.value,
        "as_of": format_instant(snapshot.as_of_ns),
        "index_price": snapshot.index_price,
        "index_source": snapshot.index_source,
        "units": UNITS,
        "made_by_rule": dict(snapshot.made_by_rule),
        "expiries": [expiry_record(expiry) for expiry in snapshot.expiries],
        "surface": surface_record(snapshot),
    }


def chain_record(snapshot: ChainSnapshot) -> dict[str, Any]:
    """The whole chain as one object."""
    return chain_header(snapshot) | {"rows": chain_rows(snapshot)}


def to_json(value: object) -> bytes:
    """Compact JSON; floats in their shortest exact form, never NaN."""
    return msgspec.json.encode(value)
