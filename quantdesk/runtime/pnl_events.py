"""What happened to a book between two moments, from a CSV file: trades, fees, funding, deliveries.

    kind, venue, instrument_name, quantity, price, fee, amount, currency, account, time

`trade` has a signed quantity, a price and maybe a fee (a cost, in `currency` or the settlement
currency); `fee` and `funding` have an amount, positive received; `settlement` has an amount, or the
delivery price of an option, for all that was held and traded. A row that can not be used, or is of
before the opening or after the close, refuses the file: a P&L misses nothing, and has nothing of
another day.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from pathlib import Path

from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Instrument, InstrumentKind, Side
from quantdesk.domain.position import Position
from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.errors import InvalidInput, QuantDeskError, StorageError
from quantdesk.portfolio.contract_values import payoff
from quantdesk.portfolio.importing import parse_quantity
from quantdesk.portfolio.ledger import CashEntry, CashKind, HoldingKey
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.pnl_explain_changes import key_of
from quantdesk.risk.pnl_explain_moments import refuse_outside

ROWS_MAX = 100_000
BYTES_MAX = 16 * 1024 * 1024
COLUMNS = (
    "kind",
    "venue",
    "instrument_name",
    "quantity",
    "price",
    "fee",
    "amount",
    "currency",
    "account",
    "time",
)
KINDS = ("trade", "fee", "funding", "settlement")

Cells = Mapping[str, str]


@dataclass(frozen=True, slots=True, kw_only=True)
class BookEvents:
    """Fills, cash of its own, and the instruments they name."""

    fills: tuple[Fill, ...]
    entries: tuple[CashEntry, ...]
    instruments: Mapping[str, Instrument]


NOTHING = BookEvents(fills=(), entries=(), instruments={})


def read_events(
    path: Path, positions: Sequence[Position], opening: LegMarks, closing: LegMarks
) -> BookEvents:
    """The events of the file `path`, on what `positions` hold and either market lists.

    A row without a time is of the close. Raises StorageError naming the row.
    """
    working = _Working(positions, opening, closing)
    rows = list(enumerate(_rows(path), start=1))
    # An expiry pays on what was traded before it, wherever its row stands.
    for number, cells in sorted(rows, key=lambda row: row[1]["kind"].lower() == "settlement"):
        try:
            working.add(number, cells)
        except QuantDeskError as error:
            raise StorageError(f"{path}: row {number}: {error}") from None
    return BookEvents(
        fills=tuple(working.fills),
        entries=tuple(working.entries),
        instruments=working.instruments,
    )


def _rows(path: Path) -> list[Cells]:
    try:
        with path.open("rb") as file:
            content = file.read(BYTES_MAX + 1)
    except OSError as error:
        raise StorageError(f"{path}: can not be read: {error.strerror or error}") from None
    if len(content) > BYTES_MAX:
        raise StorageError(f"{path}: larger than {BYTES_MAX:,} bytes")
    try:
        reader = csv.reader(io.StringIO(content.decode("utf-8-sig")), strict=True)
        rows = [row for row in reader if any(cell.strip() for cell in row)]
    except (UnicodeDecodeError, csv.Error) as error:
        raise StorageError(f"{path}: is no CSV text: {error}") from None
    header = [name.strip().lower() for name in rows[0]] if rows else []
    for needed in ("kind", "venue", "instrument_name"):
        if needed not in header:
            raise StorageError(f"{path}: column {needed!r} is missing; known: {', '.join(COLUMNS)}")
    for name in header:
        if name not in COLUMNS or header.count(name) > 1:
            raise StorageError(f"{path}: column {name!r}: must be once one of {', '.join(COLUMNS)}")
    if len(rows) - 1 > ROWS_MAX:
        raise StorageError(f"{path}: {len(rows) - 1:,} rows, at most {ROWS_MAX:,}")
    for number, row in enumerate(rows[1:], start=1):
        if len(row) != len(header):
            raise StorageError(f"{path}: row {number}: {len(row)} cells, {len(header)} columns")
    return [
        {name: cell.strip() for name, cell in zip(header, row, strict=True)} for row in rows[1:]
    ]


class _Working:
    """Events while they are read."""

    def __init__(self, positions: Sequence[Position], opening: LegMarks, closing: LegMarks) -> None:
        self.opening, self.closing = opening, closing
        self.at_ns = closing.market.as_of_ns
        self.fills: list[Fill] = []
        self.entries: list[CashEntry] = []
        self.instruments: dict[str, Instrument] = {}
        self.held: dict[HoldingKey, Decimal] = {}
        for position in positions:
            key = key_of(position)
            self.instruments[position.instrument.name] = position.instrument
            self.held[key] = self.held.get(key, Decimal(0)) + position.quantity

    def add(self, number: int, cells: Cells) -> None:
        kind, venue = cells["kind"].lower(), cells["venue"].lower()
        if kind not in KINDS:
            raise InvalidInput("kind", kind[:40], f"must be one of {', '.join(KINDS)}")
        instrument = self.instrument(venue, cells["instrument_name"])
        event_ns = self.at_ns
        if cells.get("time"):
            event_ns = parse_instant(cells["time"])
            refuse_outside(f"this {kind}", instrument, event_ns, self.opening, self.closing)
        key = self.key(instrument, cells.get("account", ""))
        if kind == "trade":
            if cells.get("time"):
                _refuse_expired(instrument, event_ns)
            self.trade(number, cells, instrument, key, event_ns)
            return
        if kind == "settlement" and instrument.expiry_ns is not None:
            expired_ns = instrument.expiry_ns
            refuse_outside("the expiry", instrument, expired_ns, self.opening, self.closing)
            event_ns = max(event_ns, expired_ns)
        amount = self.amount(kind, cells, instrument, key)
        if kind == "settlement":
            self.held[key] = Decimal(0)
        self.entries.append(
            CashEntry(
                entry_id=f"row {number}",
                holding=key,
                currency=cells.get("currency", "").upper() or instrument.settlement_currency,
                kind=CashKind(kind),
                amount=amount,
                event_ns=event_ns,
            )
        )

    def trade(
        self, number: int, cells: Cells, instrument: Instrument, key: HoldingKey, event_ns: int
    ) -> None:
        quantity = parse_quantity("quantity", cells.get("quantity"))
        if not quantity:
            raise InvalidInput("quantity", cells.get("quantity"), "must not be 0")
        fee = parse_quantity("fee", cells["fee"]) if cells.get("fee") else Decimal(0)
        self.fills.append(
            Fill(
                venue=instrument.venue,
                account=key.account,
                instrument_name=instrument.name,
                trade_id=f"row {number}",
                order_id="",
                label="",
                side=Side.BUY if quantity > 0 else Side.SELL,
                price=parse_quantity("price", cells.get("price")),
                amount=abs(quantity),
                fee=fee,
                fee_currency=cells.get("currency", "").upper() or instrument.settlement_currency,
                liquidity=Liquidity.TAKER,
                event_ns=event_ns,
            )
        )
        self.held[key] = self.held.get(key, Decimal(0)) + quantity

    def amount(self, kind: str, cells: Cells, instrument: Instrument, key: HoldingKey) -> Decimal:
        if cells.get("amount"):
            return parse_quantity("amount", cells["amount"])
        if kind != "settlement" or instrument.kind is not InstrumentKind.OPTION:
            raise InvalidInput("amount", cells.get("amount"), f"of a {kind} is missing")
        price = parse_quantity("price", cells.get("price"))
        if price <= 0:
            raise InvalidInput("price", f"{price:f}", "must be above 0")
        held = self.held.get(key)
        if not held:
            rule = f"of {instrument.name}: nothing is left to settle; give the amount it paid"
            raise InvalidInput("kind", kind, rule)
        return payoff(instrument, held, price)

    def instrument(self, venue: str, name: str) -> Instrument:
        found = self.instruments.get(name)
        if found is None:
            for marks in (self.opening, self.closing):
                found = found or marks.instrument(venue, name)
        if found is None or found.venue != venue:
            rule = f"is neither held nor listed by {venue or 'a venue'} at either moment"
            raise InvalidInput("instrument_name", name, rule)
        self.instruments[name] = found
        return found

    def key(self, instrument: Instrument, account: str) -> HoldingKey:
        for key in self.held:
            if key[:3] == (instrument.venue, account, instrument.name):
                return key
        return HoldingKey(instrument.venue, account, instrument.name)


def _refuse_expired(instrument: Instrument, event_ns: int) -> None:
    expiry_ns = instrument.expiry_ns
    if expiry_ns is not None and event_ns >= expiry_ns:
        rule = f"must be before {instrument.name} expires at {format_instant(expiry_ns)}"
        raise InvalidInput("time", format_instant(event_ns), rule)
