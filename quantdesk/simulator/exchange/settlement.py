"""What time does to positions: funding of perpetuals, settlement of futures, expiry of options.

Every movement is computed for each holder, rounded to whole cash, and posted; what the rounding
leaves over goes to the clearing account, so that cash is conserved to the last digit.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.clearing import Tell
from quantdesk.simulator.exchange.events import CashChanged, ListingChanged, PositionChanged
from quantdesk.simulator.exchange.ledger import (
    OWN_ACCOUNTS,
    EntryKind,
    Ledger,
    Occasion,
    Posting,
)
from quantdesk.simulator.exchange.listing import Listing, ListingState
from quantdesk.simulator.exchange.rules import FeeModel, VenueRules

ZERO = Decimal(0)


class Settlement:
    """Moves the cash that no trade moves."""

    def __init__(
        self,
        *,
        rules: VenueRules,
        ledger: Ledger,
        fees: FeeModel,
        accounts: dict[str, Account],
        tell: Tell,
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._fees = fees
        self._accounts = accounts
        self._tell = tell

    def fund(self, listing: Listing, *, mark: Decimal, rate: Decimal, at_ns: int) -> None:
        """Longs of a perpetual pay shorts `rate` of their position's value at `mark`."""
        postings = []
        for account_id, position in listing.holders.items():
            cash = self._whole(listing, -rate * listing.law.notional(position.size, mark))
            if cash:
                position.fund(cash)
                postings.append(self._posting(listing, account_id, position.size, cash))
        self._post(listing, EntryKind.FUNDING, mark, at_ns, postings)

    def settle_session(self, listing: Listing, *, price: Decimal, at_ns: int) -> None:
        """A future's profit since the last settlement becomes cash; positions stay."""
        postings = []
        for account_id, position in listing.holders.items():
            # Of what is flat by now too: it may be opened again.
            position.session_funding = ZERO
            if not position.is_idle:
                cash = self._whole(listing, position.settle_session(price))
                postings.append(self._posting(listing, account_id, position.size, cash))
        self._post(listing, EntryKind.SETTLEMENT, price, at_ns, postings)

    def deliver(self, listing: Listing, *, delivery_price: Decimal, at_ns: int) -> None:
        """End an instrument: positions become cash at the delivery price, less delivery fees.

        The book must be empty. Options pay their payoff; futures their last session's profit.
        """
        law = listing.law
        postings = []
        for account_id, position in listing.holders.items():
            if position.is_idle:
                continue
            size = position.size
            if law.is_option:
                cash = self._whole(listing, law.payoff(size, delivery_price))
                position.close(cash)
            else:
                cash = self._whole(listing, position.settle_session(delivery_price))
                position.close(law.value(size, delivery_price))
            fee = ZERO
            if size and account_id not in OWN_ACCOUNTS:
                fee = self._whole(
                    listing,
                    self._fees.delivery_fee(
                        listing.instrument, size=size, delivery_price=delivery_price
                    ),
                )
            postings.append(Posting(account_id=account_id, cash=cash, commission=fee, amount=-size))
        listing.state = ListingState.DELIVERED
        listing.delivery_price = delivery_price
        self._tell(
            ListingChanged(
                instrument_name=listing.instrument.name,
                event_ns=at_ns,
                state=listing.state,
                delivery_price=delivery_price,
            )
        )
        for posting in postings:
            if posting.account_id not in OWN_ACCOUNTS:
                self._tell(
                    PositionChanged(
                        account_id=posting.account_id,
                        instrument_name=listing.instrument.name,
                        size=ZERO,
                    )
                )
        self._post(listing, EntryKind.DELIVERY, delivery_price, at_ns, postings)
        for account_id in listing.holders:
            self._accounts[account_id].drop_holding(listing)
        listing.holders.clear()

    def _whole(self, listing: Listing, money: Decimal) -> Decimal:
        """`money` in whole cash, half to even."""
        return money.quantize(self._rules.cash_quantum(listing.instrument.settlement_currency))

    @staticmethod
    def _posting(listing: Listing, account_id: str, size: Decimal, cash: Decimal) -> Posting:
        return Posting(account_id=account_id, cash=cash, amount=size, position=size)

    def _post(
        self,
        listing: Listing,
        kind: EntryKind,
        price: Decimal,
        at_ns: int,
        postings: list[Posting],
    ) -> None:
        """Post and tell; rounding leaves over less than a quantum for each holder."""
        if not postings:
            return
        instrument = listing.instrument
        currency = instrument.settlement_currency
        occasion = Occasion(
            event_ns=at_ns,
            kind=kind,
            currency=currency,
            instrument_name=instrument.name,
            price=price,
        )
        quantum = self._rules.cash_quantum(currency)
        self._ledger.post(occasion, postings, residue_max=quantum * len(listing.holders))
        for posting in postings:
            if posting.account_id not in OWN_ACCOUNTS:
                balance = self._ledger.balance(posting.account_id, currency)
                self._tell(
                    CashChanged(account_id=posting.account_id, currency=currency, balance=balance)
                )
