"""Profit at expiry of a structure whose options expire together: exact, in both currencies.

Each flow is converted when it happens: the premium at the entry index, the payoff at the settlement
price D. Per coin of a leg held:

    inverse call      coin  max(D − K, 0)/D      USD  max(D − K, 0)
    inverse put       coin  max(K − D, 0)/D      USD  max(K − D, 0)
    inverse future    coin  1/P − 1/D per USD    USD  D/P − 1 per USD
    linear future     USD   D − P                coin 1 − P/D
    held coin         USD   D − P                coin 1 − P/S₀

Sources: Deribit "Inverse options" and "Inverse futures" contract specifications. A perpetual and a
future of a later date are taken to trade at D then, without funding.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum
from fractions import Fraction

from quantdesk.errors import InvalidInput
from quantdesk.structures.profile import ZERO, Piece, Profile, Shape, sum_profile
from quantdesk.structures.terms import LegTerms, Payout


class Numeraire(Enum):
    """What profit is counted in.

    USD converts the premium at the entry index; USD_MARKED keeps a coin premium in coin until the
    settlement and marks it there.
    """

    COIN = "coin"
    USD = "usd"
    USD_MARKED = "usd_marked"


def exact_profile(
    legs: Sequence[LegTerms],
    numeraire: Numeraire,
    *,
    entry_index: Fraction,
) -> Profile:
    """Profit by settlement price of legs that all end together.

    entry_index : USD per coin at entry, above 0

    Raises InvalidInput for options of several expiries, and for an index that is not above 0.
    """
    if entry_index <= 0:
        raise InvalidInput("index_price", float(entry_index), "must be above 0")
    if len({leg.expiry_ns for leg in legs if leg.is_option}) > 1:
        raise InvalidInput("expiry", "several", "has no exact payoff; a model must value the rest")
    claims = [claim for leg in legs for claim in _claims(leg, numeraire, entry_index)]
    shape = Shape.RECIPROCAL if numeraire is Numeraire.COIN else Shape.DIRECT
    return sum_profile(shape, claims)


Claim = tuple[Fraction, bool, Piece]


def _everywhere(piece: Piece) -> Claim:
    return ZERO, True, piece


def _claims(leg: LegTerms, numeraire: Numeraire, entry_index: Fraction) -> list[Claim]:
    """What the leg pays at the end, and what was paid for it at entry."""
    size, strike, entry = leg.size, leg.strike, leg.entry
    in_coin = numeraire is Numeraire.COIN
    match leg.payout:
        case Payout.CALL:
            piece = Piece(size, -size * strike) if in_coin else Piece(-size * strike, size)
            premium = _paid(-size * entry, numeraire, entry_index, is_coin=leg.is_inverse)
            return [(strike, True, piece), _everywhere(premium)]
        case Payout.PUT:
            piece = Piece(-size, size * strike) if in_coin else Piece(size * strike, -size)
            premium = _paid(-size * entry, numeraire, entry_index, is_coin=leg.is_inverse)
            return [(strike, False, piece), _everywhere(premium)]
        case Payout.FORWARD if leg.is_inverse:
            # `size` is USD: size/P coins are owed for size/D coins received.
            piece = Piece(size / entry, -size) if in_coin else Piece(-size, size / entry)
            return [_everywhere(piece)]
        case Payout.FORWARD:
            piece = Piece(size, -size * entry) if in_coin else Piece(-size * entry, size)
            return [_everywhere(piece)]
        case Payout.HELD_COIN:
            held = Piece(size, ZERO) if in_coin else Piece(ZERO, size)
            paid = _paid(-size * entry, numeraire, entry_index, is_coin=False)
            return [_everywhere(held), _everywhere(paid)]


def _paid(amount: Fraction, numeraire: Numeraire, entry_index: Fraction, *, is_coin: bool) -> Piece:
    """A flow at entry, in coin or USD, as a piece of the profile in `numeraire`."""
    match numeraire:
        case Numeraire.COIN:
            return Piece(amount if is_coin else amount / entry_index, ZERO)
        case Numeraire.USD:
            return Piece(amount * entry_index if is_coin else amount, ZERO)
        case Numeraire.USD_MARKED:
            return Piece(ZERO, amount) if is_coin else Piece(amount, ZERO)
