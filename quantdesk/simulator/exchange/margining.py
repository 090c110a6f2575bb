"""Whether an account can carry an order: what it holds and bids, put to the venue's margin law."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Side
from quantdesk.domain.margin import (
    MarginAccount,
    MarginOrder,
    MarginPrices,
    MarginRequirement,
)
from quantdesk.domain.ports import MarginModel
from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.ledger import Ledger
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.orders import LiveOrder, OrderRequest
from quantdesk.simulator.exchange.refusals import Refusal, RefusalReason
from quantdesk.simulator.exchange.rules import FeeModel, Margins, MarketView

ZERO = Decimal(0)
_CANDIDATE = "candidate"
_At = tuple[str, str]
"""Account id and instrument name."""


@dataclass(frozen=True, slots=True)
class Candidate:
    """An order that is not in the book yet, with its fee if it trades at once."""

    listing: Listing
    order: MarginOrder


class Margining:
    """Margins of accounts, now and with one order more."""

    def __init__(
        self, *, model: MarginModel, fees: FeeModel, market: MarketView, ledger: Ledger
    ) -> None:
        self._model = model
        self._fees = fees
        self._market = market
        self._ledger = ledger
        # At most one of each for an account and an instrument that it met.
        self._kept_legs: dict[_At, tuple[Decimal, MarginPrices, MarginRequirement]] = {}
        self._kept_reserves: dict[_At, tuple[object, Decimal]] = {}

    def candidate(
        self, listing: Listing, side: Side, units: int, lots: int, *, is_reduce_only: bool
    ) -> Candidate:
        """An order as margin sees it: at its limit, with the fee of taking."""
        amount = listing.grid.from_lots(lots)
        order = MarginOrder(
            order_id=_CANDIDATE,
            instrument=listing.instrument,
            quantity=amount if side is Side.BUY else -amount,
            price=listing.grid.from_units(units),
            fee=self._fee(listing, units, lots),
            is_reduce_only=is_reduce_only,
        )
        return Candidate(listing, order)

    def margins(
        self,
        account: Account,
        currency: str,
        *,
        adding: Candidate | None = None,
        without: LiveOrder | None = None,
    ) -> Margins:
        """Margins of one settlement currency, as if `adding` rested and `without` did not.

        Raises PricingError where the venue's law has no rule for what is held or bid.
        """
        listings = self._listings(account, currency, adding)
        legs = [self._position(account, listing) for listing in listings]
        positions_initial = sum((leg.initial for leg in legs), ZERO)
        profit = sum((self._session_pnl(account, one) for one in listings), ZERO)
        balance = self._model.margin_balance(
            cash=self._ledger.balance(account.account_id, currency), futures_profit=profit
        )
        whole = MarginAccount(margin_balance=balance, positions_initial=positions_initial)
        open_orders = ZERO
        for listing in listings:
            resting = account.open_in(listing.instrument.name).values()
            orders = [order for order in resting if order is not without]
            if adding is not None and adding.listing is listing:
                open_orders += self._reserve(account, listing, orders, whole, adding.order)
            elif orders:
                open_orders += self._kept_reserve(account, listing, orders, whole)
        return Margins(
            margin_balance=balance,
            initial=positions_initial + open_orders,
            maintenance=sum((leg.maintenance for leg in legs), ZERO),
            open_orders=open_orders,
        )

    def margins_with(
        self, account: Account, listing: Listing, request: OrderRequest
    ) -> Margins | Refusal:
        """Margins as if a limit order rested. Refused off the price or amount grid."""
        units = listing.grid.to_units(request.price) if request.price is not None else None
        if units is None:
            return Refusal(reason=RefusalReason.PRICE_OFF_TICK, field="price")
        lots = listing.grid.to_lots(request.amount)
        if lots is None:
            return Refusal(reason=RefusalReason.AMOUNT_OFF_STEP, field="amount")
        candidate = self.candidate(
            listing, request.side, units, lots, is_reduce_only=request.is_reduce_only
        )
        return self.margins(account, listing.instrument.settlement_currency, adding=candidate)

    def shortfall(
        self, account: Account, adding: Candidate, without: LiveOrder | None
    ) -> Decimal | None:
        """None where the account can carry the order, else the funds available without it.

        An account already short may send what reserves nothing but its fee: that reduces. Raises
        PricingError.
        """
        currency = adding.listing.instrument.settlement_currency
        after = self.margins(account, currency, adding=adding, without=without)
        if after.available >= 0:
            return None
        before = self.margins(account, currency)
        fee = adding.order.fee or ZERO
        return None if after.available + fee >= before.available else before.available

    def _listings(self, account: Account, currency: str, adding: Candidate | None) -> list[Listing]:
        """Instruments that count, each once, in the order in which the account met them."""
        listings = []
        for one in account.listings:
            position = one.holders.get(account.account_id)
            is_held = position is not None and not position.is_idle
            if one.instrument.settlement_currency == currency and (
                is_held or account.open_in(one.instrument.name)
            ):
                listings.append(one)
        if adding is not None and adding.listing not in listings:
            listings.append(adding.listing)
        return listings

    def _position(self, account: Account, listing: Listing) -> MarginRequirement:
        """Margin of a position; asked of the model again only where something it reads changed."""
        size, prices = listing.size_of(account.account_id), self._prices(listing)
        at = (account.account_id, listing.instrument.name)
        kept = self._kept_legs.get(at)
        if kept is None or kept[0] != size or kept[1] != prices:
            leg = self._model.position_margin(listing.instrument, size, prices)
            kept = self._kept_legs[at] = (size, prices, leg)
        return kept[2]

    def _kept_reserve(
        self, account: Account, listing: Listing, orders: list[LiveOrder], whole: MarginAccount
    ) -> Decimal:
        """Reserve of resting orders; asked of the model again only where something changed."""
        read = (
            listing.size_of(account.account_id),
            self._prices(listing),
            whole,
            tuple((one.order_id, one.units, one.lots_left, one.is_reduce_only) for one in orders),
        )
        at = (account.account_id, listing.instrument.name)
        kept = self._kept_reserves.get(at)
        if kept is None or kept[0] != read:
            initial = self._reserve(account, listing, orders, whole, None)
            kept = self._kept_reserves[at] = (read, initial)
        return kept[1]

    def _reserve(
        self,
        account: Account,
        listing: Listing,
        orders: list[LiveOrder],
        whole: MarginAccount,
        adding: MarginOrder | None,
    ) -> Decimal:
        asked = [self._resting(order) for order in orders]
        if adding is not None:
            asked.append(adding)
        reserves = self._model.order_margins(
            listing.instrument,
            asked,
            held=listing.size_of(account.account_id),
            prices=self._prices(listing),
            account=whole,
        )
        return sum((one.initial for one in reserves), ZERO)

    def _session_pnl(self, account: Account, listing: Listing) -> Decimal:
        position = listing.holders.get(account.account_id)
        if position is None or listing.law.is_option or position.is_idle:
            return ZERO
        return position.session_pnl(self._market.mark_price(listing.instrument.name))

    def _prices(self, listing: Listing) -> MarginPrices:
        name = listing.instrument.name
        return MarginPrices(
            mark=self._market.mark_price(name), underlying=self._market.underlying_price(name)
        )

    def _resting(self, order: LiveOrder) -> MarginOrder:
        if order.fee_reserved is None or order.fee_reserved[0] != order.lots_left:
            fee = self._fee(order.listing, order.units, order.lots_left)
            order.fee_reserved = (order.lots_left, fee)
        grid = order.listing.grid
        amount = grid.from_lots(order.lots_left)
        return MarginOrder(
            order_id=str(order.order_id),
            instrument=order.listing.instrument,
            quantity=amount if order.side is Side.BUY else -amount,
            price=grid.from_units(order.units),
            fee=order.fee_reserved[1],
            is_reduce_only=order.is_reduce_only,
        )

    def _fee(self, listing: Listing, units: int, lots: int) -> Decimal:
        """Fee of taking; a rebate is not counted on."""
        fee = self._fees.trade_fee(
            listing.instrument,
            amount=listing.grid.from_lots(lots),
            price=listing.grid.from_units(units),
            liquidity=Liquidity.TAKER,
            index_price=self._market.index_price(listing.instrument.index_name),
        )
        return max(fee, ZERO)
