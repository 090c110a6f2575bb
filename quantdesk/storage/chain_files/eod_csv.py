"""Layout: one whole chain a day, with the forward of each row; no marks and no index."""

from __future__ import annotations

from quantdesk.storage.chain_files.cells import RowFault, exact, instant
from quantdesk.storage.chain_files.csv_table import CsvLayout, Place, Row, RowValue, Timing
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    NS_PER_S,
    check_expiry,
    check_strike,
    named,
    option_value,
    place,
)
from quantdesk.storage.chain_files.figures import figures_of
from quantdesk.storage.chain_files.names import FutureName

_COLUMNS = {
    "bid": "bid_price",
    "ask": "ask_price",
    "bid_size": "bid_size",
    "ask_size": "ask_size",
    "forward": "underlying_price",
    "mark_iv": "mark_iv",
    "open_interest": "open_interest",
    "volume": "volume",
    "delta": "delta",
    "gamma": "gamma",
    "vega": "vega",
    "theta": "theta",
    "rho": "rho",
}


def _place_of(row: Row, _coin: str) -> Place:
    event_ns = instant(row["quote_unixtime"], "quote_unixtime", unit_ns=NS_PER_S)
    return place(row["instrument_name"], "instrument_name", event_ns)


def _value_of(row: Row, _underlying: str) -> RowValue:
    name = named(row["instrument_name"], "instrument_name")
    if isinstance(name, FutureName):
        raise RowFault("not an option")
    check_strike(name, exact(row["strike"], "strike"))
    check_expiry(name, instant(row["expiry_unix"], "expiry_unix", unit_ns=NS_PER_S))
    return option_value(
        name,
        figures_of(row, _COLUMNS),
        event_ns=instant(row["quote_unixtime"], "quote_unixtime", unit_ns=NS_PER_S),
        forward_index=row["underlying_index"],
    )


EOD_CSV = CsvLayout(
    name="deribit-eod-csv",
    columns=frozenset(
        {
            "quote_unixtime",
            "instrument_name",
            "strike",
            "expiry_unix",
            "underlying_index",
            *_COLUMNS.values(),
        }
    ),
    timing=Timing.SNAPSHOTS,
    place_of=_place_of,
    value_of=_value_of,
    notes=(LAW_BY_RULE, "No mark price and no index price are recorded."),
)
