"""The table and the plot of the coming screens: cursor, scrolling, drawing, pictures."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest
from textual.app import App, ComposeResult

from quantdesk.app.tui.theme import DESK_DARK
from quantdesk.app.tui.widgets.plot import Plot
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.errors import InvalidInput
from quantdesk.views.cells import Cell, Role
from quantdesk.views.plot import Axis, Band, Guide, Markers, PlotView, Scale, Series, Whiskers
from quantdesk.views.table import (
    Align,
    LineKind,
    TableColumn,
    TableLine,
    TableView,
    fitted_text,
    table_view,
)

Compare = Callable[..., bool]
SIZES = [(80, 24), (120, 40), (200, 60)]


def table(lines: int = 50, columns: int = 12, *, shift: float = 0.0) -> TableView:
    heads = [TableColumn(key="name", title="Position", align=Align.LEFT)]
    heads += [TableColumn(key=f"c{n}", title=f"Column {n}", unit="USD") for n in range(columns)]
    body = [
        TableLine(
            f"line {number}",
            (
                Cell(f"BTC line {number}", Role.LABEL),
                *(Cell(f"{number * n + shift:,.2f}", Role.VALUE) for n in range(columns)),
            ),
            LineKind.TOTAL if number == lines - 1 else LineKind.PLAIN,
        )
        for number in range(lines)
    ]
    return table_view(heads, body)


class TableApp(App[None]):
    CSS_PATH = "../../quantdesk/app/tui/app.tcss"

    def __init__(self, view: TableView) -> None:
        super().__init__()
        self.shown = view

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DESK_DARK.variables

    def compose(self) -> ComposeResult:
        yield TableGrid()

    def on_mount(self) -> None:
        self.grid.show(self.shown)

    @property
    def grid(self) -> TableGrid:
        return self.query_one(TableGrid)

    def lines(self) -> list[str]:
        return [strip.text for strip in self.screen._compositor.render_strips()]


async def test_first_column_stays_while_the_others_scroll_whole() -> None:
    app = TableApp(table())
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        assert "›" in app.lines()[0]
        app.grid.move_cursor(100, 0)
        await pilot.pause()
        assert app.grid.cursor_column == "c11"
        head = app.lines()[0]
        assert head.split()[0].startswith("Position")
        assert "Column 11" in head
        assert "Column 0" not in head
        assert "‹" in head


async def test_cursor_stays_inside_and_on_its_line() -> None:
    app = TableApp(table(20))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        app.grid.move_cursor(0, 5)
        assert app.grid.cursor_key == "line 5"
        fewer = table(20)
        without = TableView(columns=fewer.columns, lines=fewer.lines[2:])
        app.grid.show(without)
        assert app.grid.cursor_key == "line 5"
        app.grid.move_cursor(0, 1_000)
        assert app.grid.cursor_key == "line 19"
        app.grid.move_cursor(0, -1_000)
        assert app.grid.cursor_key == "line 2"
        assert app.grid.go_to("line 7")
        assert not app.grid.go_to("line 1")
        assert app.grid.cursor_key == "line 7"


async def test_paging_shows_the_lines_around_the_cursor() -> None:
    app = TableApp(table(200))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        app.grid.move_cursor(0, 150)
        await pilot.pause()
        assert any("BTC line 150" in line for line in app.lines())
        assert "Position" in app.lines()[0]


async def test_changed_cells_are_drawn_and_empty_table_says_why() -> None:
    app = TableApp(table(5))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        app.grid.show(table(5, shift=0.25))
        await pilot.pause()
        assert "0.25" in app.lines()[2]
        app.grid.show(table_view(app.shown.columns, (), empty="no positions"))
        await pilot.pause()
        assert "no positions" in "\n".join(app.lines())
        assert app.grid.cursor_key is None
        app.grid.move_cursor(1, 1)


async def test_click_puts_the_cursor_on_the_cell() -> None:
    app = TableApp(table(5))
    async with app.run_test(size=(60, 12)) as pilot:
        await pilot.pause()
        await pilot.click(TableGrid, offset=(20, 4))
        assert app.grid.cursor_key == "line 2"
        assert app.grid.cursor_column == "c0"


def test_numbers_are_never_cut_and_names_say_so() -> None:
    assert fitted_text("1,234.56", 5, Align.RIGHT) == "#####"
    assert fitted_text("BTC-27MAR26", 6, Align.LEFT) == "BTC-2…"
    assert fitted_text("12", 4, Align.RIGHT) == "  12"


def test_wrong_tables_are_refused() -> None:
    columns = [TableColumn(key="a", title="A")]
    cell = Cell("1", Role.VALUE)
    with pytest.raises(InvalidInput, match="must have 1 cells"):
        table_view(columns, [TableLine("x", (cell, cell))])
    with pytest.raises(InvalidInput, match="key of its own"):
        table_view(columns, [TableLine("x", (cell,)), TableLine("x", (cell,))])
    with pytest.raises(InvalidInput, match="fixed = 2"):
        table_view(columns, [], fixed=2)


def smile() -> PlotView:
    strikes = np.linspace(40_000.0, 90_000.0, 101)
    moneyness = np.log(strikes / 60_000.0)
    vols = 0.5 + 0.3 * moneyness**2 - 0.05 * moneyness
    at = slice(None, None, 10)
    return PlotView(
        title="BTC 25SEP26",
        x_axis=Axis(name="strike, USD"),
        y_axis=Axis(name="implied vol", scale=Scale.PERCENT),
        bands=(Band(name="no arbitrage", x=strikes, low=vols - 0.01, high=vols + 0.01),),
        guides=(Guide(name="F 60,750", value=60_750.0),),
        series=(Series(name="SVI", x=strikes, y=vols),),
        whiskers=(
            Whiskers(name="bid-ask", x=strikes[at], low=vols[at] - 0.02, high=vols[at] + 0.02),
        ),
        markers=(Markers(name="mark", x=strikes[at], y=vols[at], symbol="x"),),
    )


class PlotApp(App[None]):
    CSS_PATH = "../../quantdesk/app/tui/app.tcss"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DESK_DARK.variables

    def compose(self) -> ComposeResult:
        yield Plot()

    def on_mount(self) -> None:
        self.query_one(Plot).show(smile())


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_plot_at_size(
    snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert snap_compare(PlotApp(), terminal_size=size)


@pytest.mark.parametrize("size", SIZES, ids=lambda s: f"{s[0]}x{s[1]}")
def test_table_at_size(
    snap_compare: Compare, size: tuple[int, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert snap_compare(TableApp(table()), terminal_size=size)
