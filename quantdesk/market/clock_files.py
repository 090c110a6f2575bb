"""A variance clock as text that a user edits: weights of days and events, in TOML.

```toml
[weights]            # against each other; a day that is left out weighs 1
Sat = 0.4
Sun = 0.6

[[events]]
name = "FOMC"
start = 2026-06-17T18:00:00Z
end = 2026-06-17T20:00:00Z
extra_days = 0.5     # variance beyond the calendar's, in average days
```
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from datetime import datetime

from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.variance_clock import (
    DAY_NAMES,
    SAME_WEIGHT,
    VarianceClock,
    VarianceEvent,
    usual_weight,
)

EVENTS_MAX = 1_000
"""No calendar of events is longer; a file that is was not written for this."""

EVENT_FIELDS = ("name", "start", "end", "extra_days")


def parse_clock(text: str) -> VarianceClock:
    """The clock that `text` describes; an empty text is the calendar.

    Raises InvalidInput, naming the field, for what is no TOML, unknown, or outside its bounds.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput("clock", f"{error}", "must be TOML") from error
    _known("clock", document, ("weights", "events"))
    weights = document.get("weights", {})
    events = document.get("events", [])
    if not isinstance(weights, Mapping):
        raise InvalidInput("weights", weights, "must be a table of days: Sat = 0.5")
    if not isinstance(events, list) or len(events) > EVENTS_MAX:
        raise InvalidInput("events", type(events).__name__, f"must be up to {EVENTS_MAX} tables")
    _known("weights", weights, DAY_NAMES)
    return VarianceClock(
        day_weights=tuple(_number(f"weights.{day}", weights.get(day, 1.0)) for day in DAY_NAMES),
        events=tuple(_event(place, table) for place, table in enumerate(events)),
    )


def clock_text(clock: VarianceClock, comment: str = "") -> str:
    """TOML that `parse_clock` reads as `clock`; days are weighed against the usual one."""
    usual = usual_weight(clock)
    lines = [f"# {line}" for line in comment.splitlines()]
    lines.append("[weights]  # against each other; a day that is left out weighs 1")
    for day, weight in zip(DAY_NAMES, clock.day_weights, strict=True):
        if abs(weight / usual - 1.0) > SAME_WEIGHT:
            lines.append(f"{day} = {weight / usual:.8g}")
    for event in clock.events:
        lines += [
            "",
            "[[events]]",
            f"name = {json.dumps(event.name, ensure_ascii=False)}",
            f"start = {format_instant(event.start_ns)}",
            f"end = {format_instant(event.end_ns)}",
            f"extra_days = {float(event.extra_days)!r}",
        ]
    return "\n".join(lines) + "\n"


def _event(place: int, table: object) -> VarianceEvent:
    where = f"events[{place}]"
    if not isinstance(table, Mapping):
        raise InvalidInput(where, table, "must be a table")
    _known(where, table, EVENT_FIELDS)
    missing = [field for field in EVENT_FIELDS if field not in table]
    if missing:
        raise InvalidInput(where, sorted(table), f"must hold {', '.join(missing)} too")
    return VarianceEvent(
        name=str(table["name"]),
        start_ns=_instant(f"{where}.start", table["start"]),
        end_ns=_instant(f"{where}.end", table["end"]),
        extra_days=_number(f"{where}.extra_days", table["extra_days"]),
    )


def _instant(where: str, value: object) -> int:
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise InvalidInput(where, value.isoformat(), "must say its time zone: end it in Z")
        value = value.isoformat()
    if not isinstance(value, str):
        raise InvalidInput(where, value, "must be an instant: 2026-06-17T18:00:00Z")
    return parse_instant(value)


def _number(where: str, value: object) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise InvalidInput(where, value, "must be a number")
    return float(value)


def _known(where: str, table: Mapping[str, object], fields: tuple[str, ...]) -> None:
    unknown = sorted(set(table) - set(fields))
    if unknown:
        raise InvalidInput(where, unknown[0], f"must be one of {', '.join(fields)}")
