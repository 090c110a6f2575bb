"""A key and what it does: one entry of the tables of keys."""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.app.tui.where import Where


@dataclass(frozen=True, slots=True, kw_only=True)
class Action:
    """A key and what it does.

    Attributes
    ----------
    keys : the terminal library's names of the keys, each does the same
    shown : how the keys are written for people
    action : name and arguments of the method that does it, without its `action_` prefix
    description : what it does, as a phrase
    where : the screen it belongs to
    short : word for the footer; "" keeps it out of there
    rank : the lower, the longer it stays in a narrow footer
    in_palette : whether it makes sense to pick it from a list
    """

    keys: tuple[str, ...]
    shown: str
    action: str
    description: str
    where: Where
    short: str = ""
    rank: int = 9
    in_palette: bool = True
