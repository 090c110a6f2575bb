"""Layout: `public/ticker` of each instrument in turn, flattened; options and perpetual."""

from __future__ import annotations

from quantdesk.storage.chain_files.cells import exact, instant
from quantdesk.storage.chain_files.csv_table import CsvLayout, Row, RowValue, Timing
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    NS_PER_MS,
    check_strike,
    future_value,
    named,
    option_value,
    ticker_place,
)
from quantdesk.storage.chain_files.figures import figures_of
from quantdesk.storage.chain_files.names import FutureName

TICKER_COLUMNS = {
    "bid": "best_bid_price",
    "ask": "best_ask_price",
    "bid_size": "best_bid_amount",
    "ask_size": "best_ask_amount",
    "mark": "mark_price",
    "last": "last_price",
    "forward": "underlying_price",
    "index_price": "index_price",
    "bid_iv": "bid_iv",
    "mark_iv": "mark_iv",
    "ask_iv": "ask_iv",
    "open_interest": "open_interest",
}
"""Our names of the figures that a flattened ticker carries -> the columns they are in."""

FLAT_COLUMNS = {
    "delta": "greeks.delta",
    "gamma": "greeks.gamma",
    "vega": "greeks.vega",
    "theta": "greeks.theta",
    "rho": "greeks.rho",
    "volume": "stats.volume",
}
"""The same for the ticker's inner objects, where these are flattened too."""


def _value_of(row: Row, _underlying: str) -> RowValue:
    event_ns = instant(row["timestamp"], "timestamp", unit_ns=NS_PER_MS)
    name = named(row["instrument_name"], "instrument_name")
    figures = figures_of(row, TICKER_COLUMNS | FLAT_COLUMNS)
    if isinstance(name, FutureName):
        return future_value(name, figures, event_ns)
    check_strike(name, exact(row.get("strike", ""), "strike"))
    return option_value(
        name,
        figures,
        event_ns=event_ns,
        forward_index=row["underlying_index"],
        state=row["state"],
    )


TICKER_CSV = CsvLayout(
    name="deribit-ticker-csv",
    columns=frozenset(
        {
            "instrument_name",
            "timestamp",
            "underlying_index",
            "state",
            *TICKER_COLUMNS.values(),
            *FLAT_COLUMNS.values(),
        }
    ),
    timing=Timing.SWEEP,
    place_of=ticker_place,
    value_of=_value_of,
    notes=(LAW_BY_RULE,),
)
