"""Keys that work everywhere: the replay's, the desk's own, and one a screen."""

from __future__ import annotations

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.screens.registry import SCREENS
from quantdesk.app.tui.where import Where

DESK_KEYS = (
    Action(Where.REPLAY, "P", "pause", "pause or resume the replay", short="pause", rank=2),
    Action(Where.REPLAY, "<", "slower", "replay at half the speed"),
    Action(
        Where.REPLAY,
        ">",
        "faster",
        "replay at twice the speed",
        short="speed",
        paired="< >",
        rank=4,
    ),
    Action(
        Where.APP,
        "p",
        "problems",
        "every kind of problem since the start, by connection, with its count",
        short="problems",
        rank=8,
    ),
    Action(Where.APP, "?", "help", "keys and symbols", short="help", rank=1),
    Action(
        Where.APP,
        "^p",
        "command_palette",
        "find an action by its name",
        short="palette",
        rank=7,
        in_palette=False,
    ),
    Action(
        Where.APP,
        "q",
        "quit",
        "leave the desk",
        short="quit",
        rank=0,
        also=("ctrl+c", "ctrl+q"),
    ),
    *(
        Action(Where.APP, entry.key, f"screen('{entry.name}')", f"screen: {entry.title}")
        for entry in SCREENS
    ),
)
