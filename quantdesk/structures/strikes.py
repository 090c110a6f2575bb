"""From an anchor to a listed strike, with a warning wherever the ladder had to bend it."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.structures.anchors import AnchorKind, StrikeAnchor
from quantdesk.structures.ladder import Ladder, nearest_strike

DELTA_GAP_WARN = 0.02
"""A listed delta further than this from the one asked for is said: a trader sizes by it."""

DELTA_GAP_MAX = 0.10
"""Further than this it is another option, and refused: 20d is not to become 5d."""


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeChoice:
    """A listed strike, and a sentence where it is not quite what was asked for ("" if it is)."""

    strike: float
    warning: str = ""


def choose_strike(
    ladder: Ladder, is_call: bool, anchor: StrikeAnchor, *, before: float | None
) -> StrikeChoice:
    """The listed strike that `anchor` means for a call or put of `ladder`.

    before : strike that a distance is measured from; None where no such leg has one

    Raises InvalidInput naming the anchor and what is nearest or allowed.
    """
    strikes = ladder.strikes(is_call)
    if strikes.size == 0:
        kind = "calls" if is_call else "puts"
        raise InvalidInput("strike", str(anchor), f"{ladder.code} lists no {kind}")
    match anchor.kind:
        case AnchorKind.DELTA | AnchorKind.DELTA_PREMIUM_ADJUSTED:
            return _by_delta(ladder, is_call, anchor)
        case AnchorKind.ATM:
            return StrikeChoice(strike=nearest_strike(strikes, ladder.forward, ladder.forward))
        case AnchorKind.STRIKE:
            wanted = float(anchor.size)
        case AnchorKind.DISTANCE:
            wanted = _by_distance(anchor, before)
        case AnchorKind.PERCENT:
            wanted = ladder.forward * (1 + _signed(anchor, is_call) / 100)
        case AnchorKind.SIGMA:
            wanted = ladder.forward * math.exp(_signed(anchor, is_call) * _total_vol(ladder))
    if wanted <= 0:
        raise InvalidInput("strike", str(anchor), "means a strike of 0 or less")
    strike = nearest_strike(strikes, wanted, ladder.forward)
    is_exact = anchor.kind in (AnchorKind.STRIKE, AnchorKind.DISTANCE)
    if is_exact and strike != wanted:
        kind = "call" if is_call else "put"
        return StrikeChoice(
            strike=strike,
            warning=f"{ladder.code} lists no {wanted:,.10g} {kind}: took {strike:,.10g}",
        )
    return StrikeChoice(strike=strike)


def _signed(anchor: StrikeAnchor, is_call: bool) -> float:
    """Size with its sign; without one, out of the money: up for calls, down for puts."""
    size = float(anchor.size)
    return size if anchor.is_signed or is_call else -size


def _total_vol(ladder: Ladder) -> float:
    if ladder.atm_vol is None:
        raise InvalidInput("strike", "sigma", f"needs a vol, and {ladder.code} has none")
    return ladder.atm_vol * math.sqrt(ladder.years)


def _by_distance(anchor: StrikeAnchor, before: float | None) -> float:
    if before is None:
        raise InvalidInput(
            "strike", str(anchor), "is a distance, and the leg it is from has no strike"
        )
    return before + float(anchor.size)


def _by_delta(ladder: Ladder, is_call: bool, anchor: StrikeAnchor) -> StrikeChoice:
    is_adjusted = anchor.kind is AnchorKind.DELTA_PREMIUM_ADJUSTED
    strikes = ladder.strikes(is_call)
    deltas = ladder.deltas(is_call, is_premium_adjusted=is_adjusted)
    known = np.isfinite(deltas)
    if not known.any():
        raise InvalidInput("strike", str(anchor), f"needs vols, and {ladder.code} has none")
    strikes, deltas = strikes[known], deltas[known]
    if is_adjusted and is_call:
        strikes, deltas = _falling_branch(strikes, deltas)
    target = float(anchor.size) / 100
    gap = np.abs(deltas - target)
    best = int(np.argmin(gap))
    strike, delta = float(strikes[best]), float(deltas[best])
    name = "premium-adjusted delta" if is_adjusted else "delta"
    if gap[best] > DELTA_GAP_MAX:
        rule = (
            f"no listed {'call' if is_call else 'put'} of {ladder.code} has {name} {target:g}; "
            f"nearest is {strike:g} with {delta:.3f}"
        )
        raise InvalidInput("strike", str(anchor), rule)
    if gap[best] > DELTA_GAP_WARN:
        kind = "call" if is_call else "put"
        return StrikeChoice(
            strike=strike,
            warning=f"nearest {ladder.code} {kind} to {anchor} is {strike:,.10g}: "
            f"{name} {delta:.3f}",
        )
    return StrikeChoice(strike=strike)


def _falling_branch(strikes: FloatArray, deltas: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Strikes from the maximum up: below it a call's premium-adjusted delta rises with the strike,
    and the same number would mean a deep in-the-money option."""
    top = int(np.argmax(deltas))
    return strikes[top:], deltas[top:]
