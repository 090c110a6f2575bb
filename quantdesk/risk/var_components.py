"""What each leg has in a book's value at risk and expected shortfall: parts that add up to it.

    component ES = −Σ wⱼ·xⱼ,  w the weights of the book's worst results in its own ES
    component VaR = −x₍ₖ₎, the leg's result in the one move that is the book's quantile

of a leg's results xⱼ. Both add up over the legs; the component VaR rests on one move and is noisy,
the component ES on the whole tail (Tasche 2000). What the book's figure would be without a leg does
not add up and is given beside them. Pure.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.risk.var_quantiles import shortfalls, tail_weights


@dataclass(frozen=True, slots=True, kw_only=True)
class LegRisk:
    """One leg's part of the book's figures, USD without collateral; a negative part is a hedge.

    component_var, component_es : add up over the legs to the book's
    es_less : the book's ES less its ES without this leg
    es_alone : of the leg by itself
    """

    venue: str
    instrument_name: str
    component_var: float
    component_es: float
    es_less: float
    es_alone: float


def leg_risks(
    legs: Sequence[tuple[str, str]], profits: FloatArray, confidence: float
) -> tuple[LegRisk, ...]:
    """Parts of the `legs` (venue, instrument name), from their results (legs, n) in the same moves.

    Raises InvalidInput for shapes that do not fit, results that are no numbers, and a confidence
    outside 0.5 to 1.
    """
    if profits.ndim != 2 or profits.shape[0] != len(legs):
        raise InvalidInput("profits", profits.shape, f"must have {len(legs)} rows, one a leg")
    if not np.isfinite(profits).all():
        raise InvalidInput("profits", float("nan"), "must be numbers")
    total = np.add.reduce(profits, axis=0)
    weights, at_quantile = tail_weights(total, confidence)
    book = float(shortfalls(total[None, :], confidence)[0])
    in_tail = -(profits @ weights)
    without = shortfalls(total - profits, confidence)
    alone = shortfalls(profits, confidence)
    return tuple(
        LegRisk(
            venue=venue,
            instrument_name=name,
            component_var=-float(profits[row, at_quantile]),
            component_es=float(in_tail[row]),
            es_less=book - float(without[row]),
            es_alone=float(alone[row]),
        )
        for row, (venue, name) in enumerate(legs)
    )
