"""Layout: two-sided spot, forward and option quotes of one moment.

A row need not name the coin: where it has no `instrument_name`, the file's coin is meant, and
without a word on it an option is coin-settled; `inverse` false makes it one in USDC.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.events import IndexUpdate
from quantdesk.domain.instrument import OptionType
from quantdesk.storage.chain_files.cells import RowFault, exact, iso_instant, needed
from quantdesk.storage.chain_files.contract_rules import DERIBIT, index_name_of
from quantdesk.storage.chain_files.csv_table import CsvLayout, Place, Row, RowValue, Timing
from quantdesk.storage.chain_files.deribit_rows import (
    LAW_BY_RULE,
    check_expiry,
    check_strike,
    future_value,
    option_value,
)
from quantdesk.storage.chain_files.figures import FRACTION, quoted
from quantdesk.storage.chain_files.names import (
    FutureName,
    OptionName,
    future_text,
    option_text,
    parse_name,
)

_OPTION_TYPES = {"call": OptionType.CALL, "put": OptionType.PUT}
_IS_INVERSE = {"": True, "true": True, "false": False}

NAME_COLUMN = "instrument_name"
"""A column that files of this layout may have; its names tell the coin."""


def _underlying_of(row: Row, coin: str) -> str:
    name = parse_name(row.get(NAME_COLUMN, ""))
    stated = row.get("inverse", "").lower()
    is_inverse = _IS_INVERSE.get(stated)
    if isinstance(name, FutureName):
        raise RowFault(f"{NAME_COLUMN} names a future, kind says option")
    if name is not None:
        if stated and is_inverse == ("_" in name.underlying):
            raise RowFault("inverse differs from the name's")
        return name.underlying
    if not coin:
        raise RowFault(f"{NAME_COLUMN} names no option, and nothing else says of which coin it is")
    if is_inverse is None:
        raise RowFault("inverse is neither True nor False")
    return coin if is_inverse else f"{coin}_USDC"


def _place_of(row: Row, coin: str) -> Place:
    moment_ns = iso_instant(row["ref_date"], "ref_date")
    what = (row["kind"], row["maturity"], row["strike"], row["option_type"])
    match row["kind"]:
        case "option":
            underlying: str | None = _underlying_of(row, coin)
        case "spot" | "forward":
            underlying = None
        case _:
            raise RowFault("neither spot, forward nor option")
    return Place(underlying=underlying, name=" ".join(what), moment_ns=moment_ns)


def _value_of(row: Row, underlying: str) -> RowValue:
    event_ns = iso_instant(row["ref_date"], "ref_date")
    figures = {
        "bid": exact(row["bid"], "bid"),
        "ask": exact(row["ask"], "ask"),
        "bid_iv": exact(row.get("iv_bid", ""), "iv_bid"),
        "ask_iv": exact(row.get("iv_ask", ""), "iv_ask"),
        "open_interest": exact(row["open_interest"], "open_interest"),
        "volume": exact(row["volume"], "volume"),
    }
    if row["kind"] == "spot":
        return _index(figures, underlying, event_ns)
    expiry_ns = iso_instant(row["maturity"], "maturity")
    if row["kind"] == "forward":
        name = future_text(underlying, expiry_ns)
        return future_value(
            FutureName(text=name, underlying=underlying, expiry_ns=expiry_ns), figures, event_ns
        )
    return option_value(
        _option_name(row, underlying, expiry_ns), figures, event_ns=event_ns, iv_unit=FRACTION
    )


def _index(figures: dict[str, Decimal | None], underlying: str, event_ns: int) -> IndexUpdate:
    bid, ask = quoted(figures["bid"], "bid"), quoted(figures["ask"], "ask")
    if bid is None or ask is None:
        raise RowFault("spot quote is one-sided")
    return IndexUpdate(
        venue=DERIBIT,
        index_name=index_name_of(DERIBIT, underlying),
        event_ns=event_ns,
        recv_ns=event_ns,
        price=(bid + ask) / 2,
    )


def _option_name(row: Row, underlying: str, expiry_ns: int) -> OptionName:
    strike = needed(row["strike"], "strike")
    option_type = _OPTION_TYPES.get(row["option_type"])
    name = parse_name(row.get(NAME_COLUMN, ""))
    if isinstance(name, OptionName):
        check_expiry(name, expiry_ns)
        check_strike(name, strike)
        if option_type not in (None, name.option_type):
            raise RowFault("option_type differs from the name's")
        return name
    if option_type is None:
        raise RowFault("option_type is neither call nor put")
    if strike <= 0:
        raise RowFault("strike is not positive")
    return OptionName(
        text=option_text(underlying, expiry_ns, strike, option_type),
        underlying=underlying,
        expiry_ns=expiry_ns,
        strike=strike,
        option_type=option_type,
    )


QUOTES_CSV = CsvLayout(
    name="deribit-quotes-csv",
    columns=frozenset(
        {
            "ref_date",
            "kind",
            "maturity",
            "bid",
            "ask",
            "open_interest",
            "volume",
            "strike",
            "option_type",
        }
    ),
    timing=Timing.SNAPSHOTS,
    place_of=_place_of,
    value_of=_value_of,
    notes=(
        LAW_BY_RULE,
        "The index is the middle of the recorded spot quote.",
        "No sizes, marks or venue Greeks are recorded.",
    ),
    needs_coin=True,
)
