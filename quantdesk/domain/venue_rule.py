"""Where a venue's rule comes from and how sure we are of it. Travels with every number made by it.

Venues change margin and fee parameters without notice; none of ours is law until the venue's own
figure stands beside it.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from quantdesk.errors import InvalidInput


class RuleStatus(Enum):
    """How sure a rule is, best first."""

    VERIFIED = "verified"
    """Reproduces figures that the venue published or that an account was captured with."""
    DERIVED = "derived"
    """Follows from a stated formula; no figure of the venue's confirms all of it."""
    UNCERTAIN = "uncertain"
    """Sources conflict, are weak, or are older than a known change."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RuleOrigin:
    """Status of a rule, the place it was read or captured, and what is not established of it.

    since_ns : from when on its parameters are taken to hold; None for a rule without a date
    """

    status: RuleStatus
    source: str
    note: str = ""
    since_ns: int | None = None

    def __post_init__(self) -> None:
        if not self.source:
            raise InvalidInput("source", self.source, "must say where the rule was read")
        if self.status is RuleStatus.UNCERTAIN and not self.note:
            raise InvalidInput("note", self.note, f"of {self.source} must say what is uncertain")

    def __str__(self) -> str:
        note = f"; {self.note}" if self.note else ""
        return f"{self.status.value}: {self.source}{note}"
