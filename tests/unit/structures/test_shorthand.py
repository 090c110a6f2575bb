"""A structure in a few words means what a trader who types them means."""

from __future__ import annotations

import pytest

from quantdesk.errors import InvalidInput
from quantdesk.structures.catalogue import ALIASES, CATALOGUE, plan_structure
from quantdesk.structures.plan import StructurePlan
from quantdesk.structures.shorthand import is_structure_name, parse_shorthand

CODES = ("28JUN26", "3JUL26", "31JUL26", "25SEP26")


def plan(text: str) -> StructurePlan:
    return parse_shorthand(text, coins=("BTC", "ETH"), expiries=CODES)


@pytest.mark.parametrize(
    ("text", "name", "anchors"),
    [
        ("ic monthly 20d 5000", "iron-condor", {"short": "20d", "wing": "5000"}),
        ("ic 20d", "iron-condor", {"short": "20d"}),
        ("iron_condor 31jul short_put=10d", "iron-condor",
         {"expiry": "31JUL26", "short_put": "10d"}),
        ("straddle 60000 2026-07-31", "straddle", {"strike": "60000", "expiry": "2026-07-31"}),
        ("calendar put weekly monthly", "calendar", {"kind": "put", "expiry": "weekly"}),
        ("calendar weekly quarterly 60000 x5", "calendar",
         {"expiry": "weekly", "far": "quarterly", "strike": "60000", "quantity": "5"}),
        ("short-call x-2", "short-call", {"quantity": "-2"}),
        ("cc perpetual 20d", "covered-call", {"held_as": "perpetual", "strike": "20d"}),
        ("strangle 20d 25d", "strangle", {"put_strike": "20d", "call_strike": "25d"}),
    ],
)  # fmt: skip
def test_words_fill_the_anchors_of_the_builder(
    text: str, name: str, anchors: dict[str, str]
) -> None:
    assert plan(text) == plan_structure(name, **anchors)


@pytest.mark.parametrize("name", [*CATALOGUE, *ALIASES])
def test_every_name_is_a_structure_by_itself(name: str) -> None:
    assert is_structure_name(name)
    assert plan(name) == plan_structure(name)


def test_a_coin_may_stand_anywhere() -> None:
    assert plan("ic ETH monthly").underlying == "ETH"
    assert plan("ic monthly eth").underlying == "ETH"
    assert plan("ic monthly").underlying == ""


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "must be a name, then expiry"),
        ("irn-condor", "nearest is iron-condor"),
        ("straddle 3dec", "is not listed; listed are 28JUN26"),
        ("straddle 60000 70000", "is a word too many; anchors are strike, expiry, quantity"),
        ("straddle 60000 strike=70000", "is given twice; before it was 60000"),
        ("straddle far=monthly", "is not an anchor of straddle"),
        ("straddle monthly weekly", "is given twice"),
        ("straddle xyz", "must be a strike"),
    ],
)
def test_what_is_wrong_is_named(text: str, says: str) -> None:
    with pytest.raises(InvalidInput, match=says):
        plan(text)
