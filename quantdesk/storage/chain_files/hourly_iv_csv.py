"""Layout: the venue's IVs and Greeks of the whole chain each hour; no price of any kind."""

from __future__ import annotations

from quantdesk.storage.chain_files.cells import RowFault, exact, iso_instant
from quantdesk.storage.chain_files.csv_table import CsvLayout, Place, Row, RowValue, Timing
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    check_strike,
    named,
    option_value,
    place,
)
from quantdesk.storage.chain_files.figures import figures_of
from quantdesk.storage.chain_files.names import FutureName

_COLUMNS = {
    "bid_iv": "bid_iv",
    "mark_iv": "mark_iv",
    "ask_iv": "ask_iv",
    "open_interest": "open_interest",
    "volume": "volume",
    "delta": "delta",
    "gamma": "gamma",
    "vega": "vega",
    "theta": "theta",
    "rho": "rho",
}


def _place_of(row: Row, _coin: str) -> Place:
    return place(row["instrument_name"], "instrument_name", iso_instant(row["date"], "date"))


def _value_of(row: Row, _underlying: str) -> RowValue:
    name = named(row["instrument_name"], "instrument_name")
    if isinstance(name, FutureName):
        raise RowFault("not an option")
    check_strike(name, exact(row["strike"], "strike"))
    return option_value(name, figures_of(row, _COLUMNS), event_ns=iso_instant(row["date"], "date"))


HOURLY_IV_CSV = CsvLayout(
    name="deribit-hourly-iv-csv",
    columns=frozenset({"date", "instrument_name", "expiry_date", "strike", *_COLUMNS.values()}),
    timing=Timing.SNAPSHOTS,
    place_of=_place_of,
    value_of=_value_of,
    notes=(LAW_BY_RULE, "No prices, forwards or index are recorded: only the venue's own IVs."),
)
