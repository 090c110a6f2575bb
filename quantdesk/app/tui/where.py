"""Places a key can belong to: everywhere, a kind of screen, or one screen."""

from __future__ import annotations

from enum import StrEnum


class Where(StrEnum):
    """Where an action works. Screens say in `PLACES` which of these they are."""

    APP = "everywhere"
    TABLE = "tables"
    CHAIN = "chain"
    BOOK = "book screens"
    GREEKS = "Greeks"
    COIN = "one coin"
    PANES = "panes"
    POSITIONS = "positions"
    LADDER = "ladder"
    PNL = "P&L explain"
    SCENARIOS = "scenarios"
    STRUCTURE = "structures"
    BUILDER = "builder"
    PAYOFF = "payoff"
    COMPARISON = "comparison"
    SURFACE = "surface"
    REPLAY = "replay"
