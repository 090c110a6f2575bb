"""Layout: `public/get_order_book` of each instrument in turn; inner objects flattened or as text.

Only the top of the book is read: depth is not part of a chain.
"""

from __future__ import annotations

from decimal import Decimal

import msgspec

from quantdesk.storage.chain_files.cells import RowFault, exact, instant
from quantdesk.storage.chain_files.csv_table import CsvLayout, Row, RowValue, Timing
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    NS_PER_MS,
    check_expiry,
    check_strike,
    future_value,
    named,
    option_value,
    ticker_place,
)
from quantdesk.storage.chain_files.figures import figures_of
from quantdesk.storage.chain_files.names import FutureName
from quantdesk.storage.chain_files.ticker_csv import FLAT_COLUMNS, TICKER_COLUMNS

_INNER_LENGTH_MAX = 2_000
_GREEKS = ("delta", "gamma", "vega", "theta", "rho")
_inner_decoder = msgspec.json.Decoder(dict[str, Decimal | None])


def _inner(row: Row, column: str) -> dict[str, Decimal | None]:
    """An inner object that was written as Python shows it: `{'delta': 0.5, 'low': None}`."""
    text = row[column]
    if not text:
        return {}
    as_json = text.replace("'", '"').replace("None", "null")
    try:
        if len(text) > _INNER_LENGTH_MAX:
            raise RowFault(f"{column} is too long")
        return _inner_decoder.decode(as_json)
    except (msgspec.DecodeError, RecursionError):
        raise RowFault(f"{column} is not understood") from None


def _flat_value(row: Row, _underlying: str) -> RowValue:
    return _value(row, figures_of(row, TICKER_COLUMNS | FLAT_COLUMNS))


def _nested_value(row: Row, _underlying: str) -> RowValue:
    figures = figures_of(row, TICKER_COLUMNS)
    greeks = _inner(row, "greeks")
    figures |= {greek: greeks.get(greek) for greek in _GREEKS}
    figures["volume"] = _inner(row, "stats").get("volume")
    return _value(row, figures)


def _value(row: Row, figures: dict[str, Decimal | None]) -> RowValue:
    event_ns = instant(row["timestamp"], "timestamp", unit_ns=NS_PER_MS)
    name = named(row["instrument_name"], "instrument_name")
    if isinstance(name, FutureName):
        return future_value(name, figures, event_ns)
    check_strike(name, exact(row.get("strike", ""), "strike"))
    if row.get("expiration_timestamp"):
        expiry = instant(row["expiration_timestamp"], "expiration_timestamp", unit_ns=NS_PER_MS)
        check_expiry(name, expiry)
    return option_value(
        name,
        figures,
        event_ns=event_ns,
        forward_index=row["underlying_index"],
        state=row.get("state", ""),
    )


_SHARED = frozenset(
    {"instrument_name", "timestamp", "underlying_index", "change_id", *TICKER_COLUMNS.values()}
)

BOOK_CSV = CsvLayout(
    name="deribit-book-csv",
    columns=_SHARED | frozenset(FLAT_COLUMNS.values()),
    timing=Timing.SWEEP,
    place_of=ticker_place,
    value_of=_flat_value,
    notes=(LAW_BY_RULE,),
)

NESTED_BOOK_CSV = CsvLayout(
    name="deribit-book-csv-nested",
    columns=_SHARED | {"greeks", "stats"},
    timing=Timing.SWEEP,
    place_of=ticker_place,
    value_of=_nested_value,
    notes=(LAW_BY_RULE,),
)
