"""One change to one leg of a structure, on the strikes and expiries that are listed.

What a builder's keys do. Pure: a structure and a market in, a structure out; nothing is invented
where the ladder ends, and the limit of a leg goes when the leg becomes another contract.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import NamedTuple

from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.domain.structure import Leg, Structure, on_lot
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.anchors import plain
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.ladder import Ladder, ladder_of, nearest_strike
from quantdesk.structures.plan import LEGS_MAX, LegPlan, StructurePlan
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import parse_line

LOTS_FINE = 10
"""Up to so many lots a quantity moves by single lots, beyond by its second digit and not less."""


class Edited(NamedTuple):
    """A structure after an edit, and a sentence where the edit could not be taken as it was."""

    structure: Structure
    note: str = ""


def with_leg(structure: Structure | None, leg: Leg) -> Edited:
    """`structure` with `leg` added; a leg of the same contract and side grows instead.

    Raises InvalidInput for a leg of another venue or underlying, for a contract that is there with
    the other sign, and for too many legs.
    """
    if structure is None:
        return Edited(Structure(legs=(leg,)))
    first, new = structure.legs[0].instrument, leg.instrument
    if (first.venue, first.underlying) != (new.venue, new.underlying):
        rule = f"is not of {first.venue} {first.underlying}; legs can not be mixed"
        raise InvalidInput("leg", new.name, rule)
    for place, one in enumerate(structure.legs):
        if one.instrument.name == new.name:
            if (one.quantity > 0) != (leg.quantity > 0):
                rule = f"is leg {place + 1} already, with the other sign: change that leg"
                raise InvalidInput("leg", new.name, rule)
            grown = replace(one, quantity=one.quantity + leg.quantity)
            return Edited(_put(structure, place, grown), f"leg {place + 1} grew")
    if len(structure.legs) >= LEGS_MAX:
        raise InvalidInput("legs", len(structure.legs) + 1, f"must be at most {LEGS_MAX}")
    return Edited(Structure(legs=(*structure.legs, leg)))


def without_leg(structure: Structure, place: int) -> Structure | None:
    """`structure` without the leg at `place` (from 0); None where it was the last one."""
    legs = tuple(leg for number, leg in enumerate(structure.legs) if number != place)
    return Structure(legs=legs) if legs else None


def doubled_leg(structure: Structure, place: int) -> Edited:
    """`structure` with a copy of the leg at `place` behind it, to be moved from there.

    Raises InvalidInput for too many legs.
    """
    if len(structure.legs) >= LEGS_MAX:
        raise InvalidInput("legs", len(structure.legs) + 1, f"must be at most {LEGS_MAX}")
    legs = (*structure.legs[: place + 1], *structure.legs[place:])
    return Edited(Structure(legs=legs))


def flipped_side(structure: Structure, place: int) -> Edited:
    """The leg at `place` sold where it was bought, and the other way round. Raises InvalidInput
    where the same contract is another leg, which then would cancel it.
    """
    leg = structure.legs[place]
    return Edited(_placed(structure, place, replace(leg, quantity=-leg.quantity)))


def stepped_quantity(structure: Structure, place: int, direction: int) -> Edited:
    """The size of the leg at `place` one step larger (+1) or smaller (−1); its side stays.

    Raises InvalidInput at the smallest lot.
    """
    leg = structure.legs[place]
    step = leg.instrument.amount_step
    lots = abs(leg.quantity) / step
    # Going down from 10 lots is fine again: 1, 0.9, not 1, 0.
    is_fine = lots < LOTS_FINE or (direction < 0 and lots <= LOTS_FINE)
    jump = Decimal(1) if is_fine else Decimal(10) ** max(lots.adjusted() - 1, 1)
    size = plain((lots + direction * jump) * step)
    if size < leg.instrument.amount_min:
        rule = f"of {leg.instrument.name} is the smallest there is; delete takes the leg out"
        raise InvalidInput("quantity", f"{abs(leg.quantity):f}", rule)
    quantity = on_lot(leg.instrument, size if leg.quantity > 0 else -size)
    return Edited(_put(structure, place, replace(leg, quantity=quantity)))


def scaled(structure: Structure, factor: Decimal) -> Edited:
    """Every leg `factor` times as large. Raises InvalidInput off a lot, and for a factor of 0."""
    if not (factor.is_finite() and factor != 0):
        raise InvalidInput("factor", f"{factor}", "must be a number, not 0")
    legs = []
    for number, leg in enumerate(structure.legs, start=1):
        try:
            quantity = on_lot(leg.instrument, plain(leg.quantity * factor))
        except InvalidInput as error:
            raise InvalidInput(f"leg {number} {error.field}", error.value, error.rule) from None
        legs.append(replace(leg, quantity=quantity))
    return Edited(replace(structure, legs=tuple(legs)))


def stepped_strike(
    structure: Structure, place: int, market: UnderlyingMarket, direction: int
) -> Edited:
    """The option at `place` at the next listed strike up (+1) or down (−1).

    A strike at which it would cancel another leg is stepped over. Raises InvalidInput where the
    ladder ends, and for a leg without a strike.
    """
    leg = structure.legs[place]
    ladder, is_call, strike = _on_ladder(leg, place, market)
    strikes = [float(one) for one in ladder.strikes(is_call)]
    if direction < 0:
        strikes.reverse()
    ahead = [one for one in strikes if (one - strike) * direction > 0]
    for wanted in ahead:
        moved = _moved(leg, ladder.option(is_call, wanted))
        if not _cancels(structure, place, moved):
            return Edited(_put(structure, place, moved))
    side, kind = ("highest" if direction > 0 else "lowest"), ("call" if is_call else "put")
    rule = f"is the {side} listed {kind} of {ladder.code} that leg {place + 1} can take"
    raise InvalidInput("strike", f"{strike:g}", rule)


def stepped_expiry(
    structure: Structure, place: int, market: UnderlyingMarket, direction: int
) -> Edited:
    """The leg at `place` in the next listed expiry (+1) or the one before (−1).

    An option keeps its strike, or takes the nearest one listed there and says so. Raises
    InvalidInput where no expiry is left, and for a leg that never expires.
    """
    leg = structure.legs[place]
    now = leg.instrument.expiry_ns
    if now is None:
        raise InvalidInput(f"leg {place + 1}", leg.instrument.name, "never expires")
    if leg.instrument.kind is InstrumentKind.OPTION:
        listed = sorted(ns for ns in market.forwards if ns > market.as_of_ns)
    else:
        listed = sorted(
            quote.instrument.expiry_ns
            for quote in market.futures.values()
            if quote.instrument.expiry_ns is not None
        )
    ahead = [ns for ns in listed if (ns - now) * direction > 0]
    for expiry_ns in ahead if direction > 0 else reversed(ahead):
        moved, note = _in_expiry(leg, place, market, expiry_ns)
        if not _cancels(structure, place, moved):
            return Edited(_put(structure, place, moved), note)
    word = "last" if direction > 0 else "first"
    raise InvalidInput("expiry", expiry_code(now), f"is the {word} that leg {place + 1} can take")


def flipped_type(structure: Structure, place: int, market: UnderlyingMarket) -> Edited:
    """The call at `place` as a put, the put as a call, at its strike or the nearest listed one.

    Raises InvalidInput for a leg that is no option, and where it would cancel another leg.
    """
    leg = structure.legs[place]
    ladder, is_call, strike = _on_ladder(leg, place, market)
    instrument, note = _nearest(ladder, not is_call, strike, place)
    return Edited(_placed(structure, place, _moved(leg, instrument)), note)


def typed_legs(
    structure: Structure | None,
    text: str,
    market: UnderlyingMarket,
    *,
    place: int | None = None,
    expiry: str = "",
) -> Edited:
    """`structure` with the legs that `text` writes, behind the others or in place of one.

    Anchors such as +5000, and an expiry left out, are taken from the leg before. `expiry` serves
    the first leg of all where it names none. Raises InvalidInput naming the leg and what is wrong.
    """
    written = parse_line(text)
    known = () if structure is None else exact_plan(structure).legs
    before = known if place is None else known[:place]
    after = () if place is None else known[place + 1 :]
    new = written.legs
    if not before and expiry and not new[0].expiry and new[0].kind.is_option:
        new = (replace(new[0], expiry=expiry), *new[1:])
    legs: tuple[LegPlan, ...] = (*before, *new, *after)
    name = written.name if structure is None else ""
    underlying, venue = written.underlying, written.venue
    plan = StructurePlan(legs=legs, name=name, venue=venue, underlying=underlying)
    resolved = resolve(plan, market)
    return Edited(resolved.structure, "; ".join(resolved.warnings))


def _on_ladder(leg: Leg, place: int, market: UnderlyingMarket) -> tuple[Ladder, bool, float]:
    """Ladder, whether it is a call, and strike of an option leg. Raises InvalidInput."""
    instrument = leg.instrument
    if instrument.strike is None or instrument.expiry_ns is None:
        raise InvalidInput(f"leg {place + 1}", instrument.name, "is no option: it has no strike")
    is_call = instrument.option_type is OptionType.CALL
    return ladder_of(market, instrument.expiry_ns), is_call, float(instrument.strike)


def _nearest(ladder: Ladder, is_call: bool, strike: float, place: int) -> tuple[Instrument, str]:
    found = nearest_strike(ladder.strikes(is_call), strike, ladder.forward)
    note = ""
    if found != strike:
        kind = "call" if is_call else "put"
        note = f"leg {place + 1}: {strike:g} is no listed {kind} of {ladder.code}; took {found:g}"
    return ladder.option(is_call, found), note


def _in_expiry(leg: Leg, place: int, market: UnderlyingMarket, expiry_ns: int) -> tuple[Leg, str]:
    """`leg` as the contract of another listed expiry."""
    instrument = leg.instrument
    if instrument.kind is InstrumentKind.OPTION:
        assert instrument.strike is not None  # an option has one
        is_call = instrument.option_type is OptionType.CALL
        ladder = ladder_of(market, expiry_ns)
        found, note = _nearest(ladder, is_call, float(instrument.strike), place)
        return _moved(leg, found), note
    future = next(
        quote.instrument
        for quote in market.futures.values()
        if quote.instrument.expiry_ns == expiry_ns
    )
    return _moved(leg, future), ""


def _moved(leg: Leg, instrument: Instrument) -> Leg:
    """The same amount of another contract; a limit meant the old one."""
    return Leg(instrument=instrument, quantity=on_lot(instrument, leg.quantity))


def _cancels(structure: Structure, place: int, leg: Leg) -> bool:
    return any(
        number != place
        and other.instrument.name == leg.instrument.name
        and (other.quantity > 0) != (leg.quantity > 0)
        for number, other in enumerate(structure.legs)
    )


def _placed(structure: Structure, place: int, leg: Leg) -> Structure:
    if _cancels(structure, place, leg):
        rule = "is another leg too, with the other sign: they would cancel"
        raise InvalidInput(f"leg {place + 1}", leg.instrument.name, rule)
    return _put(structure, place, leg)


def _put(structure: Structure, place: int, leg: Leg) -> Structure:
    """`leg` in place of another; the name goes where the whole may be something else now.

    A condor stays one whatever its strikes are, and in any size.
    """
    legs = (*structure.legs[:place], leg, *structure.legs[place + 1 :])
    old, new = structure.legs[place].instrument, leg.instrument
    is_condor = structure.name.endswith("condor")
    is_alike = old.name == new.name or (
        is_condor and (old.expiry_ns, old.option_type) == (new.expiry_ns, new.option_type)
    )
    is_turned = (structure.legs[place].quantity > 0) != (leg.quantity > 0)
    return Structure(legs=legs, name=structure.name if is_alike and not is_turned else "")
