"""Binance's margin of European options: coin-margined by the index, USDT settled, no offsets.

Letters, per contract: I index (USD), u unit (coins a contract), K strike, m mark, p order price,
f fee, q contracts; OTM = max(K − I, 0) for calls and max(I − K, 0) for puts. With the four ratios
of exchangeInfo a, b = 0.15, 0.10 and c, d = 0.075, 0.05:

    short position   initial [max(b·I, a·I − OTM)·u + m]·q, maintenance the same with d and c
    long position    nothing: its premium was paid at the trade
    sell to open     {max[b·I·u, max(b·I, a·I − OTM)·u + m − p] + f}·q
    sell to close    nothing
    buy to open      (p + f)·q
    buy to close     max[0, (p + f)·q − (q / short)·min(M·balance/all, M)], M margin of the short,
                     all that of every position

The position rule is inferred from the order rule; `parameters` says what is uncertain.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

from quantdesk.domain.fill import Liquidity
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
from quantdesk.errors import InvalidInput
from quantdesk.margin.fees import trade_fee
from quantdesk.margin.parameters import BinanceOptionRatios, MarginRow, binance_option_row
from quantdesk.margin.requirements import (
    FLAT,
    LONG_OPTION,
    NOTHING,
    ZERO,
    MarginPair,
    order_requirement,
    position_requirement,
)
from quantdesk.margin.resting_orders import closing_and_opening, require_orders
from quantdesk.margin.sizes import (
    BINANCE,
    require_finite,
    require_not_negative,
    require_positive,
    require_venue,
)
from quantdesk.margin.statements import assemble

SHORT = (
    "short option: initial [max(b × I, a × I − OTM) × u + m] × q; "
    "maintenance [max(d × I, c × I − OTM) × u + m] × q"
)
BUY = (
    "buy: opening × (p + f) + max[0, closing × (p + f) − closing / short × "
    "min(M × balance / all, M)], M margin of the short, all that of every position"
)
SELL = "sell: opening × {max[b × I × u, max(b × I, a × I − OTM) × u + m − p] + f}"


def short_option_unit(
    instrument: Instrument, mark: Decimal, index: Decimal, ratios: BinanceOptionRatios
) -> MarginPair:
    """Margin of being short one contract, USDT.

    mark at least 0, index above 0. Raises InvalidInput.
    """
    mark = require_not_negative("mark", mark, instrument.name)
    index = require_positive("underlying", index, instrument.name)
    out_of_money = _out_of_money(instrument, index)
    unit = instrument.contract_size
    initial = max(ratios.initial_floor * index, ratios.initial * index - out_of_money)
    maintenance = max(ratios.maintenance_floor * index, ratios.maintenance * index - out_of_money)
    return MarginPair(initial=initial * unit + mark, maintenance=maintenance * unit + mark)


def sell_to_open_unit(
    instrument: Instrument,
    price: Decimal,
    fee: Decimal,
    prices: MarginPrices,
    ratios: BinanceOptionRatios,
) -> Decimal:
    """Margin of an order to sell one contract short at `price`, USDT. Raises InvalidInput."""
    mark = require_not_negative("mark", prices.mark, instrument.name)
    index = require_positive("underlying", prices.underlying, instrument.name)
    floor = ratios.initial_floor * index * instrument.contract_size
    return max(floor, short_option_unit(instrument, mark, index, ratios).initial - price) + fee


def _out_of_money(instrument: Instrument, index: Decimal) -> Decimal:
    strike = instrument.strike
    assert strike is not None, instrument.name
    is_call = instrument.option_type is OptionType.CALL
    return max(strike - index if is_call else index - strike, ZERO)


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceOptionMargin:
    """The model with the parameters that hold at `as_of_ns`.

    listed : ratios as the venue lists them now, by instrument name; they come before the table's
    """

    as_of_ns: int
    listed: Mapping[str, BinanceOptionRatios] = field(default_factory=dict)

    @property
    def name(self) -> str:
        """Name of the model on screens and in reports."""
        return "binance options"

    @property
    def venue(self) -> str:
        """The venue whose law it is."""
        return BINANCE

    def position_margin(
        self, instrument: Instrument, quantity: Decimal, prices: MarginPrices
    ) -> MarginRequirement:
        """Margin of holding `quantity` contracts. Long and flat need no price."""
        self._require_supported(instrument)
        quantity = require_finite("quantity", quantity, instrument.name)
        row = binance_option_row(instrument.underlying, self.as_of_ns)
        if quantity >= 0:
            formula = LONG_OPTION if quantity else FLAT
            return position_requirement(
                instrument, quantity, NOTHING, formula=formula, origin=row.origin
            )
        ratios = self._ratios(instrument, row)
        mark = require_not_negative("mark", prices.mark, instrument.name)
        index = require_positive("underlying", prices.underlying, instrument.name)
        inputs = (
            MarginInput(name="q", value=-quantity, unit="contracts"),
            *_market_inputs(instrument, mark, index),
            MarginInput(name="a", value=ratios.initial, unit=""),
            MarginInput(name="b", value=ratios.initial_floor, unit=""),
            MarginInput(name="c", value=ratios.maintenance, unit=""),
            MarginInput(name="d", value=ratios.maintenance_floor, unit=""),
        )
        return position_requirement(
            instrument,
            quantity,
            short_option_unit(instrument, mark, index, ratios).times(-quantity),
            formula=SHORT,
            inputs=inputs,
            origin=row.origin,
        )

    def order_margins(
        self,
        instrument: Instrument,
        orders: Sequence[MarginOrder],
        *,
        held: Decimal,
        prices: MarginPrices,
        account: MarginAccount | None = None,
    ) -> tuple[MarginRequirement, ...]:
        """Margin of each resting order; `account` is needed where one buys back a short."""
        self._require_supported(instrument)
        held = require_finite("held", held, instrument.name)
        require_orders(instrument, orders)
        by_id = dict(self._reserves(instrument, orders, held, prices, account))
        return tuple(by_id[order.order_id] for order in orders)

    def margin_balance(self, *, cash: Decimal, futures_profit: Decimal) -> Decimal:
        """The wallet: premiums are in it, and the requirement of a short carries its mark.

        Inferred; the venue documents equity (see `equity`) but not what it margins against.
        """
        return cash + futures_profit

    def statement(self, book: MarginBook) -> MarginStatement:
        """Margin of `book`, leg by leg."""
        return assemble(self, book, as_of_ns=self.as_of_ns)

    def _require_supported(self, instrument: Instrument) -> None:
        require_venue(instrument, BINANCE)
        if instrument.kind is not InstrumentKind.OPTION:
            raise InvalidInput(
                "kind", instrument.kind.value, f"of {instrument.name} must be option"
            )

    def _ratios(
        self, instrument: Instrument, row: MarginRow[BinanceOptionRatios]
    ) -> BinanceOptionRatios:
        return self.listed.get(instrument.name, row.ratios)

    def _reserves(
        self,
        instrument: Instrument,
        orders: Sequence[MarginOrder],
        held: Decimal,
        prices: MarginPrices,
        account: MarginAccount | None,
    ) -> Iterator[tuple[str, MarginRequirement]]:
        row = binance_option_row(instrument.underlying, self.as_of_ns)
        ratios = self._ratios(instrument, row)
        for order, closing, opening in closing_and_opening(orders, held):
            fee = self._fee_per_contract(order, prices)
            inputs: tuple[MarginInput, ...] = (
                MarginInput(name="opening", value=opening, unit="contracts"),
                MarginInput(name="closing", value=closing, unit="contracts"),
                MarginInput(name="p", value=order.price, unit=instrument.quote_currency),
                MarginInput(name="f", value=fee, unit=instrument.settlement_currency),
            )
            if order.quantity > 0:
                formula = BUY
                initial = opening * (order.price + fee)
                if closing:
                    short = self.position_margin(instrument, held, prices).initial
                    cost = closing * (order.price + fee)
                    freed = closing * _spendable(instrument, short, account) / -held
                    initial += max(cost - freed, ZERO)
                    inputs += (MarginInput(name="M", value=short, unit=instrument.quote_currency),)
            else:
                formula = SELL
                initial = ZERO
                if opening:
                    unit = sell_to_open_unit(instrument, order.price, fee, prices, ratios)
                    initial = opening * unit
            requirement = order_requirement(
                order, initial, formula=formula, inputs=inputs, origin=row.origin
            )
            yield order.order_id, requirement

    def _fee_per_contract(self, order: MarginOrder, prices: MarginPrices) -> Decimal:
        """The order's own fee by contract, or the taker's by the fee rule."""
        amount = abs(order.quantity)
        if order.fee is not None:
            return order.fee / amount
        fee = trade_fee(
            order.instrument,
            quantity=order.quantity,
            price=order.price,
            underlying=prices.underlying,
            liquidity=Liquidity.TAKER,
            as_of_ns=self.as_of_ns,
        )
        return max(fee.exact, ZERO) / amount


def _market_inputs(
    instrument: Instrument, mark: Decimal, index: Decimal
) -> tuple[MarginInput, ...]:
    strike = instrument.strike
    assert strike is not None, instrument.name
    return (
        MarginInput(name="I", value=index, unit="USD"),
        MarginInput(name="K", value=strike, unit="USD"),
        MarginInput(name="u", value=instrument.contract_size, unit=instrument.underlying),
        MarginInput(name="m", value=mark, unit=instrument.quote_currency),
    )


def _spendable(
    instrument: Instrument, short_margin: Decimal, account: MarginAccount | None
) -> Decimal:
    """What the margin of a short is good for when it is bought back: its part of the balance, but
    not more than itself. Raises InvalidInput without an account.
    """
    if account is None:
        rule = f"is needed to buy back {instrument.name}: its margin pays for a part"
        raise InvalidInput("account", None, rule)
    balance = require_finite("margin_balance", account.margin_balance, "the account")
    positions = require_not_negative("positions_initial", account.positions_initial, "the account")
    share = short_margin * balance / positions if positions else short_margin
    return max(min(share, short_margin), ZERO)


def equity(wallet_balance: Decimal, option_values: Sequence[Decimal]) -> Decimal:
    """Wallet balance plus the signed market value of the options, as the venue reports it."""
    return wallet_balance + sum(option_values, ZERO)
