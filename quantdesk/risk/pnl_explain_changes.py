"""What happened to each holding between two moments: quantities, and cash by kind, exactly.

Made from two snapshots of a portfolio, or from positions with the trades and cash in between. Knows
no market.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.contract_values import EXACT, worth
from quantdesk.portfolio.holding import Holding, traded
from quantdesk.portfolio.ledger import CashEntry, CashKind, CashSum, HoldingKey
from quantdesk.portfolio.state import PortfolioSnapshot

ZERO = Decimal(0)

_Event = TypeVar("_Event", Fill, CashEntry)


@dataclass(frozen=True, slots=True, kw_only=True)
class LegChange:
    """One holding from opening to close. Amounts in its settlement currency, positive is received.

    traded : what trades paid; of a future, what they would pay if each were paid in full, so that
        worth and cash add up alike for both (see `portfolio.contract_values`)
    settled : paid by an expiry;  fees, funding : as posted
    other_fees : fees in other currencies
    cost_before : of what was open, None where nobody said
    """

    key: HoldingKey
    instrument: Instrument
    quantity_before: Decimal = ZERO
    quantity_after: Decimal = ZERO
    traded: Decimal = ZERO
    settled: Decimal = ZERO
    fees: Decimal = ZERO
    funding: Decimal = ZERO
    other_fees: Mapping[str, Decimal] = field(default_factory=dict)
    cost_before: Decimal | None = None

    @property
    def cash(self) -> Decimal:
        """All of it, settlement currency."""
        total = EXACT.add(EXACT.add(self.traded, self.settled), self.fees)
        return EXACT.add(total, self.funding)


def key_of(position: Position) -> HoldingKey:
    """The holding that `position` is."""
    return HoldingKey(
        position.instrument.venue,
        position.account,
        position.instrument.name,
        position.strategy,
        position.structure,
    )


def changes_of(
    positions: Sequence[Position],
    *,
    fills: Iterable[Fill] = (),
    instruments: Mapping[str, Instrument] | None = None,
    entries: Iterable[CashEntry] = (),
) -> tuple[LegChange, ...]:
    """Changes of `positions` held at the opening by the trades and cash posted since.

    instruments : of fills in what was not held, by name. A fill's fee is in the fill; `entries` are
    funding, settlements and fees of their own; a future's settlement is what the expiry paid on
    what was open by then. What is given twice counts once, by the ids of `portfolio`. Raises
    InvalidInput for a fill or entry of an instrument that nobody names, for an id that came before
    with other content, and for an entry of a premium, which the fill has.
    """
    working = _Working(dict(instruments or {}))
    for position in positions:
        working.hold(position)
    # What closes a part takes its share of the cost of what came before it.
    trades = _each_once(
        fills, "trade_id", lambda one: (one.venue, one.account, one.instrument_name, one.trade_id)
    )
    for fill in sorted(trades, key=lambda fill: fill.event_ns):
        working.trade(fill)
    for entry in _each_once(
        entries, "entry_id", lambda one: (one.holding.venue, one.holding.account, one.entry_id)
    ):
        working.post(entry)
    return working.changes()


def changes_between(
    opening: PortfolioSnapshot, closing: PortfolioSnapshot
) -> tuple[LegChange, ...]:
    """Changes of every holding of `closing`, which `opening` has grown into."""
    before = {one.key: one for one in opening.holdings}
    return tuple(
        _between(
            before.get(after.key) or Holding(key=after.key, instrument=after.instrument),
            after,
            opening.cash_of.get(after.key, {}),
            closing.cash_of.get(after.key, {}),
        )
        for after in closing.holdings
    )


def _between(
    before: Holding,
    after: Holding,
    cash_before: Mapping[tuple[str, CashKind], CashSum],
    cash_after: Mapping[tuple[str, CashKind], CashSum],
) -> LegChange:
    currency = after.instrument.settlement_currency

    def came(kind: CashKind, name: str = currency) -> Decimal:
        sums = [cash.get((name, kind), CashSum()).amount for cash in (cash_after, cash_before)]
        return EXACT.subtract(*sums)

    earned = EXACT.subtract(
        EXACT.subtract(after.realised, after.cost), EXACT.subtract(before.realised, before.cost)
    )
    # A future's closed profit is posted as a settlement too: only an option's is an expiry's.
    settled = ZERO if after.instrument.is_future else came(CashKind.SETTLEMENT)
    others = {name for name, kind in cash_after if kind is CashKind.FEE and name != currency}
    return LegChange(
        key=after.key,
        instrument=after.instrument,
        quantity_before=before.quantity,
        quantity_after=after.quantity,
        traded=EXACT.subtract(earned, settled),
        settled=settled,
        fees=came(CashKind.FEE),
        funding=came(CashKind.FUNDING),
        other_fees={name: fee for name in sorted(others) if (fee := came(CashKind.FEE, name))},
        cost_before=before.cost,
    )


def _each_once(
    given: Iterable[_Event], field_name: str, key_of_one: Callable[[_Event], tuple[str, ...]]
) -> list[_Event]:
    """`given` without what came before. Raises InvalidInput for an id with another content."""
    known: dict[tuple[str, ...], _Event] = {}
    for one in given:
        key = key_of_one(one)
        if known.setdefault(key, one) != one:
            raise InvalidInput(field_name, key[-1], "came before with another content")
    return list(known.values())


class _Working:
    """Changes while they are collected."""

    def __init__(self, instruments: dict[str, Instrument]) -> None:
        self.instruments = instruments
        self.legs: dict[HoldingKey, dict[str, Decimal]] = {}
        self.others: dict[HoldingKey, dict[str, Decimal]] = {}
        self.costs: dict[HoldingKey, Decimal | None] = {}
        self.open: dict[HoldingKey, Holding] = {}

    def hold(self, position: Position) -> None:
        instrument, key = position.instrument, key_of(position)
        self.instruments[instrument.name] = instrument
        self.add(key, "before", position.quantity)
        self.add(key, "after", position.quantity)
        price = position.average_price
        cost = None if not price else worth(instrument, position.quantity, price)
        known = self.costs.get(key, ZERO)
        self.costs[key] = None if known is None or cost is None else EXACT.add(known, cost)
        self.open[key] = Holding(
            key=key,
            instrument=instrument,
            quantity=self.legs[key]["before"],
            cost=self.costs[key] or ZERO,
        )

    def trade(self, fill: Fill) -> None:
        instrument = self.named(fill.instrument_name, f"of trade {fill.trade_id}")
        key = self.holding(fill.venue, fill.account, fill.instrument_name)
        self.add(key, "after", fill.signed_amount)
        self.add(key, "traded", worth(instrument, fill.signed_amount, fill.price).copy_negate())
        before = self.open.get(key) or Holding(key=key, instrument=instrument)
        self.open[key] = traded(before, fill.signed_amount, fill.price, None)
        self.fee(key, instrument, fill.fee_currency, fill.fee.copy_negate())

    def post(self, entry: CashEntry) -> None:
        if entry.kind is CashKind.TRANSFER:
            return
        key = entry.holding
        instrument = self.named(key.instrument_name, f"of entry {entry.entry_id}")
        if entry.kind is CashKind.FEE:
            self.fee(key, instrument, entry.currency, entry.amount)
            return
        kinds = (CashKind.FUNDING, CashKind.SETTLEMENT)
        if entry.kind not in kinds or entry.currency != instrument.settlement_currency:
            rule = f"of entry {entry.entry_id} must be funding or a settlement in " + (
                f"{instrument.settlement_currency}, or a fee"
            )
            raise InvalidInput("kind", f"{entry.kind.value} in {entry.currency}", rule)
        if entry.kind is CashKind.SETTLEMENT:
            self.deliver(key, instrument, entry)
        else:
            self.add(key, "funding", entry.amount)

    def deliver(self, key: HoldingKey, instrument: Instrument, entry: CashEntry) -> None:
        """An expiry; a future's pays what it earned, with the cost of what was open its worth."""
        if instrument.expiry_ns is None or entry.event_ns < instrument.expiry_ns:
            rule = f"of entry {entry.entry_id} must be of an expiry: what trades realise is in them"
            raise InvalidInput("kind", entry.kind.value, rule)
        amount = entry.amount
        if instrument.is_future:
            if self.costs.get(key, ZERO) is None:
                raise InvalidInput("average_price", None, f"of {instrument.name} is needed")
            left = self.open.pop(key, None)
            amount = amount if left is None else EXACT.add(amount, left.cost)
        self.add(key, "settled", amount)
        self.legs[key]["after"] = ZERO

    def fee(self, key: HoldingKey, instrument: Instrument, currency: str, amount: Decimal) -> None:
        if currency == instrument.settlement_currency:
            self.add(key, "fees", amount)
            return
        self.add(key, "fees", ZERO)
        found = self.others.setdefault(key, {})
        found[currency] = EXACT.add(found.get(currency, ZERO), amount)

    def named(self, name: str, what: str) -> Instrument:
        instrument = self.instruments.get(name)
        if instrument is None:
            raise InvalidInput(
                "instrument_name", name, f"{what} is not among the instruments given"
            )
        return instrument

    def holding(self, venue: str, account: str, name: str) -> HoldingKey:
        """The holding a fill goes to: the one there is, under its tags, else one without any."""
        for key in self.legs:
            if key[:3] == (venue, account, name):
                return key
        return HoldingKey(venue, account, name)

    def add(self, key: HoldingKey, what: str, amount: Decimal) -> None:
        leg = self.legs.setdefault(key, {})
        leg[what] = EXACT.add(leg.get(what, ZERO), amount)

    def changes(self) -> tuple[LegChange, ...]:
        return tuple(
            LegChange(
                key=key,
                instrument=self.instruments[key.instrument_name],
                quantity_before=leg.get("before", ZERO),
                quantity_after=leg.get("after", ZERO),
                traded=leg.get("traded", ZERO),
                settled=leg.get("settled", ZERO),
                fees=leg.get("fees", ZERO),
                funding=leg.get("funding", ZERO),
                other_fees=self.others.get(key, {}),
                cost_before=self.costs.get(key),
            )
            for key, leg in self.legs.items()
        )
