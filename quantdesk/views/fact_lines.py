"""Labelled figures in blocks, and blocks side by side where there is room: what a panel shows.

A block is a title with lines of runs, each a text with a role. Knows nothing of what they mean.
"""

from __future__ import annotations

import textwrap
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from quantdesk.views.safe_text import cell_width

GAP = 3
"""Cells between two blocks."""

INDENT = 1


class FactRole(StrEnum):
    """What a piece of text is, for whoever gives it a look. Never the only carrier of a meaning."""

    TITLE = "title"
    LABEL = "label"
    VALUE = "value"
    GAIN = "gain"
    LOSS = "loss"
    WARNING = "warning"
    MISSING = "missing"


FactRun = tuple[str, FactRole]
FactLine = tuple[FactRun, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class FactBlock:
    """A title and its lines; a block that `wraps` takes the whole width and breaks its lines."""

    title: str
    lines: tuple[FactLine, ...]
    wraps: bool = False

    @property
    def width(self) -> int:
        """Cells of the widest line."""
        return max(cell_width(self.title), *(line_width(line) for line in self.lines), 0)


def line_width(line: FactLine) -> int:
    """Cells of a line."""
    return sum(cell_width(text) for text, _ in line)


def fact_table(
    title: str,
    header: Sequence[str],
    rows: Sequence[Sequence[FactRun]],
    *,
    gap: int = 2,
) -> FactBlock:
    """A block of aligned cells: the first column to the left, the others to the right.

    `header` names the columns in the block's first line, the first being the title's own place.
    """
    texts = [list(header), *([text for text, _ in row] for row in rows)]
    texts[0][0] = title
    widths = [max(cell_width(row[place]) for row in texts) for place in range(len(header))]
    head = _aligned([(text, FactRole.LABEL) for text in header], widths, gap)
    head = ((title.ljust(widths[0]), FactRole.TITLE), *head[1:])
    lines = tuple(_aligned(row, widths, gap) for row in rows)
    return FactBlock(title="", lines=(head, *lines))


def _aligned(row: Sequence[FactRun], widths: Sequence[int], gap: int) -> FactLine:
    runs: list[FactRun] = []
    for place, ((text, role), width) in enumerate(zip(row, widths, strict=True)):
        blank = " " * (width - cell_width(text))
        runs.append((text + blank if place == 0 else " " * gap + blank + text, role))
    return tuple(runs)


def fact_sentences(title: str, sentences: Sequence[str], role: FactRole) -> FactBlock:
    """A block of sentences, broken to the width they find."""
    return FactBlock(title=title, lines=tuple(((text, role),) for text in sentences), wraps=True)


def packed_blocks(blocks: Sequence[FactBlock], width: int) -> tuple[FactLine, ...]:
    """`blocks` in order, side by side while the width lasts, in lines of at most `width` cells."""
    room = max(width - INDENT, 1)
    shelves: list[list[FactBlock]] = []
    used = 0
    for block in blocks:
        need = room if block.wraps else block.width
        if shelves and not block.wraps and used + GAP + need <= room:
            shelves[-1].append(block)
            used += GAP + need
        else:
            shelves.append([block])
            used = need
    lines: list[FactLine] = []
    for shelf in shelves:
        lines += _shelf_lines(shelf, room)
    return tuple(((" " * INDENT, FactRole.VALUE), *line) for line in lines)


def _shelf_lines(shelf: Sequence[FactBlock], room: int) -> list[FactLine]:
    columns = [_block_lines(block, room) for block in shelf]
    widths = [max((line_width(line) for line in column), default=0) for column in columns]
    height = max(len(column) for column in columns)
    lines = []
    for number in range(height):
        runs: list[FactRun] = []
        for place, (column, width) in enumerate(zip(columns, widths, strict=True)):
            line = column[number] if number < len(column) else ()
            runs += [*line]
            if place < len(columns) - 1:
                runs.append((" " * (width - line_width(line) + GAP), FactRole.VALUE))
        lines.append(tuple(runs))
    return lines


def _block_lines(block: FactBlock, room: int) -> list[FactLine]:
    lines: list[FactLine] = [((block.title, FactRole.TITLE),)] if block.title else []
    for line in block.lines:
        if block.wraps and line_width(line) > room and line:
            text = "".join(part for part, _ in line)
            pieces = textwrap.wrap(text, room, subsequent_indent="  ")
            lines += [((piece, line[0][1]),) for piece in pieces]
        else:
            lines.append(line)
    return lines
