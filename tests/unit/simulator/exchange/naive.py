"""A slow, plain exchange to compare the real one with: lists, sorting, and nothing kept twice.

Written from the rules, not from the code: the live orders are one list, matching sorts it anew for
every single trade. One option of the inverse kind, a flat fee a lot, ticks of one size.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal

from quantdesk.simulator.exchange.orders import PostOnly, SelfTrade

TICK = Decimal("0.0001")
STEP = Decimal("0.1")
FEE_PER_STEP = Decimal("0.00003")


@dataclass
class NaiveOrder:
    """One order; `queue` is when it took its place in the book."""

    number: int
    account: str
    is_buy: bool
    price: int
    left: int
    queue: int
    is_reduce_only: bool
    mode: SelfTrade
    filled: int = 0
    is_open: bool = True


@dataclass
class NaiveExchange:
    """The whole exchange."""

    orders: list[NaiveOrder] = field(default_factory=list)
    held: dict[str, int] = field(default_factory=dict)
    cash: dict[str, Decimal] = field(default_factory=dict)
    clock: int = 0
    entered: int = 0

    def submit(
        self,
        account: str,
        *,
        is_buy: bool,
        lots: int,
        price: int | None,
        tif: str,
        post_only: PostOnly,
        is_reduce_only: bool,
        mode: SelfTrade,
    ) -> NaiveOrder | None:
        """The order as entered, None where it is refused. `price` None is a market order."""
        limit = (10**9 if is_buy else 0) if price is None else price
        order = NaiveOrder(self.entered, account, is_buy, limit, lots, 0, is_reduce_only, mode)
        if not self._admit(order, post_only):
            return None
        self.entered += 1
        self.orders = [one for one in self.orders if one.is_open] + [order]
        if tif == "fok" and self._fillable(order) < order.left:
            order.is_open = False
            return order
        self._trade(order)
        if price is None or tif in ("ioc", "fok"):
            order.is_open = False
        self._rest(order)
        return order

    def edit(self, order: NaiveOrder, *, lots: int, price: int, post_only: PostOnly) -> bool:
        """False where refused. `lots` is the new total."""
        if lots <= order.filled:
            return False
        wish = NaiveOrder(
            order.number,
            order.account,
            order.is_buy,
            price,
            lots - order.filled,
            0,
            order.is_reduce_only,
            order.mode,
        )
        if not self._admit(wish, post_only):
            return False
        keeps = wish.price == order.price and wish.left <= order.left
        order.price, order.left = wish.price, wish.left
        if not keeps:
            self._trade(order)
            self._rest(order)
        return True

    def cancel(self, order: NaiveOrder) -> None:
        """Take it out."""
        order.is_open = False

    def position(self, account: str) -> int:
        """Signed lots."""
        return self.held.get(account, 0)

    def open_orders(self, *, is_buy: bool) -> list[NaiveOrder]:
        """Open orders of a side in priority."""
        side = [o for o in self.orders if o.is_open and o.left and o.is_buy is is_buy and o.queue]
        return sorted(side, key=lambda o: (-o.price if is_buy else o.price, o.queue))

    def levels(self, *, is_buy: bool) -> list[tuple[int, int]]:
        """(price, lots) best first."""
        levels: dict[int, int] = {}
        for order in self.open_orders(is_buy=is_buy):
            levels[order.price] = levels.get(order.price, 0) + order.left
        return list(levels.items())

    def _admit(self, order: NaiveOrder, post_only: PostOnly) -> bool:
        if order.is_reduce_only:
            held = self.position(order.account)
            closable = -held if order.is_buy else held
            if closable <= 0:
                return False
            order.left = min(order.left, closable)
        against = self.open_orders(is_buy=not order.is_buy)
        if post_only is not PostOnly.NO and against and _crosses(order, against[0].price):
            inside = against[0].price + (-1 if order.is_buy else 1)
            if post_only is PostOnly.REJECT or inside <= 0:
                return False
            order.price = inside
        meets = bool(against) and _crosses(order, against[0].price)
        is_own = meets and against[0].account == order.account
        return not (is_own and order.mode is SelfTrade.REJECT_TAKER)

    def _fillable(self, order: NaiveOrder) -> int:
        lots = 0
        for maker in self.open_orders(is_buy=not order.is_buy):
            if not _crosses(order, maker.price):
                break
            if maker.account == order.account and order.mode is not SelfTrade.ALLOW:
                if order.mode is SelfTrade.CANCEL_MAKER:
                    continue
                break
            lots += maker.left
        return lots

    def _trade(self, taker: NaiveOrder) -> None:
        taker.queue = 0
        while taker.is_open and taker.left:
            against = self.open_orders(is_buy=not taker.is_buy)
            if not against or not _crosses(taker, against[0].price):
                return
            maker = against[0]
            if maker.account == taker.account and taker.mode is not SelfTrade.ALLOW:
                if taker.mode in (SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_BOTH):
                    maker.is_open = False
                if taker.mode is not SelfTrade.CANCEL_MAKER:
                    taker.is_open = False
                continue
            lots = min(maker.left, taker.left)
            for order in (maker, taker):
                order.left -= lots
                order.filled += lots
                self._book(order, maker.price, lots)
                if not order.left:
                    order.is_open = False
            self._trim()

    def _book(self, order: NaiveOrder, price: int, lots: int) -> None:
        sign = 1 if order.is_buy else -1
        self.held[order.account] = self.position(order.account) + sign * lots
        change = -sign * TICK * price * STEP * lots - FEE_PER_STEP * lots
        self.cash[order.account] = self.cash.get(order.account, Decimal(0)) + change

    def _rest(self, order: NaiveOrder) -> None:
        self.clock += 1
        order.queue = self.clock

    def _trim(self) -> None:
        for order in self.orders:
            if order.is_open and order.is_reduce_only and order.queue:
                held = self.position(order.account)
                closable = max(0, -held if order.is_buy else held)
                order.left = min(order.left, closable)
                if not order.left:
                    order.is_open = False


def _crosses(order: NaiveOrder, price: int) -> bool:
    return price <= order.price if order.is_buy else price >= order.price
