"""Every structure that has a name, by the name the command line knows it under.

A builder is a function of anchors that returns a plan; adding one is a function and a line here.
"""

from __future__ import annotations

import difflib
import inspect
from collections.abc import Callable, Mapping
from functools import partial

from quantdesk.errors import InvalidInput
from quantdesk.structures import butterflies, calendars, singles, straddles, verticals
from quantdesk.structures.plan import StructurePlan

Builder = Callable[..., StructurePlan]

CATALOGUE: Mapping[str, Builder] = {
    "back-spread": verticals.back_spread,
    "bear-call-spread": verticals.bear_call_spread,
    "bear-put-spread": verticals.bear_put_spread,
    "box": verticals.box,
    "broken-wing": butterflies.broken_wing,
    "bull-call-spread": verticals.bull_call_spread,
    "bull-put-spread": verticals.bull_put_spread,
    "butterfly": butterflies.butterfly,
    "calendar": calendars.calendar,
    "call-butterfly": partial(butterflies.butterfly, kind="call"),
    "cash-secured-put": singles.cash_secured_put,
    "collar": singles.collar,
    "condor": butterflies.condor,
    "conversion": singles.conversion,
    "covered-call": singles.covered_call,
    "diagonal": calendars.diagonal,
    "double-calendar": calendars.double_calendar,
    "double-diagonal": calendars.double_diagonal,
    "guts": straddles.guts,
    "iron-butterfly": butterflies.iron_butterfly,
    "iron-condor": butterflies.iron_condor,
    "jade-lizard": straddles.jade_lizard,
    "jelly-roll": calendars.jelly_roll,
    "long-call": partial(singles.single, kind="call", quantity=1),
    "long-put": partial(singles.single, kind="put", quantity=1),
    "poor-mans-covered-call": calendars.poor_mans_covered_call,
    "protective-put": singles.protective_put,
    "put-butterfly": partial(butterflies.butterfly, kind="put"),
    "ratio-spread": verticals.ratio_spread,
    "reversal": singles.reversal,
    "risk-reversal": straddles.risk_reversal,
    "seagull": straddles.seagull,
    "short-call": partial(singles.single, kind="call", quantity=-1),
    "short-put": partial(singles.single, kind="put", quantity=-1),
    "straddle": straddles.straddle,
    "strangle": straddles.strangle,
    "strap": straddles.strap,
    "strip": straddles.strip,
    "synthetic": singles.synthetic,
}
"""Builders by name. A fixed argument (the kind of a call butterfly) can still be overridden."""

ALIASES = {
    "bf": "butterfly",
    "cc": "covered-call",
    "csp": "cash-secured-put",
    "ib": "iron-butterfly",
    "ic": "iron-condor",
    "pmcc": "poor-mans-covered-call",
    "rr": "risk-reversal",
}


def plan_structure(name: str, **anchors: object) -> StructurePlan:
    """The plan of a named structure with its anchors: `plan_structure("iron-condor", wing=5000)`.

    Raises InvalidInput for a name that is not in `CATALOGUE`, naming the nearest, and for an anchor
    that the structure does not take, naming those it does.
    """
    word = name.lower().replace("_", "-").replace(" ", "-")
    word = ALIASES.get(word, word)
    builder = CATALOGUE.get(word)
    if builder is None:
        near = difflib.get_close_matches(word, CATALOGUE, n=1)
        hint = f"nearest is {near[0]}; " if near else ""
        raise InvalidInput("structure", name, f"{hint}there are {', '.join(CATALOGUE)}")
    taken = builder_anchors(builder)
    for anchor in anchors:
        if anchor not in taken:
            rule = f"is not an anchor of {word}, which takes {', '.join(taken)}"
            raise InvalidInput("anchor", anchor, rule)
    return builder(**anchors)


def builder_anchors(builder: Builder) -> tuple[str, ...]:
    """Names of the anchors a builder takes, in its order."""
    return tuple(inspect.signature(builder).parameters)
