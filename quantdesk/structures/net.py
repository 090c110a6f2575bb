"""Net price of a structure: what it costs at mid, natural, mark and own limit, with fees.

Positive is paid (debit). Options alone have a premium; futures cost nothing to enter and held coin
is named apart. Sums are exact, by currency; two currencies are never added but in USD or coin at
the index, which is said.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum
from typing import Protocol

from quantdesk.domain.fees import Fee
from quantdesk.domain.fill import Liquidity
from quantdesk.domain.instrument import Instrument, InstrumentKind, Side
from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.structures.leg_quotes import LegQuote

ZERO = Decimal(0)


class PriceBasis(Enum):
    """At which price a leg is taken."""

    MID = "mid"
    NATURAL = "natural"
    MARK = "mark"
    LIMIT = "limit"


class TradeFeeLaw(Protocol):
    """A venue's trading fee; `margin.fees.trade_fee` is one."""

    def __call__(
        self,
        instrument: Instrument,
        *,
        quantity: Decimal,
        price: Decimal,
        liquidity: Liquidity,
        as_of_ns: int,
        underlying: Decimal | None = None,
    ) -> Fee: ...


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeLaw:
    """Fees of single trades and of a combo's legs; handed in, since venue law is not known here."""

    trade: TradeFeeLaw
    combo: Callable[[Sequence[tuple[Side, Fee]]], tuple[Fee, ...]]


@dataclass(frozen=True, slots=True, kw_only=True)
class Money:
    """Amounts by currency, never added to each other, and the whole in both numeraires.

    coin, usd : everything converted at `index`, USD per coin
    """

    amounts: tuple[tuple[str, Decimal], ...]
    coin: Decimal
    usd: Decimal

    @property
    def currency(self) -> str | None:
        """The one currency, None where there are several or none."""
        return self.amounts[0][0] if len(self.amounts) == 1 else None

    @property
    def amount(self) -> Decimal | None:
        """The amount in that one currency."""
        return self.amounts[0][1] if len(self.amounts) == 1 else None

    @property
    def word(self) -> str:
        """ "debit" where it is paid, "credit" where it is received, "even" at nothing."""
        if self.usd == 0:
            return "even"
        return "debit" if self.usd > 0 else "credit"


def add_money(parts: Sequence[tuple[str, Decimal]], *, underlying: str, index: Decimal) -> Money:
    """`parts` (currency, amount) added up by currency; every other currency counts as dollars."""
    sums: dict[str, Decimal] = {}
    for currency, amount in parts:
        sums[currency] = sums.get(currency, ZERO) + amount
    coin = sums.get(underlying, ZERO)
    dollars = sum((amount for name, amount in sums.items() if name != underlying), ZERO)
    return Money(
        amounts=tuple(sorted(sums.items())),
        coin=coin + dollars / index,
        usd=coin * index + dollars,
    )


def leg_price(quote: LegQuote, basis: PriceBasis) -> Decimal | None:
    """Price of a leg on `basis`, None where the market does not say.

    A limit is the leg's own price, and the mid of a leg that has none.
    """
    match basis:
        case PriceBasis.MID:
            return quote.mid
        case PriceBasis.NATURAL:
            return quote.natural
        case PriceBasis.MARK:
            return quote.mark
        case PriceBasis.LIMIT:
            return quote.leg.price if quote.leg.price is not None else quote.mid


def entry_price(quote: LegQuote, basis: PriceBasis) -> Decimal | None:
    """Price a leg is entered at in an analysis: `basis`, else the mark; of futures the mark."""
    kind = quote.leg.instrument.kind
    if kind is InstrumentKind.OPTION:
        price = leg_price(quote, basis)
        return quote.mark if price is None else price
    if quote.leg.price is not None:
        return quote.leg.price
    return quote.mark


def net_premium(
    quotes: Sequence[LegQuote], basis: PriceBasis, *, underlying: str, index: Decimal
) -> Money | None:
    """Premium paid for the options of a structure; None where a leg has no price on `basis`."""
    parts = []
    for quote in quotes:
        instrument = quote.leg.instrument
        if instrument.kind is not InstrumentKind.OPTION:
            continue
        price = leg_price(quote, basis)
        if price is None:
            return None
        # Deribit prices a coin and counts coins, Binance prices a contract and counts contracts.
        parts.append((instrument.settlement_currency, quote.leg.quantity * price))
    return add_money(parts, underlying=underlying, index=index)


@dataclass(frozen=True, slots=True, kw_only=True)
class FeeEstimate:
    """Taker fees of entering a structure.

    legs : each leg traded on its own, in order; None for a leg that no venue charges (held coin)
    combo : the same as one combo, None where the venue has no such rule for it
    problems : legs whose fee is not known, in words
    """

    legs: tuple[Fee | None, ...]
    total: Money
    combo: Money | None
    problems: tuple[str, ...]


def fee_estimate(
    quotes: Sequence[LegQuote],
    prices: Sequence[Decimal | None],
    law: FeeLaw,
    *,
    as_of_ns: int,
    underlying: str,
    index: Decimal,
) -> FeeEstimate:
    """Taker fees of the legs at `prices` (None leaves a leg out)."""
    fees: list[Fee | None] = []
    problems = []
    for quote, price in zip(quotes, prices, strict=True):
        instrument = quote.leg.instrument
        if price is None or price == 0 or instrument.kind is InstrumentKind.SPOT:
            fees.append(None)
            continue
        try:
            fee = law.trade(
                instrument,
                quantity=quote.leg.quantity,
                price=price,
                liquidity=Liquidity.TAKER,
                as_of_ns=as_of_ns,
                underlying=index,
            )
        except (InvalidInput, OutOfDomain) as error:
            problems.append(f"fee of {instrument.name} is not known: {error}")
            fee = None
        fees.append(fee)
    charged = [(fee.currency, fee.amount) for fee in fees if fee is not None]
    return FeeEstimate(
        legs=tuple(fees),
        total=add_money(charged, underlying=underlying, index=index),
        combo=_combo(quotes, fees, law, underlying=underlying, index=index),
        problems=tuple(problems),
    )


def _combo(
    quotes: Sequence[LegQuote],
    fees: Sequence[Fee | None],
    law: FeeLaw,
    *,
    underlying: str,
    index: Decimal,
) -> Money | None:
    """The fee as one Deribit combo: options only, of one currency, at least two."""
    legs = []
    for quote, fee in zip(quotes, fees, strict=True):
        instrument = quote.leg.instrument
        if fee is None or instrument.kind is not InstrumentKind.OPTION:
            return None
        legs.append((Side.BUY if quote.leg.quantity > 0 else Side.SELL, fee))
    is_one = len({fee.currency for _, fee in legs}) == 1
    if len(legs) < 2 or not is_one or quotes[0].leg.instrument.venue != "deribit":
        return None
    parts = [(fee.currency, fee.amount) for fee in law.combo(legs)]
    return add_money(parts, underlying=underlying, index=index)
