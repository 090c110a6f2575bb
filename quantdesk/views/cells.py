"""What a table is made of: texts with a role each. What a role looks like is decided elsewhere."""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple


class Role(StrEnum):
    """What a cell is, for whoever gives it a look. Never the only carrier of a meaning."""

    BID = "bid"
    ASK = "ask"
    MARK = "mark"
    IV = "iv"
    GREEK = "greek"
    VENUE = "venue"
    SIZE = "size"
    AGE = "age"
    FLAG = "flag"
    STRIKE = "strike"
    STALE = "stale"
    CROSSED = "crossed"
    MISSING = "missing"
    LABEL = "label"
    VALUE = "value"
    GAIN = "gain"
    LOSS = "loss"
    WARNING = "warning"
    BREACH = "breach"


class Cell(NamedTuple):
    """Text of one cell and its role."""

    text: str
    role: Role
