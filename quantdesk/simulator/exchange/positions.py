"""What an account holds of one instrument, and what it has made on it. Exact.

Sizes are signed, in the venue's amount unit; money is in the settlement currency. Two costs run
side by side: that of the open position, which closing takes a share of, and for futures that of the
session, which becomes cash at each settlement.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.simulator.exchange.law import ContractLaw

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class PositionReport:
    """A position at one moment.

    value : an option's signed market value; a future's profit since the last settlement
    unrealised_pnl : at the mark against the average price
    session_pnl : what the next settlement would pay; 0 for options
    realised_pnl, realised_funding : of what was closed before fees, and of a perpetual's funding,
        since the account opened
    session_funding : of that funding, what came since the last settlement
    settlement_price : of the last session; None before the first, and for options
    """

    instrument_name: str
    size: Decimal
    average_price: Decimal | None
    mark_price: Decimal
    index_price: Decimal
    underlying_price: Decimal
    value: Decimal
    unrealised_pnl: Decimal
    session_pnl: Decimal
    realised_pnl: Decimal
    realised_funding: Decimal
    session_funding: Decimal
    fees: Decimal
    settlement_price: Decimal | None


class Position:
    """One account's holding of one instrument."""

    __slots__ = (
        "_law",
        "cost",
        "fees",
        "realised_funding",
        "realised_pnl",
        "session_cost",
        "session_funding",
        "settlement_price",
        "size",
    )

    def __init__(self, law: ContractLaw) -> None:
        self._law = law
        self.size = ZERO
        self.cost = ZERO
        self.session_cost = ZERO
        self.realised_pnl = ZERO
        self.realised_funding = ZERO
        self.session_funding = ZERO
        self.fees = ZERO
        self.settlement_price: Decimal | None = None

    @property
    def is_idle(self) -> bool:
        """True where nothing is held and nothing waits to become cash."""
        return not self.size and not self.session_cost

    def trade(self, amount: Decimal, price: Decimal) -> Decimal:
        """Add a signed `amount` (not 0) at `price`; gives the profit of what it closed."""
        law = self._law
        value = law.value(amount, price)
        if not law.is_option:
            self.session_cost += value
        size = self.size
        if not size or (size > 0) == (amount > 0):
            self.size = size + amount
            self.cost += value
            return ZERO
        if abs(amount) <= abs(size):
            closed_cost = law.part_of(self.cost, -amount, size)
            realised = -value - closed_cost
            self.cost -= closed_cost
        else:
            closing_value = law.value(-size, price)
            realised = -closing_value - self.cost
            self.cost = value - closing_value
        self.size = size + amount
        self.realised_pnl += realised
        return realised

    def session_pnl(self, price: Decimal) -> Decimal:
        """A future's profit at `price` since it last became cash; 0 for an option."""
        if self._law.is_option:
            return ZERO
        return self._law.value(self.size, price) - self.session_cost

    def fund(self, cash: Decimal) -> None:
        """Note funding of a perpetual, positive received."""
        self.realised_funding += cash
        self.session_funding += cash

    def settle_session(self, price: Decimal) -> Decimal:
        """Begin a new session at `price`; gives the profit of the old one, not rounded to cash."""
        profit = self.session_pnl(price)
        self.session_cost += profit
        self.settlement_price = price
        return profit

    def close(self, payoff: Decimal) -> None:
        """Expire: nothing is held any more, `payoff` is what it came to."""
        self.realised_pnl += payoff - self.cost
        self.size = self.cost = self.session_cost = ZERO

    def report(self, *, mark: Decimal, index: Decimal, underlying: Decimal) -> PositionReport:
        """The position valued at `mark`."""
        law, size = self._law, self.size
        value = law.value(size, mark) if size else ZERO
        session_pnl = self.session_pnl(mark) if size or self.session_cost else ZERO
        return PositionReport(
            instrument_name=law.instrument.name,
            size=size,
            average_price=law.average_price(size, self.cost) if size and self.cost else None,
            mark_price=mark,
            index_price=index,
            underlying_price=underlying,
            value=value if law.is_option else session_pnl,
            unrealised_pnl=value - self.cost if size else ZERO,
            session_pnl=session_pnl,
            realised_pnl=self.realised_pnl,
            realised_funding=self.realised_funding,
            session_funding=self.session_funding,
            fees=self.fees,
            settlement_price=self.settlement_price,
        )
