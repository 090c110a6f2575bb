"""What Deribit's CSV layouts share: a row that names an instrument and carries its ticker."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.events import FutureUpdate
from quantdesk.storage.chain_files.assembly import OptionValue
from quantdesk.storage.chain_files.cells import RowFault, instant
from quantdesk.storage.chain_files.contract_rules import DERIBIT, option_by_rule
from quantdesk.storage.chain_files.csv_table import Place, Row
from quantdesk.storage.chain_files.figures import PERCENT, Figures, quoted, to_quote
from quantdesk.storage.chain_files.names import FutureName, OptionName, parse_name

LAW_BY_RULE = (
    "Tick and smallest amount of each option follow the venue's rules of the time, not a record."
)
NS_PER_MS = 1_000_000
NS_PER_US = 1_000
NS_PER_S = 1_000_000_000


def named(text: str, field: str) -> OptionName | FutureName:
    """What the instrument name in a cell says. Raises RowFault for other kinds."""
    if not text:
        raise RowFault(f"{field} is missing")
    name = parse_name(text)
    if name is None:
        raise RowFault("neither an option nor a future")
    return name


def place(text: str, field: str, moment_ns: int) -> Place:
    """Where a row of the instrument `text` belongs. Raises RowFault for other kinds."""
    name = named(text, field)
    return Place(underlying=name.underlying, name=name.text, moment_ns=moment_ns)


def ticker_place(row: Row, _coin: str) -> Place:
    """Where a row belongs that has the names of the venue's replies. Raises RowFault."""
    event_ns = instant(row["timestamp"], "timestamp", unit_ns=NS_PER_MS)
    return place(row["instrument_name"], "instrument_name", event_ns)


def check_strike(name: OptionName, strike: Decimal | None) -> None:
    """Raises RowFault where a row's strike is not that of its name."""
    if strike is not None and strike != name.strike:
        raise RowFault("strike differs from the name's")


def check_expiry(name: OptionName, expiry_ns: int) -> None:
    """Raises RowFault where a row's expiry is not that of its name."""
    if expiry_ns != name.expiry_ns:
        raise RowFault("expiry differs from the name's")


def option_value(
    name: OptionName,
    figures: Figures,
    *,
    event_ns: int,
    recv_ns: int | None = None,
    iv_unit: Decimal = PERCENT,
    forward_index: str = "",
    state: str = "",
) -> OptionValue:
    """An option by rule with its quote. Raises RowFault."""
    quote = to_quote(
        figures,
        name=name.text,
        event_ns=event_ns,
        recv_ns=recv_ns,
        iv_unit=iv_unit,
        forward_index=forward_index,
        state=state,
    )
    return OptionValue(instrument=option_by_rule(name, event_ns), quote=quote)


def future_value(name: FutureName, figures: Figures, event_ns: int) -> FutureUpdate:
    """Top of book of a future. Raises RowFault."""
    return FutureUpdate(
        venue=DERIBIT,
        instrument_name=name.text,
        underlying=name.underlying,
        event_ns=event_ns,
        recv_ns=event_ns,
        expiry_ns=name.expiry_ns,
        bid=quoted(figures.get("bid"), "bid"),
        ask=quoted(figures.get("ask"), "ask"),
        mark=quoted(figures.get("mark"), "mark"),
    )
