"""Moves of skew and term, and the surface's own rule, against their formulas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.risk.revaluation import OptionGroup, ScenarioTable, group_pnl, option_group
from quantdesk.risk.scenario import Move, Scenario, SmileRule, VolRule
from quantdesk.risk.smiles import NO_SMILE, ExpirySmile

FORWARD, YEARS, VOL = 60_000.0, 90 / 365, 0.5
STRIKES = np.array([45_000.0, 60_000.0, 80_000.0])


def group(smile: ExpirySmile = NO_SMILE) -> OptionGroup:
    return option_group(
        underlying=0,
        first=0,
        index=FORWARD,
        forward=FORWARD,
        years=YEARS,
        is_inverse=False,
        coins=np.ones(3),
        strike=STRIKES,
        vol=np.full(3, VOL),
        is_call=np.array([False, True, True]),
        smile=smile,
    )


def pnl(move: Move, rule: VolRule | None = None, smile: ExpirySmile = NO_SMILE) -> FloatArray:
    scenario = Scenario(name="one", move=move, rule=rule or VolRule())
    table = ScenarioTable.of([scenario], ["BTC"])
    return group_pnl(group(smile), table, each=True, threads=1).usd[:, 0]


def textbook(vols: FloatArray, forward: float = FORWARD) -> FloatArray:
    is_call = np.array([False, True, True])
    after = np.asarray(pricing.price(is_call, forward, STRIKES, YEARS, vols))
    before = np.asarray(pricing.price(is_call, FORWARD, STRIKES, YEARS, VOL))
    return np.asarray(after - before)


def test_skew_adds_by_log_moneyness_scaled_to_thirty_days() -> None:
    weight = math.sqrt(30 / 90)
    expected = textbook(VOL - 0.1 * weight * np.log(STRIKES / FORWARD))
    assert pnl(Move(skew=-0.1)) == pytest.approx(expected, abs=1e-9)


def test_term_adds_nothing_at_thirty_days_and_its_share_elsewhere() -> None:
    expected = textbook(np.full(3, VOL + 0.1 * (math.sqrt(30 / 90) - 1)))
    assert pnl(Move(term=0.1)) == pytest.approx(expected, abs=1e-9)


@pytest.mark.parametrize(
    ("rule", "slide"),
    [(SmileRule.STICKY_STRIKE, 0), (SmileRule.STICKY_DELTA, 1), (SmileRule.SURFACE, -1)],
)
def test_the_three_smile_rules_slide_the_smile_as_they_say(rule: SmileRule, slide: int) -> None:
    k = np.linspace(-1.0, 1.0, 2_001)
    smile = ExpirySmile(log_moneyness=k, vol=VOL - 0.2 * k)
    forward = 54_000.0
    moved = -0.2 * -slide * math.log(forward / FORWARD)
    expected = textbook(np.full(3, VOL + moved), forward)
    got = pnl(Move(spot=-0.1), VolRule(smile=rule), smile)
    assert got == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize("name", ["skew", "term"])
def test_a_move_that_is_no_number_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput, match=name):
        Move(**{name: math.nan})
