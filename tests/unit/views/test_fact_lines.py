"""Blocks stand side by side while the width lasts, and nothing of them is ever lost."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.views.fact_lines import (
    GAP,
    FactBlock,
    FactRole,
    fact_sentences,
    fact_table,
    line_width,
    packed_blocks,
)


def value(text: str) -> tuple[str, FactRole]:
    return text, FactRole.VALUE


LEFT = fact_table("Net", ("", "BTC"), [(value("mid"), value("0.02")), (value("limit"), value("1"))])
RIGHT = fact_table("Greeks", ("", "USD"), [(value("delta"), value("-548.30"))])


def texts(blocks: list[FactBlock], width: int) -> list[str]:
    lines = packed_blocks(blocks, width)
    return ["".join(text for text, _ in line).rstrip() for line in lines]


def test_a_table_is_aligned_under_its_header() -> None:
    assert texts([LEFT], 40) == [" Net     BTC", " mid    0.02", " limit     1"]


def test_blocks_share_lines_where_there_is_room() -> None:
    room = LEFT.width + GAP + RIGHT.width + 1
    assert texts([LEFT, RIGHT], room)[0] == " Net     BTC   Greeks      USD"
    assert len(texts([LEFT, RIGHT], room)) == 3
    assert len(texts([LEFT, RIGHT], room - 1)) == 5


def test_sentences_take_a_shelf_of_their_own_and_are_broken() -> None:
    said = fact_sentences("Warnings", ["uneven wings: 6,000 below, 5,000 above"], FactRole.WARNING)
    assert texts([LEFT, said], 24)[3:] == [
        " Warnings",
        " uneven wings: 6,000",
        "   below, 5,000 above",
    ]


@given(
    words=st.lists(st.text("abc ,.", min_size=1, max_size=60).map(str.strip), max_size=6),
    width=st.integers(12, 120),
)
def test_no_line_of_sentences_is_wider_than_the_panel(words: list[str], width: int) -> None:
    block = fact_sentences("Title", words, FactRole.VALUE)
    lines = packed_blocks([LEFT, block], width)
    assert all(line_width(line) <= max(width, LEFT.width + 1) for line in lines)
    shown = "".join(text for line in lines for text, _ in line).replace(" ", "")
    assert all(word.replace(" ", "") in shown for word in words)


@pytest.mark.parametrize("width", [0, 1, 5])
def test_a_panel_without_room_still_packs(width: int) -> None:
    assert packed_blocks([LEFT, RIGHT], width)
