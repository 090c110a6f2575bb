"""Orders into the books and out of them: the one place that changes a book.

`Trading` admits, matches, rests, edits and cancels. Money is `clearing`'s, time and reports are the
facade's. Every public method leaves the books uncrossed and tells what it changed of them.
"""

from __future__ import annotations

import heapq
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import count

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderStatus, OrderType, TimeInForce
from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.admission import Admission, AdmissionDesk, Intent
from quantdesk.simulator.exchange.clearing import Clearing, Tell
from quantdesk.simulator.exchange.events import (
    BookChanged,
    BookLevelChange,
    OrderCause,
    OrderChanged,
)
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.matching import Match, reach, sweep
from quantdesk.simulator.exchange.orders import (
    LiveOrder,
    Order,
    OrderEdit,
    OrderRequest,
    PostOnly,
    SelfTrade,
)
from quantdesk.simulator.exchange.refusals import EndReason, Refusal, RefusalReason
from quantdesk.simulator.exchange.rules import VenueRules


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderResult:
    """What became of a submission or an edit at once: the order after it, and its own fills."""

    order: Order
    fills: tuple[Fill, ...]


_ENDS_MAX = 4096
"""GTD ends remembered before the first clearing of those that are over."""

_STATUS_OF_END = {
    EndReason.TIME_REACHED: OrderStatus.EXPIRED,
    EndReason.SETTLEMENT: OrderStatus.EXPIRED,
}
_ENDS_TAKER = frozenset({SelfTrade.REJECT_TAKER, SelfTrade.CANCEL_TAKER, SelfTrade.CANCEL_BOTH})
_ENDS_MAKER = frozenset({SelfTrade.CANCEL_MAKER, SelfTrade.CANCEL_BOTH})


class Trading:
    """All orders of the exchange. `orders` holds the open ones and the kept finished ones."""

    def __init__(
        self,
        *,
        rules: VenueRules,
        admission: AdmissionDesk,
        clearing: Clearing,
        tell: Tell,
    ) -> None:
        self.orders: dict[int, LiveOrder] = {}
        self._rules = rules
        self._admission = admission
        self._clearing = clearing
        self._tell = tell
        self._order_ids = count(rules.order_id_first)
        self._change_ids = count(rules.change_id_first)
        self._ends: list[tuple[int, int]] = []
        self._ends_max = _ENDS_MAX

    def submit(
        self, account: Account, listing: Listing, request: OrderRequest, now_ns: int
    ) -> OrderResult | Refusal:
        """Take a new order, or refuse it and change nothing."""
        intent = Intent(
            account=account,
            listing=listing,
            side=request.side,
            order_type=request.order_type,
            time_in_force=request.time_in_force,
            amount=request.amount,
            price=request.price,
            post_only=request.post_only,
            is_reduce_only=request.is_reduce_only,
            self_trade=request.self_trade or account.self_trade,
            valid_until_ns=request.valid_until_ns,
            label=request.label,
        )
        admission = self._admission.admit(intent, now_ns)
        if isinstance(admission, Refusal):
            return admission
        order = self._new_order(intent, admission, request.session, now_ns)
        self.orders[order.order_id] = order
        order.status = OrderStatus.OPEN
        self._tell(OrderChanged(order=order.snapshot(), cause=OrderCause.ACCEPTED))
        if order.time_in_force is TimeInForce.FOK and not self._is_fillable(order):
            self._end(order, EndReason.NOT_FILLABLE, now_ns)
            return OrderResult(order=order.snapshot(), fills=())
        return self._enter(order, now_ns)

    def edit(self, order: LiveOrder, change: OrderEdit, now_ns: int) -> OrderResult | Refusal:
        """Change an open order, or refuse and leave it as it is.

        It keeps its place where the price stays and the amount does not grow, and goes to the end
        of the queue, possibly trading at once, in every other case.
        """
        listing, grid = order.listing, order.listing.grid
        filled = grid.from_lots(order.lots_filled)
        total = change.amount if change.amount is not None else grid.from_lots(order.lots)
        price = change.price if change.price is not None else grid.from_units(order.units)
        if total.is_finite() and 0 < total <= filled:
            reason = RefusalReason.AMOUNT_BELOW_FILLED
            return Refusal(reason=reason, limit=filled, field="amount")
        until_ns = change.valid_until_ns
        has_end = order.time_in_force is TimeInForce.GTD or until_ns is not None
        intent = Intent(
            account=order.account,
            listing=listing,
            side=order.side,
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.GTD if has_end else order.time_in_force,
            amount=total - filled if total.is_finite() else total,
            price=price,
            post_only=order.post_only if change.post_only is None else change.post_only,
            is_reduce_only=(
                order.is_reduce_only if change.is_reduce_only is None else change.is_reduce_only
            ),
            self_trade=order.self_trade,
            valid_until_ns=order.valid_until_ns if until_ns is None else until_ns,
            label=order.label,
            replaces=order,
        )
        admission = self._admission.admit(intent, now_ns)
        if isinstance(admission, Refusal):
            return admission
        return self._apply_edit(order, intent, admission, now_ns)

    def cancel(self, orders: Iterable[LiveOrder], reason: EndReason, now_ns: int) -> list[Order]:
        """Take open orders out of their books; gives them as they ended."""
        listings: dict[str, Listing] = {}
        ended = []
        for order in orders:
            order.listing.book.side(order.side).remove(order)
            order.account.drop_open(order)
            listings[order.listing.instrument.name] = order.listing
            self._end(order, reason, now_ns)
            ended.append(order.snapshot())
        for listing in listings.values():
            self.tell_book(listing, now_ns)
        return ended

    def next_end_ns(self) -> int | None:
        """When the next open order reaches the end of its validity."""
        while self._ends:
            end_ns, order_id = self._ends[0]
            order = self.orders.get(order_id)
            if order is not None and not order.status.is_final and order.valid_until_ns == end_ns:
                return end_ns
            heapq.heappop(self._ends)
        return None

    def end_valid_until(self, now_ns: int) -> None:
        """End the orders whose validity is over at `now_ns`."""
        while (end_ns := self.next_end_ns()) is not None and end_ns <= now_ns:
            order = self.orders[heapq.heappop(self._ends)[1]]
            self.cancel([order], EndReason.TIME_REACHED, now_ns)

    def place_house(
        self,
        account: Account,
        listing: Listing,
        side: Side,
        quotes: Iterable[tuple[int, int]],
        now_ns: int,
    ) -> list[LiveOrder]:
        """Quote (units, lots) for the house: orders without a public life, which trade with what
        they cross and rest with what is left. Gives those that rest.
        """
        resting = []
        for units, lots in quotes:
            order = LiveOrder(
                order_id=next(self._order_ids),
                account=account,
                listing=listing,
                side=side,
                units=units,
                lots=lots,
                order_type=OrderType.LIMIT,
                time_in_force=TimeInForce.GTC,
                post_only=PostOnly.NO,
                is_reduce_only=False,
                self_trade=SelfTrade.CANCEL_TAKER,
                label="",
                session="",
                now_ns=now_ns,
                valid_until_ns=None,
            )
            self._match(order, now_ns)
            if order.lots_left and not order.status.is_final:
                order.status = OrderStatus.PARTIAL if order.lots_filled else OrderStatus.OPEN
                listing.book.side(side).add(order)
                resting.append(order)
        return resting

    def take_from_house(
        self, account: Account, listing: Listing, side: Side, lots: int, now_ns: int
    ) -> bool:
        """Let the crowd take up to `lots` of the order that stands best, if that is the house's.

        False where a client stands best, or nobody: then nothing happens.
        """
        first = listing.book.opposite(side).first()
        if first is None or not first.account.is_own or lots <= 0:
            return False
        order = LiveOrder(
            order_id=next(self._order_ids),
            account=account,
            listing=listing,
            side=side,
            units=first.units,
            lots=min(lots, first.lots_left),
            order_type=OrderType.LIMIT,
            time_in_force=TimeInForce.IOC,
            post_only=PostOnly.NO,
            is_reduce_only=False,
            self_trade=SelfTrade.ALLOW,
            label="",
            session="",
            now_ns=now_ns,
            valid_until_ns=None,
        )
        self._match(order, now_ns)
        self.tell_book(listing, now_ns)
        return True

    def pull_house(self, orders: Iterable[LiveOrder]) -> None:
        """Take house quotes out; those already traded away are passed over."""
        for order in orders:
            if not order.status.is_final:
                order.listing.book.side(order.side).remove(order)
                order.status = OrderStatus.CANCELLED

    def tell_book(self, listing: Listing, now_ns: int) -> None:
        """Number and tell what changed of a book since it was last told."""
        changes = listing.book.take_changes()
        if not changes:
            return
        grid = listing.grid
        previous, listing.change_id = listing.change_id, next(self._change_ids)
        listing.changed_ns = now_ns
        self._tell(
            BookChanged(
                instrument_name=listing.instrument.name,
                event_ns=now_ns,
                change_id=listing.change_id,
                previous_change_id=previous,
                levels=tuple(
                    BookLevelChange(
                        side=level.side,
                        action=level.action,
                        price=grid.from_units(level.units),
                        amount=grid.from_lots(level.lots),
                    )
                    for level in changes
                ),
            )
        )

    def _new_order(
        self, intent: Intent, admission: Admission, session: str, now_ns: int
    ) -> LiveOrder:
        order = LiveOrder(
            order_id=next(self._order_ids),
            account=intent.account,
            listing=intent.listing,
            side=intent.side,
            units=admission.units,
            lots=admission.lots,
            order_type=intent.order_type,
            time_in_force=intent.time_in_force,
            post_only=intent.post_only,
            is_reduce_only=intent.is_reduce_only,
            self_trade=intent.self_trade,
            label=intent.label,
            session=session,
            now_ns=now_ns,
            valid_until_ns=intent.valid_until_ns,
        )
        order.is_repriced = admission.is_repriced
        order.is_shrunk = admission.is_shrunk
        return order

    def _apply_edit(
        self, order: LiveOrder, intent: Intent, admission: Admission, now_ns: int
    ) -> OrderResult:
        """Write an admitted edit on the order, and move it where it lost its place."""
        book_side = order.listing.book.side(order.side)
        keeps_place = admission.units == order.units and admission.lots <= order.lots_left
        if keeps_place:
            if admission.lots < order.lots_left:
                book_side.reduce(order, order.lots_left - admission.lots)
        else:
            book_side.remove(order)
            order.account.drop_open(order)
            order.units, order.lots_left = admission.units, admission.lots
        order.post_only = intent.post_only
        order.is_reduce_only = intent.is_reduce_only
        order.time_in_force = intent.time_in_force
        if order.valid_until_ns != intent.valid_until_ns:
            order.valid_until_ns = intent.valid_until_ns
            self._note_end(order)
        order.fee_reserved = None
        order.updated_ns = now_ns
        order.is_replaced = True
        order.is_repriced = admission.is_repriced
        order.is_shrunk = order.is_shrunk or admission.is_shrunk
        self._tell(OrderChanged(order=order.snapshot(), cause=OrderCause.EDITED))
        if not keeps_place:
            return self._enter(order, now_ns)
        self.tell_book(order.listing, now_ns)
        return OrderResult(order=order.snapshot(), fills=())

    def _enter(self, order: LiveOrder, now_ns: int) -> OrderResult:
        """Match the order, rest or end what is left, tell the book."""
        fills = self._match(order, now_ns)
        if order.lots_left and not order.status.is_final:
            never_rests = (
                order.time_in_force in (TimeInForce.IOC, TimeInForce.FOK)
                or order.order_type is OrderType.MARKET
            )
            if never_rests:
                self._end(order, EndReason.UNFILLED_REST, now_ns)
            else:
                order.listing.book.side(order.side).add(order)
                order.account.add_open(order)
                self._note_end(order)
                self._trim_reduce_only(order.account, order.listing, now_ns)
        elif order.status is OrderStatus.FILLED:
            self._keep_finished(order)
        self.tell_book(order.listing, now_ns)
        return OrderResult(order=order.snapshot(), fills=tuple(fills))

    def _match(self, taker: LiveOrder, now_ns: int) -> list[Fill]:
        """Trade with everything within the taker's limit; gives the taker's fills."""
        fills = []
        for meeting in sweep(taker.listing.book, taker, taker.units, taker.self_trade):
            maker = meeting.maker
            if isinstance(meeting, Match):
                fill = self._clearing.clear(taker, maker, meeting.lots, now_ns)
                if fill is not None:
                    fills.append(fill)
                self._after_fill(maker, now_ns)
                self._after_fill(taker, now_ns)
                continue
            if taker.self_trade in _ENDS_MAKER:
                taker.listing.book.side(maker.side).remove(maker)
                if not maker.account.is_own:
                    maker.account.drop_open(maker)
                self._end(maker, EndReason.SELF_TRADE, now_ns)
            if taker.self_trade in _ENDS_TAKER:
                self._end(taker, EndReason.SELF_TRADE, now_ns)
                break
        return fills

    def _after_fill(self, order: LiveOrder, now_ns: int) -> None:
        """Tell the fill, retire a maker that is filled, and shrink what may only reduce."""
        account = order.account
        if account.is_own:
            return
        self._tell(OrderChanged(order=order.snapshot(), cause=OrderCause.FILLED))
        is_resting = order.order_id in account.open_in(order.listing.instrument.name)
        if is_resting and not order.lots_left:
            account.drop_open(order)
            self._keep_finished(order)
        self._trim_reduce_only(account, order.listing, now_ns)

    def _trim_reduce_only(self, account: Account, listing: Listing, now_ns: int) -> None:
        """No resting reduce-only order may be larger than the position that it is to reduce."""
        resting = account.open_in(listing.instrument.name)
        if not any(order.is_reduce_only for order in resting.values()):
            return
        held = int(listing.size_of(account.account_id) / listing.grid.step)
        for order in [o for o in resting.values() if o.is_reduce_only]:
            closable = max(0, -held if order.side is Side.BUY else held)
            if closable >= order.lots_left:
                continue
            book_side = listing.book.side(order.side)
            if closable:
                book_side.reduce(order, order.lots_left - closable)
                order.is_shrunk, order.updated_ns = True, now_ns
                self._tell(OrderChanged(order=order.snapshot(), cause=OrderCause.SHRUNK))
            else:
                book_side.remove(order)
                account.drop_open(order)
                self._end(order, EndReason.REDUCE_ONLY, now_ns)

    def _is_fillable(self, order: LiveOrder) -> bool:
        met = reach(
            order.listing.book,
            order.side,
            order.units,
            order.lots_left,
            group=order.account.group,
            mode=order.self_trade,
        )
        return met.lots == order.lots_left

    def _end(self, order: LiveOrder, reason: EndReason, now_ns: int) -> None:
        """Write the end on an order that is in no book any more, and tell its owner."""
        order.status = _STATUS_OF_END.get(reason, OrderStatus.CANCELLED)
        order.end_reason = reason
        order.updated_ns = now_ns
        if order.account.is_own:
            return
        is_expired = order.status is OrderStatus.EXPIRED
        cause = OrderCause.EXPIRED if is_expired else OrderCause.CANCELLED
        self._tell(OrderChanged(order=order.snapshot(), cause=cause))
        self._keep_finished(order)

    def _keep_finished(self, order: LiveOrder) -> None:
        """Remember an order that ended; the account's oldest makes room for it."""
        finished = order.account.finished
        finished.append(order)
        if len(finished) > self._rules.orders_kept_max:
            del self.orders[finished.popleft().order_id]

    def _note_end(self, order: LiveOrder) -> None:
        """Remember when a GTD order ends; now and then forget those that ended before."""
        if order.valid_until_ns is None:
            return
        heapq.heappush(self._ends, (order.valid_until_ns, order.order_id))
        if len(self._ends) > self._ends_max:
            live = {
                (o.valid_until_ns, o.order_id)
                for o in self.orders.values()
                if o.valid_until_ns is not None and not o.status.is_final
            }
            self._ends = sorted((ns, i) for ns, i in live if ns is not None)
            self._ends_max = max(_ENDS_MAX, 2 * len(self._ends))
