"""Keys that move the cursor of any table."""

from __future__ import annotations

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.where import Where

TABLES_KEYS = (
    Action(Where.TABLE, "up k", "move(0, -1)", "one line up", in_palette=False),
    Action(Where.TABLE, "down j", "move(0, 1)", "one line down", in_palette=False),
    Action(Where.TABLE, "left h", "move(-1, 0)", "one column to the left", in_palette=False),
    Action(Where.TABLE, "right l", "move(1, 0)", "one column to the right", in_palette=False),
    Action(Where.TABLE, "^u pgup", "page(-1)", "half a page up", in_palette=False),
    Action(Where.TABLE, "^d pgdn", "page(1)", "half a page down", in_palette=False),
    Action(Where.TABLE, "g home", "edge(-1)", "first line"),
    Action(Where.TABLE, "G end", "edge(1)", "last line"),
)
