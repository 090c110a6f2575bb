"""A desk on the shipped BTC chain for the structure screens, and typing at their prompt."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import numpy as np
from textual.events import Paste

import quantdesk as qd
from quantdesk.app.tui.screens.structure_screen import StructureScreen
from quantdesk.app.tui.widgets.fact_panel import FactPanel
from quantdesk.app.tui.workbench import REQUOTE_NS, Workbench
from quantdesk.market.surface_choice import DEFAULT_CHOICE
from quantdesk.runtime.live_surfaces import FitRequest, run_fit
from quantdesk.snapshot import ChainSnapshot, ChainSurface, DeskSnapshot
from quantdesk.views.table import TableView
from tests.tui.desk_samples import DESK_NS, desk
from tests.tui.pilot_desk import RunningDesk, running_desk

CONDOR = "ic monthly 20d 5000"
CALENDAR = "calendar weekly monthly 60000"

CHAIN: ChainSnapshot = qd.sample("deribit-2026-06-27").chain("BTC")
SAMPLE = desk(CHAIN)

KEY_NAMES = {
    " ": "space",
    ",": "comma",
    "-": "minus",
    "+": "plus",
    ".": "full_stop",
    "@": "at",
    "=": "equals_sign",
    "/": "slash",
    "!": "exclamation_mark",
    "%": "percent_sign",
    "_": "underscore",
    "*": "asterisk",
    ":": "colon",
}


def key_names(text: str) -> list[str]:
    """What the terminal library calls the keys that type `text`."""
    return [KEY_NAMES.get(character, character) for character in text]


def with_surface(chain: ChainSnapshot) -> ChainSnapshot:
    """The chain as a desk holds it that has fitted its surface."""
    request = FitRequest(seq=1, chain=chain, choice=DEFAULT_CHOICE, previous=None)
    return replace(chain, surface=ChainSurface(fit=run_fit(request).fit, based_on_seq=1))


def moved_desk(seq: int, factor: float) -> DeskSnapshot:
    """A later snapshot in which every option's quotes are `factor` times what they were."""
    chain = CHAIN.chain
    quotes = replace(
        chain, bid=chain.bid * factor, ask=chain.ask * factor, mark=chain.mark * factor
    )
    later = replace(CHAIN, chain=quotes)
    return replace(desk(later, seq=seq), ts_ns=DESK_NS + seq * REQUOTE_NS)


def one_sided(name: str) -> DeskSnapshot:
    """The desk without bid and mark of one option."""
    chain = CHAIN.chain
    row = next(n for n, each in enumerate(chain.instruments) if each.name == name)
    bid, mark = chain.bid.copy(), chain.mark.copy()
    bid[row] = mark[row] = np.nan
    return desk(replace(CHAIN, chain=replace(chain, bid=bid, mark=mark)))


class StructureDesk:
    """A running desk seen through its structure screens."""

    def __init__(self, shown: RunningDesk) -> None:
        self.shown = shown

    @property
    def screen(self) -> StructureScreen:
        """The screen in front."""
        front = self.shown.app.front
        assert isinstance(front, StructureScreen)
        return front

    @property
    def bench(self) -> Workbench:
        return self.shown.app.context.workbench

    @property
    def legs(self) -> list[str]:
        structure = self.bench.structure
        return [] if structure is None else [str(leg) for leg in structure.legs]

    @property
    def note(self) -> str:
        """The sentence about the last key."""
        return str(self.screen.query_one("#note").content)  # type: ignore[attr-defined]

    @property
    def facts(self) -> str:
        """All of the panel, also what is scrolled away."""
        lines = self.screen.query_one(FactPanel).lines
        return "\n".join("".join(text for text, _ in line).rstrip() for line in lines)

    @property
    def table(self) -> TableView:
        view = self.screen.cursor_table().view  # type: ignore[union-attr]
        assert isinstance(view, TableView)
        return view

    def cell(self, line: str, column: str) -> str:
        """Text of one cell of the screen's table."""
        row, place = self.table.line_of(line), self.table.column_of(column)
        assert row is not None
        assert place is not None
        return self.table.lines[row].cells[place].text

    @property
    def told(self) -> str:
        """What was notified, newest last."""
        return "\n".join(each.message for each in self.shown.app._notifications)

    def text(self) -> str:
        return self.shown.text()

    async def press(self, *keys: str) -> None:
        await self.shown.press(*keys)

    async def answer(self, key: str, text: str) -> None:
        """Open a prompt with `key`, paste `text` into it and press enter.

        A paste is one event, where the pilot would wait after each typed letter; the pictures type.
        """
        await self.press(key)
        await self.press("ctrl+u")
        self.shown.app.screen.post_message(Paste(text))
        await self.press("enter")


@asynccontextmanager
async def structure_desk(
    *keys: str,
    snapshot: DeskSnapshot | None = SAMPLE,
    size: tuple[int, int] = (120, 40),
    built: str = "",
) -> AsyncIterator[StructureDesk]:
    """The desk on its builder, with the structure of the words `built`, after `keys`."""
    async with running_desk(snapshot, size=size) as shown:
        here = StructureDesk(shown)
        await here.press("3")
        if built:
            await here.answer("colon", built)
        await here.press(*keys)
        yield here
