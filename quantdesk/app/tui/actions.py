"""The one table of keys. Dispatch, footer, help screen and palette are all made from it."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.keys.books import BOOKS_KEYS
from quantdesk.app.tui.keys.chain import CHAIN_KEYS
from quantdesk.app.tui.keys.desk import DESK_KEYS
from quantdesk.app.tui.keys.pnl import PNL_KEYS
from quantdesk.app.tui.keys.scenarios import SCENARIOS_KEYS
from quantdesk.app.tui.keys.structures import STRUCTURES_KEYS
from quantdesk.app.tui.keys.surface import SURFACE_KEYS
from quantdesk.app.tui.keys.tables import TABLES_KEYS
from quantdesk.app.tui.where import Where

ACTIONS = (
    *CHAIN_KEYS,
    *STRUCTURES_KEYS,
    *BOOKS_KEYS,
    *SCENARIOS_KEYS,
    *PNL_KEYS,
    *SURFACE_KEYS,
    *TABLES_KEYS,
    *DESK_KEYS,
)
"""Every key of the desk, in the order of help, palette and footer."""


def bindings(*places: Where) -> list[Binding]:
    """The terminal library's bindings for the actions of `places`."""
    return [
        Binding(key, action.action, action.description, show=False)
        for action in ACTIONS
        if action.where in places
        for key in action.keys
    ]


def palette_actions(places: Iterable[Where]) -> list[Action]:
    """Actions that can be picked by name, in the order of the table."""
    wanted = set(places)
    return [action for action in ACTIONS if action.in_palette and action.where in wanted]


def footer_actions(places: Iterable[Where], width: int) -> list[Action]:
    """What a footer of `width` cells has room for, in the order of the table."""
    wanted = set(places)
    offered = [action for action in ACTIONS if action.short and action.where in wanted]
    kept: list[Action] = []
    room = width
    for action in sorted(offered, key=lambda action: action.rank):
        need = len(footer_text(action)) + 2
        if need <= room:
            kept.append(action)
            room -= need
    return [action for action in offered if action in kept]


def footer_text(action: Action) -> str:
    """Key and word of an action in the footer; a pair of keys shares one entry."""
    return f"{action.paired or action.shown} {action.short}"
