"""Structures side by side: up to four that were kept, and the one being built."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.screens.structure_screen import StructureScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.fact_panel import FactPanel
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.comparison_screen import Compared, comparison_notes, comparison_view
from quantdesk.views.fact_lines import FactRole, fact_sentences

BUILT = "built"
EMPTY = "nothing to compare yet"
HOW_TO_BEGIN = (
    "build a structure (3), then m keeps it here; four can be kept beside the one being built",
)


class ComparisonScreen(StructureScreen):
    """A column a structure, a line a figure; again on each tick."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.COMPARISON, Where.STRUCTURE, Where.TABLE)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def head(self) -> Iterable[Widget]:
        """What is compared."""
        yield Static("", id="structure-title", markup=False)

    def body(self) -> Iterable[Widget]:
        """Figures, legs and warnings, the prompt."""
        yield TableGrid(id="figures")
        yield FactPanel(id="notes")
        yield from self.foot()

    def cursor_table(self) -> TableGrid:
        """The figures."""
        return self.query_one("#figures", TableGrid)

    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Every column on the newest prices."""
        del now_ns
        bench = self.bench
        named = [(str(number), one) for number, one in enumerate(bench.slots, start=1)]
        if bench.structure is not None and bench.structure not in bench.slots:
            named.append((BUILT, bench.structure))
        columns = []
        for name, structure in named:
            requoted = bench.requoted(structure, snapshot)
            columns.append(
                Compared(
                    name=name,
                    structure=structure,
                    analysis=requoted.analysis,
                    problem=requoted.problem,
                )
            )
        count = len(bench.slots)
        title = f"comparison: {count} of 4 kept, entered at {bench.basis.value}"
        self.query_one("#structure-title", Static).update(title)
        self.cursor_table().show(comparison_view(columns, EMPTY))
        notes = comparison_notes(columns)
        begin = (fact_sentences("How to begin", HOW_TO_BEGIN, FactRole.VALUE),)
        self.query_one(FactPanel).show(notes or begin)

    def _slot(self) -> int | None:
        """Place of the slot under the cursor; None on the built one or on none."""
        column = self.cursor_table().cursor_column
        return int(column) - 1 if column is not None and column.isdigit() else None

    def action_take(self) -> None:
        """Build on the structure under the cursor."""
        slot = self._slot()
        if slot is None:
            self.say("put the cursor on a structure that is kept", is_bad=True)
            return
        self.bench.take(self.bench.slots[slot])
        self.bench.path = None
        self.app.call_later(self.app.run_action, "screen('builder')")

    def action_drop(self) -> None:
        """Drop the structure under the cursor."""
        slot = self._slot()
        if slot is None:
            self.say("put the cursor on a structure that is kept", is_bad=True)
            return
        gone = self.bench.slots[slot]
        self.bench.drop(slot)
        self.say(f"dropped {gone}")
        self.show()
