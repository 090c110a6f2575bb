"""From a plan to a structure: each leg to a listed instrument, exact to the lot, with warnings.

Pure: the same plan on the same market gives the same structure.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.structure import Leg, Structure, on_lot
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import FutureQuote, UnderlyingMarket
from quantdesk.market.selection import select_expiries
from quantdesk.structures.anchors import plain
from quantdesk.structures.ladder import Ladder, ladder_of
from quantdesk.structures.plan import LegKind, LegPlan, StructurePlan
from quantdesk.structures.spot import spot_of
from quantdesk.structures.strikes import choose_strike
from quantdesk.structures.wings import wing_warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolved:
    """A structure on the market it was resolved on, with a sentence for all that was bent."""

    plan: StructurePlan
    structure: Structure
    warnings: tuple[str, ...]


class _Resolver:
    """The state of one resolution: the expiry and strike of the leg before, ladders once made."""

    def __init__(self, market: UnderlyingMarket) -> None:
        self.market = market
        self.expiries = sorted(market.forwards)
        self.ladders: dict[int, Ladder] = {}
        self.expiry_ns: int | None = None
        self.strikes: dict[int, float] = {}
        self.warnings: list[str] = []

    def leg(self, number: int, plan: LegPlan) -> Leg:
        """The leg of one plan. Raises InvalidInput naming the leg."""
        try:
            instrument = self._instrument(number, plan)
            quantity = self._quantity(plan, instrument)
        except InvalidInput as error:
            raise InvalidInput(f"leg {number} {error.field}", error.value, error.rule) from None
        return Leg(instrument=instrument, quantity=quantity, price=plan.price)

    def _instrument(self, number: int, plan: LegPlan) -> Instrument:
        match plan.kind:
            case LegKind.NAMED:
                return self._named(number, plan.name)
            case LegKind.PERPETUAL:
                return self._perpetual().instrument
            case LegKind.SPOT:
                return spot_of(self.market)
            case LegKind.FUTURE:
                return self._future(self._expiry(plan.expiry))
        assert plan.strike is not None  # a plan of an option has one
        ladder = self._ladder(self._expiry(plan.expiry))
        is_call = plan.kind is LegKind.CALL
        from_leg = plan.strike.leg or max(self.strikes, default=0)
        choice = choose_strike(ladder, is_call, plan.strike, before=self.strikes.get(from_leg))
        if choice.warning:
            self.warnings.append(f"leg {number}: {choice.warning}")
        self.strikes[number] = choice.strike
        return ladder.option(is_call, choice.strike)

    def _expiry(self, word: str) -> int:
        if not word:
            if self.expiry_ns is None:
                raise InvalidInput("expiry", "", "must be given for the first leg that has one")
            return self.expiry_ns
        found = select_expiries(self.expiries, word, self.market.as_of_ns)
        if len(found) != 1:
            raise InvalidInput("expiry", word, "must mean one expiry")
        self.expiry_ns = found[0]
        return found[0]

    def _ladder(self, expiry_ns: int) -> Ladder:
        if expiry_ns not in self.ladders:
            self.ladders[expiry_ns] = ladder_of(self.market, expiry_ns)
        return self.ladders[expiry_ns]

    def _named(self, number: int, name: str) -> Instrument:
        chain = self.market.chain
        for instrument in chain.instruments:
            if instrument.name == name:
                self._require_ahead(instrument)
                assert instrument.expiry_ns is not None  # an option has both
                assert instrument.strike is not None
                self.expiry_ns = instrument.expiry_ns
                self.strikes[number] = float(instrument.strike)
                return instrument
        future = self.market.futures.get(name)
        if future is not None:
            self._require_ahead(future.instrument)
            return future.instrument
        listed = [instrument.name for instrument in chain.instruments] + list(self.market.futures)
        raise InvalidInput("instrument_name", name, f"is not listed{_nearest_name(name, listed)}")

    def _require_ahead(self, instrument: Instrument) -> None:
        if instrument.expiry_ns is not None and instrument.expiry_ns <= self.market.as_of_ns:
            raise InvalidInput("expiry", expiry_code(instrument.expiry_ns), "is past")

    def _perpetual(self) -> FutureQuote:
        for future in self.market.futures.values():
            if future.instrument.kind is InstrumentKind.PERPETUAL:
                return future
        rule = f"no {self.market.underlying} perpetual is listed in this market"
        raise InvalidInput("instrument", LegKind.PERPETUAL.value, rule)

    def _future(self, expiry_ns: int) -> Instrument:
        codes = []
        for future in self.market.futures.values():
            if future.instrument.kind is not InstrumentKind.FUTURE:
                continue
            assert future.instrument.expiry_ns is not None  # a dated future has one
            if future.instrument.expiry_ns == expiry_ns:
                return future.instrument
            codes.append(expiry_code(future.instrument.expiry_ns))
        rule = f"no dated future expires then; listed are {', '.join(codes) or 'none'}"
        raise InvalidInput("expiry", expiry_code(expiry_ns), rule)

    def _quantity(self, plan: LegPlan, instrument: Instrument) -> Decimal:
        """Quantity in the instrument's unit, on its lot.

        A coin amount of an inverse future becomes the USD amount nearest to it, since that is how
        the venue counts; a named instrument is counted as the venue counts it.
        """
        quantity = plan.quantity
        if instrument.is_inverse_future and plan.kind is not LegKind.NAMED:
            price = self._sizing_price(plan, instrument)
            steps = (quantity * price / instrument.amount_step).to_integral_value()
            quantity = plain(steps * instrument.amount_step)
        return on_lot(instrument, quantity)

    def _sizing_price(self, plan: LegPlan, instrument: Instrument) -> Decimal:
        """USD per coin at which coins become the USD amount of an inverse future."""
        if not plan.is_sized_at_strike:
            return future_price(self.market, instrument)
        if not self.strikes:
            raise InvalidInput("strike", "+0", "is that of the leg before, and no option is there")
        return Decimal(repr(self.strikes[max(self.strikes)]))


def future_price(market: UnderlyingMarket, instrument: Instrument) -> Decimal:
    """Mark of a future, else the middle of its quote, USD. Raises InvalidInput without either."""
    quote = market.futures.get(instrument.name)
    price = None if quote is None else quote.mark
    if price is None and quote is not None and quote.bid is not None and quote.ask is not None:
        price = 0.5 * (quote.bid + quote.ask)
    if price is None:
        raise InvalidInput("price", None, f"of {instrument.name} is not known")
    return Decimal(repr(price))


def resolve(plan: StructurePlan, market: UnderlyingMarket) -> Resolved:
    """The structure that `plan` means on `market`.

    Raises InvalidInput naming the leg, its value and what is allowed or nearest; for a venue or an
    underlying that is not the market's; and where two legs cancel each other.
    """
    for field in ("venue", "underlying"):
        wanted, here = getattr(plan, field), getattr(market, field)
        if wanted and wanted != here:
            raise InvalidInput(field, wanted, f"this market is {here}; legs can not be mixed")
    resolver = _Resolver(market)
    legs = tuple(resolver.leg(number, leg) for number, leg in enumerate(plan.legs, start=1))
    _require_apart(legs)
    structure = Structure(legs=legs, name=plan.name)
    warnings = tuple(resolver.warnings) + wing_warnings(structure)
    return Resolved(plan=plan, structure=structure, warnings=warnings)


def _require_apart(legs: tuple[Leg, ...]) -> None:
    seen: dict[str, int] = {}
    for number, leg in enumerate(legs, start=1):
        name = leg.instrument.name
        other = seen.setdefault(name, number)
        if other != number and (leg.quantity > 0) != (legs[other - 1].quantity > 0):
            rule = f"is leg {other} too, with the other sign: the ladder has no strike between"
            raise InvalidInput(f"leg {number}", name, rule)


def _nearest_name(name: str, listed: list[str]) -> str:
    """The listed name that shares the longest beginning, as "; nearest is …"."""
    if not listed:
        return "; nothing is"

    def shared(other: str) -> int:
        length = 0
        for ours, theirs in zip(name, other, strict=False):
            if ours != theirs:
                break
            length += 1
        return length

    return f"; nearest is {max(listed, key=shared)}"
