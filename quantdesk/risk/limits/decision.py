"""The answer to a ticket: allowed, with warnings, or refused, with sentences and a size that would
pass. Nothing is sent by either.
"""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.risk.limits.findings import Finding, Level
from quantdesk.risk.limits.size import LargestSize
from quantdesk.risk.limits.ticket import Ticket

CANCELS = "cancels stay allowed"


@dataclass(frozen=True, slots=True, kw_only=True)
class Decision:
    """What the limits say of a ticket.

    findings : levels passed, hard ones first;  closed : why nothing is traded at all, "" else
    largest : the largest size that passes, of a refused ticket; None where the desk is closed
    """

    ticket: Ticket
    findings: tuple[Finding, ...] = ()
    closed: str = ""
    largest: LargestSize | None = None

    @property
    def is_allowed(self) -> bool:
        """True where no hard limit is passed."""
        return not self.closed and not self.refusals

    @property
    def refusals(self) -> tuple[Finding, ...]:
        """Hard limits that the ticket would pass."""
        return tuple(one for one in self.findings if one.level is Level.HARD)

    @property
    def warnings(self) -> tuple[Finding, ...]:
        """Soft limits that it would pass."""
        return tuple(one for one in self.findings if one.level is Level.SOFT)

    @property
    def sentences(self) -> tuple[str, ...]:
        """Why it is refused; empty where it is allowed."""
        if self.closed:
            return (f"{self.closed}; no trading, {CANCELS}",)
        size = "" if self.largest is None else f"; {self.largest.sentence}"
        return tuple(f"{one.sentence}{size}" for one in self.refusals)

    def __str__(self) -> str:
        if self.is_allowed:
            return "\n".join(["allowed", *(f"warning: {one.sentence}" for one in self.warnings)])
        return "\n".join(f"refused: {sentence}" for sentence in self.sentences)
