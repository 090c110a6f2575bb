"""Outside text becomes plain, visible, bounded text."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.views.safe_text import LENGTH_MAX, cell_width, safe_text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("BTC-28JUN26-60000-C", "BTC-28JUN26-60000-C"),
        ("[/b][@click=app.quit]x", "[/b][@click=app.quit]x"),
        ("a\x1b[31mb", "a\\x1b[31mb"),
        ("\x1b]52;c;aGk=\x07", "\\x1b]52;c;aGk=\\x07"),
        ("a\x9bb", "a\\x9bb"),
        ("a\x7fb\x00c\r\n\t", "a\\x7fb\\x00c\\x0d\\x0a\\x09"),
        ("BTC\u202eC-00006", "BTC\\u202eC-00006"),
        ("x\u2066y\u2069\u061c\u200e", "x\\u2066y\\u2069\\u061c\\u200e"),
        ("a\u200bb\u200d\ufeff\u2060c\u00ad", "a\\u200bb\\u200d\\ufeff\\u2060c\\xad"),
        ("e\u0301\u20dd", "e\\u0301\\u20dd"),
        ("\ufe0f\U000e0041", "\\ufe0f\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("\u2028\u2029", "\\u2028\\u2029"),
        ("\u3164\u2800", "\\u3164\\u2800"),
        ("\ue000", "\\ue000"),
        ("Ünïcode 日本", "Ünïcode 日本"),
        ("", ""),
    ],
)
def test_text_is_shown_with_what_is_unsafe_written_out(text: str, shown: str) -> None:
    assert safe_text(text) == shown


def test_long_text_is_cut_and_says_so() -> None:
    assert safe_text("x" * 500) == "x" * (LENGTH_MAX - 3) + "..."
    assert safe_text("abcdef", 5) == "ab..."
    assert safe_text("\x00" * 10, 12) == "\\x00\\x00\\..."
    assert safe_text("abc", 2) == ".."


@given(st.text(max_size=400), st.integers(1, 200))
def test_any_text_comes_out_printable_and_bounded(text: str, length_max: int) -> None:
    shown = safe_text(text, length_max)
    assert len(shown) <= length_max
    assert shown.isprintable()
    assert not {unicodedata.category(c) for c in shown} & {"Cc", "Cf", "Cs", "Co", "Cn", "Mn", "Me"}


@given(st.text(alphabet=st.characters(codec="utf-8"), max_size=50))
def test_safe_text_is_stable(text: str) -> None:
    once = safe_text(text, 1_000)
    assert safe_text(once, 1_000) == once


def test_wide_characters_take_two_cells() -> None:
    assert cell_width("BTC") == 3
    assert cell_width("日本") == 4
    assert cell_width("–é") == 2
