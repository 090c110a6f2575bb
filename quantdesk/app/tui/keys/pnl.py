"""Keys of the P&L explain screen."""

from __future__ import annotations

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.where import Where

PNL_KEYS = (
    Action(
        Where.PNL,
        "b",
        "roll_up",
        "roll up by underlying, expiry, leg, strategy, structure, venue, account",
        short="group",
        rank=2,
    ),
    Action(Where.PNL, "u", "money", "P&L in coin or in USD", short="coin/USD", rank=3),
    Action(
        Where.PNL,
        "m",
        "rule",
        "what vols do while the index moves: sticky strike, sticky delta, its own rule",
        short="vol rule",
        rank=5,
    ),
)
