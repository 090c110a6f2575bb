"""One thing that `quantdesk doctor` looked at."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class Step:
    """What was looked at and found; `advice` says what to do where it does not work.

    `is_vital`: where it does not work, nothing further of its venue can.
    """

    name: str
    is_ok: bool
    found: str
    advice: str = ""
    is_vital: bool = False
