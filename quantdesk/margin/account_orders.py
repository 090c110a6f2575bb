"""Resting orders of a connected account as margin takes them: what is left, with its fee."""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.account import AccountSnapshot, OrderReport
from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.margin import MarginOrder
from quantdesk.errors import PricingError
from quantdesk.margin.book_margin import AccountOrder, ExcludedPosition
from quantdesk.margin.fees import trade_fee
from quantdesk.portfolio.leg_marks import LegMarks

ZERO = Decimal(0)


def resting_orders(
    snapshot: AccountSnapshot, marks: LegMarks
) -> tuple[tuple[AccountOrder, ...], tuple[ExcludedPosition, ...]]:
    """Open orders of an account, and those that can not be margined with their reasons.

    The fee reserved with an order is that of taking, by the instrument's listed rate.
    """
    orders: list[AccountOrder] = []
    left_out: list[ExcludedPosition] = []
    for report in snapshot.open_orders:
        quantity = report.amount - report.filled
        quantity = quantity if report.side is Side.BUY else -quantity
        instrument = marks.instrument(report.venue, report.instrument_name)
        reason = ""
        if instrument is None:
            reason = f"{report.instrument_name} is not listed in the market"
        elif report.price is None:
            reason = f"order {report.order_id} of {report.instrument_name} has no limit price"
        if instrument is None or report.price is None:
            left_out.append(
                ExcludedPosition(
                    venue=report.venue,
                    account=snapshot.account,
                    instrument_name=report.instrument_name,
                    quantity=quantity,
                    reason=reason,
                    order_id=report.order_id,
                )
            )
            continue
        if quantity:
            order = _order(report, instrument, quantity, report.price, marks)
            orders.append(AccountOrder(account=snapshot.account, order=order))
    return tuple(orders), tuple(left_out)


def _order(
    report: OrderReport,
    instrument: Instrument,
    quantity: Decimal,
    price: Decimal,
    marks: LegMarks,
) -> MarginOrder:
    return MarginOrder(
        order_id=report.order_id,
        instrument=instrument,
        quantity=quantity,
        price=price,
        fee=_taker_fee(instrument, quantity, price, marks),
        is_reduce_only=report.is_reduce_only is True,
    )


def _taker_fee(
    instrument: Instrument, quantity: Decimal, price: Decimal, marks: LegMarks
) -> Decimal | None:
    """Fee of filling the order at once; None leaves it to the model."""
    market = marks.market_of(instrument)
    try:
        fee = trade_fee(
            instrument,
            quantity=quantity,
            price=price,
            liquidity=Liquidity.TAKER,
            as_of_ns=0 if market is None else market.as_of_ns,
            underlying=marks.mark(instrument).index,
        )
    except PricingError:
        return None
    return max(fee.exact, ZERO)
