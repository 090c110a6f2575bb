"""Parameters as somebody who knows better hands them in: venues change them without notice.

A value that is handed in carries that as its origin, so that no figure made with it is verified.
"""

from __future__ import annotations

import difflib
import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import InvalidInput
from quantdesk.margin.parameters import OPTION_UNDERLYING, OptionUnderlying
from quantdesk.margin.portfolio_parameters import (
    HANDED_IN,
    PortfolioParameters,
    RollDelta,
    RollScaling,
    changeable_parameters,
    known_pairs,
)

_CHOICES: dict[str, type[Enum]] = {
    "roll_delta": RollDelta,
    "roll_scaling": RollScaling,
    OPTION_UNDERLYING: OptionUnderlying,
}
_AT_MOST_ONE = frozenset({"price_range", "pnl_offset", "haircut", "mm_factor", "max_delta_shock"})
_ABOVE_ZERO = frozenset({"price_range"})


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterChoice:
    """One parameter with its value. `pair` is "" for every pair."""

    pair: str
    name: str
    value: float | Enum

    @property
    def is_of_standard(self) -> bool:
        """True for what the standard model takes, False for the portfolio model's."""
        return self.name == OPTION_UNDERLYING


def parse_choice(text: str) -> ParameterChoice:
    """The choice that "roll_delta=premium-adjusted" or "btc_usd.price_range=0.14" writes.

    Raises InvalidInput naming the nearest parameter, or what its value must be.
    """
    left, separator, word = text.partition("=")
    pair, _, name = left.strip().lower().rpartition(".")
    known = (*changeable_parameters(), OPTION_UNDERLYING)
    if not separator or name not in known:
        near = difflib.get_close_matches(name, known, n=1)
        hint = f"; did you mean {near[0]}" if near else f": {', '.join(known)}"
        raise InvalidInput("parameter", text[:80], f"must be NAME=VALUE of a known one{hint}")
    pairs = () if name == OPTION_UNDERLYING else known_pairs()
    if pair and pair not in pairs:
        rule = f"must be one of {', '.join(pairs)}" if pairs else "goes without: it is of all pairs"
        raise InvalidInput("pair", pair, rule)
    return ParameterChoice(pair=pair, name=name, value=_value(name, word.strip()))


def _value(name: str, word: str) -> float | Enum:
    choices = _CHOICES.get(name)
    if choices is not None:
        for one in choices:
            if one.value == word.lower():
                return one
        raise InvalidInput(name, word, f"must be one of {', '.join(one.value for one in choices)}")
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    high = 1.0 if name in _AT_MOST_ONE else math.inf
    is_inside = 0 <= value <= high and math.isfinite(value)
    if not is_inside or (name in _ABOVE_ZERO and not 0 < value < 1):
        rule = "above 0 and below 1" if name in _ABOVE_ZERO else f"from 0 to {high:g}"
        raise InvalidInput(name, word, f"must be a number {rule}")
    return value


def option_underlying_of(choices: Sequence[ParameterChoice]) -> OptionUnderlying:
    """What the standard model takes as U; the last choice counts, the forward without one."""
    found = [one.value for one in choices if isinstance(one.value, OptionUnderlying)]
    return found[-1] if found else OptionUnderlying.FORWARD


def with_choices(
    parameters: PortfolioParameters, choices: Sequence[ParameterChoice]
) -> PortfolioParameters:
    """`parameters` with what was chosen for its pair or for all; later choices win."""
    mine = [
        one
        for one in choices
        if one.pair in ("", parameters.pair) and one.name != OPTION_UNDERLYING
    ]
    if not mine:
        return parameters
    origins = dict(parameters.origins)
    for one in mine:
        was = getattr(parameters, one.name)
        said = was.value if isinstance(was, Enum) else f"{was:g}"
        origins[one.name] = RuleOrigin(
            status=RuleStatus.UNCERTAIN, source=HANDED_IN, note=f"{said} without it"
        )
    values = {one.name: one.value for one in mine}
    return replace(parameters, origins=origins, **values)  # type: ignore[arg-type]
