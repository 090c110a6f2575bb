"""What builder, payoff and comparison share: the structure being built, a prompt, its sentence."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from textual import on
from textual.widget import Widget
from textual.widgets import Static

from quantdesk.app.tui.screens.desk_screen import DeskScreen
from quantdesk.app.tui.widgets.prompt import Prompt, PromptAnswered
from quantdesk.app.tui.workbench import Requoted, Workbench
from quantdesk.domain.structure import Structure
from quantdesk.domain.times import expiry_code
from quantdesk.errors import ConfigError, QuantDeskError
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.resolve import resolve
from quantdesk.structures.shorthand import is_structure_name, parse_shorthand
from quantdesk.structures.text import format_line, parse_line
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import ScreenBanner, screen_banner
from quantdesk.views.time_text import clock_text

COMMAND_HINT = "ic monthly 20d 5000   or   -1 C 20d 27MAR26, +1 C +5000"


class StructureScreen(DeskScreen):
    """Base of the screens on the structure that is being built."""

    @property
    def bench(self) -> Workbench:
        """What is being built."""
        return self.context.workbench

    def foot(self) -> Iterable[Widget]:
        """The sentence about the last key, and the prompt; a screen's body ends with them."""
        yield Static("", id="note", markup=False)
        yield Prompt()

    def has_data(self, snapshot: DeskSnapshot) -> bool:
        """Whether there is a market to build on."""
        return bool(snapshot.chains)

    def banner(self, snapshot: DeskSnapshot | None, now_ns: int) -> ScreenBanner:
        """State of the market that the structure is on."""
        coin, venue = self._market_name()
        return screen_banner(snapshot, coin, now_ns, self.context.failure, venue=venue)

    def _market_name(self) -> tuple[str, str | None]:
        structure = self.bench.structure
        if structure is None:
            return self.context.underlying, self.context.venue
        instrument = structure.legs[0].instrument
        return instrument.underlying, instrument.venue

    def chain(self) -> ChainSnapshot | None:
        """The chain of the structure, else of what is looked at; None where the desk has none."""
        snapshot = self.context.snapshot
        return None if snapshot is None else snapshot.chain(*self._market_name())

    def market(self) -> UnderlyingMarket:
        """The market to build on. Raises ConfigError where there is none yet."""
        chain = self.chain()
        if chain is None:
            coin, venue = self._market_name()
            raise ConfigError(f"no {venue or ''} {coin} chain on this desk yet".replace("  ", " "))
        return chain.market()

    def requoted(self) -> Requoted | None:
        """The structure on the newest snapshot; None where nothing is built."""
        snapshot, structure = self.context.snapshot, self.bench.structure
        if snapshot is None or structure is None:
            return None
        return self.bench.requoted(structure, snapshot)

    def heading(self, requoted: Requoted) -> str:
        """What it is, where, on which index and as of when: one line."""
        structure = requoted.structure
        instrument = structure.legs[0].instrument
        words = [
            safe_text(structure.name or _count_text(len(structure.legs)), 22),
            f"{safe_text(instrument.underlying, 8)} {safe_text(instrument.venue, 16)}",
        ]
        analysis = requoted.analysis
        if analysis is not None:
            words.append(f"index {float(analysis.index):,.2f} USD")
            words.append(f"at {analysis.basis.value}")
            words.append(f"{clock_text(analysis.as_of_ns)} UTC")
        return " · ".join(words)

    def say(self, text: str, *, is_bad: bool = False) -> None:
        """Show a sentence above the prompt until the next key; "" takes it away."""
        note = self.query_one("#note", Static)
        note.set_class(is_bad, "-bad")
        note.set_class(bool(text), "-speaking")
        note.update(safe_text(text, 400))

    def say_built(self, what: str, notes: Sequence[str]) -> None:
        """Say what was done, and the first thing that was bent for it; the builder lists all."""
        kept = [note for note in notes if note]
        more = f" (and {len(kept) - 1} more)" if len(kept) > 1 else ""
        self.say(f"{what}; {kept[0]}{more}" if kept else what, is_bad=bool(kept))

    def load(self, text: str) -> None:
        """Build what the words say: a name with anchors, or a line of legs. Says what is wrong."""
        words = text.strip()
        words = words.removeprefix("build ").strip()
        try:
            structure, notes = self._structure_of(words)
        except QuantDeskError as error:
            self.say(str(error), is_bad=True)
            return
        self.bench.take(structure, notes)
        self.bench.path = None
        self.say_built(f"built {structure.name or _count_text(len(structure.legs))}", notes)
        self.show()

    def _structure_of(self, words: str) -> tuple[Structure, tuple[str, ...]]:
        """The structure of the words, on the market that they mean. Raises QuantDeskError."""
        snapshot = self.context.snapshot
        chains = () if snapshot is None else snapshot.chains
        looked_at = self.chain()
        codes = [] if looked_at is None else [expiry_code(e.expiry_ns) for e in looked_at.expiries]
        first = words.split(" ", 1)[0]
        if is_structure_name(first) or first.replace("-", "").isalpha():
            coins = [chain.underlying for chain in chains]
            plan = parse_shorthand(words, coins=coins, expiries=codes)
        else:
            plan = parse_line(words)
        coin, venue = self._market_name()
        if plan.underlying and plan.underlying != coin:
            coin, venue = plan.underlying, None
        chain = None if snapshot is None else snapshot.chain(coin, plan.venue or venue)
        if chain is None:
            raise ConfigError(f"no {plan.venue} {coin} chain on this desk".replace("  ", " "))
        resolved = resolve(plan, chain.market())
        return resolved.structure, resolved.warnings

    def line(self) -> str:
        """The structure as one line of text that every verb reads; "" where nothing is built."""
        structure = self.bench.structure
        return "" if structure is None else format_line(exact_plan(structure))

    @on(PromptAnswered)
    def take_answer(self, message: PromptAnswered) -> None:
        """Do what was typed."""
        self.say("")
        self.answered(message.purpose, message.text)

    def answered(self, purpose: str, text: str) -> None:
        """Do what was typed for `purpose`."""
        if purpose == "command":
            self.load(text)

    def action_command(self) -> None:
        """Ask for a structure by name, or legs."""
        self.query_one(Prompt).ask("command", ":build", placeholder=COMMAND_HINT)

    def action_copy_line(self) -> None:
        """Copy the structure's line."""
        line = self.line()
        if not line:
            self.say("nothing to copy: no structure yet", is_bad=True)
            return
        self.app.copy_to_clipboard(line)
        self.say(f"copied: {line}")

    def action_undo(self) -> None:
        """Take the last change back."""
        if self.bench.undo():
            self.say("taken back")
            self.show()
        else:
            self.say("nothing to take back", is_bad=True)

    def action_keep(self) -> None:
        """Put the structure into a slot of the comparison."""
        structure = self.bench.structure
        if structure is None:
            self.say("nothing to compare: no structure yet", is_bad=True)
            return
        number = self.bench.keep(structure)
        if number:
            self.say(f"kept as {number} for comparison (9 shows it)")
        else:
            self.say("four are kept already: delete one on the comparison (9)", is_bad=True)
        self.show()


def _count_text(legs: int) -> str:
    return "one leg" if legs == 1 else f"{legs} legs"
