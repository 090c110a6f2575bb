"""What a check answers: findings with their numbers and their sentence; uses, for the table.

A finding is a value; nobody parses its sentence.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from quantdesk.risk.limits.cells import Cell

TOLERANCE = 1e-9
"""Relative: sums of lots that reach a level exactly must pass it in floating point too."""


class Level(StrEnum):
    """SOFT warns, HARD blocks."""

    SOFT = "soft"
    HARD = "hard"


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """A level that an order would pass, or that can not be told.

    now, after : worst case before and with the order, in the limit's unit; None where unknown
    limit : the level;  detail : what else is to be said, as a phrase
    """

    cell: Cell
    level: Level
    now: float | None
    after: float | None
    limit: float | None
    detail: str = ""

    @property
    def is_unknown(self) -> bool:
        """True where the measure has no value."""
        return self.after is None

    @property
    def sentence(self) -> str:
        """Measure, convention, scope, now, after and level, with their unit."""
        limit = self.cell.limit
        head = f"{limit.measure_words} of {self.cell.label}"
        unit = limit.unit_words
        parts = []
        if self.now is not None:
            parts.append(f"now {number_words(self.now)}")
        if self.after is not None:
            parts.append(f"after {number_words(self.after)}")
        if self.is_unknown and self.limit is not None:
            parts.append("unknown")
        if self.limit is not None:
            parts.append(f"{self.level.value} limit {number_words(self.limit)} {unit}".rstrip())
        if self.detail:
            parts.append(self.detail)
        return f"{head}: {', '.join(parts)}"


def unknown_finding(cell: Cell, detail: str) -> Finding:
    """Of a cell that can not be told: at its hard level, which refuses, else at the soft one."""
    limit = cell.limit
    is_hard = limit.hard is not None
    return Finding(
        cell=cell,
        level=Level.HARD if is_hard else Level.SOFT,
        now=None,
        after=None,
        limit=limit.hard if is_hard else limit.soft,
        detail=detail,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Use:
    """How much of a limit is used; `value` is None where it can not be told, with `detail`."""

    cell: Cell
    value: float | None
    detail: str = ""

    @property
    def state(self) -> str:
        """ "ok", "soft", "breached" or "unknown"."""
        limit = self.cell.limit
        if self.value is None:
            return "unknown"
        if limit.hard is not None and is_over(self.value, limit.hard):
            return "breached"
        if limit.soft is not None and is_over(self.value, limit.soft):
            return "soft"
        return "ok"

    @property
    def level(self) -> float | None:
        """The level that room is counted to: hard, else soft."""
        limit = self.cell.limit
        return limit.soft if limit.hard is None else limit.hard

    @property
    def room(self) -> float | None:
        """What is left to the level, negative when over it."""
        level = self.level
        return None if self.value is None or level is None else level - self.value

    @property
    def share(self) -> float | None:
        """Use as a share of the level."""
        level = self.level
        return None if self.value is None or not level else self.value / level


def allowed(level: float) -> float:
    """The largest value that counts as within `level`."""
    return level + TOLERANCE * max(abs(level), 1e-3)


def is_over(value: float, level: float) -> bool:
    """Whether |value| passes a level; NaN does."""
    return not abs(value) <= allowed(level)


def number_words(value: float, *, with_sign: bool = False) -> str:
    """Six significant digits, or all that are before the point; thousands apart."""
    sign = "+" if with_sign else ""
    # What rounds to a million has seven digits before the point. Nothing is 0, never -0.
    digits = ",.6g" if abs(value) < 999_999.5 else ",.0f"
    return f"{value + 0.0:{sign}{digits}}"
