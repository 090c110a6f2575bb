"""Every screen of the desk: one line each. A screen's module is imported when it is first opened.

Number keys, help and palette are made from this list: a new screen is a file beside this one, a
line here, and its own keys, if it has any, in `actions.py`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenEntry:
    """A screen: the key that opens it, its name in commands, its title and where its class is."""

    key: str
    name: str
    title: str
    module: str
    type_name: str


SCREENS = (
    ScreenEntry(
        key="1",
        name="chain",
        title="option chain",
        module="quantdesk.app.tui.screens.chain",
        type_name="ChainScreen",
    ),
)
"""In the order of their keys; the first is the one that the desk opens with."""


def screen_entry(name: str) -> ScreenEntry:
    """The entry called `name`. Raises KeyError."""
    for entry in SCREENS:
        if entry.name == name:
            return entry
    raise KeyError(name)
