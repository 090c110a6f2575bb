"""What does one frame of the chain cost when 400 cells changed: our grid against the stock table?

Both show the same 50 strikes with the same texts on a 200x60 screen, headless. A frame is
everything from new data to the bytes for the terminal: update, render, compose, escape codes. Ours
includes making the view and writing its cells from the arrays; the stock table is handed texts that
are ready. The timer is this process's CPU time.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from itertools import cycle
from typing import Any, cast

import pytest
from rich.console import Console
from rich.text import Text
from textual._compositor import CompositorUpdate
from textual.app import App, ComposeResult
from textual.widget import Widget
from textual.widgets import DataTable

from quantdesk.app.tui.theme import DESK_DARK
from quantdesk.app.tui.widgets.chain_grid import ChainGrid
from quantdesk.snapshot import ChainSnapshot
from quantdesk.views.chain import ChainView, chain_view
from tests.tui.desk_samples import VENUE_NS, synthetic_chain

STRIKES = 50
CHANGED = 400
SIZE = (200, 60)
ROUNDS = 30

Frame = Callable[[], str]


class GridApp(App[None]):
    """Our grid, alone on the screen."""

    CSS_PATH = "../quantdesk/app/tui/app.tcss"

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return DESK_DARK.variables

    def compose(self) -> ComposeResult:
        yield ChainGrid()


class TableApp(App[None]):
    """The stock table, alone on the screen."""

    def compose(self) -> ComposeResult:
        yield DataTable[Text](cursor_type="cell", zebra_stripes=True)


def snapshots() -> tuple[ChainSnapshot, ChainSnapshot]:
    """Two chains that differ in bid, ask and both sizes of every option: 400 cells on screen."""
    first = synthetic_chain(underlying="BTC", expiries=1, strikes=STRIKES)
    chain = first.chain
    second = replace(
        chain,
        bid=chain.bid - 0.0001,
        ask=chain.ask + 0.0001,
        bid_size=chain.bid_size + 1.5,
        ask_size=chain.ask_size + 2.5,
    )
    return first, replace(first, chain=second)


def view_of(snapshot: ChainSnapshot) -> ChainView:
    expiry_ns = snapshot.expiries[0].expiry_ns
    return chain_view(snapshot, expiry_ns=expiry_ns, now_ns=VENUE_NS, width=SIZE[0] - 1)


def texts_of(view: ChainView) -> list[list[str]]:
    """Every line's cell texts, padded as the grid pads them."""
    layout, rows = view.layout, []
    for number in range(len(view)):
        line = view.line(number)
        calls = [
            cell.text.rjust(layout.widths[column.key])
            for cell, column in zip(line.calls, layout.calls, strict=True)
        ]
        puts = [
            cell.text.rjust(layout.widths[column.key])
            for cell, column in zip(line.puts, layout.puts, strict=True)
        ]
        rows.append([*calls, line.strike, *puts])
    return rows


def paint(app: App[Any], widget: Widget) -> str:
    """What the library does with a dirty widget, down to the bytes for the terminal."""
    compositor = app.screen._compositor
    compositor.update_widgets({widget})
    update = compositor.render_update()
    assert update is not None, "the frame changed nothing"
    return cast(CompositorUpdate, update).render_segments(app.console)


def screen_lines(app: App[Any]) -> list[str]:
    return [strip.text for strip in app.screen._compositor.render_strips()]


def use_colours(app: App[Any]) -> None:
    """A terminal of 24 bit colour, whatever this process was started in."""
    app.console = Console(color_system="truecolor", force_terminal=True, width=SIZE[0])


def changed_cells(one: ChainView, other: ChainView) -> list[tuple[int, int, str]]:
    return [
        (row, column, text)
        for row, (left, right) in enumerate(zip(texts_of(one), texts_of(other), strict=True))
        for column, (before, text) in enumerate(zip(left, right, strict=True))
        if before != text
    ]


@pytest.mark.benchmark(group="grid frame, 400 cells changed", timer=time.process_time)
async def test_our_grid_draws_a_frame(benchmark: Any) -> None:
    first, second = snapshots()
    assert len(changed_cells(view_of(first), view_of(second))) == CHANGED
    app = GridApp()
    async with app.run_test(size=SIZE) as pilot:
        use_colours(app)
        grid = app.query_one(ChainGrid)
        grid.show(view_of(second), is_other_chain=True)
        await pilot.pause()
        order: Iterator[ChainSnapshot] = cycle((first, second))

        def frame() -> str:
            grid.show(view_of(next(order)))
            return paint(app, grid)

        frame()
        shown = "\n".join(screen_lines(app))
        assert all(text in shown for row in texts_of(view_of(first)) for text in row)
        frame()
        benchmark.pedantic(frame, rounds=ROUNDS, warmup_rounds=4)


@pytest.mark.benchmark(group="grid frame, 400 cells changed", timer=time.process_time)
async def test_stock_table_draws_a_frame(benchmark: Any) -> None:
    first, second = (view_of(snapshot) for snapshot in snapshots())
    to_second, to_first = changed_cells(first, second), changed_cells(second, first)
    app = TableApp()
    async with app.run_test(size=SIZE) as pilot:
        use_colours(app)
        table: DataTable[Text] = app.query_one(DataTable)
        columns = [*first.layout.calls, None, *first.layout.puts]
        keys = [
            table.add_column(column.title if column else "Strike", key=str(place))
            for place, column in enumerate(columns)
        ]
        rows = [table.add_row(*(Text(text) for text in row)) for row in texts_of(first)]
        await pilot.pause()
        order = cycle((to_second, to_first))

        def frame() -> str:
            for row, column, text in next(order):
                table.update_cell(rows[row], keys[column], Text(text))
            return paint(app, table)

        frame()
        visible = app.screen.size.height - 1
        shown = "\n".join(screen_lines(app))
        assert all(text in shown for row, _, text in to_second if row < visible)
        frame()
        benchmark.pedantic(frame, rounds=ROUNDS, warmup_rounds=4)
