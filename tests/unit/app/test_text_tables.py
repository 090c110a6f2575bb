"""Tables as HTML: what aligns, what keeps its blanks, what is printed smaller."""

from __future__ import annotations

from quantdesk.app.render.text_tables import WIDE_COLUMNS, document_html
from quantdesk.views.margin import TextTable


def html_of(*rows: tuple[str, ...], numeric: tuple[bool, ...]) -> str:
    titles = tuple(f"column {number}" for number in range(len(numeric)))
    table = TextTable(title="A & B", columns=titles, numeric=numeric, rows=rows)
    return document_html("heading", "", [table], []).decode()


def test_a_bar_that_starts_further_right_keeps_its_place() -> None:
    page = html_of(("cash", "1.0", "##"), ("time", "2.0", "  ###"), numeric=(False, True, False))
    assert '<td class="drawn">  ###</td>' in page
    assert '<td class="drawn">##</td>' in page
    assert "<td>cash</td>" in page
    assert '<td class="n">2.0</td>' in page
    assert "white-space: pre" in page


def test_many_columns_are_marked_for_the_printer() -> None:
    wide = html_of(("x",) * WIDE_COLUMNS, numeric=(False,) * WIDE_COLUMNS)
    narrow = html_of(("x",) * (WIDE_COLUMNS - 1), numeric=(False,) * (WIDE_COLUMNS - 1))
    assert '<table class="wide">' in wide
    assert '<table class="wide">' not in narrow
    assert "A &amp; B" in wide
