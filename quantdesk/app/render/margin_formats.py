"""A book's standard margin as a table and Markdown; `margin_answer` has the other formats."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.app.render.text_tables import aligned, markdown_table, markdown_text
from quantdesk.domain.position import RefusedRow
from quantdesk.margin.book_margin import BookMargin
from quantdesk.views.margin import margin_view


def margin_table(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """Aligned text: totals, legs, what was left out, and the rules with their status."""
    view = margin_view(margin, refused)
    lines = [view.heading]
    if view.sentence:
        lines.append(view.sentence)
    for table in view.tables:
        lines += ["", table.title, *aligned(table)]
    if view.rules:
        lines += ["", "Rules (no offsets: a long option covers no short one)", *view.rules]
    return ("\n".join(lines) + "\n").encode()


def margin_markdown(margin: BookMargin, refused: Sequence[RefusedRow]) -> bytes:
    """Headings and tables."""
    view = margin_view(margin, refused)
    lines = [f"# {markdown_text(view.heading)}"]
    if view.sentence:
        lines += ["", f"**{markdown_text(view.sentence)}**"]
    for table in view.tables:
        lines += ["", f"## {markdown_text(table.title)}", "", *markdown_table(table)]
    if view.rules:
        lines += ["", "## Rules", "", "No offsets: a long option covers no short one.", ""]
        lines += [f"- {markdown_text(rule)}" for rule in view.rules]
    return ("\n".join(lines) + "\n").encode()
