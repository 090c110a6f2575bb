"""What a match means in money: fees, cash, positions and fills of both sides, told at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal
from itertools import count

from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus
from quantdesk.simulator.exchange.events import (
    CashChanged,
    ExchangeEvent,
    FillMade,
    PositionChanged,
    Trade,
)
from quantdesk.simulator.exchange.ledger import EntryKind, Ledger, Occasion, Posting
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.orders import LiveOrder
from quantdesk.simulator.exchange.rules import FeeModel, MarketView, VenueRules

Tell = Callable[[ExchangeEvent], None]
"""Receives events. Must not call the exchange back before the command that caused them ends."""

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Match:
    """The facts of one match that both sides share."""

    listing: Listing
    trade_id: int
    price: Decimal
    amount: Decimal
    mark: Decimal
    index: Decimal
    underlying: Decimal
    now_ns: int


class Clearing:
    """Turns matches into cash and positions."""

    def __init__(
        self,
        *,
        rules: VenueRules,
        ledger: Ledger,
        fees: FeeModel,
        market: MarketView,
        tell: Tell,
    ) -> None:
        self._rules = rules
        self._ledger = ledger
        self._fees = fees
        self._market = market
        self._tell = tell
        self._trade_ids = count(rules.trade_id_first)

    def clear(self, taker: LiveOrder, maker: LiveOrder, lots: int, now_ns: int) -> Fill | None:
        """Book a match whose lots are already off both orders; gives the taker's fill.

        None for a taker of the house, which keeps no fills.
        """
        match = self._match(taker, maker, lots, now_ns)
        self._tell_trade(match, taker, maker)
        postings, fills = [], []
        for order, liquidity in ((maker, Liquidity.MAKER), (taker, Liquidity.TAKER)):
            order.count_fill(maker.units, lots)
            order.updated_ns = now_ns
            order.status = OrderStatus.PARTIAL if order.lots_left else OrderStatus.FILLED
            posting, fill = self._book_side(match, order, liquidity)
            postings.append(posting)
            fills.append(fill)
        currency = match.listing.instrument.settlement_currency
        occasion = Occasion(
            event_ns=now_ns,
            kind=EntryKind.TRADE,
            currency=currency,
            instrument_name=match.listing.instrument.name,
            price=match.price,
            trade_id=match.trade_id,
        )
        self._ledger.post(occasion, postings)
        for order, posting, fill in zip((maker, taker), postings, fills, strict=True):
            if fill is not None:
                order.account.fills.append(fill)
                self._tell_side(match, order, posting, fill)
        return fills[1]

    def _match(self, taker: LiveOrder, maker: LiveOrder, lots: int, now_ns: int) -> _Match:
        listing = taker.listing
        name = listing.instrument.name
        match = _Match(
            listing=listing,
            trade_id=next(self._trade_ids),
            price=listing.grid.from_units(maker.units),
            amount=listing.grid.from_lots(lots),
            mark=self._market.mark_price(name),
            index=self._market.index_price(listing.instrument.index_name),
            underlying=self._market.underlying_price(name),
            now_ns=now_ns,
        )
        listing.trade_seq += 1
        listing.last_price = match.price
        listing.traded_amount += match.amount
        return match

    def _book_side(
        self, match: _Match, order: LiveOrder, liquidity: Liquidity
    ) -> tuple[Posting, Fill | None]:
        """One side's position, cash and fill. The exchange's own accounts pay no fee."""
        listing, account = match.listing, order.account
        instrument = listing.instrument
        amount = match.amount if order.side is Side.BUY else -match.amount
        fee = ZERO
        if not account.is_own:
            fee = self._fees.trade_fee(
                instrument,
                amount=match.amount,
                price=match.price,
                liquidity=liquidity,
                index_price=match.index,
            ).quantize(self._rules.cash_quantum(instrument.settlement_currency))
        position = listing.position_of(account.account_id)
        realised = position.trade(amount, match.price)
        position.fees += fee
        account.note_holding(listing)
        order.fee += fee
        order.realised_pnl += realised
        posting = Posting(
            account_id=account.account_id,
            cash=-listing.law.value(amount, match.price) if listing.law.is_option else ZERO,
            commission=fee,
            amount=amount,
            position=position.size,
            order_id=order.order_id,
        )
        if account.is_own:
            return posting, None
        fill = Fill(
            venue=self._rules.venue,
            account=account.account_id,
            instrument_name=instrument.name,
            trade_id=str(match.trade_id),
            order_id=str(order.order_id),
            label=order.label,
            side=order.side,
            price=match.price,
            amount=match.amount,
            fee=fee,
            fee_currency=instrument.settlement_currency,
            liquidity=liquidity,
            event_ns=match.now_ns,
            realised_pnl=realised,
            mark_price=match.mark,
            index_price=match.index,
            underlying_price=match.underlying,
        )
        return posting, fill

    def _tell_trade(self, match: _Match, taker: LiveOrder, maker: LiveOrder) -> None:
        trade = Trade(
            trade_id=match.trade_id,
            trade_seq=match.listing.trade_seq,
            event_ns=match.now_ns,
            instrument_name=match.listing.instrument.name,
            side=taker.side,
            price=match.price,
            amount=match.amount,
            mark_price=match.mark,
            index_price=match.index,
            underlying_price=match.underlying,
            maker_order_id=maker.order_id,
            taker_order_id=taker.order_id,
        )
        match.listing.trades.append(trade)
        self._tell(trade)

    def _tell_side(self, match: _Match, order: LiveOrder, posting: Posting, fill: Fill) -> None:
        account_id = order.account.account_id
        name, currency = match.listing.instrument.name, fill.fee_currency
        self._tell(FillMade(fill=fill))
        self._tell(
            PositionChanged(account_id=account_id, instrument_name=name, size=posting.position)
        )
        balance = self._ledger.balance(account_id, currency)
        self._tell(CashChanged(account_id=account_id, currency=currency, balance=balance))
