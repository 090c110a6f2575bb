"""Instruments, a market that stands still until told, and exchanges over both venues' real law."""

from __future__ import annotations

from dataclasses import dataclass, field
from decimal import Decimal
from typing import TypeVar

from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    Side,
    TickScheme,
)
from quantdesk.domain.ports import MarginModel
from quantdesk.domain.times import parse_instant
from quantdesk.margin.deribit_standard import DeribitStandardMargin
from quantdesk.simulator.exchange.events import ExchangeEvent
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.maker import MakerRules
from quantdesk.simulator.exchange.orders import OrderRequest
from quantdesk.simulator.exchange.refusals import Refusal, RefusalReason
from quantdesk.simulator.exchange.rules import FeeModel, PriceLimits, VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from quantdesk.simulator.exchange.trading import OrderResult
from tests.unit.market import chains

OPENED_NS = parse_instant("2026-06-27T09:00:00Z")
EXPIRY_NS = parse_instant("2026-07-31T08:00:00Z")
CALL = "BTC-31JUL26-100000-C"
PUT = "BTC-31JUL26-110000-P"
FUTURE = "BTC-31JUL26"
PERPETUAL = "BTC-PERPETUAL"
LINEAR_CALL = "SOL_USDC-31JUL26-250-C"
BINANCE_CALL = "BTC-260731-100000-C"

D = Decimal
T = TypeVar("T")
DERIBIT_TICKS = TickScheme(tick=D("0.0001"), steps=((D("0.005"), D("0.0005")),))


def option(
    name: str = CALL,
    *,
    strike: str = "100000",
    option_type: OptionType = OptionType.CALL,
    expiry_ns: int = EXPIRY_NS,
) -> Instrument:
    """An inverse BTC option as Deribit lists it."""
    return Instrument(
        venue="deribit",
        name=name,
        kind=InstrumentKind.OPTION,
        underlying="BTC",
        settlement=Settlement.INVERSE,
        quote_currency="BTC",
        settlement_currency="BTC",
        index_name="btc_usd",
        contract_size=D(1),
        ticks=DERIBIT_TICKS,
        amount_min=D("0.1"),
        amount_step=D("0.1"),
        expiry_ns=expiry_ns,
        strike=D(strike),
        option_type=option_type,
    )


def put() -> Instrument:
    """An inverse BTC put."""
    return option(PUT, strike="110000", option_type=OptionType.PUT)


def linear_option() -> Instrument:
    """A USDC option on SOL; amounts in coins, ten to a contract."""
    return Instrument(
        venue="deribit",
        name=LINEAR_CALL,
        kind=InstrumentKind.OPTION,
        underlying="SOL",
        settlement=Settlement.LINEAR,
        quote_currency="USDC",
        settlement_currency="USDC",
        index_name="sol_usdc",
        contract_size=D(10),
        ticks=TickScheme(tick=D("0.05")),
        amount_min=D(10),
        amount_step=D(10),
        expiry_ns=EXPIRY_NS,
        strike=D(250),
        option_type=OptionType.CALL,
    )


def future(name: str = FUTURE, *, expiry_ns: int | None = EXPIRY_NS) -> Instrument:
    """An inverse BTC future; without an expiry the perpetual. Amounts in USD."""
    return chains.future(name, expiry_ns)


def binance_option(unit: str = "1") -> Instrument:
    """A USDT option as Binance lists it; amounts in contracts of `unit` coins."""
    return Instrument(
        venue="binance",
        name=BINANCE_CALL,
        kind=InstrumentKind.OPTION,
        underlying="BTC",
        settlement=Settlement.LINEAR,
        quote_currency="USDT",
        settlement_currency="USDT",
        index_name="BTCUSDT",
        contract_size=D(unit),
        is_amount_in_contracts=True,
        ticks=TickScheme(tick=D(5)),
        amount_min=D("0.01"),
        amount_step=D("0.01"),
        expiry_ns=EXPIRY_NS,
        strike=D(100_000),
        option_type=OptionType.CALL,
    )


@dataclass
class StillMarket:
    """A market view that answers what it was told."""

    index: dict[str, Decimal] = field(
        default_factory=lambda: {"btc_usd": D(100_000), "sol_usdc": D(200), "BTCUSDT": D(100_000)}
    )
    marks: dict[str, Decimal] = field(
        default_factory=lambda: {
            CALL: D("0.03"),
            PUT: D("0.12"),
            FUTURE: D(100_000),
            PERPETUAL: D(100_000),
            LINEAR_CALL: D(6),
            BINANCE_CALL: D(3_000),
        }
    )
    limits: dict[str, PriceLimits] = field(default_factory=dict)
    averages: dict[str, Decimal] = field(default_factory=dict)
    rate: Decimal = field(default_factory=Decimal)
    deliveries_asked: list[tuple[str, int]] = field(default_factory=list)

    def mark_price(self, instrument_name: str) -> Decimal:
        return self.marks[instrument_name]

    def underlying_price(self, instrument_name: str) -> Decimal:
        if instrument_name == BINANCE_CALL:
            return self.index["BTCUSDT"]
        return self.index["sol_usdc" if instrument_name.startswith("SOL") else "btc_usd"]

    def index_price(self, index_name: str) -> Decimal:
        return self.index[index_name]

    def price_limits(self, instrument_name: str) -> PriceLimits:
        return self.limits.get(instrument_name, PriceLimits())

    def delivery_price(self, index_name: str, expiry_ns: int) -> Decimal:
        self.deliveries_asked.append((index_name, expiry_ns))
        return self.averages[index_name]

    def funding_rate(self, instrument_name: str, from_ns: int, to_ns: int) -> Decimal:
        return self.rate


class NoFees:
    """A venue that charges nothing: for tests that count other money."""

    def trade_fee(
        self,
        instrument: Instrument,
        *,
        amount: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        index_price: Decimal,
    ) -> Decimal:
        return D(0)

    def delivery_fee(
        self, instrument: Instrument, *, size: Decimal, delivery_price: Decimal
    ) -> Decimal:
        return D(0)


class Venue:
    """An exchange, its market, and everything it told."""

    def __init__(
        self,
        *instruments: Instrument,
        fees: FeeModel | None = None,
        margin: MarginModel | None = None,
        rules: VenueRules | None = None,
        maker_rules: MakerRules | None = None,
        accounts: tuple[str, ...] = ("ann", "bob", "cat"),
    ) -> None:
        self.market = StillMarket()
        self.told: list[ExchangeEvent] = []
        self.exchange = Exchange(
            rules=rules or VenueRules(venue="deribit"),
            instruments=instruments or (option(),),
            market=self.market,
            fees=fees or NoFees(),
            margin=margin,
            now_ns=OPENED_NS,
            maker_rules=maker_rules,
            tell=self.told.append,
        )
        for account in accounts:
            deposits = {"BTC": D(10), "USDC": D(1_000_000), "USDT": D(1_000_000)}
            self.exchange.open_account(account, deposits=deposits)

    def submit(
        self, account: str, side: Side, amount: str, price: str | None = None, **flags: object
    ) -> OrderResult | Refusal:
        """Submit for the first listed instrument unless `instrument_name` says otherwise."""
        name = flags.pop("instrument_name", next(iter(self.exchange.listings)))
        request = OrderRequest(
            instrument_name=name,  # type: ignore[arg-type]
            side=side,
            amount=D(amount),
            price=None if price is None else D(price),
            **flags,  # type: ignore[arg-type]
        )
        return self.exchange.submit(account, request)

    def buy(
        self, account: str, amount: str, price: str | None = None, **flags: object
    ) -> OrderResult:
        """An admitted buy."""
        return admitted(self.submit(account, Side.BUY, amount, price, **flags))

    def sell(
        self, account: str, amount: str, price: str | None = None, **flags: object
    ) -> OrderResult:
        """An admitted sell."""
        return admitted(self.submit(account, Side.SELL, amount, price, **flags))

    def refused_buy(
        self, account: str, amount: str, price: str | None = None, **flags: object
    ) -> Refusal:
        """A refused buy."""
        return refused(self.submit(account, Side.BUY, amount, price, **flags))

    def refused_sell(
        self, account: str, amount: str, price: str | None = None, **flags: object
    ) -> Refusal:
        """A refused sell."""
        return refused(self.submit(account, Side.SELL, amount, price, **flags))

    def levels(
        self, name: str | None = None
    ) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
        """Bids and asks as text, best first."""
        book = self.exchange.book(name or next(iter(self.exchange.listings)))
        assert book is not None
        bids, asks = ([(str(p), str(a)) for p, a in side] for side in (book.bids, book.asks))
        return bids, asks

    def cash(self, account: str, currency: str = "BTC") -> Decimal:
        """Cash of an account."""
        return self.exchange.ledger.balance(account, currency)

    def size(self, account: str, name: str | None = None) -> Decimal:
        """Position of an account."""
        listing = self.exchange.listings[name or next(iter(self.exchange.listings))]
        return listing.size_of(account)

    def heard(self, kind: type[T]) -> list[T]:
        """Events of one type, in order."""
        return [event for event in self.told if isinstance(event, kind)]


def deribit_venue(*instruments: Instrument) -> Venue:
    """An exchange with Deribit's fees and standard margin."""
    return Venue(
        *instruments,
        fees=StandardFees(as_of_ns=OPENED_NS),
        margin=DeribitStandardMargin(as_of_ns=OPENED_NS),
    )


def admitted(result: OrderResult | Refusal) -> OrderResult:
    """The result of an order that must have been taken."""
    assert isinstance(result, OrderResult), result
    return result


def refused(result: object, reason: RefusalReason | None = None) -> Refusal:
    """The refusal of what must have been refused."""
    assert isinstance(result, Refusal), result
    assert reason is None or result.reason is reason, result
    return result
