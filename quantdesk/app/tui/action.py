"""A key and what it does: one row of the table of keys."""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.app.tui.where import Where

_LIBRARY_NAMES = {
    "[": "left_square_bracket",
    "]": "right_square_bracket",
    "{": "left_curly_bracket",
    "}": "right_curly_bracket",
    "<": "less_than_sign",
    ">": "greater_than_sign",
    ":": "colon",
    ",": "comma",
    ".": "full_stop",
    "+": "plus",
    "-": "minus",
    "=": "equals_sign",
    "*": "asterisk",
    "?": "question_mark",
    "esc": "escape",
    "pgup": "pageup",
    "pgdn": "pagedown",
}


@dataclass(frozen=True, slots=True)
class Action:
    """A key and what it does.

    Attributes
    ----------
    where : the screens it belongs to
    shown : the key as people write it, `^u` for control; several that do the same, by blanks
    action : name and arguments of the method that does it, without its `action_` prefix
    description : what it does, as a phrase
    short : word for the footer; "" keeps it out of there
    rank : the lower, the longer it stays in a narrow footer
    paired : the keys of a pair that shares one entry in the footer; "" where it stands alone
    also : the terminal library's names of further keys that do the same and are not shown
    in_palette : whether it makes sense to pick it from a list
    """

    where: Where
    shown: str
    action: str
    description: str
    short: str = ""
    rank: int = 9
    paired: str = ""
    also: tuple[str, ...] = ()
    in_palette: bool = True

    @property
    def keys(self) -> tuple[str, ...]:
        """The terminal library's names of all its keys."""
        return (*(_library_name(sign) for sign in self.shown.split()), *self.also)


def _library_name(sign: str) -> str:
    if sign.startswith("^"):
        return f"ctrl+{sign[1:]}"
    return _LIBRARY_NAMES.get(sign, sign)
