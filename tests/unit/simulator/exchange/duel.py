"""The real exchange and the naive one, given the same commands and compared after each."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, Side, TickScheme
from quantdesk.domain.order import (
    OrderAccepted,
    OrderCancelled,
    OrderEdited,
    OrderExpired,
    OrderFilled,
    OrderState,
    OrderType,
    TimeInForce,
    advance,
)
from quantdesk.simulator.exchange.events import (
    BookChanged,
    ExchangeEvent,
    FillMade,
    OrderCause,
    OrderChanged,
)
from quantdesk.simulator.exchange.orders import OrderEdit, OrderRequest, PostOnly, SelfTrade
from quantdesk.simulator.exchange.refusals import Refusal
from quantdesk.simulator.exchange.trading import OrderResult
from tests.unit.simulator.exchange.naive import (
    FEE_PER_STEP,
    STEP,
    TICK,
    NaiveExchange,
    NaiveOrder,
)
from tests.unit.simulator.exchange.venue import CALL, NoFees, Venue, option

ACCOUNTS = ("ann", "bob", "cat")
OPENING = Decimal(1_000_000)


class FlatFees(NoFees):
    """So much a lot, whoever makes or takes."""

    def trade_fee(
        self,
        instrument: Instrument,
        *,
        amount: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        index_price: Decimal,
    ) -> Decimal:
        return FEE_PER_STEP * amount / STEP


@dataclass(frozen=True, kw_only=True)
class Command:
    """A new order, in the terms that both exchanges take."""

    account: str
    is_buy: bool
    lots: int
    price: int | None
    tif: str = "gtc"
    post_only: PostOnly = PostOnly.NO
    is_reduce_only: bool = False
    mode: SelfTrade = SelfTrade.CANCEL_MAKER

    @property
    def is_sound(self) -> bool:
        """Flags that go together: others are refused, which is tested by table."""
        rests = self.tif == "gtc" and self.price is not None
        return self.post_only is PostOnly.NO or rests


_TIF = {"gtc": TimeInForce.GTC, "ioc": TimeInForce.IOC, "fok": TimeInForce.FOK}


class Duel:
    """Both exchanges, and what the real one told, replayed into order lives and a book."""

    def __init__(self) -> None:
        self.venue = Venue(
            replace(option(), ticks=TickScheme(tick=TICK)), fees=FlatFees(), accounts=()
        )
        self.exchange = self.venue.exchange
        for account in ACCOUNTS:
            self.exchange.open_account(account, deposits={"BTC": OPENING})
        self.naive = NaiveExchange()
        self.pairs: dict[int, NaiveOrder] = {}
        self.lives: dict[int, OrderState] = {}
        self.told_levels: dict[tuple[Side, Decimal], Decimal] = {}
        self.sizes = dict.fromkeys(ACCOUNTS, Decimal(0))

    @property
    def live_ids(self) -> list[int]:
        """Ids of the orders that the naive exchange has open."""
        return [one for one, naive in self.pairs.items() if naive.is_open]

    def submit(self, command: Command) -> None:
        """Send the order to both."""
        request = OrderRequest(
            instrument_name=CALL,
            side=Side.BUY if command.is_buy else Side.SELL,
            amount=STEP * command.lots,
            price=None if command.price is None else TICK * command.price,
            order_type=OrderType.MARKET if command.price is None else OrderType.LIMIT,
            time_in_force=_TIF[command.tif],
            post_only=command.post_only,
            is_reduce_only=command.is_reduce_only,
            self_trade=command.mode,
        )
        real = self.exchange.submit(command.account, request)
        naive = self.naive.submit(
            command.account,
            is_buy=command.is_buy,
            lots=command.lots,
            price=command.price,
            tif=command.tif,
            post_only=command.post_only,
            is_reduce_only=command.is_reduce_only,
            mode=command.mode,
        )
        assert isinstance(real, Refusal) == (naive is None), (command, real)
        if isinstance(real, OrderResult) and naive is not None:
            self.pairs[real.order.order_id] = naive
        self.check()

    def edit(self, order_id: int, *, lots: int, price: int, post_only: PostOnly) -> None:
        """Edit an open order of both; `lots` is the new total."""
        naive = self.pairs[order_id]
        change = OrderEdit(amount=STEP * lots, price=TICK * price, post_only=post_only)
        real = self.exchange.edit(naive.account, order_id, change)
        is_done = self.naive.edit(naive, lots=lots, price=price, post_only=post_only)
        assert isinstance(real, OrderResult) == is_done, real
        self.check()

    def cancel(self, order_id: int) -> None:
        """Cancel an open order of both."""
        naive = self.pairs[order_id]
        assert not isinstance(self.exchange.cancel(naive.account, order_id), Refusal)
        self.naive.cancel(naive)
        self.check()

    def check(self) -> None:
        """Everything that must hold after each command."""
        self._replay(self.venue.told)
        self.venue.told.clear()
        self._compare_books()
        for account in ACCOUNTS:
            held = STEP * self.naive.position(account)
            assert self.venue.size(account) == held == self.sizes[account]
            cash = OPENING + self.naive.cash.get(account, Decimal(0))
            assert self.venue.cash(account) == cash
        assert self.exchange.ledger.total("BTC") == 0
        self.pairs = {one: naive for one, naive in self.pairs.items() if naive.is_open}
        self.lives = {one: life for one, life in self.lives.items() if one in self.pairs}

    def _compare_books(self) -> None:
        listing = self.exchange.listings[CALL]
        for side, is_buy in ((Side.BUY, True), (Side.SELL, False)):
            wanted = [(o.account, o.price, o.left) for o in self.naive.open_orders(is_buy=is_buy)]
            queue = listing.book.side(side).orders()
            assert [(o.account.account_id, o.units, o.lots_left) for o in queue] == wanted
            levels = self.naive.levels(is_buy=is_buy)
            assert listing.book.side(side).levels() == levels
            told = {price: amount for (at, price), amount in self.told_levels.items() if at is side}
            assert told == {TICK * price: STEP * lots for price, lots in levels}
        bids, asks = listing.book.bids.best_units(), listing.book.asks.best_units()
        assert bids is None or asks is None or bids < asks

    def _replay(self, told: list[ExchangeEvent]) -> None:
        """What a client knows from the events alone: order lives, sizes and the book."""
        for event in told:
            if isinstance(event, BookChanged):
                for level in event.levels:
                    self.told_levels[level.side, level.price] = level.amount
                    if not level.amount:
                        del self.told_levels[level.side, level.price]
            elif isinstance(event, FillMade):
                fill = event.fill
                self.sizes[fill.account] += fill.signed_amount
                one = int(fill.order_id)
                filled = OrderFilled(trade_id=fill.trade_id, amount=fill.amount, price=fill.price)
                self.lives[one] = advance(self.lives[one], filled)
            elif isinstance(event, OrderChanged):
                self._replay_order(event)

    def _replay_order(self, event: OrderChanged) -> None:
        order = event.order
        life = self.lives.get(order.order_id, OrderState(amount=order.amount, price=order.price))
        if event.cause is OrderCause.ACCEPTED:
            life = advance(life, OrderAccepted(venue_order_id=str(order.order_id)))
        elif event.cause in (OrderCause.EDITED, OrderCause.SHRUNK):
            life = advance(life, OrderEdited(amount=order.amount, price=order.price))
        elif event.cause is OrderCause.CANCELLED:
            assert order.end_reason is not None
            life = advance(life, OrderCancelled(reason=order.end_reason.value))
        elif event.cause is OrderCause.EXPIRED:
            life = advance(life, OrderExpired(reason="expired"))
        self.lives[order.order_id] = life
        assert not life.anomalies, (event, life)
        assert order.filled_amount <= order.amount
        assert life.amount == order.amount
        if event.cause is not OrderCause.FILLED:
            assert life.status is order.status, (event, life)
            assert life.filled_amount == order.filled_amount
