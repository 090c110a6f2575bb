"""Which part of each resting order would close what is held, and which would open more."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.margin import MarginOrder
from quantdesk.errors import InvalidInput
from quantdesk.margin.requirements import ZERO
from quantdesk.margin.sizes import require_finite, require_not_negative, require_positive


def require_order(order: MarginOrder) -> None:
    """Raises InvalidInput unless quantity, price and fee make sense."""
    of = f"order {order.order_id}"
    if not require_finite("quantity", order.quantity, of):
        raise InvalidInput("quantity", order.quantity, f"of {of} must not be 0")
    require_positive("price", order.price, of)
    if order.fee is not None:
        require_not_negative("fee", order.fee, of)


def require_orders(instrument: Instrument, orders: Sequence[MarginOrder]) -> None:
    """Raises InvalidInput unless all are sound, distinct orders on `instrument`."""
    seen: set[str] = set()
    for order in orders:
        require_order(order)
        if order.instrument.name != instrument.name:
            rule = f"of order {order.order_id} must be {instrument.name}"
            raise InvalidInput("instrument", order.instrument.name, rule)
        if order.order_id in seen:
            raise InvalidInput("order_id", order.order_id, "must be given once")
        seen.add(order.order_id)


def by_priority(orders: Sequence[MarginOrder]) -> list[MarginOrder]:
    """Buys and sells each in the order in which they would fill: best price first."""
    return sorted(
        orders,
        key=lambda order: (-order.price if order.quantity > 0 else order.price, order.order_id),
    )


def closing_and_opening(
    orders: Sequence[MarginOrder], held: Decimal
) -> Iterator[tuple[MarginOrder, Decimal, Decimal]]:
    """Each order with the amounts (at least 0) of it that close and that open, best price first.

    Buys close a short and sells close a long, each unit once; a reduce-only order opens nothing.
    """
    to_close = {True: max(-held, ZERO), False: max(held, ZERO)}
    for order in by_priority(orders):
        is_buy, amount = order.quantity > 0, abs(order.quantity)
        closing = min(to_close[is_buy], amount)
        to_close[is_buy] -= closing
        yield order, closing, ZERO if order.is_reduce_only else amount - closing
