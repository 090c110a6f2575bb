"""Positions from what people and venues hand in: rows of a file, an account's reports, structures.

Each row becomes one position or one refusal that names the row, the field, the value and what is
allowed; the rest goes on. Knows no venue's spelling: who calls hands in a reader of names.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Context, Decimal
from functools import lru_cache

from quantdesk.domain.account import AccountSnapshot, PositionReport
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.position import Position, PositionRow, RefusedRow
from quantdesk.domain.structure import Leg, Structure
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.leg_marks import LegMarks

VENUES = ("binance", "deribit")
"""What a book's `venue` may say; which environment of it answers is not the book's matter."""

QUANTITY_MAX = Decimal(10) ** 15
"""Far above any venue's open interest, in USD or coins; larger ones are typing faults."""

TEXT_MAX = 64
FLOAT_DIGITS = 15
_NUMBER = re.compile(
    r"[+-]?(?:[0-9]{1,24}(?:\.[0-9]{0,24})?|\.[0-9]{1,24})(?:[eE][+-]?[0-9]{1,2})?"
)


@dataclass(frozen=True, slots=True, kw_only=True)
class NamedContract:
    """What an instrument's name says by itself.

    chain : name of the chain it belongs to, "BTC" or "BTC_USDC"
    expiry_ns : None for a perpetual
    instrument : the contract by the venue's rules, of futures and perpetuals where they are known;
        an option counts only where its market lists it
    """

    kind: InstrumentKind
    chain: str
    expiry_ns: int | None
    instrument: Instrument | None = None


ContractReader = Callable[[str, str], NamedContract | None]
"""(venue, instrument name) to what the name says; None where it is no name of that venue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ImportedBook:
    """What came of rows or reports: positions, and each refusal by name, in their order.

    notes : what a user should know, as sentences: instruments made by rule, columns passed over
    """

    positions: tuple[Position, ...]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...] = ()

    @property
    def is_complete(self) -> bool:
        """False where something was left out."""
        return not self.refused


def parse_quantity(field: str, text: str | None) -> Decimal:
    """The decimal that `text` writes. Raises InvalidInput for anything else, NaN and infinity."""
    if text is None or not text.strip():
        raise InvalidInput(field, text, "is missing: must be a number")
    if _NUMBER.fullmatch(text.strip()) is None:
        raise InvalidInput(field, text[:TEXT_MAX], "must be a number like -1.5")
    value = Decimal(text.strip())
    if abs(value) > QUANTITY_MAX:
        raise InvalidInput(field, text[:TEXT_MAX], f"must be at most {QUANTITY_MAX:f} in size")
    return value


def resolve_rows(
    rows: Iterable[PositionRow],
    marks: LegMarks,
    *,
    read_name: ContractReader,
    account: str = "",
) -> ImportedBook:
    """Positions of `rows` in the instruments of the market behind `marks`.

    A future or perpetual that the market does not list is made by the venue's rules and noted. A
    row is refused, by name, where its venue or instrument is unknown or expired, its quantity is no
    multiple of the instrument's lot, 0 or no number, its average price is negative or no number,
    its currency is not what the instrument settles or is quoted in, or where it repeats an earlier
    row's venue, instrument, account and tags.

    account : of rows that name none
    """
    resolver = _Resolver(marks, read_name)
    positions: list[Position] = []
    refused: list[RefusedRow] = []
    seen: dict[tuple[str, str, str, str, str], int] = {}
    for row in rows:
        try:
            position = resolver.position(row, account)
            key = (
                position.instrument.venue,
                position.instrument.name,
                position.account,
                position.strategy,
                position.structure,
            )
            first = seen.setdefault(key, row.row)
            if first != row.row:
                rule = f"repeats row {first}: give it once, or tell the rows apart by strategy"
                raise InvalidInput("instrument_name", position.instrument.name, rule)
        except InvalidInput as error:
            refused.append(_refusal(row, error))
            continue
        positions.append(position)
    return ImportedBook(
        positions=tuple(positions), refused=tuple(refused), notes=tuple(resolver.notes())
    )


def _refusal(row: PositionRow, error: InvalidInput) -> RefusedRow:
    return RefusedRow(
        row=row.row,
        venue=_shown(row.venue),
        instrument_name=_shown(row.instrument_name),
        quantity=_shown(row.quantity),
        reason=str(error),
    )


def _shown(text: str | None) -> str:
    return (text or "").strip()[:TEXT_MAX]


class _Resolver:
    """Turns rows into positions; each instrument is looked up once."""

    def __init__(self, marks: LegMarks, read_name: ContractReader) -> None:
        self._marks = marks
        self._read_name = read_name
        self._by_rule: dict[str, Instrument] = {}
        # A book repeats few names often; a book of nonsense must not be remembered whole.
        self.look_up = lru_cache(maxsize=65_536)(self._instrument)

    def notes(self) -> list[str]:
        """One sentence on the instruments that the market does not list."""
        if not self._by_rule:
            return []
        names = ", ".join(sorted(self._by_rule)[:10])
        more = "" if len(self._by_rule) <= 10 else f" and {len(self._by_rule) - 10} more"
        return [f"made by the venue's contract rules, not listed in the market: {names}{more}"]

    def position(self, row: PositionRow, account: str) -> Position:
        """The position of one row. Raises InvalidInput."""
        if row.fault:
            raise InvalidInput("row", row.row, row.fault)
        venue = _required("venue", row.venue).lower()
        if venue not in VENUES:
            rule = f"must be {' or '.join(VENUES)}; --venue says which environment answers"
            raise InvalidInput("venue", venue[:TEXT_MAX], rule)
        name = _required("instrument_name", row.instrument_name)
        instrument = self.look_up(venue, name)
        if isinstance(instrument, InvalidInput):
            raise instrument
        quantity = parse_quantity("quantity", row.quantity)
        if quantity == 0:
            raise InvalidInput("quantity", row.quantity, f"of {name} must not be 0")
        quantity = _in_lots(quantity, instrument, row.quantity)
        _require_currency(row, instrument)
        price = None
        if row.average_price is not None and row.average_price.strip():
            price = parse_quantity("average_price", row.average_price)
            _require_price(instrument, price)
        return Position(
            instrument=instrument,
            quantity=quantity,
            average_price=price,
            strategy=_tag("strategy", row.strategy),
            structure=_tag("structure", row.structure),
            account=_tag("account", row.account) or account,
        )

    def _instrument(self, venue: str, name: str) -> Instrument | InvalidInput:
        try:
            return self._find(venue, name)
        except InvalidInput as error:
            return error

    def _find(self, venue: str, name: str) -> Instrument:
        listed = self._marks.instrument(venue, name)
        if listed is not None:
            market = self._marks.market_of(listed)
            assert market is not None, name
            _require_alive(name, listed.expiry_ns, market.as_of_ns)
            return listed
        said = self._read_name(venue, name)
        if said is None:
            rule = f"is no option or future of {venue}"
            raise InvalidInput("instrument_name", name[:TEXT_MAX], rule)
        market = self._marks.market.find(venue, said.chain)
        if market is None:
            markets = self._marks.market.markets
            here = sorted(one.underlying for one in markets if one.venue == venue)
            known = f"known of {venue} here: {', '.join(here)}" if here else f"none of {venue} here"
            rule = f"needs the {said.chain} market; {known}"
            raise InvalidInput("instrument_name", name, rule)
        _require_alive(name, said.expiry_ns, market.as_of_ns)
        if said.instrument is None:
            rule = f"is not listed by {venue} at {format_instant(market.as_of_ns)}"
            raise InvalidInput("instrument_name", name, rule)
        self._by_rule[name] = said.instrument
        return said.instrument


def _require_alive(name: str, expiry_ns: int | None, as_of_ns: int) -> None:
    if expiry_ns is not None and expiry_ns <= as_of_ns:
        rule = (
            f"expired at {format_instant(expiry_ns)}; the market is of {format_instant(as_of_ns)}"
        )
        raise InvalidInput("instrument_name", name, rule)


def _required(field: str, text: str | None) -> str:
    found = (text or "").strip()
    if not found:
        raise InvalidInput(field, text, "is missing")
    return found


def _tag(field: str, text: str | None) -> str:
    found = (text or "").strip()
    if len(found) > TEXT_MAX or not found.isprintable():
        rule = f"must be at most {TEXT_MAX} printable characters"
        raise InvalidInput(field, found[:TEXT_MAX], rule)
    return found


def _in_lots(quantity: Decimal, instrument: Instrument, text: str | None) -> Decimal:
    """`quantity` as a multiple of the instrument's lot. Raises InvalidInput where it is none.

    Sixteen digits and more are a binary float's (0.30000000000000004): it means the fifteen that
    it holds, as far as those are whole lots.
    """
    lot = instrument.amount_step
    if not quantity % lot:
        return quantity
    if len(quantity.as_tuple().digits) > FLOAT_DIGITS:
        held = Context(prec=FLOAT_DIGITS).plus(quantity)
        if not held % lot:
            return held
    rule = f"of {instrument.name} must be a multiple of its lot {lot.normalize():f}"
    raise InvalidInput("quantity", text, rule)


def _require_currency(row: PositionRow, instrument: Instrument) -> None:
    currency = (row.currency or "").strip().upper()
    if not currency:
        return
    allowed = {instrument.settlement_currency, instrument.quote_currency}
    if currency not in allowed:
        rule = f"of {instrument.name} must be {' or '.join(sorted(allowed))}"
        raise InvalidInput("currency", currency[:TEXT_MAX], rule)


def _require_price(instrument: Instrument, price: Decimal) -> None:
    """An option may have cost nothing; a future never does, and an inverse one divides by it."""
    is_option = instrument.kind is InstrumentKind.OPTION
    if price < 0 or (price == 0 and not is_option):
        rule = f"of {instrument.name} must be {'at least' if is_option else 'above'} 0"
        raise InvalidInput("average_price", f"{price:f}", rule)


def positions_of_account(
    snapshot: AccountSnapshot, marks: LegMarks, *, read_name: ContractReader
) -> ImportedBook:
    """Open positions of an account as its venue reported them, under the account's name.

    What the market does not list is refused by name, as rows of a file are; a lot is not checked,
    since the venue's own quantities are facts.
    """
    resolver = _Resolver(marks, read_name)
    positions: list[Position] = []
    refused: list[RefusedRow] = []
    for report in snapshot.positions:
        found = resolver.look_up(report.venue, report.instrument_name)
        if isinstance(found, InvalidInput):
            refused.append(_refused_report(report, str(found)))
            continue
        price = report.average_price
        positions.append(
            Position(
                instrument=found,
                quantity=report.quantity,
                average_price=price if price is not None and price >= 0 else None,
                account=snapshot.account,
            )
        )
    notes = list(resolver.notes())
    if not snapshot.is_whole:
        notes.append(f"account {snapshot.account}: not read whole yet; positions may be missing")
    if not snapshot.is_live:
        notes.append(
            f"account {snapshot.account}: not connected; as of {format_instant(snapshot.recv_ns)}"
        )
    return ImportedBook(positions=tuple(positions), refused=tuple(refused), notes=tuple(notes))


def _refused_report(report: PositionReport, reason: str) -> RefusedRow:
    return RefusedRow(
        row=None,
        venue=report.venue,
        instrument_name=report.instrument_name,
        quantity=f"{report.quantity:f}",
        reason=reason,
    )


def positions_of_structures(
    items: Sequence[Position | Structure | Leg], *, account: str = "", strategy: str = ""
) -> tuple[Position, ...]:
    """Hypothetical positions: a structure's legs under its name (numbered where it has none or a
    name comes again), a lone leg without one; a position as it is.
    """
    positions: list[Position] = []
    names: dict[str, int] = {}
    for item in items:
        if isinstance(item, Position):
            positions.append(item)
            continue
        name, legs = "", (item,) if isinstance(item, Leg) else item.legs
        if isinstance(item, Structure):
            base = item.name or "structure"
            names[base] = names.get(base, 0) + 1
            name = base if item.name and names[base] == 1 else f"{base} {names[base]}"
        positions.extend(
            Position(
                instrument=leg.instrument,
                quantity=leg.quantity,
                average_price=leg.price,
                strategy=strategy,
                structure=name,
                account=account,
            )
            for leg in legs
        )
    return tuple(positions)
