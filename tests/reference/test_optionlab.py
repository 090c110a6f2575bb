"""Linear structures of one expiry against optionlab: payoff, extremes, chance of profit.

optionlab samples the price in steps of 0.01; that is the only difference there is, and the
tolerances are what such a step can make of each figure.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction

import numpy as np
import pytest

from quantdesk.structures.chances import outcome
from quantdesk.structures.laws import Lognormal
from quantdesk.structures.payoff import Numeraire, exact_profile
from quantdesk.structures.terms import LegTerms, Payout

optionlab = pytest.importorskip("optionlab", reason="optionlab is not installed here")

STRUCTURES = 2_000
LOW, HIGH, STEP = 20.0, 300.0, 0.01
SPOT, DAYS = 100.0, 30

Leg = dict[str, object]


def random_legs(draw: random.Random) -> list[Leg]:
    return [
        {
            "type": draw.choice(["call", "put"]),
            "strike": float(draw.randint(50, 150)),
            "premium": draw.randint(1, 2000) / 100,
            "n": draw.randint(1, 5),
            "action": draw.choice(["buy", "sell"]),
        }
        for _ in range(draw.randint(1, 5))
    ]


def terms_of(leg: Leg) -> LegTerms:
    sign = 1 if leg["action"] == "buy" else -1
    return LegTerms(
        payout=Payout.CALL if leg["type"] == "call" else Payout.PUT,
        is_inverse=False,
        size=Fraction(sign * int(str(leg["n"]))),
        strike=Fraction(str(leg["strike"])),
        entry=Fraction(str(leg["premium"])),
        expiry_ns=1,
    )


def test_random_structures_agree_with_optionlab() -> None:
    draw = random.Random(7)
    worst_value = worst_chance = 0.0
    for _ in range(STRUCTURES):
        legs, vol = random_legs(draw), draw.randint(20, 120) / 100
        theirs = optionlab.run_strategy(
            optionlab.Inputs.model_validate(
                {
                    "stock_price": SPOT,
                    "volatility": vol,
                    "interest_rate": 0.0,
                    "min_stock": LOW,
                    "max_stock": HIGH,
                    "days_to_target_date": DAYS,
                    "discard_nonbusiness_days": False,
                    "strategy": legs,
                }
            )
        )
        profile = exact_profile(
            [terms_of(leg) for leg in legs], Numeraire.USD, entry_index=Fraction(100)
        )
        grid = np.arange(LOW, HIGH + STEP / 2, STEP)
        sampled = profile.values(grid)
        size = sum(int(str(leg["n"])) for leg in legs)
        for ours, other in (
            (sampled.max(), theirs.maximum_return_in_the_domain),
            (sampled.min(), theirs.minimum_return_in_the_domain),
        ):
            worst_value = max(worst_value, abs(ours - other) / size)
        law = Lognormal(name="", forward=SPOT, vol=vol, years=DAYS / 365)
        ours = outcome(profile, law).profit_probability
        # Each crossing is known to optionlab to one step: the density at its peak, a step wide.
        crossings = max(len(profile.breakevens()), 1)
        peak = 1 / (SPOT * law.total_vol * math.sqrt(2 * math.pi)) * math.exp(law.total_vol**2)
        gap = abs(ours - theirs.probability_of_profit)
        assert gap <= crossings * 2 * STEP * peak + 1e-9, (legs, vol)
        worst_chance = max(worst_chance, gap)
    # Returns are rounded to cents by optionlab; a step of 0.01 moves one option by 0.01.
    assert worst_value <= 0.0101
    assert worst_chance < 0.01
