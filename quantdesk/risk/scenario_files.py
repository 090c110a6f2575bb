"""One's own scenarios in TOML: text in, scenarios out. Reads no file itself.

[[scenario]]
name = "hard landing"
spot = -0.25             # relative move of index and forwards
vol = 0.20               # 20 vol points, or 20 % of each vol with vol_unit = "relative"
vol_unit = "points"      # or "relative"
vol_tenor = "sqrt-30d"   # or "parallel"
smile = "sticky-delta"   # or "sticky-strike"
days = 2
basis = -0.05            # annual rate
stable_move = -0.01
[scenario.underlyings.ETH]
spot = -0.35             # replaces the whole move for ETH
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from enum import Enum
from typing import Any, TypeVar

from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.risk.scenario import Move, Scenario, SmileRule, VolRule, VolTenor, VolUnit

SCENARIOS_A_FILE_MAX = 10_000
_MOVES = ("spot", "vol", "basis")
_KEYS = (
    "name",
    *_MOVES,
    "vol_unit",
    "vol_tenor",
    "smile",
    "days",
    "stable_move",
    "underlyings",
    "source",
)

Word = TypeVar("Word", bound=Enum)


def parse_scenarios(text: str, origin: str) -> tuple[Scenario, ...]:
    """The scenarios of a TOML text, in its order; `origin` names it in errors.

    Raises ConfigError naming scenario, key and value: for unknown keys (with the nearest one that
    is known), wrong types, values outside their domain, a name given twice, or no scenario at all.
    """
    try:
        whole = tomllib.loads(text)
    except (tomllib.TOMLDecodeError, RecursionError) as error:
        raise ConfigError(f"{origin}: is not TOML: {error}") from None
    _refuse_unknown(whole, ("scenario",), origin)
    tables = whole.get("scenario")
    if not isinstance(tables, list) or not tables:
        raise ConfigError(f"{origin}: must hold at least one [[scenario]]")
    if len(tables) > SCENARIOS_A_FILE_MAX:
        raise ConfigError(f"{origin}: {len(tables)} scenarios; at most {SCENARIOS_A_FILE_MAX:,}")
    found: dict[str, Scenario] = {}
    for number, table in enumerate(tables, start=1):
        where = f"{origin}: scenario {number}"
        if not isinstance(table, dict):
            raise ConfigError(f"{where}: must be a table")
        scenario = _scenario(table, where)
        if scenario.name in found:
            raise ConfigError(f"{where}: name {scenario.name!r} is there twice")
        found[scenario.name] = scenario
    return tuple(found.values())


def _scenario(table: Mapping[str, Any], where: str) -> Scenario:
    _refuse_unknown(table, _KEYS, where)
    name = table.get("name")
    if not isinstance(name, str) or not name.strip() or not name.isprintable():
        raise ConfigError(f"{where}: name {name!r} must be a word or two")
    underlyings = table.get("underlyings", {})
    if not isinstance(underlyings, dict):
        raise ConfigError(f"{where}: underlyings must be tables, as [scenario.underlyings.ETH]")
    moves = {}
    for coin, part in underlyings.items():
        place = f"{where} ({name}): underlyings.{coin}"
        if not isinstance(part, dict):
            raise ConfigError(f"{place} must be a table of {', '.join(_MOVES)}")
        _refuse_unknown(part, _MOVES, place)
        moves[coin.upper()] = _move(part, place)
    where = f"{where} ({name})"
    try:
        return Scenario(
            name=name.strip(),
            move=_move({key: table[key] for key in _MOVES if key in table}, where),
            by_underlying=moves,
            rule=VolRule(
                unit=_word(table, "vol_unit", VolUnit.POINTS, where),
                tenor=_word(table, "vol_tenor", VolTenor.PARALLEL, where),
                smile=_word(table, "smile", SmileRule.STICKY_STRIKE, where),
            ),
            days=_number(table, "days", where),
            stable_move=_number(table, "stable_move", where),
            source=str(table.get("source", "")),
        )
    except InvalidInput as error:
        raise ConfigError(f"{where}: {error}") from None


def _move(table: Mapping[str, Any], where: str) -> Move:
    try:
        return Move(**{key: _number(table, key, where) for key in _MOVES})
    except InvalidInput as error:
        raise ConfigError(f"{where}: {error}") from None


def _number(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table.get(key, 0.0)
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: {key} = {value!r} must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ConfigError(f"{where}: {key} = {value!r} is too large") from None


def _word(table: Mapping[str, Any], key: str, default: Word, where: str) -> Word:
    value = table.get(key, default.value)
    for word in type(default):
        if word.value == value:
            return word
    allowed = ", ".join(str(word.value) for word in type(default))
    raise ConfigError(f"{where}: {key} = {value!r} must be one of {allowed}")


def _refuse_unknown(table: Mapping[str, Any], known: tuple[str, ...], where: str) -> None:
    for key in table:
        if key in known:
            continue
        near = get_close_matches(key, known, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(known)}"
        raise ConfigError(f"{where}: unknown key {key!r}{hint}")
