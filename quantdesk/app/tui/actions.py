"""The one table of keys. Dispatch, footer, help screen and palette are all made from it."""

from __future__ import annotations

from collections.abc import Iterable

from textual.binding import Binding

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.screens.registry import SCREENS
from quantdesk.app.tui.structure_actions import STRUCTURE_ACTIONS
from quantdesk.app.tui.where import Where

_OWN_ACTIONS = (
    Action(
        keys=("left_square_bracket",),
        shown="[",
        action="expiry(-1)",
        description="previous expiry",
        where=Where.CHAIN,
    ),
    Action(
        keys=("right_square_bracket",),
        shown="]",
        action="expiry(1)",
        description="next expiry",
        where=Where.CHAIN,
        short="expiry",
        rank=2,
    ),
    Action(
        keys=("left_curly_bracket",),
        shown="{",
        action="underlying(-1)",
        description="previous underlying",
        where=Where.CHAIN,
    ),
    Action(
        keys=("right_curly_bracket", "tab"),
        shown="} tab",
        action="underlying(1)",
        description="next underlying",
        where=Where.CHAIN,
        short="coin",
        rank=3,
    ),
    Action(
        keys=("c",),
        shown="c",
        action="columns",
        description="next set of columns: trade, vol, greeks, flow, theo",
        where=Where.CHAIN,
        short="columns",
        rank=4,
    ),
    Action(
        keys=("u",),
        shown="u",
        action="units",
        description="next unit of prices: coin, USD × index, USD × forward, vol",
        where=Where.CHAIN,
        short="units",
        rank=5,
    ),
    Action(
        keys=("v",),
        shown="v",
        action="venue",
        description="next venue; after the last both side by side per strike",
        where=Where.CHAIN,
        short="venue",
        rank=4,
    ),
    Action(
        keys=("f",),
        shown="f",
        action="centre",
        description="centre the strike at the money and keep it in view",
        where=Where.CHAIN,
        short="centre ATM",
        rank=6,
    ),
    Action(
        keys=("i",),
        shown="i",
        action="provenance",
        description="show or hide where the number under the cursor comes from",
        where=Where.CHAIN,
        short="source",
        rank=3,
    ),
    Action(
        keys=("o",),
        shown="o",
        action="book",
        description="look at the next book: file, accounts, the shipped SAMPLE",
        where=Where.BOOK,
        short="book",
        rank=3,
    ),
    Action(
        keys=("i",),
        shown="i",
        action="provenance",
        description="show or hide where the number under the cursor comes from",
        where=Where.BOOK,
        short="source",
        rank=3,
    ),
    Action(
        keys=("escape",),
        shown="esc",
        action="close_panel",
        description="close the panel of `i`",
        where=Where.BOOK,
        in_palette=False,
    ),
    Action(
        keys=("d",),
        shown="d",
        action="choose('delta')",
        description="delta: Black or premium-adjusted",
        where=Where.GREEKS,
        short="delta",
        rank=3,
    ),
    Action(
        keys=("u",),
        shown="u",
        action="choose('money')",
        description="amounts in coin or in USD",
        where=Where.GREEKS,
        short="coin/USD",
        rank=4,
    ),
    Action(
        keys=("w",),
        shown="w",
        action="choose('vega')",
        description="vega: plain or weighted √(30/d)",
        where=Where.GREEKS,
        short="vega",
        rank=5,
    ),
    Action(
        keys=("t",),
        shown="t",
        action="choose('theta')",
        description="theta: plain, one day revalued, by the venue's rule",
        where=Where.GREEKS,
        short="theta",
        rank=5,
    ),
    Action(
        keys=("left_curly_bracket",),
        shown="{",
        action="coin(-1)",
        description="previous underlying",
        where=Where.COIN,
    ),
    Action(
        keys=("right_curly_bracket",),
        shown="}",
        action="coin(1)",
        description="next underlying",
        where=Where.COIN,
        short="coin",
        rank=4,
    ),
    Action(
        keys=(
            "tab",
            "shift+tab",
        ),
        shown="tab",
        action="pane",
        description="next pane",
        where=Where.PANES,
        short="pane",
        rank=2,
    ),
    Action(
        keys=("c",),
        shown="c",
        action="columns",
        description="next set of columns: P&L and Greeks, P&L, Greeks, state",
        where=Where.POSITIONS,
        short="columns",
        rank=2,
    ),
    Action(
        keys=("b",),
        shown="b",
        action="order",
        description="group by contract, by strategy tag, by venue",
        where=Where.POSITIONS,
        short="group",
        rank=2,
    ),
    Action(
        keys=("enter",),
        shown="enter",
        action="fold",
        description="fold or unfold the group under the cursor",
        where=Where.POSITIONS,
        short="fold",
        rank=4,
    ),
    Action(
        keys=("f",),
        shown="f",
        action="on_chain",
        description="find the leg under the cursor on its chain",
        where=Where.POSITIONS,
        short="chain",
        rank=6,
    ),
    Action(
        keys=("z",),
        shown="z",
        action="fold_all",
        description="fold all to underlyings, then expiries or tags, then unfold",
        where=Where.POSITIONS,
    ),
    Action(
        keys=("c",),
        shown="c",
        action="greek(1)",
        description="next Greek of the ladder",
        where=Where.LADDER,
        short="Greek",
        rank=2,
    ),
    Action(
        keys=("C",),
        shown="C",
        action="greek(-1)",
        description="previous Greek of the ladder",
        where=Where.LADDER,
    ),
    Action(
        keys=("b",),
        shown="b",
        action="grouping",
        description="table by expiry, strike, both, strategy, structure, venue, coin",
        where=Where.LADDER,
        short="group",
        rank=3,
    ),
    Action(
        keys=("left_square_bracket",),
        shown="[",
        action="days(-1)",
        description="fewer days that pass",
        where=Where.SCENARIOS,
    ),
    Action(
        keys=("right_square_bracket",),
        shown="]",
        action="days(1)",
        description="more days that pass",
        where=Where.SCENARIOS,
        short="days",
        rank=2,
    ),
    Action(
        keys=("x",),
        shown="x",
        action="collateral",
        description="with or without the account's cash",
        where=Where.SCENARIOS,
        short="collateral",
        rank=3,
    ),
    Action(
        keys=("u",),
        shown="u",
        action="money",
        description="P&L in USD or in coin",
        where=Where.SCENARIOS,
        short="coin/USD",
        rank=4,
    ),
    Action(
        keys=("v",),
        shown="v",
        action="rule('unit')",
        description="vol moves in points or relative",
        where=Where.SCENARIOS,
        short="vol unit",
        rank=6,
    ),
    Action(
        keys=("w",),
        shown="w",
        action="rule('tenor')",
        description="vol moves parallel or weighted √(30/d)",
        where=Where.SCENARIOS,
        short="weight",
        rank=6,
    ),
    Action(
        keys=("m",),
        shown="m",
        action="rule('smile')",
        description="smile: sticky strike, sticky delta, its own rule",
        where=Where.SCENARIOS,
        short="smile",
        rank=7,
    ),
    Action(
        keys=("b",),
        shown="b",
        action="basis",
        description="basis move: 0, ±5, ±10 % a year",
        where=Where.SCENARIOS,
        short="basis",
        rank=7,
    ),
    Action(
        keys=("n",),
        shown="n",
        action="scenario_list",
        description="next list: named stresses, recorded days, own scenarios",
        where=Where.SCENARIOS,
        short="list",
        rank=5,
    ),
    Action(
        keys=("up", "k"),
        shown="up k",
        action="move(0, -1)",
        description="one line up",
        where=Where.TABLE,
        in_palette=False,
    ),
    Action(
        keys=("down", "j"),
        shown="down j",
        action="move(0, 1)",
        description="one line down",
        where=Where.TABLE,
        in_palette=False,
    ),
    Action(
        keys=("left", "h"),
        shown="left h",
        action="move(-1, 0)",
        description="one column to the left",
        where=Where.TABLE,
        in_palette=False,
    ),
    Action(
        keys=("right", "l"),
        shown="right l",
        action="move(1, 0)",
        description="one column to the right",
        where=Where.TABLE,
        in_palette=False,
    ),
    Action(
        keys=("ctrl+u", "pageup"),
        shown="^u pgup",
        action="page(-1)",
        description="half a page up",
        where=Where.TABLE,
        in_palette=False,
    ),
    Action(
        keys=("ctrl+d", "pagedown"),
        shown="^d pgdn",
        action="page(1)",
        description="half a page down",
        where=Where.TABLE,
        in_palette=False,
    ),
    Action(
        keys=("g", "home"),
        shown="g home",
        action="edge(-1)",
        description="first line",
        where=Where.TABLE,
    ),
    Action(
        keys=("G", "end"),
        shown="G end",
        action="edge(1)",
        description="last line",
        where=Where.TABLE,
    ),
    Action(
        keys=("escape",),
        shown="esc",
        action="close_panel",
        description="close the panel of `i`",
        where=Where.CHAIN,
        in_palette=False,
    ),
    Action(
        keys=("P",),
        shown="P",
        action="pause",
        description="pause or resume the replay",
        where=Where.REPLAY,
        short="pause",
        rank=2,
    ),
    Action(
        keys=("less_than_sign",),
        shown="<",
        action="slower",
        description="replay at half the speed",
        where=Where.REPLAY,
    ),
    Action(
        keys=("greater_than_sign",),
        shown=">",
        action="faster",
        description="replay at twice the speed",
        where=Where.REPLAY,
        short="speed",
        rank=4,
    ),
    Action(
        keys=("p",),
        shown="p",
        action="problems",
        description="every kind of problem since the start, by connection, with its count",
        where=Where.APP,
        short="problems",
        rank=8,
    ),
    Action(
        keys=("question_mark",),
        shown="?",
        action="help",
        description="keys and symbols",
        where=Where.APP,
        short="help",
        rank=1,
    ),
    Action(
        keys=("ctrl+p",),
        shown="^p",
        action="command_palette",
        description="find an action by its name",
        where=Where.APP,
        short="palette",
        rank=7,
        in_palette=False,
    ),
    Action(
        keys=("q", "ctrl+c", "ctrl+q"),
        shown="q",
        action="quit",
        description="leave the desk",
        where=Where.APP,
        short="quit",
        rank=0,
    ),
)


ACTIONS = (
    *STRUCTURE_ACTIONS,
    *_OWN_ACTIONS,
    *(
        Action(
            keys=(entry.key,),
            shown=entry.key,
            action=f"screen('{entry.name}')",
            description=f"screen: {entry.title}",
            where=Where.APP,
        )
        for entry in SCREENS
    ),
)
"""Every key of the desk; those that open a screen come from the list of screens."""


def bindings(*places: Where) -> list[Binding]:
    """The terminal library's bindings for the actions of `places`."""
    return [
        Binding(key, action.action, action.description, show=False)
        for action in ACTIONS
        if action.where in places
        for key in action.keys
    ]


def palette_actions(places: Iterable[Where]) -> list[Action]:
    """Actions that can be picked by name, in the order of the table."""
    wanted = set(places)
    return [action for action in ACTIONS if action.in_palette and action.where in wanted]


def footer_actions(places: Iterable[Where], width: int) -> list[Action]:
    """What a footer of `width` cells has room for, in the order of the table."""
    wanted = set(places)
    offered = [action for action in ACTIONS if action.short and action.where in wanted]
    kept: list[Action] = []
    room = width
    for action in sorted(offered, key=lambda action: action.rank):
        need = len(footer_text(action)) + 2
        if need <= room:
            kept.append(action)
            room -= need
    return [action for action in offered if action in kept]


_PAIRED = {
    "+ =": "+ -",
    "K": "J K",
    "S": "s S",
    "T": "t T",
    "b B": "b B",
    "]": "[ ]",
    "} tab": "{ }",
    "}": "{ }",
    ">": "< >",
}


def footer_text(action: Action) -> str:
    """Key and word of an action in the footer; a pair of keys shares one entry."""
    return f"{_PAIRED.get(action.shown, action.shown)} {action.short}"
