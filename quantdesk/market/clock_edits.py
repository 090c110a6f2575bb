"""Changes to a variance clock as a user types them in one line.

```text
sat 0.5 sun 0.9                days weigh so much against the others' one
event 2026-05-01 1d 3.0 vote   from then, for a day, three average days of variance beyond its own
drop vote                      without that event (by its name, or the day it begins)
calendar                       every day alike, no event
```

Several, separated by commas, are done one after another.
"""

from __future__ import annotations

import re
from dataclasses import replace

from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.clock_files import EVENTS_MAX
from quantdesk.market.variance_clock import (
    CALENDAR,
    DAY_NAMES,
    NS_PER_DAY,
    NS_PER_MINUTE,
    VarianceClock,
    VarianceEvent,
    usual_weight,
)

CLOCK_EDIT_HINT = "sat 0.5 sun 0.9   or   event 2026-05-01 1d 3.0 vote   or   drop vote"

NAME_MAX = 40
"""Letters of an event's name."""

_DURATION = re.compile(r"(\d{1,4}(?:\.\d{1,4})?)(d|h|m)")
_UNIT_NS = {"d": NS_PER_DAY, "h": 60 * NS_PER_MINUTE, "m": NS_PER_MINUTE}
_LENGTH_LIKE = re.compile(r"[+-]?\d[\d.]*(?:[a-z]|mins?|minutes?|hours?|days?|weeks?)?")
"""What is meant for a length, or for days, and is no name: 2w, -1d, 3.0."""

_EVENT_RULE = "must be: event START LENGTH DAYS [NAME], as in event 2026-05-01 1d 3.0 vote"
_TIME_RULE = "must be START [LENGTH] [NAME], as in 2026-06-17T18:00Z 2h FOMC; lengths in d, h or m"


def edited_clock(clock: VarianceClock, text: str) -> VarianceClock:
    """`clock` after the changes that `text` says. Raises InvalidInput, naming the word."""
    for clause in text.split(","):
        words = clause.split()
        if not words:
            raise InvalidInput("clock", text, f"must say a change: {CLOCK_EDIT_HINT}")
        match words[0].lower():
            case "event":
                clock = _with_event(clock, parse_event(" ".join(words[1:])))
            case "drop":
                clock = _without_event(clock, " ".join(words[1:]))
            case "calendar" if len(words) == 1:
                clock = CALENDAR
            case _:
                clock = _with_days(clock, words)
    return clock


def parse_event(text: str, *, needs_days: bool = True) -> VarianceEvent:
    """An event of "START LENGTH DAYS [NAME]"; without `needs_days` of "START [LENGTH] [NAME]".

    START is ISO-8601 UTC, a day alone its midnight; LENGTH is "1d", "2h" or "30m", a day if left
    out. Raises InvalidInput.
    """
    words, rule = text.split(), _EVENT_RULE if needs_days else _TIME_RULE
    if not words:
        raise InvalidInput("event", text, rule)
    start_ns = parse_instant(words.pop(0))
    length_ns = NS_PER_DAY
    found = _DURATION.fullmatch(words[0].lower()) if words else None
    if found is not None:
        length_ns = round(float(found[1]) * _UNIT_NS[found[2]])
        words.pop(0)
    elif needs_days:
        raise InvalidInput("event", text, rule)
    extra_days = 0.0
    if needs_days:
        extra_days = _number("event", words.pop(0) if words else "", rule)
    elif words and _LENGTH_LIKE.fullmatch(words[0].lower()):
        raise InvalidInput("event", text, rule)
    name = " ".join(words) or format_instant(start_ns)[:10]
    if len(name) > NAME_MAX or not name.isprintable():
        raise InvalidInput("name", name[:64], f"must be up to {NAME_MAX} printable letters")
    return VarianceEvent(
        name=name, start_ns=start_ns, end_ns=start_ns + length_ns, extra_days=extra_days
    )


def _with_event(clock: VarianceClock, event: VarianceEvent) -> VarianceClock:
    """With `event` in the place of one of its name."""
    kept = [each for each in clock.events if each.name != event.name]
    if len(kept) >= EVENTS_MAX:
        raise InvalidInput("events", len(kept) + 1, f"must be up to {EVENTS_MAX}")
    events = sorted([*kept, event], key=lambda each: (each.start_ns, each.name))
    return replace(clock, events=tuple(events))


def _without_event(clock: VarianceClock, name: str) -> VarianceClock:
    kept = [
        each
        for each in clock.events
        if name not in (each.name, format_instant(each.start_ns)[:10]) or not name
    ]
    if len(kept) == len(clock.events):
        there = ", ".join(each.name for each in clock.events) or "it has none"
        raise InvalidInput("drop", name, f"must name an event of the clock: {there}")
    return replace(clock, events=tuple(kept))


def _with_days(clock: VarianceClock, words: list[str]) -> VarianceClock:
    """With the weights of pairs of words, "sat 0.5", against one of a usual day."""
    usual = usual_weight(clock)
    weights = [weight / usual for weight in clock.day_weights]
    if len(words) % 2:
        raise InvalidInput("clock", " ".join(words), f"must be a change: {CLOCK_EDIT_HINT}")
    for day, amount in zip(words[::2], words[1::2], strict=True):
        if day.capitalize() not in DAY_NAMES:
            raise InvalidInput("clock", day, f"must be event, drop, calendar or a day: {_DAYS}")
        weights[DAY_NAMES.index(day.capitalize())] = _number(day, amount, "must be a number")
    return replace(clock, day_weights=tuple(weights))


def _number(field: str, text: str, rule: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise InvalidInput(field, text, rule) from None


_DAYS = ", ".join(DAY_NAMES)
