"""Positions: the sum of signed fills and recorded adjustments, each counted once. Exact.

What a trade does to one holding is in `portfolio.holding`. Knows no mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import NamedTuple

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.contract_values import EXACT, worth
from quantdesk.portfolio.holding import Holding, closed_out, minus, plus, times, traded, usd_rate
from quantdesk.portfolio.ledger import CashEntry, CashKind, HoldingKey

ZERO = Decimal(0)


class Tags(NamedTuple):
    """What a fill belongs to, as a trader speaks of it; "" for nothing."""

    strategy: str = ""
    structure: str = ""


TagReader = Callable[[Fill], Tags]


def no_tags(fill: Fill) -> Tags:
    """No tags, whatever `fill` says."""
    del fill
    return Tags()


def tags_of_label(fill: Fill) -> Tags:
    """The order's label as "strategy" or "strategy/structure"."""
    strategy, _, structure = fill.label.partition("/")
    return Tags(strategy=strategy, structure=structure)


@dataclass(frozen=True, slots=True, kw_only=True)
class Adjustment:
    """A recorded change of a position that was no trade here: an opening balance, a transfer, a
    correction after a reconciliation. It moves no cash.

    quantity : signed change
    price : at which it came or went, quote currency; None closes at the average price
    index_price : USD per coin at that moment, of an inverse contract; None: USD profit is unknown
    """

    adjustment_id: str
    venue: str
    account: str
    instrument_name: str
    quantity: Decimal
    price: Decimal | None
    event_ns: int
    reason: str
    strategy: str = ""
    structure: str = ""
    index_price: Decimal | None = None

    def __post_init__(self) -> None:
        of = f"of adjustment {self.adjustment_id}"
        if not self.adjustment_id:
            raise InvalidInput("adjustment_id", self.adjustment_id, "must not be empty")
        if not self.reason:
            raise InvalidInput("reason", self.reason, f"{of} must say why")
        if not (self.quantity.is_finite() and self.quantity):
            raise InvalidInput("quantity", self.quantity, f"{of} must be a number, not 0")
        if self.price is not None and not (self.price.is_finite() and self.price >= 0):
            raise InvalidInput("price", self.price, f"{of} must be a number from 0 up")


@dataclass(frozen=True, slots=True, kw_only=True)
class Traded:
    """What a trade, adjustment or expiry made of a holding, and the cash that goes with it."""

    holding: Holding
    realised: Decimal
    entries: tuple[CashEntry, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class _Seen:
    """What told one trade from another with its id: the same again is no news."""

    side: Side
    price: Decimal
    amount: Decimal


class PositionBook:
    """Holdings of any number of accounts. `apply` is its only way to change but `adjust` and
    `close_out`; any chunking of the same fills makes the same book.

    tags_of : which strategy and structure a fill belongs to
    """

    def __init__(self, tags_of: TagReader = no_tags) -> None:
        self._tags_of = tags_of
        self._holdings: dict[HoldingKey, Holding] = {}
        self._fills: dict[tuple[str, str, str, str], _Seen] = {}
        self._adjustments: dict[tuple[str, str, str], Adjustment] = {}

    def apply(self, fill: Fill, instrument: Instrument) -> Traded | None:
        """Take in one fill; None where its trade was counted before.

        A trade counts once for (venue, account, instrument, trade id): Binance counts its trades by
        instrument. `entries` are the cash it moved: premium, or what a future's closed part earned,
        and the fee. Raises InvalidInput where `instrument` is another's, or the trade came before
        with another side, price or amount.
        """
        _require_same(fill.venue, fill.instrument_name, instrument)
        trade = (fill.venue, fill.account, fill.instrument_name, fill.trade_id)
        seen = _Seen(side=fill.side, price=fill.price, amount=fill.amount)
        known = self._fills.get(trade)
        if known is not None:
            if known != seen:
                rule = f"of {fill.instrument_name} came before as {known.side.value} "
                rule += f"{known.amount:f} at {known.price:f}"
                raise InvalidInput("trade_id", fill.trade_id, rule)
            return None
        tags = self._tags_of(fill)
        key = HoldingKey(fill.venue, fill.account, fill.instrument_name, *tags)
        before = self._holdings.get(key) or Holding(key=key, instrument=instrument)
        rate = usd_rate(instrument, fill.index_price)
        after = traded(before, fill.signed_amount, fill.price, rate)
        realised = EXACT.subtract(after.realised, before.realised)
        entries = tuple(_cash_of(fill, after, realised, rate))
        self._fills[trade] = seen
        self._holdings[key] = after
        return Traded(holding=after, realised=realised, entries=entries)

    def adjust(self, adjustment: Adjustment, instrument: Instrument) -> Traded | None:
        """Take in one adjustment; None where it was counted before.

        Raises InvalidInput where it opens without a price, or came before with other content.
        """
        _require_same(adjustment.venue, adjustment.instrument_name, instrument)
        name = (adjustment.venue, adjustment.account, adjustment.adjustment_id)
        known = self._adjustments.get(name)
        if known is not None:
            if known != adjustment:
                rule = f"came before as {known.quantity:f} of {known.instrument_name}"
                raise InvalidInput("adjustment_id", adjustment.adjustment_id, rule)
            return None
        key = HoldingKey(
            adjustment.venue,
            adjustment.account,
            adjustment.instrument_name,
            adjustment.strategy,
            adjustment.structure,
        )
        before = self._holdings.get(key) or Holding(key=key, instrument=instrument)
        price = adjustment.price
        if price is None:
            if adjustment.quantity.copy_abs() > before.quantity.copy_abs() or (
                adjustment.quantity * before.quantity > 0
            ):
                rule = f"of adjustment {adjustment.adjustment_id} is needed: it opens a position"
                raise InvalidInput("price", None, rule)
            price = before.average_price
            assert price is not None, key
        rate = usd_rate(instrument, adjustment.index_price)
        after = traded(before, adjustment.quantity, price, rate)
        if not instrument.is_future:
            brought = worth(instrument, adjustment.quantity, price)
            after = replace(
                after,
                contributed=EXACT.add(after.contributed, brought),
                contributed_usd=plus(after.contributed_usd, times(brought, rate)),
            )
        else:
            # The profit of a future that leaves without a trade leaves with it.
            gained = EXACT.subtract(after.realised, before.realised)
            after = replace(
                after,
                contributed=EXACT.subtract(after.contributed, gained),
                contributed_usd=minus(after.contributed_usd, times(gained, rate)),
            )
        self._adjustments[name] = adjustment
        self._holdings[key] = after
        return Traded(holding=after, realised=EXACT.subtract(after.realised, before.realised))

    def close_out(self, key: HoldingKey, proceeds: Decimal, rate: Decimal | None) -> Holding:
        """Take a holding out for `proceeds` (settlement currency), as an expiry does.

        rate : USD per unit of the settlement currency. Raises InvalidInput where nothing is held.
        """
        before = self._holdings.get(key)
        if before is None or not before.quantity:
            raise InvalidInput("holding", "/".join(key), "is not open")
        after = closed_out(before, proceeds, rate)
        self._holdings[key] = after
        return after

    def holding(self, key: HoldingKey) -> Holding | None:
        """One holding, None where there never was one."""
        return self._holdings.get(key)

    def holdings(self) -> tuple[Holding, ...]:
        """Every holding, flat ones too, sorted by key."""
        return tuple(self._holdings[key] for key in sorted(self._holdings))

    def positions(self) -> tuple[Position, ...]:
        """What is open, sorted by venue, account, instrument and tags."""
        found = (holding.position for holding in self.holdings())
        return tuple(position for position in found if position is not None)


def _require_same(venue: str, name: str, instrument: Instrument) -> None:
    if (instrument.venue, instrument.name) != (venue, name):
        rule = f"must be {venue} {name}"
        raise InvalidInput("instrument", f"{instrument.venue} {instrument.name}", rule)


def _cash_of(
    fill: Fill, after: Holding, realised: Decimal, rate: Decimal | None
) -> list[CashEntry]:
    """Cash that `fill` moved; a fee in another currency has no USD amount of its own."""
    instrument, key = after.instrument, after.key
    trade = f"{fill.instrument_name}:{fill.trade_id}"
    entries = []
    if instrument.is_future:
        kind, amount = CashKind.SETTLEMENT, realised
    else:
        kind, amount = (
            CashKind.PREMIUM,
            worth(instrument, fill.signed_amount, fill.price).copy_negate(),
        )
    if amount:
        entries.append(
            CashEntry(
                entry_id=f"{kind.value}:{trade}",
                holding=key,
                currency=instrument.settlement_currency,
                kind=kind,
                amount=amount,
                event_ns=fill.event_ns,
                amount_usd=times(amount, rate),
            )
        )
    if fill.fee:
        is_same = fill.fee_currency == instrument.settlement_currency
        entries.append(
            CashEntry(
                entry_id=f"{CashKind.FEE.value}:{trade}",
                holding=key,
                currency=fill.fee_currency,
                kind=CashKind.FEE,
                amount=fill.fee.copy_negate(),
                event_ns=fill.event_ns,
                amount_usd=times(fill.fee.copy_negate(), rate) if is_same else None,
            )
        )
    return entries
