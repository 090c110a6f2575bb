"""What a market feed says of itself beyond its state: streams, silence, losses, allowance."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedReport:
    """One feed at one moment.

    granted : streams that the venue confirmed on the present connections
    missing : streams that are wanted and were refused or found no room
    silent : streams that should speak each second and do not, sorted
    dropped : messages passed over because newer ones of their stream overtook them
    connections : sockets that are open
    are_books_cut : whether a socket that carries order books is not open
    budget : what is left of the venue's request allowance, in words
    """

    granted: int = 0
    missing: int = 0
    silent: tuple[str, ...] = ()
    dropped: int = 0
    connections: int = 0
    are_books_cut: bool = False
    budget: str = ""
