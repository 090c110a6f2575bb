"""The scenario screen: spot × vol after some days, the legs that drive a cell, named scenarios."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from typing import ClassVar

from textual.binding import BindingType

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.screens.book_screen import BookScreen
from quantdesk.app.tui.screens.panes import TwoPanes
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.runtime.book_reading import BookReading
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import following
from quantdesk.views.risk_matrix import (
    MatrixChoice,
    ScenarioList,
    base_place,
    coins_of_legs,
    explain_matrix_cell,
    explain_scenario,
    matrix_fields,
    matrix_view,
    next_coin,
    results_of,
    scenario_list_view,
)

DAYS = (0.0, 1.0, 2.0, 3.0, 7.0, 14.0, 30.0, 60.0, 90.0, 180.0)
BASES = (0.0, 0.05, 0.1, -0.1, -0.05)


class ScenariosScreen(TwoPanes):
    """What the book gains and loses, by full revaluation."""

    PLACES: ClassVar[tuple[Where, ...]] = (
        Where.SCENARIOS,
        Where.PANES,
        Where.COIN,
        Where.BOOK,
        Where.TABLE,
    )
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("<", "before a number: the worst cell of the matrix"),
        ("Taylor", "a second-order view, for comparison only"),
        *BookScreen.SYMBOLS,
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]
    PANES: ClassVar[tuple[str, str]] = ("matrix", "list")

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._choice = MatrixChoice()
        self._list = ScenarioList.STRESSES
        self._is_placed = False

    def on_mount(self) -> None:
        """The legs behind the cell are shown from the start."""
        self.add_class("-explaining")
        super().on_mount()

    def fields(self, reading: BookReading) -> tuple[HeaderField, ...]:
        """Conventions and the worst cell."""
        return matrix_fields(
            reading.report.cube,
            self._choice,
            wished_days=self.book.wishes.days,
            has_cash=any(reading.report.collateral.values()),
        )

    def looks(self, reading: BookReading) -> Hashable:
        """What is shown of the cube, the list, the pane in front, and whether there is room."""
        width = self.query_one("#matrix", TableGrid).size.width
        return self._choice, self._list, self.front_pane, width

    def show_reading(self, reading: BookReading) -> None:
        """Matrix and list."""
        report, choice = reading.report, self._choice
        if choice.coin and choice.coin not in report.book.underlyings:
            choice = self._choice = replace(choice, coin="")
        unit = reading.wishes.rule.unit.value
        self.put("#matrix", matrix_view(report.cube, choice), f"matrix {choice} {unit}")
        listed = scenario_list_view(results_of(report, self._list), self._list, choice.coin)
        self.put("#list", listed, f"list {self._list.value} {choice.coin}")
        self._place_cursor(reading)
        days = f"{report.cube.axes.days[0]:g} days on"
        self.title_panes(
            f"Spot × vol, {days}: {choice.words}",
            f"{self._list.value.capitalize()}, n for the next list",
        )

    def _place_cursor(self, reading: BookReading) -> None:
        """Begin where nothing moves."""
        grid = self.query_one("#matrix", TableGrid)
        if self._is_placed or grid.view is None or not grid.view.lines or not grid.size.width:
            return
        spot, vol = base_place(reading.report.cube.axes)
        self._is_placed = True
        column = grid.view.column_of(grid.cursor_column or "") or 0
        grid.move_cursor(vol + 1 - column, spot)

    def explain(self, reading: BookReading) -> Provenance:
        """The legs that drive the cell under the cursor."""
        grid, report = self.cursor_table(), reading.report
        if self.front_pane == 1:
            named = results_of(report, self._list)
            return explain_scenario(named, grid.cursor_key, self._choice.coin)
        return explain_matrix_cell(
            report.cube,
            self._choice,
            coins_of_legs(report),
            grid.cursor_key,
            grid.cursor_column,
        )

    def action_days(self, step: int) -> None:
        """Let fewer or more days pass."""
        wishes = self.book.wishes
        place = DAYS.index(wishes.days) if wishes.days in DAYS else 0
        self.book.wishes = replace(wishes, days=DAYS[min(max(place + step, 0), len(DAYS) - 1)])
        self.show()

    def action_basis(self) -> None:
        """Take the next basis move, around the corner."""
        wishes = self.book.wishes
        place = BASES.index(wishes.basis) if wishes.basis in BASES else -1
        self.book.wishes = replace(wishes, basis=BASES[(place + 1) % len(BASES)])
        self.show()

    def action_rule(self, name: str) -> None:
        """Take the next rule of vol moves: unit, tenor or smile."""
        wishes = self.book.wishes
        rule = replace(wishes.rule, **{name: following(getattr(wishes.rule, name))})
        self.book.wishes = replace(wishes, rule=rule)
        self._is_placed = self._is_placed and name != "unit"
        self.show()

    def action_collateral(self) -> None:
        """Count the account's cash, or leave it out."""
        self._choice = replace(self._choice, with_collateral=not self._choice.with_collateral)
        self.show()

    def action_money(self) -> None:
        """Show coin instead of USD; all coins together have no coin to be shown in."""
        if not self._choice.coin:
            self.notify("all coins together are in USD; choose one with { }", markup=False)
            return
        self._choice = replace(self._choice, in_usd=not self._choice.in_usd)
        self.show()

    def action_coin(self, step: int) -> None:
        """Look at all coins together, or the next one."""
        reading = self.book.reading
        coins = () if reading is None else reading.report.book.underlyings
        self._choice = replace(self._choice, coin=next_coin(coins, self._choice.coin, step))
        self.show()

    def action_scenario_list(self) -> None:
        """Show the next list of named scenarios."""
        self._list = following(self._list)
        self.show()
