"""Tables of text as aligned lines, Markdown and HTML. Knows nothing of what they say."""

from __future__ import annotations

import html
from collections.abc import Sequence

from quantdesk.views.margin import TextTable
from quantdesk.views.safe_text import cell_width


def aligned(table: TextTable) -> list[str]:
    """A table as lines with its columns lined up, two blanks apart."""
    grid = [table.columns, *table.rows]
    widths = [max(cell_width(row[at]) for row in grid) for at in range(len(table.columns))]
    lines = []
    for row in grid:
        cells = []
        for text, width, is_number in zip(row, widths, table.numeric, strict=True):
            room = " " * (width - cell_width(text))
            cells.append(room + text if is_number else text + room)
        lines.append("  ".join(cells).rstrip())
    return lines


def document_text(
    heading: str, sentence: str, tables: Sequence[TextTable], notes: Sequence[str]
) -> bytes:
    """A whole document for a terminal."""
    lines = [heading, *([sentence] if sentence else [])]
    for table in tables:
        lines += ["", table.title, *aligned(table)]
    if notes:
        lines += ["", *notes]
    return ("\n".join(lines) + "\n").encode()


def document_markdown(
    heading: str, sentence: str, tables: Sequence[TextTable], notes: Sequence[str]
) -> bytes:
    """A whole document in Markdown."""
    lines = [f"# {markdown_text(heading)}"]
    if sentence:
        lines += ["", f"**{markdown_text(sentence)}**"]
    for table in tables:
        lines += ["", f"## {markdown_text(table.title)}", "", *markdown_table(table)]
    if notes:
        lines += ["", "## Notes", "", *(f"- {markdown_text(note)}" for note in notes)]
    return ("\n".join(lines) + "\n").encode()


def markdown_table(table: TextTable) -> list[str]:
    """A table as Markdown lines; cells are escaped."""
    rules = ["---:" if is_number else "---" for is_number in table.numeric]
    return [piped(table.columns), piped(rules), *(piped(row) for row in table.rows)]


def piped(cells: Sequence[str]) -> str:
    """One line of a Markdown table; cells are escaped."""
    return "| " + " | ".join(markdown_text(cell) for cell in cells) + " |"


def markdown_text(text: str) -> str:
    """`text` in which nothing ends a cell or begins a link or a tag: names come from files."""
    for sign in "\\|<[*`":
        text = text.replace(sign, f"\\{sign}")
    return text


_STYLE = """
body { font-family: system-ui, "Helvetica Neue", Arial, "DejaVu Sans", sans-serif; margin: 2rem;
  color: #1a1a1a; background: #fff; }
table { border-collapse: collapse; font-size: 0.85rem; margin-bottom: 1.5rem; }
th, td { padding: 0.2rem 0.6rem; border-bottom: 1px solid #ddd; text-align: left; }
td.n, th.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
td.drawn { font-family: monospace; white-space: pre; }
.incomplete { font-weight: bold; border: 2px solid #b35900; padding: 0.5rem; }
figure { margin: 0 0 1.5rem 0; } figure svg { max-width: 100%; height: auto; }
@page { size: A4 landscape; margin: 12mm 12mm 15mm 12mm;
  @bottom-left { content: string(heading); font: 7pt sans-serif; color: #555; }
  @bottom-right { content: "page " counter(page) " of " counter(pages);
    font: 7pt sans-serif; color: #555; } }
@media print {
  body { margin: 0; font-size: 8pt; }
  h1 { font-size: 15pt; margin: 0 0 3mm 0; string-set: heading content(); }
  h2 { font-size: 10pt; margin: 0 0 1.5mm 0; break-after: avoid; }
  table { font-size: 7pt; margin-bottom: 5mm; }
  table.wide { font-size: 5.6pt; }
  th, td { padding: 0.5mm 1.6mm; vertical-align: top; }
  table.wide th, table.wide td { padding: 0.4mm 0.9mm; }
  th, th.n { white-space: normal; vertical-align: bottom; border-bottom: 1px solid #555; }
  tr, figure, .incomplete { break-inside: avoid; }
  figcaption { font-size: 7pt; } figure { margin-bottom: 4mm; } figure svg { max-height: 85mm; }
}
"""

WIDE_COLUMNS = 11
"""A table of so many columns is printed smaller, so that it fits a page."""


def document_html(
    heading: str,
    sentence: str,
    tables: Sequence[TextTable],
    notes: Sequence[str],
    figures: Sequence[tuple[str, str]] = (),
) -> bytes:
    """A whole document as one HTML file that loads nothing from elsewhere.

    `figures` are (caption, SVG) pairs, put after the first table; the SVG is trusted.
    """
    title = html.escape(heading)
    parts = [
        "<!DOCTYPE html>",
        f'<html lang="en"><head><meta charset="utf-8"><title>{title}</title>',
        f"<style>{_STYLE}</style></head><body><h1>{title}</h1>",
    ]
    if sentence:
        parts.append(f'<p class="incomplete">{html.escape(sentence)}</p>')
    for number, table in enumerate(tables):
        parts.append(_html_table(table))
        if number == 0:
            parts += [
                f"<figure>{svg}<figcaption>{html.escape(caption)}</figcaption></figure>"
                for caption, svg in figures
            ]
    if notes:
        parts.append("<h2>Notes</h2><ul>")
        parts += [f"<li>{html.escape(note)}</li>" for note in notes]
        parts.append("</ul>")
    parts.append("</body></html>")
    return ("\n".join(parts) + "\n").encode()


def _html_table(table: TextTable) -> str:
    marks = [_column_mark(table, at) for at in range(len(table.columns))]

    def line(cells: Sequence[str], tag: str) -> str:
        return (
            "<tr>"
            + "".join(
                f"<{tag}{mark}>{html.escape(text)}</{tag}>"
                for text, mark in zip(cells, marks, strict=True)
            )
            + "</tr>"
        )

    body = "\n".join(line(row, "td") for row in table.rows)
    head = line(table.columns, "th")
    kind = ' class="wide"' if len(table.columns) >= WIDE_COLUMNS else ""
    return (
        f"<h2>{html.escape(table.title)}</h2>\n<table{kind}><thead>{head}</thead>\n"
        f"<tbody>{body}</tbody></table>"
    )


def _column_mark(table: TextTable, at: int) -> str:
    """Numbers align right; a column in which blanks come first is drawn with them."""
    if table.numeric[at]:
        return ' class="n"'
    return ' class="drawn"' if any(row[at].startswith(" ") for row in table.rows) else ""
