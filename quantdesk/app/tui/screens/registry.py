"""Every screen of the desk: one line each. A screen's module is imported when it is first opened.

Number keys, help and palette are made from this list: a new screen is a file beside this one, a
line here, and its own keys, if it has any, in `keys/`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class ScreenEntry:
    """A screen: the key that opens it, its name in commands, its title and where its class is."""

    key: str
    name: str
    title: str
    module: str
    type_name: str


SCREENS = (
    ScreenEntry(
        key="1",
        name="chain",
        title="option chain",
        module="quantdesk.app.tui.screens.chain",
        type_name="ChainScreen",
    ),
    ScreenEntry(
        key="2",
        name="surface",
        title="volatility surface",
        module="quantdesk.app.tui.screens.surface",
        type_name="SurfaceScreen",
    ),
    ScreenEntry(
        key="3",
        name="builder",
        title="structure builder",
        module="quantdesk.app.tui.screens.builder",
        type_name="BuilderScreen",
    ),
    ScreenEntry(
        key="4",
        name="payoff",
        title="payoff and what-if",
        module="quantdesk.app.tui.screens.payoff",
        type_name="PayoffScreen",
    ),
    ScreenEntry(
        key="5",
        name="positions",
        title="positions",
        module="quantdesk.app.tui.screens.positions",
        type_name="PositionsScreen",
    ),
    ScreenEntry(
        key="6",
        name="ladder",
        title="Greeks ladder",
        module="quantdesk.app.tui.screens.ladder",
        type_name="LadderScreen",
    ),
    ScreenEntry(
        key="7",
        name="scenarios",
        title="scenarios",
        module="quantdesk.app.tui.screens.scenarios",
        type_name="ScenariosScreen",
    ),
    ScreenEntry(
        key="8",
        name="margin",
        title="margin",
        module="quantdesk.app.tui.screens.margin",
        type_name="MarginScreen",
    ),
    ScreenEntry(
        key="9",
        name="comparison",
        title="structures compared",
        module="quantdesk.app.tui.screens.comparison",
        type_name="ComparisonScreen",
    ),
    ScreenEntry(
        key="L",
        name="limits",
        title="limits",
        module="quantdesk.app.tui.screens.limits",
        type_name="LimitsScreen",
    ),
    ScreenEntry(
        key="E",
        name="pnl",
        title="P&L explained since the day's start",
        module="quantdesk.app.tui.screens.pnl_explain",
        type_name="PnlExplainScreen",
    ),
)
"""In the order of their keys; the first is the one that the desk opens with."""


def screen_entry(name: str) -> ScreenEntry:
    """The entry called `name`. Raises KeyError."""
    for entry in SCREENS:
        if entry.name == name:
            return entry
    raise KeyError(name)
