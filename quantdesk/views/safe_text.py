"""Text from outside made safe for a terminal.

Names, labels and error texts come from venues and files. A terminal obeys escape codes wherever
they stand, and invisible or right-to-left characters make one name look like another.
"""

from __future__ import annotations

import unicodedata

LENGTH_MAX = 120

_INVISIBLE_CATEGORIES = frozenset({"Cc", "Cf", "Cn", "Co", "Cs", "Mn", "Me", "Zl", "Zp"})
"""Controls (C0, C1, DEL), format characters (bidi, zero-width, soft hyphen, tags), unassigned,
private, surrogates, combining marks, line separators: nothing in a market name needs them."""


def safe_text(text: str, length_max: int = LENGTH_MAX) -> str:
    """`text` with each unsafe character written out as `\\xNN`, at most `length_max` characters.

    Safe means: printable, no control, no direction change, no zero-width character. A text that was
    cut ends in "...". The result is plain text; whoever shows it must not read it as markup.
    """
    if len(text) <= length_max and text.isascii() and text.isprintable():
        return text
    shown = "".join(_safe_character(character) for character in text[: length_max + 1])
    if len(text) <= length_max and len(shown) <= length_max:
        return shown
    return shown[: max(length_max - 3, 0)] + "..."[:length_max]


def _safe_character(character: str) -> str:
    # Blank letters such as U+3164 and U+2800 are printable to Python and empty on a screen.
    if unicodedata.category(character) in _INVISIBLE_CATEGORIES or character in "ㅤᅟᅠﾠ⠀":
        return _escaped(character)
    if character == " " or character.isprintable():
        return character
    return _escaped(character)


def _escaped(character: str) -> str:
    code = ord(character)
    if code <= 0xFF:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code <= 0xFFFF else f"\\U{code:08x}"


def cell_width(text: str) -> int:
    """Terminal cells that an already safe `text` occupies: wide characters take two."""
    if text.isascii():
        return len(text)
    return sum(2 if unicodedata.east_asian_width(character) in "WF" else 1 for character in text)
