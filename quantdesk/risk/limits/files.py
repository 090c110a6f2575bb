"""The limits file: TOML text → `LimitSet`, or a refusal that names key, place and what is allowed.

    schema = 1

    [[limit]]
    scope = "underlying"          # desk, account, venue, strategy, underlying, expiry
    name = "BTC"                  # "*": each one has this limit for itself; left out for the desk
    measure = "net_delta"
    convention = "black"          # delta, vega, weighted vega, margin and VaR must name one
    unit = "coin"                 # where there is a choice
    soft = 40                     # warns
    hard = 50                     # blocks

    [[limit]]
    scope = "expiry"
    underlying = "BTC"            # account, venue, strategy, underlying narrow any scope
    name = "27MAR26"
    measure = "gross_vega"
    convention = "usd-per-point"
    hard = 25_000

    [[limit]]
    scope = "strategy"
    name = "gamma-scalp"
    measure = "order_rate"
    per_s = 10
    hard = 20

    [[limit]]
    scope = "desk"
    measure = "allow_list"
    allow = ["BTC*", "ETH-*-C"]   # instrument names, * for any letters

Nothing is guessed: an unknown key, a level that is text, a share above 1 (0.8 is 80 %) or a key
that does not go with the measure is refused, and a desk whose file is refused does not trade.
"""

from __future__ import annotations

import difflib
import hashlib
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import fields
from typing import Any

from quantdesk.domain.times import expiry_code, parse_expiry_date, parse_instant
from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.risk.limits.limit import (
    CONFIDENCE,
    EACH,
    PERPETUAL,
    WINDOW_S,
    Filters,
    Limit,
    LimitSet,
    Measure,
    Scope,
)

SCHEMA = 1
LIMITS_MAX = 2_000
"""More is a file made by a mistake."""

_FILTERS = tuple(one.name for one in fields(Filters) if one.name != "expiry")
_TEXTS = ("name", "convention", "unit", *_FILTERS)
_NUMBERS = ("soft", "hard", "per_s", "confidence")
_LISTS = ("scenarios", "allow")
_KEYS = ("scope", "measure", *_TEXTS, *_NUMBERS, *_LISTS)
_ONLY_WITH = {
    "per_s": (Measure.ORDER_RATE,),
    "confidence": (Measure.VAR,),
    "scenarios": (Measure.STRESS_LOSS,),
    "allow": (Measure.ALLOW_LIST,),
    "soft": tuple(one for one in Measure if one is not Measure.ALLOW_LIST),
    "hard": tuple(one for one in Measure if one is not Measure.ALLOW_LIST),
}


def parse_limits(text: str, source: str) -> LimitSet:
    """The limits that `text` writes. Raises ConfigError naming source, limit, key and the rule."""
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{source}: is no TOML: {error}") from None
    _require_known(document, ("schema", "limit"), source)
    schema = document.get("schema")
    if schema != SCHEMA or isinstance(schema, bool):
        raise ConfigError(f"{source}: schema = {schema!r}: must be {SCHEMA}")
    tables = document.get("limit", [])
    if not isinstance(tables, list) or not all(isinstance(one, dict) for one in tables):
        raise ConfigError(f"{source}: limit: must be tables written [[limit]]")
    if not tables:
        raise ConfigError(f"{source}: limit: there is none, and without limits nothing is traded")
    if len(tables) > LIMITS_MAX:
        raise ConfigError(f"{source}: limit: {len(tables)} are more than {LIMITS_MAX}")
    limits = tuple(_limit(one, f"{source}: limit {n}") for n, one in enumerate(tables, start=1))
    _require_once(limits, source)
    digest = hashlib.sha256(text.encode()).hexdigest()
    return LimitSet(limits=limits, source=source, digest=digest)


def _limit(table: Mapping[str, Any], where: str) -> Limit:
    _require_known(table, _KEYS, where)
    scope = _word(table, "scope", tuple(Scope), where)
    measure = Measure(_word(table, "measure", tuple(Measure), where))
    for key, measures in _ONLY_WITH.items():
        if key in table and measure not in measures:
            allowed = ", ".join(measures) if len(measures) < 4 else "every other measure"
            raise ConfigError(f"{where}: {key}: goes with {allowed}, not with {measure.value}")
    texts = {key: _text(table, key, where) for key in _TEXTS if key in table}
    numbers = {key: _number(table, key, where) for key in _NUMBERS if key in table}
    lists = {key: _texts(table, key, where) for key in _LISTS if key in table}
    filters = {key: texts.pop(key) for key in _FILTERS if key in texts}
    if scope in filters:
        raise ConfigError(f"{where}: {scope}: is what `name` says in this scope")
    if scope == Scope.EXPIRY and texts.get("name", EACH) != EACH:
        texts["name"] = expiry_name(texts["name"], where)
    try:
        return Limit(
            scope=Scope(scope),
            measure=measure,
            filters=Filters(**filters),
            name=texts.get("name", ""),
            convention=texts.get("convention", ""),
            unit=texts.get("unit", ""),
            soft=numbers.get("soft"),
            hard=numbers.get("hard"),
            per_s=numbers.get("per_s", WINDOW_S),
            confidence=numbers.get("confidence", CONFIDENCE),
            scenarios=lists.get("scenarios", ()),
            allow=lists.get("allow", ()),
        )
    except InvalidInput as error:
        raise ConfigError(f"{where}: {error}") from None


def expiry_name(text: str, where: str) -> str:
    """An expiry as limits name it, "27MAR26" or "PERP". Raises ConfigError."""
    if text.upper() == PERPETUAL:
        return PERPETUAL
    year, month, day = date = parse_expiry_date(text) or (0, 0, 0)
    try:
        code = expiry_code(parse_instant(f"{year:04d}-{month:02d}-{day:02d}"))
    except InvalidInput:
        code = ""
    # Two digits of a year are of this century: another's would name one of these expiries.
    if parse_expiry_date(code) != date:
        raise ConfigError(f"{where}: name = {text!r}: must be an expiry as 27MAR26, PERP or *")
    return code


def _require_once(limits: Sequence[Limit], source: str) -> None:
    seen: dict[tuple[object, ...], int] = {}
    for number, one in enumerate(limits, start=1):
        key = (
            one.scope,
            one.name,
            one.filters,
            one.measure,
            one.convention,
            one.chosen_unit,
            one.per_s,
            one.confidence,
            one.scenarios,
        )
        if key in seen:
            what = f"{one.measure_words} of {one.scope_words}"
            raise ConfigError(f"{source}: limit {number}: {what} is already limit {seen[key]}")
        seen[key] = number


def _require_known(table: Mapping[str, Any], known: Sequence[str], where: str) -> None:
    for key in table:
        if key not in known:
            raise ConfigError(f"{where}: {key}: unknown key{nearest_of(key, known)}")


def nearest_of(word: str, known: Sequence[str]) -> str:
    """The end of a sentence: the known word nearest to an unknown one, else all of them."""
    near = difflib.get_close_matches(word.lower(), known, n=1, cutoff=0.5)
    return f"; did you mean {near[0]}?" if near else f"; known are {', '.join(known)}"


def _word(table: Mapping[str, Any], key: str, known: Sequence[str], where: str) -> str:
    if key not in table:
        raise ConfigError(f"{where}: {key}: is missing; known are {', '.join(known)}")
    value = table[key]
    if not isinstance(value, str) or value not in known:
        raise ConfigError(f"{where}: {key} = {value!r}: unknown{nearest_of(str(value), known)}")
    return value


def _text(table: Mapping[str, Any], key: str, where: str) -> str:
    value = table[key]
    if not isinstance(value, str) or not value or len(value) > 120:
        raise ConfigError(f"{where}: {key} = {str(value)[:40]!r}: must be text, not empty")
    return value


def _number(table: Mapping[str, Any], key: str, where: str) -> float:
    value = table[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{where}: {key} = {value!r}: must be a number")
    try:
        return float(value)
    except OverflowError:
        raise ConfigError(f"{where}: {key}: is too large") from None


def _texts(table: Mapping[str, Any], key: str, where: str) -> tuple[str, ...]:
    value = table[key]
    if not isinstance(value, list) or not value or not all(isinstance(v, str) for v in value):
        raise ConfigError(f"{where}: {key}: must be a list of texts, not empty")
    return tuple(value)
