"""A named structure in a few words, as one types it at a prompt: "ic BTC monthly 20d 5000".

The words after the name are anchors without their names: expiries fill `expiry` and `far`, "call"
and "put" the kind, "x5" the quantity, and the rest the strikes in the builder's order. Any anchor
can be named: "ic short_put=10d".
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from quantdesk.domain.times import parse_expiry_date
from quantdesk.errors import InvalidInput
from quantdesk.structures.catalogue import ALIASES, CATALOGUE, builder_anchors, plan_structure
from quantdesk.structures.making import HEDGES
from quantdesk.structures.plan import StructurePlan

SHORTHAND_WORDS = "a name, then expiry, strikes and wings: ic monthly 20d 5000, or wing=5000"

_EXPIRY_NAMES = ("nearest", "front", "weekly", "monthly", "quarterly")
_UNPLACED = ("kind", "expiry", "far", "quantity", "held_as", "ratio")
_DAY_MONTH = re.compile(r"\d{1,2}[A-Z]{3}")
_TIMES = re.compile(r"[xX]-?\d+(?:\.\d+)?")


def is_structure_name(word: str) -> bool:
    """Whether `word` names a structure of the catalogue."""
    name = word.lower().replace("_", "-")
    return name in CATALOGUE or name in ALIASES


def parse_shorthand(text: str, *, coins: Sequence[str], expiries: Sequence[str]) -> StructurePlan:
    """The plan that the words mean.

    coins : codes of underlyings, one of which may stand anywhere;  expiries : listed codes, of
    which "27mar" may leave out the year

    Raises InvalidInput naming the word and what is allowed.
    """
    words = text.split()
    if not words:
        raise InvalidInput("structure", text, f"must be {SHORTHAND_WORDS}")
    name = words[0].lower().replace("_", "-")
    builder = CATALOGUE.get(ALIASES.get(name, name))
    if builder is None:
        return plan_structure(name)  # raises, naming the nearest
    taken = builder_anchors(builder)
    underlying = ""
    anchors: dict[str, str] = {}
    for word in words[1:]:
        if word.upper() in coins:
            underlying = word.upper()
            continue
        field, value = _anchor(word, taken, anchors, expiries)
        if field in anchors:
            raise InvalidInput(field, word, f"is given twice; before it was {anchors[field]}")
        anchors[field] = value
    plan = plan_structure(name, **anchors)
    return StructurePlan(legs=plan.legs, name=plan.name, venue=plan.venue, underlying=underlying)


def _anchor(
    word: str, taken: Sequence[str], given: dict[str, str], expiries: Sequence[str]
) -> tuple[str, str]:
    """The anchor that a word fills, and its value."""
    field, separator, value = word.partition("=")
    if separator:
        return field.lower().replace("-", "_"), value
    lowered = word.lower()
    expiry = _expiry(word, expiries)
    if expiry is not None:
        return ("expiry" if "expiry" not in given or "far" not in taken else "far"), expiry
    if lowered in ("call", "put", "c", "p") and "kind" in taken:
        return "kind", "call" if lowered.startswith("c") else "put"
    if lowered in HEDGES and "held_as" in taken:
        return "held_as", lowered
    if _TIMES.fullmatch(word):
        return "quantity", word[1:]
    free = [one for one in taken if one not in _UNPLACED and one not in given]
    if not free:
        rule = f"is a word too many; anchors are {', '.join(taken)}"
        raise InvalidInput("structure", word, rule)
    return free[0], word


def _expiry(word: str, expiries: Sequence[str]) -> str | None:
    """The expiry that a word means; None where it means none ("30d" is a delta here)."""
    upper = word.upper()
    if word.lower() in _EXPIRY_NAMES or parse_expiry_date(word) is not None:
        return word
    if _DAY_MONTH.fullmatch(upper):
        found = [code for code in expiries if code[:-2] == upper]
        if not found:
            raise InvalidInput("expiry", word, f"is not listed; listed are {', '.join(expiries)}")
        return found[0]
    return None
