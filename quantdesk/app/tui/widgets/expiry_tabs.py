"""The line of underlyings and expiries; the chosen ones stand in brackets."""

from __future__ import annotations

from typing import ClassVar, NamedTuple

from textual import events
from textual.strip import Strip
from textual.widget import Widget

from quantdesk.app.tui.messages import ExpiryChosen, UnderlyingChosen
from quantdesk.app.tui.widgets.strips import Piece, line_strip
from quantdesk.views.chain_header import ExpiryTab
from quantdesk.views.safe_text import safe_text


class _Spot(NamedTuple):
    """A clickable stretch of the line: where it starts, its text, what it chooses."""

    start: int
    text: str
    style: str
    choice: str | int | None


class ExpiryTabs(Widget, can_focus=False):
    """Tabs on one line. Where not all expiries fit, those around the chosen one are shown."""

    COMPONENT_CLASSES: ClassVar[set[str]] = {
        "expiry-tabs--underlying",
        "expiry-tabs--tab",
        "expiry-tabs--chosen",
        "expiry-tabs--more",
    }

    def __init__(self) -> None:
        super().__init__()
        self._underlyings: tuple[str, ...] = ()
        self._underlying = ""
        self._tabs: tuple[ExpiryTab, ...] = ()
        self._expiry_ns: int | None = None

    def show(
        self,
        underlyings: tuple[str, ...],
        underlying: str,
        tabs: tuple[ExpiryTab, ...],
        expiry_ns: int | None,
    ) -> None:
        """Show the choices and which are taken; redrawn only where they differ."""
        before = (self._underlyings, self._underlying, self._tabs, self._expiry_ns)
        if before != (underlyings, underlying, tabs, expiry_ns):
            self._underlyings, self._underlying = underlyings, underlying
            self._tabs, self._expiry_ns = tabs, expiry_ns
            self.refresh()

    def render_line(self, y: int) -> Strip:
        """The line; there is only one."""
        pieces: list[Piece] = [
            (spot.text, self.get_component_rich_style(f"expiry-tabs--{spot.style}"))
            for spot in self._spots()
        ]
        return line_strip(pieces, self.size.width, self.rich_style)

    def on_click(self, event: events.Click) -> None:
        """Choose what was clicked."""
        for spot in self._spots():
            if spot.start <= event.x < spot.start + len(spot.text):
                if isinstance(spot.choice, int):
                    self.post_message(ExpiryChosen(spot.choice))
                elif isinstance(spot.choice, str):
                    self.post_message(UnderlyingChosen(spot.choice))
                return

    def _spots(self) -> list[_Spot]:
        spots: list[_Spot] = []
        x = 0
        for name in self._underlyings:
            is_chosen = name == self._underlying
            shown = safe_text(name, 12)
            text = f"[{shown}]" if is_chosen else f" {shown} "
            spots.append(_Spot(x, text, "chosen" if is_chosen else "underlying", name))
            x += len(text)
        spots.append(_Spot(x, " │ ", "more", None))
        x += 3
        texts = [
            f"[{tab.label} {tab.days}]"
            if tab.expiry_ns == self._expiry_ns
            else f" {tab.label} {tab.days} "
            for tab in self._tabs
        ]
        chosen = next(
            (n for n, tab in enumerate(self._tabs) if tab.expiry_ns == self._expiry_ns), 0
        )
        first, stop = visible_tabs([len(text) for text in texts], chosen, self.size.width - x - 4)
        if first > 0:
            spots.append(_Spot(x, "‹ ", "more", self._tabs[first - 1].expiry_ns))
            x += 2
        for place in range(first, stop):
            style = "chosen" if place == chosen else "tab"
            spots.append(_Spot(x, texts[place], style, self._tabs[place].expiry_ns))
            x += len(texts[place])
        if stop < len(texts):
            spots.append(_Spot(x, " ›", "more", self._tabs[stop].expiry_ns))
        return spots


def visible_tabs(widths: list[int], chosen: int, room: int) -> tuple[int, int]:
    """First and one past last of the tabs around `chosen` that fit into `room` cells."""
    if not widths:
        return 0, 0
    first, stop = chosen, chosen + 1
    used = widths[chosen]
    while True:
        right = stop < len(widths) and used + widths[stop] <= room
        if right:
            used += widths[stop]
            stop += 1
        left = first > 0 and used + widths[first - 1] <= room
        if left:
            first -= 1
            used += widths[first]
        if not left and not right:
            return first, stop
