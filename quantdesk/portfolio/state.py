"""The portfolio: book and ledger behind one door, so that positions and cash never disagree.

Each transition changes both before anyone can look, and `snapshot` is what everyone looks at: a leg
that an expiry took out is gone in the same value in which its cash is there.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.book import Adjustment, PositionBook, TagReader, no_tags
from quantdesk.portfolio.holding import Holding, times, usd_rate
from quantdesk.portfolio.ledger import CashBalance, CashEntry, CashKind, CashSum, HoldingKey, Ledger
from quantdesk.portfolio.settlement import (
    Delivery,
    DeliveryFee,
    SettlementPrices,
    Waiting,
    deliveries,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class PortfolioSnapshot:
    """Positions and cash of one moment.

    seq : counts changes from 0
    positions : what is open, sorted
    holdings : open and flat, sorted: profit of what is closed is there
    cash_of : sums of each holding's entries by (currency, kind)
    waiting : open beyond their expiry for want of a settlement price; they are in `positions`
    """

    seq: int
    positions: tuple[Position, ...]
    holdings: tuple[Holding, ...]
    balances: tuple[CashBalance, ...]
    cash_of: Mapping[HoldingKey, Mapping[tuple[str, CashKind], CashSum]]
    waiting: tuple[Waiting, ...]

    def cash(self, currency: str) -> Decimal:
        """Cash in `currency` over all accounts; 0 where there is none."""
        amounts = (one.cash for one in self.balances if one.currency == currency)
        return sum(amounts, Decimal(0))


class Portfolio:
    """Positions and cash of any number of accounts. One writer; readers take snapshots.

    tags_of : which strategy and structure a fill belongs to
    """

    def __init__(self, tags_of: TagReader = no_tags) -> None:
        self.book = PositionBook(tags_of)
        self.ledger = Ledger()
        self._waiting: tuple[Waiting, ...] = ()
        self._deliveries: dict[HoldingKey, int] = {}
        self._seq = 0
        self._frozen: PortfolioSnapshot | None = None

    def apply(self, fill: Fill, instrument: Instrument) -> bool:
        """Take in a fill: position, premium or closed profit, fee. False where it was known.

        Raises InvalidInput as `PositionBook.apply` does; nothing is changed then.
        """
        traded = self.book.apply(fill, instrument)
        if traded is None:
            return False
        self.ledger.post_all(traded.entries)
        self._changed()
        return True

    def apply_all(self, fills: Iterable[Fill], instruments: Mapping[str, Instrument]) -> int:
        """Take in `fills` in order, by instrument name; returns how many were new.

        Raises InvalidInput for a name that is not in `instruments`.
        """
        count = 0
        for fill in fills:
            instrument = instruments.get(fill.instrument_name)
            if instrument is None:
                rule = f"of trade {fill.trade_id} is not among the instruments handed in"
                raise InvalidInput("instrument_name", fill.instrument_name, rule)
            count += self.apply(fill, instrument)
        return count

    def adjust(self, adjustment: Adjustment, instrument: Instrument) -> bool:
        """Take in a recorded adjustment; it moves no cash. False where it was known."""
        if self.book.adjust(adjustment, instrument) is None:
            return False
        self._changed()
        return True

    def post(self, entry: CashEntry) -> bool:
        """Post cash that is of no trade: funding, a transfer, a fee of its own. False where known.

        Raises InvalidInput for a premium or settlement: those come with what they are of.
        """
        if entry.kind in (CashKind.PREMIUM, CashKind.SETTLEMENT):
            rule = f"of entry {entry.entry_id} must be funding, fee or transfer"
            raise InvalidInput("kind", entry.kind.value, rule)
        if not self.ledger.post(entry):
            return False
        self._changed()
        return True

    def settle(
        self, prices: SettlementPrices, fee_of: DeliveryFee, *, now_ns: int
    ) -> tuple[Delivery, ...]:
        """Settle everything that expired by `now_ns` and whose price was captured.

        Leg and cash change together; what has no price yet stays open and is in `waiting`.
        """
        settled, waiting = deliveries(self.book.holdings(), prices, fee_of, now_ns=now_ns)
        for delivery in settled:
            self._deliver(delivery)
        if settled or waiting != self._waiting:
            self._waiting = waiting
            self._changed()
        return settled

    def _deliver(self, delivery: Delivery) -> None:
        holding, price = delivery.holding, delivery.price
        instrument, key = holding.instrument, holding.key
        rate = usd_rate(instrument, price.price)
        self.book.close_out(key, delivery.proceeds, rate)
        # A fill that comes late reopens an expired leg: its delivery is another one.
        turn = self._deliveries[key] = self._deliveries.get(key, 0) + 1
        name = f"{(*key[2:], price.expiry_ns, turn)!r}"
        for kind, amount in (
            (CashKind.SETTLEMENT, delivery.proceeds),
            (CashKind.FEE, delivery.fee.copy_negate()),
        ):
            if amount:
                self.ledger.post(
                    CashEntry(
                        entry_id=f"delivery-{kind.value}:{name}",
                        holding=key,
                        currency=instrument.settlement_currency,
                        kind=kind,
                        amount=amount,
                        event_ns=price.expiry_ns,
                        amount_usd=times(amount, rate),
                        note=f"{price.source} {price.price:f}",
                    )
                )

    def snapshot(self) -> PortfolioSnapshot:
        """The portfolio now; unchanged: the same value."""
        if self._frozen is None:
            self._frozen = PortfolioSnapshot(
                seq=self._seq,
                positions=self.book.positions(),
                holdings=self.book.holdings(),
                balances=self.ledger.balances(),
                cash_of={key: self.ledger.of_holding(key) for key in self.ledger.holdings()},
                waiting=self._waiting,
            )
        return self._frozen

    def _changed(self) -> None:
        self._seq += 1
        self._frozen = None


def opening_book(positions: Iterable[Position], *, event_ns: int) -> Portfolio:
    """A portfolio that holds `positions` from the start: each is an opening adjustment at its
    average price. Raises InvalidInput for one without an average price: its cost is unknown.
    """
    portfolio = Portfolio()
    for number, position in enumerate(positions, start=1):
        instrument = position.instrument
        portfolio.adjust(
            Adjustment(
                adjustment_id=f"opening:{number}",
                venue=instrument.venue,
                account=position.account,
                instrument_name=instrument.name,
                quantity=position.quantity,
                price=position.average_price,
                event_ns=event_ns,
                reason="opening position",
                strategy=position.strategy,
                structure=position.structure,
            ),
            instrument,
        )
    return portfolio
