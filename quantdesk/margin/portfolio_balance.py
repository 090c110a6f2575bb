"""The margin balance that a portfolio margin is held against: cash and the worth of what is open.

    balance = cash + options at their marks + open profit of futures with a known entry

or the account's equity as its venue reports it. In cross mode all of it in USD, positive equity in
a coin less the coin's haircut.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_portfolio import MarginMode, PortfolioMargin
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.portfolio.valued_positions import ValuedPosition, value_positions

DOLLARS = frozenset({"USD", "USDC", "USDT"})
ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Equity:
    """What an account's venue reports as cash and open worth together, in one currency."""

    venue: str
    account: str
    currency: str
    amount: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginBalance:
    """A margin balance in the margin's currency.

    in_coins : the part that is held in coins, USD; 0 outside cross mode
    source : what it is made of, in words
    """

    amount: float
    in_coins: float
    source: str


class Balances:
    """Margin balances of the accounts of a book, from cash handed in or else reported equity."""

    def __init__(
        self,
        positions: Sequence[Position],
        market: MarketData,
        *,
        cash: Mapping[str, Decimal],
        equities: Sequence[Equity],
    ) -> None:
        self._market = market
        self._cash = dict(cash)
        is_asked = bool(cash or equities)
        self._valued = value_positions(positions, LegMarks(market)) if is_asked else ()
        self._equities = {(one.venue, one.account, one.currency): one for one in equities}

    def of(self, venue: str, account: str, margin: PortfolioMargin) -> MarginBalance | None:
        """The balance against `margin`, None where nobody said what cash there is.

        Raises InvalidInput for cash in a currency that the market has no price of (cross mode).
        """
        if margin.mode is MarginMode.CROSS:
            return self._whole(venue, account, margin)
        found = self._in_currency(venue, account, margin.currency)
        if found is None:
            return None
        amount, source = found
        return MarginBalance(amount=float(amount), in_coins=0.0, source=source)

    def _in_currency(self, venue: str, account: str, currency: str) -> tuple[Decimal, str] | None:
        if currency not in self._cash:
            equity = self._equities.get((venue, account, currency))
            return None if equity is None else (equity.amount, "equity reported by the venue")
        cash = self._cash[currency]
        mine = self._positions(venue, account, currency)
        worth = self._open_value(venue, account, currency)
        unknown = [one.position.instrument.name for one in mine if one.value is None]
        source = f"cash {cash:f} and {worth:.8f} of open value"
        if unknown:
            shown = ", ".join(unknown[:4]) + (" …" if len(unknown) > 4 else "")
            source += f"; without {shown}, whose entry price or mark is not known"
        return cash + worth, source

    def _positions(self, venue: str, account: str, currency: str) -> list[ValuedPosition]:
        return [
            one
            for one in self._valued
            if one.currency == currency
            and (one.position.instrument.venue, one.position.account) == (venue, account)
        ]

    def _open_value(self, venue: str, account: str, currency: str) -> Decimal:
        mine = self._positions(venue, account, currency)
        return sum((one.value for one in mine if one.value is not None), ZERO)

    def _whole(self, venue: str, account: str, margin: PortfolioMargin) -> MarginBalance | None:
        """Every currency of the account together, USD."""
        reported = [key[2] for key in self._equities if key[:2] == (venue, account)]
        if not self._cash and not reported:
            return None
        held = {
            one.currency
            for one in self._valued
            if (one.position.instrument.venue, one.position.account) == (venue, account)
        }
        amount = in_coins = 0.0
        words = []
        for currency in sorted({*self._cash, *reported, *held}):
            found = self._in_currency(venue, account, currency)
            if found is None:
                # Nothing was said of cash in it: what is open in it counts all the same.
                mine = self._positions(venue, account, currency)
                found = (
                    sum((one.value for one in mine if one.value is not None), ZERO),
                    "open value",
                )
            if not found[0]:
                continue
            price = self._price(currency)
            if price is None:
                # An account holds what it holds; what is handed in by name must have a price.
                words.append(f"without {found[0]:f} {currency}, which has no price here")
                continue
            usd = float(found[0]) * price
            if currency not in DOLLARS:
                usd *= 1 - (_haircut(margin, currency) if usd > 0 else 0.0)
                in_coins += usd
            amount += usd
            words.append(f"{currency}: {found[1]}")
        return MarginBalance(amount=amount, in_coins=in_coins, source="; ".join(words))

    def _price(self, currency: str) -> float | None:
        """USD for a unit; None for what an account holds beside what is traded here.

        Raises InvalidInput for cash handed in.
        """
        if currency in DOLLARS:
            return 1.0
        for one in self._market.markets:
            is_named = one.underlying.split("_", 1)[0] == currency
            if is_named and one.index_price is not None and one.index_price > 0:
                return one.index_price
        if currency not in self._cash:
            return None
        known = ", ".join(sorted({one.underlying for one in self._market.markets})) or "nothing"
        rule = f"has no price in this market, which has {known}"
        raise InvalidInput("cash", currency, rule)


def _haircut(margin: PortfolioMargin, currency: str) -> float:
    for pair in margin.pairs:
        if pair.book.is_inverse and pair.book.parameters.pair.startswith(f"{currency.lower()}_"):
            return pair.book.parameters.haircut
    return 0.0
