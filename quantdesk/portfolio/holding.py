"""One holding, and what trading or an expiry makes of it. Pure and exact.

A holding keeps its cost; the average price follows from it, the venue's way: arithmetic for options
and linear futures, harmonic for inverse ones. Closing a part takes its share of the cost; a trade
through zero closes the whole and opens the rest at its own price. Knows no mark.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.portfolio.contract_values import EXACT, GRAIN, average_price, worth
from quantdesk.portfolio.ledger import HoldingKey

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Holding:
    """One instrument in one account under one pair of tags, open or flat.

    Settlement currency, before fees and funding:

    cost : worth of what is open at its entry prices (see `contract_values`)
    realised : earned by what was closed or expired
    contributed : worth that adjustments brought in without cash
    `*_usd` : the same in USD: premiums and proceeds at the index of their own trade, a future's
        profit at the index at which it was realised. None once an index was not known
    """

    key: HoldingKey
    instrument: Instrument
    quantity: Decimal = ZERO
    cost: Decimal = ZERO
    realised: Decimal = ZERO
    contributed: Decimal = ZERO
    cost_usd: Decimal | None = ZERO
    realised_usd: Decimal | None = ZERO
    contributed_usd: Decimal | None = ZERO

    @property
    def average_price(self) -> Decimal | None:
        """Entry price of what is open, quote currency; None where it is flat."""
        return average_price(self.instrument, self.quantity, self.cost)

    @property
    def position(self) -> Position | None:
        """The holding as a position, None where it is flat."""
        if not self.quantity:
            return None
        return Position(
            instrument=self.instrument,
            quantity=self.quantity,
            average_price=self.average_price,
            strategy=self.key.strategy,
            structure=self.key.structure,
            account=self.key.account,
        )


def usd_rate(instrument: Instrument, index_price: Decimal | None) -> Decimal | None:
    """USD per unit of the settlement currency: the index for coin-settled contracts, 1 for those
    settled in a dollar currency; None where the index is not known.
    """
    return index_price if instrument.is_inverse else Decimal(1)


def traded(before: Holding, quantity: Decimal, price: Decimal, rate: Decimal | None) -> Holding:
    """`before` after trading `quantity` (signed) at `price`."""
    held = before.quantity
    closing = ZERO
    if held and held * quantity < 0:
        closing = min(quantity.copy_abs(), held.copy_abs()).copy_sign(quantity)
    opening = EXACT.subtract(quantity, closing)
    after = _closed(before, closing, price, rate) if closing else before
    if not opening:
        return after
    cost = worth(before.instrument, opening, price)
    paid_usd = ZERO if before.instrument.is_future else times(cost, rate)
    return replace(
        after,
        quantity=EXACT.add(after.quantity, opening),
        cost=EXACT.add(after.cost, cost),
        cost_usd=plus(after.cost_usd, paid_usd),
    )


def closed_out(before: Holding, proceeds: Decimal, rate: Decimal | None) -> Holding:
    """`before` taken out whole for `proceeds` (settlement currency; of a future, its profit).

    rate : USD per unit of the settlement currency, None where it is not known
    """
    if before.instrument.is_future:
        # A future's cost was never paid, so that what it pays is what it earned.
        earned, earned_usd = proceeds, times(proceeds, rate)
    else:
        earned = EXACT.subtract(proceeds, before.cost)
        earned_usd = minus(times(proceeds, rate), before.cost_usd)
    return replace(
        before,
        quantity=ZERO,
        cost=ZERO,
        cost_usd=ZERO,
        realised=EXACT.add(before.realised, earned),
        realised_usd=plus(before.realised_usd, earned_usd),
    )


def _closed(before: Holding, closing: Decimal, price: Decimal, rate: Decimal | None) -> Holding:
    """`before` with `closing` (of the other sign, at most all of it) traded back at `price`."""
    rest = EXACT.add(before.quantity, closing)
    cost_left = _share(before.cost, rest, before.quantity)
    cost_closed = EXACT.subtract(before.cost, cost_left)
    proceeds = worth(before.instrument, closing.copy_negate(), price)
    earned = EXACT.subtract(proceeds, cost_closed)
    if before.instrument.is_future:
        usd_left: Decimal | None = ZERO
        earned_usd = times(earned, rate)
    else:
        usd = before.cost_usd
        usd_left = ZERO if not rest else None if usd is None else _share(usd, rest, before.quantity)
        usd_closed = minus(usd, usd_left)
        earned_usd = minus(times(proceeds, rate), usd_closed)
    return replace(
        before,
        quantity=rest,
        cost=cost_left,
        realised=EXACT.add(before.realised, earned),
        cost_usd=usd_left,
        realised_usd=plus(before.realised_usd, earned_usd),
    )


def _share(whole: Decimal, part: Decimal, of: Decimal) -> Decimal:
    """`whole` × part / of, to GRAIN; nothing for no part."""
    if not part:
        return ZERO
    return EXACT.quantize(EXACT.divide(EXACT.multiply(whole, part), of), GRAIN)


def plus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """Exact sum; None where either is not known."""
    return None if left is None or right is None else EXACT.add(left, right)


def minus(left: Decimal | None, right: Decimal | None) -> Decimal | None:
    """Exact difference; None where either is not known."""
    return None if left is None or right is None else EXACT.subtract(left, right)


def times(amount: Decimal, rate: Decimal | None) -> Decimal | None:
    """Exact product; nothing is 0 at any rate, else None where the rate is not known."""
    if not amount:
        return ZERO
    return None if rate is None else EXACT.multiply(amount, rate)
