"""Requirements of positions and orders, built the same way by every model."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.margin import MarginInput, MarginKind, MarginOrder, MarginRequirement
from quantdesk.domain.venue_rule import RuleOrigin

ZERO = Decimal(0)
FLAT = "flat: no margin"
LONG_OPTION = "long option: no margin, its premium is paid"


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginPair:
    """Initial and maintenance margin of the same thing, settlement currency."""

    initial: Decimal
    maintenance: Decimal

    def times(self, factor: Decimal) -> MarginPair:
        """Both, times `factor`."""
        return MarginPair(initial=self.initial * factor, maintenance=self.maintenance * factor)


NOTHING = MarginPair(initial=ZERO, maintenance=ZERO)


def position_requirement(
    instrument: Instrument,
    quantity: Decimal,
    margin: MarginPair,
    *,
    formula: str,
    inputs: tuple[MarginInput, ...] = (),
    origin: RuleOrigin,
) -> MarginRequirement:
    """Requirement of holding `quantity` of `instrument`."""
    return MarginRequirement(
        kind=MarginKind.POSITION,
        instrument_name=instrument.name,
        quantity=quantity,
        currency=instrument.settlement_currency,
        initial=margin.initial,
        maintenance=margin.maintenance,
        formula=formula,
        inputs=inputs,
        origin=origin,
    )


def order_requirement(
    order: MarginOrder,
    initial: Decimal,
    *,
    formula: str,
    inputs: tuple[MarginInput, ...],
    origin: RuleOrigin,
) -> MarginRequirement:
    """Requirement of a resting order: initial margin only, maintenance looks at positions."""
    return MarginRequirement(
        kind=MarginKind.ORDER,
        instrument_name=order.instrument.name,
        quantity=order.quantity,
        currency=order.instrument.settlement_currency,
        initial=initial,
        maintenance=ZERO,
        formula=formula,
        inputs=inputs,
        origin=origin,
        order_id=order.order_id,
    )
