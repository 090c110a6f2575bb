"""Expiry: the captured settlement price, what it pays, and what the venue charges for it.

Each (venue, index, expiry) has one price: the venue's average of the index over the last half hour,
captured once. Pure; the book and the ledger change together in `portfolio.state`. The fee law is
handed in, since it is the venue's.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from enum import Enum

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.times import NS_PER_S, format_instant
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.contract_values import CASH_UNIT, EXACT, payoff, worth
from quantdesk.portfolio.holding import Holding
from quantdesk.portfolio.ledger import HoldingKey

WINDOW_S = 30 * 60
"""Both venues average their index over the last half hour before an expiry."""

GAP_S_MAX = 60
"""An average of our own samples is no settlement price where the index was unseen for longer."""

DeliveryFee = Callable[[Instrument, Decimal, Decimal], Decimal]
"""(instrument, signed quantity, settlement price) to the fee charged, settlement currency, at least
0; `margin.fees.delivery_fee` is the law behind it."""


class Captured(Enum):
    """What became of a price that was handed in."""

    KEPT = "kept"
    KNOWN = "known"
    """The same price was kept before."""
    CONFLICT = "conflict"
    """Another price was kept before, and stays."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SettlementPrice:
    """The price at which everything on one index that expires at one instant is settled.

    price : USD per coin, above 0
    source : who says so: "deribit delivery price", "average of the index here"
    """

    venue: str
    index_name: str
    expiry_ns: int
    price: Decimal
    captured_ns: int
    source: str

    def __post_init__(self) -> None:
        of = f"of {self.index_name} at {format_instant(self.expiry_ns)}"
        if not (self.price.is_finite() and self.price > 0):
            raise InvalidInput("price", self.price, f"{of} must be above 0")
        if self.captured_ns < self.expiry_ns:
            rule = f"{of} must not be earlier: the average is not complete before"
            raise InvalidInput("captured", format_instant(self.captured_ns), rule)


class SettlementPrices:
    """Captured prices; the first one of an expiry stays."""

    def __init__(self) -> None:
        self._prices: dict[tuple[str, str, int], SettlementPrice] = {}
        self._conflicts: dict[tuple[str, str, int], SettlementPrice] = {}

    def capture(self, price: SettlementPrice) -> Captured:
        """Keep `price` unless one is known; a different one is kept apart as a conflict."""
        key = (price.venue, price.index_name, price.expiry_ns)
        known = self._prices.setdefault(key, price)
        if known is price:
            return Captured.KEPT
        if known.price == price.price:
            return Captured.KNOWN
        self._conflicts[key] = price
        return Captured.CONFLICT

    def price_of(self, instrument: Instrument) -> SettlementPrice | None:
        """The price that `instrument` is settled at, None where none was captured."""
        if instrument.expiry_ns is None:
            return None
        key = (instrument.venue, instrument.index_name, instrument.expiry_ns)
        return self._prices.get(key)

    def conflicts(self) -> tuple[SettlementPrice, ...]:
        """The latest price of each expiry that differs from the one that was kept."""
        return tuple(self._conflicts[key] for key in sorted(self._conflicts))


@dataclass(frozen=True, slots=True, kw_only=True)
class Waiting:
    """A holding past its expiry whose settlement price has not come: it stays, and says so."""

    key: HoldingKey
    quantity: Decimal
    expiry_ns: int
    late_ns: int
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """What one holding's expiry does, settlement currency, in whole cash units.

    proceeds : an option's payoff, a future's profit; signed
    fee : charged
    """

    holding: Holding
    price: SettlementPrice
    proceeds: Decimal
    fee: Decimal


def average_of_index(samples: Sequence[tuple[int, Decimal]], expiry_ns: int) -> Decimal:
    """Mean of the index at each of the 1,800 seconds that end with `expiry_ns`; a second without a
    sample of its own has the last one before it.

    samples : (instant, USD per coin), ascending. Raises InvalidInput where the index was unseen
    for more than GAP_S_MAX seconds of the window.
    """
    instants = [instant for instant, _ in samples]
    total = Decimal(0)
    for second in range(WINDOW_S):
        at_ns = expiry_ns - second * NS_PER_S
        place = bisect_right(instants, at_ns) - 1
        if place < 0 or at_ns - instants[place] > GAP_S_MAX * NS_PER_S:
            rule = f"must not be unseen for more than {GAP_S_MAX} s of the last half hour"
            raise InvalidInput("index", format_instant(at_ns), rule)
        total = EXACT.add(total, samples[place][1])
    return total / WINDOW_S


def deliveries(
    holdings: Sequence[Holding],
    prices: SettlementPrices,
    fee_of: DeliveryFee,
    *,
    now_ns: int,
) -> tuple[tuple[Delivery, ...], tuple[Waiting, ...]]:
    """What is settled and what still waits of `holdings` at `now_ns` of the venue's clock.

    The venue settles what an account holds of an instrument in one: the fee is of the net quantity,
    and payoff and fee are whole cash units of it, shared out over the tags to the last unit.
    """
    expired: dict[tuple[str, str, str], list[Holding]] = {}
    for holding in holdings:
        expiry_ns = holding.instrument.expiry_ns
        if holding.quantity and expiry_ns is not None and expiry_ns <= now_ns:
            key = (holding.key.venue, holding.key.account, holding.key.instrument_name)
            expired.setdefault(key, []).append(holding)
    settled: list[Delivery] = []
    waiting: list[Waiting] = []
    for group in expired.values():
        price = prices.price_of(group[0].instrument)
        if price is None:
            waiting += [_waiting(holding, now_ns) for holding in group]
        else:
            settled += _delivered(group, price, fee_of)
    return tuple(settled), tuple(waiting)


def _waiting(holding: Holding, now_ns: int) -> Waiting:
    instrument = holding.instrument
    assert instrument.expiry_ns is not None
    return Waiting(
        key=holding.key,
        quantity=holding.quantity,
        expiry_ns=instrument.expiry_ns,
        late_ns=now_ns - instrument.expiry_ns,
        reason=f"{instrument.name} expired at {format_instant(instrument.expiry_ns)}; "
        f"the settlement price of {instrument.index_name} has not come",
    )


def _delivered(
    group: Sequence[Holding], price: SettlementPrice, fee_of: DeliveryFee
) -> list[Delivery]:
    instrument = group[0].instrument
    net = Decimal(0)
    for holding in group:
        net = EXACT.add(net, holding.quantity)
    proceeds = [_proceeds(holding, price.price) for holding in group]
    fee = fee_of(instrument, net, price.price) if net else Decimal(0)
    if not (fee.is_finite() and fee >= 0):
        raise InvalidInput("delivery fee", fee, f"of {instrument.name} must be at least 0")
    # Only what is on the net's side reached the expiry; the rest met its other side here.
    weights = [h.quantity.copy_abs() if h.quantity * net > 0 else Decimal(0) for h in group]
    return [
        Delivery(holding=holding, price=price, proceeds=paid, fee=charged)
        for holding, paid, charged in zip(
            group, _in_cash(proceeds), _shares(_cash(fee), weights), strict=True
        )
    ]


def _proceeds(holding: Holding, price: Decimal) -> Decimal:
    if holding.instrument.is_future:
        value = worth(holding.instrument, holding.quantity, price)
        return EXACT.subtract(value, holding.cost)
    return payoff(holding.instrument, holding.quantity, price)


def _cash(amount: Decimal) -> Decimal:
    return amount.quantize(CASH_UNIT, rounding=ROUND_HALF_UP, context=EXACT)


def _in_cash(amounts: Sequence[Decimal]) -> list[Decimal]:
    """Each amount in cash units, the last such that they sum to the cash of the whole."""
    total = Decimal(0)
    for amount in amounts:
        total = EXACT.add(total, amount)
    rounded = [_cash(amount) for amount in amounts[:-1]]
    rest = _cash(total)
    for amount in rounded:
        rest = EXACT.subtract(rest, amount)
    return [*rounded, rest]


def _shares(whole: Decimal, weights: Sequence[Decimal]) -> list[Decimal]:
    """`whole` in cash units over `weights` (at least 0); the last that has one takes the rest."""
    shares = [Decimal(0)] * len(weights)
    total = Decimal(0)
    for weight in weights:
        total = EXACT.add(total, weight)
    places = [place for place, weight in enumerate(weights) if weight]
    rest = whole
    for place in places[:-1]:
        shares[place] = _cash(EXACT.divide(EXACT.multiply(whole, weights[place]), total))
        rest = EXACT.subtract(rest, shares[place])
    if places:
        shares[places[-1]] = rest
    return shares
