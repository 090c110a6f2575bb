"""Margin of a whole book under any model: legs, totals by currency, and what had to be left out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.margin import (
    ExcludedLeg,
    MarginAccount,
    MarginBook,
    MarginKind,
    MarginOrder,
    MarginPrices,
    MarginRequirement,
    MarginStatement,
    plain_sum,
)
from quantdesk.domain.ports import MarginModel
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput, PricingError
from quantdesk.margin.requirements import ZERO
from quantdesk.margin.resting_orders import require_order
from quantdesk.margin.sizes import require_finite

NO_PRICES = MarginPrices()


class _Working:
    """A statement while it is made. Holdings are net by instrument, as the venue holds them."""

    def __init__(self, model: MarginModel, book: MarginBook, as_of_ns: int) -> None:
        self.model, self.book, self.as_of_ns = model, book, as_of_ns
        self.instruments: dict[str, Instrument] = {}
        self.held: dict[str, Decimal] = {}
        self.orders: dict[str, list[MarginOrder]] = {}
        self.legs: list[MarginRequirement] = []
        self.excluded: list[ExcludedLeg] = []

    def require_listed(self, instrument: Instrument) -> None:
        known = self.instruments.setdefault(instrument.name, instrument)
        if known.venue != instrument.venue:
            rule = f"of {instrument.name} must be {known.venue}, as before"
            raise InvalidInput("venue", instrument.venue, rule)
        expiry_ns = instrument.expiry_ns
        if expiry_ns is not None and expiry_ns <= self.as_of_ns:
            rule = f"of {instrument.name} must be later than {format_instant(self.as_of_ns)}"
            raise InvalidInput("expiry", format_instant(expiry_ns), rule)

    def leave_out(self, name: str, quantity: Decimal, error: PricingError) -> None:
        self.excluded.append(
            ExcludedLeg(
                kind=MarginKind.POSITION,
                instrument_name=name,
                quantity=quantity,
                reason=str(error),
            )
        )

    def leave_out_order(self, order: MarginOrder, error: PricingError) -> None:
        self.excluded.append(
            ExcludedLeg(
                kind=MarginKind.ORDER,
                instrument_name=order.instrument.name,
                quantity=order.quantity,
                reason=str(error),
                order_id=order.order_id,
            )
        )

    def collect(self) -> None:
        """Net the positions and group the orders, setting aside what makes no sense by itself."""
        for position in self.book.positions:
            name = position.instrument.name
            try:
                quantity = require_finite("quantity", position.quantity, name)
                self.require_listed(position.instrument)
            except InvalidInput as error:
                self.leave_out(name, position.quantity, error)
                continue
            self.held[name] = self.held.get(name, ZERO) + quantity
        seen: set[str] = set()
        for order in self.book.orders:
            try:
                require_order(order)
                self.require_listed(order.instrument)
                if order.order_id in seen:
                    raise InvalidInput("order_id", order.order_id, "must be given once")
            except InvalidInput as error:
                self.leave_out_order(order, error)
                continue
            seen.add(order.order_id)
            self.orders.setdefault(order.instrument.name, []).append(order)

    def margin_positions(self) -> None:
        for name, quantity in self.held.items():
            prices = self.book.prices.get(name, NO_PRICES)
            try:
                leg = self.model.position_margin(self.instruments[name], quantity, prices)
            except PricingError as error:
                self.leave_out(name, quantity, error)
                continue
            self.legs.append(leg)

    def margin_orders(self) -> None:
        positions_initial = {
            currency: plain_sum(currency, legs).initial
            for currency, legs in _by_currency(self.legs).items()
        }
        for name, orders in self.orders.items():
            instrument = self.instruments[name]
            currency = instrument.settlement_currency
            balance = self.book.margin_balances.get(currency)
            account = None
            if balance is not None:
                account = MarginAccount(
                    margin_balance=balance,
                    positions_initial=positions_initial.get(currency, ZERO),
                )
            try:
                legs = self.model.order_margins(
                    instrument,
                    orders,
                    held=self.held.get(name, ZERO),
                    prices=self.book.prices.get(name, NO_PRICES),
                    account=account,
                )
            except PricingError as error:
                for order in orders:
                    self.leave_out_order(order, error)
                continue
            self.legs.extend(legs)


def _by_currency(
    legs: Iterable[MarginRequirement],
) -> dict[str, tuple[MarginRequirement, ...]]:
    groups: dict[str, list[MarginRequirement]] = {}
    for leg in legs:
        groups.setdefault(leg.currency, []).append(leg)
    return {currency: tuple(groups[currency]) for currency in sorted(groups)}


def assemble(model: MarginModel, book: MarginBook, *, as_of_ns: int) -> MarginStatement:
    """Statement of `book` under `model`.

    Holdings of one instrument are netted first; nothing else is. A leg with a missing price, an
    unknown rule, a wrong venue or a past expiry is excluded with its reason and is in no total.
    """
    working = _Working(model, book, as_of_ns)
    working.collect()
    working.margin_positions()
    working.margin_orders()
    return MarginStatement(
        model=model.name,
        venue=model.venue,
        as_of_ns=as_of_ns,
        legs=tuple(working.legs),
        totals=tuple(plain_sum(one, legs) for one, legs in _by_currency(working.legs).items()),
        excluded=tuple(working.excluded),
    )


def merged(parts: Sequence[MarginStatement]) -> MarginStatement:
    """One statement of `parts` of one model and account, each at its own moment; the latest of the
    moments is the whole's. Raises InvalidInput for no part, or parts of several models.
    """
    models = sorted({part.model for part in parts})
    if len(models) != 1:
        raise InvalidInput("parts", models, "must be of one model")
    legs = tuple(leg for part in parts for leg in part.legs)
    return MarginStatement(
        model=parts[0].model,
        venue=parts[0].venue,
        as_of_ns=max(part.as_of_ns for part in parts),
        legs=legs,
        totals=tuple(plain_sum(one, group) for one, group in _by_currency(legs).items()),
        excluded=tuple(leg for part in parts for leg in part.excluded),
    )
