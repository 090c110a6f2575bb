"""The builder: legs as a table that keys change, totals below, again on each tick and each edit."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from decimal import Decimal, InvalidOperation
from typing import ClassVar

from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from quantdesk.app.structure_files import read_structure_file, write_structure_file
from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.screens.structure_screen import StructureScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.fact_panel import FactPanel
from quantdesk.app.tui.widgets.prompt import Prompt
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.app.tui.workbench import Requoted
from quantdesk.domain.structure import Structure
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput, QuantDeskError
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.snapshot import DeskSnapshot
from quantdesk.structures import editing
from quantdesk.structures.editing import Edited
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import format_line
from quantdesk.views.builder import empty_leg_view, leg_view, plain_leg_view, total_blocks
from quantdesk.views.fact_lines import FactBlock, FactRole, fact_sentences
from quantdesk.views.safe_text import safe_text

LINE_MAX = 2_000
"""Cells of a structure's line; 24 legs stay below that."""

EMPTY = "no legs yet"
HOW_TO_BEGIN = (
    "space on the chain (1) adds the option under the cursor: a bid is sold, an ask bought",
    ": builds a structure by name: ic monthly 20d 5000, straddle 31JUL26, calendar weekly monthly",
    "a adds a leg as text: -1 C 20d 31JUL26, +1 P -5%, -0.5 PERP",
    "o opens a structure file; ? lists the keys",
)

Edit = Callable[[Structure, int, UnderlyingMarket], Edited]


class BuilderScreen(StructureScreen):
    """Legs, and what they come to."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.BUILDER, Where.STRUCTURE, Where.TABLE)
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        (">", "the price that legs are entered at in payoff and chances"),
        ("1!", "this leg's quote has a problem: see the warnings"),
        ("Δ pa", "premium-adjusted delta: Black less the mark in coin"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def head(self) -> Iterable[Widget]:
        """What is built, and where."""
        yield Static("", id="structure-title", markup=False)

    def body(self) -> Iterable[Widget]:
        """Legs, totals, the prompt."""
        yield TableGrid(id="legs")
        yield FactPanel(id="totals")
        yield from self.foot()

    def cursor_table(self) -> TableGrid:
        """The legs."""
        return self.query_one("#legs", TableGrid)

    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Legs and totals on the newest prices."""
        del snapshot, now_ns
        requoted = self.requoted()
        grid, panel = self.cursor_table(), self.query_one(FactPanel)
        title = self.query_one("#structure-title", Static)
        if requoted is None:
            title.update("builder: nothing built yet")
            grid.show(empty_leg_view(EMPTY))
            panel.show((fact_sentences("How to begin", HOW_TO_BEGIN, FactRole.VALUE),))
            self._fit_table(0)
            return
        title.update(self.heading(requoted))
        self._fit_table(len(requoted.structure.legs) + 1)
        if requoted.analysis is None:
            grid.show(plain_leg_view(requoted.structure))
            why = f"! not analysed: {requoted.problem}"
            panel.show((fact_sentences("Problem", (why,), FactRole.WARNING),))
            return
        grid.show(leg_view(requoted.analysis))
        panel.show(self._blocks(requoted))

    def _blocks(self, requoted: Requoted) -> tuple[FactBlock, ...]:
        assert requoted.analysis is not None, "asked for where there is one"
        blocks = total_blocks(
            requoted.analysis,
            requoted.margin,
            margin_problem=requoted.margin_problem,
            notes=self.bench.notes,
        )
        line = fact_sentences("As text", (safe_text(self.line(), LINE_MAX),), FactRole.LABEL)
        return (*blocks, line)

    def _fit_table(self, lines: int) -> None:
        """The table as high as its legs, but not above half of the screen."""
        most = max((self.size.height - 4) // 2, 4)
        self.cursor_table().styles.height = min(lines + 2, most) if lines else 3

    def _place(self) -> int | None:
        """Place of the leg under the cursor, from 0; None on the total or where there is none."""
        key = self.cursor_table().cursor_key
        structure = self.bench.structure
        if key is None or structure is None or not key.isdigit():
            return None
        return int(key) if int(key) < len(structure.legs) else None

    def _edit(self, edit: Edit) -> None:
        """Change the leg under the cursor; what is wrong is a sentence and changes nothing."""
        structure, place = self.bench.structure, self._place()
        if structure is None or place is None:
            self.say("put the cursor on a leg first", is_bad=True)
            return
        try:
            edited = edit(structure, place, self.market())
        except QuantDeskError as error:
            self.say(str(error), is_bad=True)
            return
        self._take(edited)

    def _take(self, edited: Edited) -> None:
        self.bench.take(edited.structure, (edited.note,))
        self.say(edited.note, is_bad=bool(edited.note))
        self.show()

    def action_quantity(self, direction: int) -> None:
        """Larger or smaller."""
        self._edit(lambda s, place, _market: editing.stepped_quantity(s, place, direction))

    def action_strike(self, direction: int) -> None:
        """The next listed strike."""
        self._edit(lambda s, place, market: editing.stepped_strike(s, place, market, direction))

    def action_leg_expiry(self, direction: int) -> None:
        """The next listed expiry."""
        self._edit(lambda s, place, market: editing.stepped_expiry(s, place, market, direction))

    def action_flip_side(self) -> None:
        """Buy for sell."""
        self._edit(lambda s, place, _market: editing.flipped_side(s, place))

    def action_flip_type(self) -> None:
        """Call for put."""
        self._edit(editing.flipped_type)

    def action_duplicate(self) -> None:
        """A copy of the leg."""
        self._edit(lambda s, place, _market: editing.doubled_leg(s, place))

    def action_delete(self) -> None:
        """Take the leg out."""
        structure, place = self.bench.structure, self._place()
        if structure is None or place is None:
            self.say("put the cursor on a leg first", is_bad=True)
            return
        gone = structure.legs[place]
        self.bench.take(editing.without_leg(structure, place))
        self.say(f"deleted {gone}; U brings it back")
        self.show()

    def action_clear(self) -> None:
        """Take all legs out."""
        if self.bench.structure is not None:
            self.bench.take(None)
            self.bench.path = None
            self.say("all legs deleted; U brings them back")
            self.show()

    def action_basis(self) -> None:
        """Enter legs at the next sort of price."""
        self.bench.next_basis()
        self.say(f"legs are entered at {self.bench.basis.value}")
        self.show()

    def action_add_leg(self) -> None:
        """Ask for legs as text."""
        self.query_one(Prompt).ask("add", "add leg", placeholder="-1 C 20d 31JUL26 @ 0.0125")

    def action_edit_leg(self) -> None:
        """Change the leg under the cursor as text."""
        structure, place = self.bench.structure, self._place()
        if structure is None or place is None:
            self.say("put the cursor on a leg first", is_bad=True)
            return
        text = format_line(exact_plan(Structure(legs=(structure.legs[place],))))
        _, _, text = text.rpartition(": ")
        self.query_one(Prompt).ask(f"leg {place}", f"leg {place + 1}", text=text)

    def action_scale(self) -> None:
        """Ask by how much to multiply all legs."""
        self.query_one(Prompt).ask("scale", "all legs times", placeholder="2, 0.5 or -1")

    def action_open_file(self) -> None:
        """Ask for a structure file."""
        path = "" if self.bench.path is None else str(self.bench.path)
        self.query_one(Prompt).ask("open", "open file", text=path, placeholder="ic-27mar.toml")

    def action_save_file(self) -> None:
        """Ask where to write the structure."""
        if self.bench.structure is None:
            self.say("nothing to save: no structure yet", is_bad=True)
            return
        path = "" if self.bench.path is None else str(self.bench.path)
        hint = "ic-27mar.toml (a trailing ! writes over another file)"
        self.query_one(Prompt).ask("save", "save to", text=path, placeholder=hint)

    def answered(self, purpose: str, text: str) -> None:
        """Do what was typed."""
        try:
            if purpose == "add":
                self._take(self._typed(text, None))
            elif purpose.startswith("leg "):
                self._take(self._typed(text, int(purpose.removeprefix("leg "))))
            elif purpose == "scale":
                self._take(self._scaled(text))
            elif purpose == "open":
                self._open(text)
            elif purpose == "save":
                self._save(text)
            else:
                super().answered(purpose, text)
        except QuantDeskError as error:
            self.say(str(error), is_bad=True)

    def _typed(self, text: str, place: int | None) -> Edited:
        looked_at = self.context.expiry_ns
        code = "" if looked_at is None else expiry_code(looked_at)
        structure = self.bench.structure
        return editing.typed_legs(structure, text, self.market(), place=place, expiry=code)

    def _scaled(self, text: str) -> Edited:
        structure = self.bench.structure
        if structure is None:
            raise InvalidInput("structure", "", "is not there: nothing to multiply")
        try:
            factor = Decimal(text.lower().removeprefix("x"))
        except InvalidOperation:
            raise InvalidInput("factor", text, "must be a number: 2, 0.5 or -1") from None
        return editing.scaled(structure, factor)

    def _open(self, text: str) -> None:
        path, plan = read_structure_file(text)
        coin, venue = plan.underlying or self._market_name()[0], plan.venue or None
        snapshot = self.context.snapshot
        chain = None if snapshot is None else snapshot.chain(coin, venue)
        if chain is None:
            rule = "must be on this desk, which has no such chain"
            raise InvalidInput("structure", f"{plan.venue} {coin}".strip(), rule)
        resolved = resolve(plan, chain.market())
        self.bench.take(resolved.structure, resolved.warnings)
        self.bench.path = path
        self.say_built(f"opened {path}", resolved.warnings)
        self.show()

    def _save(self, text: str) -> None:
        structure = self.bench.structure
        assert structure is not None, "asked for where there is one"
        known = self.bench.path
        self.bench.path = write_structure_file(text, exact_plan(structure), known=known)
        self.say(f"saved to {self.bench.path}")

    def action_payoff(self) -> None:
        """Draw it."""
        self.app.call_later(self.app.run_action, "screen('payoff')")

    def action_page(self, direction: int) -> None:
        """Scroll the totals; the legs have the arrows."""
        self.query_one(FactPanel).page(direction)
