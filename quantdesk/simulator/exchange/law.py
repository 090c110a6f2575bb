"""What a contract is worth: the money of a trade, of a position and of an expiry.

Pure and exact. A position's profit is `value(size, mark) − cost`, its cost the sum of the values of
its trades; that holds for every kind of contract, since an inverse future's value is the negative
of the coin it stands for.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.errors import InvalidInput

VALUE_QUANTUM = Decimal(1).scaleb(-18)
"""Coin values of inverse futures are kept to this: far below any cash quantum."""

SUPPORTED_KINDS = frozenset(
    {InstrumentKind.OPTION, InstrumentKind.FUTURE, InstrumentKind.PERPETUAL}
)


class ContractLaw:
    """The arithmetic of one instrument.

    Attributes
    ----------
    is_option : its premium is cash at the trade; a future's profit becomes cash at settlements
    """

    __slots__ = ("_is_inverse_future", "_quantum", "_unit_size", "instrument", "is_option")

    def __init__(self, instrument: Instrument, *, cash_quantum: Decimal) -> None:
        """Raises InvalidInput for a kind that the exchange does not trade."""
        if instrument.kind not in SUPPORTED_KINDS:
            raise InvalidInput("kind", instrument.kind.value, "must be option, future or perpetual")
        self.instrument = instrument
        self.is_option = instrument.kind is InstrumentKind.OPTION
        self._is_inverse_future = instrument.is_inverse_future
        self._unit_size = instrument.unit_size
        self._quantum = cash_quantum if self.is_option else VALUE_QUANTUM

    def value(self, size: Decimal, price: Decimal) -> Decimal:
        """Value of a signed `size` at `price`, settlement currency.

        Options: size × price, in whole cash (the price is per unit of amount, whatever that is).
        Linear futures: size × price × coins per unit. Inverse futures: −size / price.
        """
        if self._is_inverse_future:
            return (-size * self._unit_size / price).quantize(VALUE_QUANTUM)
        if self.is_option:
            return (size * price).quantize(self._quantum)
        return size * price * self._unit_size

    def part_of(self, cost: Decimal, part: Decimal, whole: Decimal) -> Decimal:
        """`cost` × `part` / `whole`, as finely as values are kept."""
        return cost if part == whole else (cost * part / whole).quantize(VALUE_QUANTUM)

    def average_price(self, size: Decimal, cost: Decimal) -> Decimal:
        """The price at which a position of `size` (not 0) would cost `cost`."""
        if self._is_inverse_future:
            return -size * self._unit_size / cost
        return cost / (size if self.is_option else size * self._unit_size)

    def notional(self, size: Decimal, mark: Decimal) -> Decimal:
        """Signed worth of a future's position, settlement currency; what funding is paid on."""
        value = self.value(size, mark)
        return -value if self._is_inverse_future else value

    def payoff(self, size: Decimal, delivery_price: Decimal) -> Decimal:
        """What an option position of `size` pays at expiry, signed, not rounded.

        Inverse: size × max(±(D − K), 0) / D coin. Linear: size × max(±(D − K), 0) × coins a unit.
        """
        strike = self.instrument.strike
        assert strike is not None, self.instrument.name
        is_call = self.instrument.option_type is OptionType.CALL
        gain = max(delivery_price - strike if is_call else strike - delivery_price, Decimal(0))
        in_currency = gain / delivery_price if self.instrument.is_inverse else gain
        return size * in_currency * self._unit_size
