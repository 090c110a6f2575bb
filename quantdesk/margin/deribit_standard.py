"""Deribit's standard margin (segregated): each position by itself, nothing offset by another.

Letters, per coin of option: U underlying (USD), K strike, m mark, OTM = max(K − U, 0) for calls and
max(U − K, 0) for puts. With a, b, c = 0.15, 0.10, 0.075 (see `parameters` for dates and status):

    inverse, in coin   short call   initial max(a − OTM/U, b) + m       maintenance c + m
                       short put    initial max(that, maintenance)      maintenance max(c, c·m) + m
    linear, in USDC    the same with a·U − OTM, b·U and c·U; c·m stays c·m
    long               nothing: its premium was paid at the trade
    futures            q·(initial + q·growth) and q·(maintenance + q·growth), q coins of position

Resting orders reserve the short that a sell would make, the premium that a buy would pay, and what
a future's larger side would add. The venue's own netting of orders is not published: the rule is
ours, and its requirements say so.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.domain.margin import (
    MarginAccount,
    MarginBook,
    MarginInput,
    MarginOrder,
    MarginPrices,
    MarginRequirement,
    MarginStatement,
)
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin.parameters import (
    DeribitFutureRatios,
    DeribitOptionRatios,
    MarginRow,
    deribit_future_row,
    deribit_option_row,
)
from quantdesk.margin.requirements import (
    FLAT,
    LONG_OPTION,
    NOTHING,
    ZERO,
    MarginPair,
    order_requirement,
    position_requirement,
)
from quantdesk.margin.resting_orders import by_priority, closing_and_opening, require_orders
from quantdesk.margin.sizes import (
    DERIBIT,
    require_finite,
    require_not_negative,
    require_positive,
    require_venue,
)
from quantdesk.margin.statements import assemble

ORDER_ORIGIN = RuleOrigin(
    status=RuleStatus.UNCERTAIN,
    source="reserve for resting orders, stated by the venue without its netting",
    note="the netting is ours; a future's order of 2023-01-22 was captured with it, orders of "
    "2024-11-12 and 2025-02-16 with 3.09 % of their value instead",
)
SHORT_CALL_INVERSE = (
    "short call: initial [max(a − OTM/U, b) + m] × size; maintenance [c + m] × size"
)
SHORT_PUT_INVERSE = (
    "short put: initial max[max(a − OTM/U, b) + m, maintenance] × size; "
    "maintenance [max(c, c × m) + m] × size"
)
SHORT_CALL_LINEAR = (
    "short call: initial [max(a × U − OTM, b × U) + m] × size; maintenance [c × U + m] × size"
)
SHORT_PUT_LINEAR = (
    "short put: initial max[max(a × U − OTM, b × U) + m, maintenance] × size; "
    "maintenance [max(c × U, c × m) + m] × size"
)
FUTURE_INVERSE = (
    "future: initial q × (a + q × growth); maintenance q × (c + q × growth); q = |size| / mark"
)
FUTURE_LINEAR = (
    "future: initial q × (a + q × growth) × mark; maintenance q × (c + q × growth) × mark; "
    "q = |size|"
)
BUY_OPTION = "buy: opening × price + closing × max(price − short margin, 0) + fee"
SELL_OPTION = "sell: opening × short margin + fee"
FUTURE_ORDER = "order: growth of the initial margin if it and the better-priced ones fill, + fee"
FUTURE_SMALLER_SIDE = "order: the other side of the book reserves more, only its fee is added"


def short_option_unit(
    instrument: Instrument, mark: Decimal, underlying: Decimal, ratios: DeribitOptionRatios
) -> MarginPair:
    """Margin of being short one coin of an option; see the module's formulas.

    mark in quote currency, at least 0; underlying in USD, above 0. Raises InvalidInput.
    """
    name = instrument.name
    mark = require_not_negative("mark", mark, name)
    underlying = require_positive("underlying", underlying, name)
    strike = instrument.strike
    assert strike is not None, name
    is_call = instrument.option_type is OptionType.CALL
    out_of_money = max(strike - underlying if is_call else underlying - strike, ZERO)
    if instrument.is_inverse:
        scale, out_of_money = Decimal(1), out_of_money / underlying
    else:
        scale = underlying
    initial = mark + max(ratios.initial * scale - out_of_money, ratios.initial_floor * scale)
    if is_call:
        return MarginPair(initial=initial, maintenance=ratios.maintenance * scale + mark)
    maintenance = max(ratios.maintenance * scale, ratios.maintenance * mark) + mark
    return MarginPair(initial=max(initial, maintenance), maintenance=maintenance)


def future_margin(size: Decimal, ratios: DeribitFutureRatios) -> MarginPair:
    """Margin, in coin, of a future's position of `size` coins (at least 0)."""
    growth = size * ratios.per_coin
    return MarginPair(
        initial=size * (ratios.initial + growth),
        maintenance=size * (ratios.maintenance + growth),
    )


def _option_formula(instrument: Instrument) -> str:
    is_call = instrument.option_type is OptionType.CALL
    if instrument.is_inverse:
        return SHORT_CALL_INVERSE if is_call else SHORT_PUT_INVERSE
    return SHORT_CALL_LINEAR if is_call else SHORT_PUT_LINEAR


@dataclass(frozen=True, slots=True, kw_only=True)
class DeribitStandardMargin:
    """The model with the parameters that hold at `as_of_ns`."""

    as_of_ns: int

    @property
    def name(self) -> str:
        """Name of the model on screens and in reports."""
        return "deribit standard"

    @property
    def venue(self) -> str:
        """The venue whose law it is."""
        return DERIBIT

    def position_margin(
        self, instrument: Instrument, quantity: Decimal, prices: MarginPrices
    ) -> MarginRequirement:
        """Margin of holding `quantity`. Long and flat need no price. Raises as the port says."""
        self._require_supported(instrument)
        quantity = require_finite("quantity", quantity, instrument.name)
        if instrument.is_future:
            return self._future_position(instrument, quantity, prices)
        row = deribit_option_row(instrument.underlying, self.as_of_ns)
        if quantity >= 0:
            formula = LONG_OPTION if quantity else FLAT
            return position_requirement(
                instrument, quantity, NOTHING, formula=formula, origin=row.origin
            )
        return self._short_option(instrument, quantity, prices, row)

    def order_margins(
        self,
        instrument: Instrument,
        orders: Sequence[MarginOrder],
        *,
        held: Decimal,
        prices: MarginPrices,
        account: MarginAccount | None = None,
    ) -> tuple[MarginRequirement, ...]:
        """Reserve of each resting order. `account` is not looked at by this law."""
        self._require_supported(instrument)
        held = require_finite("held", held, instrument.name)
        require_orders(instrument, orders)
        if instrument.is_future:
            reserves = self._future_reserves(instrument, orders, held, prices)
        else:
            reserves = self._option_reserves(instrument, orders, held, prices)
        by_id = dict(reserves)
        return tuple(by_id[order.order_id] for order in orders)

    def margin_balance(self, *, cash: Decimal, futures_profit: Decimal) -> Decimal:
        """Cash and the futures' session profit: equity less the value of options."""
        return cash + futures_profit

    def statement(self, book: MarginBook) -> MarginStatement:
        """Margin of `book`, leg by leg."""
        return assemble(self, book, as_of_ns=self.as_of_ns)

    def _require_supported(self, instrument: Instrument) -> None:
        require_venue(instrument, DERIBIT)
        if instrument.kind is not InstrumentKind.OPTION and not instrument.is_future:
            raise InvalidInput(
                "kind", instrument.kind.value, f"of {instrument.name} must be option or future"
            )

    def _short_option(
        self,
        instrument: Instrument,
        quantity: Decimal,
        prices: MarginPrices,
        row: MarginRow[DeribitOptionRatios],
    ) -> MarginRequirement:
        mark = require_not_negative("mark", prices.mark, instrument.name)
        underlying = require_positive("underlying", prices.underlying, instrument.name)
        unit = short_option_unit(instrument, mark, underlying, row.ratios)
        size = -quantity
        strike = instrument.strike
        assert strike is not None, instrument.name
        inputs = (
            MarginInput(name="size", value=size, unit=instrument.underlying),
            MarginInput(name="U", value=underlying, unit="USD"),
            MarginInput(name="K", value=strike, unit="USD"),
            MarginInput(name="m", value=mark, unit=instrument.quote_currency),
            MarginInput(name="a", value=row.ratios.initial, unit=""),
            MarginInput(name="b", value=row.ratios.initial_floor, unit=""),
            MarginInput(name="c", value=row.ratios.maintenance, unit=""),
        )
        return position_requirement(
            instrument,
            quantity,
            unit.times(size),
            formula=_option_formula(instrument),
            inputs=inputs,
            origin=row.origin,
        )

    def _future_position(
        self, instrument: Instrument, quantity: Decimal, prices: MarginPrices
    ) -> MarginRequirement:
        row = deribit_future_row(instrument, self.as_of_ns)
        if not quantity:
            return position_requirement(
                instrument, quantity, NOTHING, formula=FLAT, origin=row.origin
            )
        mark = require_positive("mark", prices.mark, instrument.name)
        size = abs(instrument.coins(quantity, mark))
        price = Decimal(1) if instrument.is_inverse else mark
        inputs = (
            MarginInput(name="q", value=size, unit=instrument.underlying),
            MarginInput(name="mark", value=mark, unit="USD"),
            MarginInput(name="a", value=row.ratios.initial, unit=""),
            MarginInput(name="c", value=row.ratios.maintenance, unit=""),
            MarginInput(name="growth", value=row.ratios.per_coin, unit="per coin"),
        )
        return position_requirement(
            instrument,
            quantity,
            future_margin(size, row.ratios).times(price),
            formula=FUTURE_INVERSE if instrument.is_inverse else FUTURE_LINEAR,
            inputs=inputs,
            origin=row.origin,
        )

    def _option_reserves(
        self,
        instrument: Instrument,
        orders: Sequence[MarginOrder],
        held: Decimal,
        prices: MarginPrices,
    ) -> Iterator[tuple[str, MarginRequirement]]:
        row = deribit_option_row(instrument.underlying, self.as_of_ns)
        unit: Decimal | None = None
        for order, closing, opening in closing_and_opening(orders, held):
            is_buy = order.quantity > 0
            fee = order.fee or ZERO
            # Only a short that a sell makes or a buy unmakes needs the marks to be there.
            if unit is None and (closing if is_buy else opening):
                mark = require_not_negative("mark", prices.mark, instrument.name)
                underlying = require_positive("underlying", prices.underlying, instrument.name)
                unit = short_option_unit(instrument, mark, underlying, row.ratios).initial
            short = unit or ZERO
            if is_buy:
                initial = opening * order.price + closing * max(order.price - short, ZERO)
            else:
                initial = opening * short
            inputs = (
                MarginInput(name="opening", value=opening, unit=instrument.underlying),
                MarginInput(name="closing", value=closing, unit=instrument.underlying),
                MarginInput(name="price", value=order.price, unit=instrument.quote_currency),
                MarginInput(name="short margin", value=short, unit=instrument.settlement_currency),
                MarginInput(name="fee", value=fee, unit=instrument.settlement_currency),
            )
            formula = BUY_OPTION if is_buy else SELL_OPTION
            yield (
                order.order_id,
                order_requirement(
                    order, initial + fee, formula=formula, inputs=inputs, origin=ORDER_ORIGIN
                ),
            )

    def _future_reserves(
        self,
        instrument: Instrument,
        orders: Sequence[MarginOrder],
        held: Decimal,
        prices: MarginPrices,
    ) -> Iterator[tuple[str, MarginRequirement]]:
        row = deribit_future_row(instrument, self.as_of_ns)
        held_coins = ZERO
        if held:
            mark = require_positive("mark", prices.mark, instrument.name)
            held_coins = instrument.coins(held, mark)
        buys, sells = (
            _side_reserves(instrument, side, held_coins, row.ratios)
            for side in (
                [order for order in orders if order.quantity > 0],
                [order for order in orders if order.quantity < 0],
            )
        )
        is_buys_larger = _sum_of(buys) >= _sum_of(sells)
        for side, is_larger in ((buys, is_buys_larger), (sells, not is_buys_larger)):
            for order, growth in side:
                fee = order.fee or ZERO
                reserved = growth if is_larger else ZERO
                inputs = (
                    MarginInput(name="growth", value=reserved, unit=instrument.settlement_currency),
                    MarginInput(name="fee", value=fee, unit=instrument.settlement_currency),
                )
                requirement = order_requirement(
                    order,
                    reserved + fee,
                    formula=FUTURE_ORDER if is_larger else FUTURE_SMALLER_SIDE,
                    inputs=inputs,
                    origin=ORDER_ORIGIN,
                )
                yield order.order_id, requirement


def _side_reserves(
    instrument: Instrument,
    orders: Sequence[MarginOrder],
    held: Decimal,
    ratios: DeribitFutureRatios,
) -> list[tuple[MarginOrder, Decimal]]:
    """What each order of one side adds to the largest initial margin so far, best price first."""
    net, peak = held, future_margin(abs(held), ratios).initial
    reserves = []
    for order in by_priority(orders):
        size = instrument.coins(order.quantity, order.price)
        if order.is_reduce_only:
            size = max(size, -net) if net > 0 else min(size, -net)
            size = size if size * net < 0 else ZERO
        net += size
        grown = max(future_margin(abs(net), ratios).initial - peak, ZERO)
        peak += grown
        price = Decimal(1) if instrument.is_inverse else order.price
        reserves.append((order, grown * price))
    return reserves


def _sum_of(reserves: Sequence[tuple[MarginOrder, Decimal]]) -> Decimal:
    return sum((reserved for _, reserved in reserves), ZERO)
