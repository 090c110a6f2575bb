"""Layout: tardis.dev `options_chain`, one row whenever an option's ticker changed."""

from __future__ import annotations

from quantdesk.storage.chain_files.cells import RowFault, exact, instant
from quantdesk.storage.chain_files.contract_rules import DERIBIT
from quantdesk.storage.chain_files.csv_table import CsvLayout, Place, Row, RowValue, Timing
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    NS_PER_US,
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
    "bid_size": "bid_amount",
    "ask_size": "ask_amount",
    "mark": "mark_price",
    "last": "last_price",
    "forward": "underlying_price",
    "bid_iv": "bid_iv",
    "mark_iv": "mark_iv",
    "ask_iv": "ask_iv",
    "open_interest": "open_interest",
    "delta": "delta",
    "gamma": "gamma",
    "vega": "vega",
    "theta": "theta",
    "rho": "rho",
}


def _place_of(row: Row, _coin: str) -> Place:
    if row["exchange"] != DERIBIT:
        raise RowFault("of an exchange other than deribit")
    event_ns = instant(row["timestamp"], "timestamp", unit_ns=NS_PER_US)
    return place(row["symbol"], "symbol", event_ns)


def _value_of(row: Row, _underlying: str) -> RowValue:
    name = named(row["symbol"], "symbol")
    if isinstance(name, FutureName):
        raise RowFault("not an option")
    check_strike(name, exact(row["strike_price"], "strike_price"))
    check_expiry(name, instant(row["expiration"], "expiration", unit_ns=NS_PER_US))
    return option_value(
        name,
        figures_of(row, _COLUMNS),
        event_ns=instant(row["timestamp"], "timestamp", unit_ns=NS_PER_US),
        recv_ns=instant(row["local_timestamp"], "local_timestamp", unit_ns=NS_PER_US),
        forward_index=row["underlying_index"],
    )


TARDIS_CSV = CsvLayout(
    name="tardis-options-chain",
    columns=frozenset(
        {
            "exchange",
            "symbol",
            "timestamp",
            "local_timestamp",
            "strike_price",
            "expiration",
            "underlying_index",
            *_COLUMNS.values(),
        }
    ),
    timing=Timing.UPDATES,
    place_of=_place_of,
    value_of=_value_of,
    notes=(LAW_BY_RULE, "No index price is recorded."),
)
