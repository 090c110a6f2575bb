"""Keys of the screens that show a book: positions and the ladder, and what all of them share."""

from __future__ import annotations

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.where import Where

BOOKS_KEYS = (
    Action(
        Where.BOOK,
        "o",
        "book",
        "look at the next book: file, accounts, the shipped SAMPLE",
        short="book",
        rank=3,
    ),
    Action(
        Where.BOOK,
        "i",
        "provenance",
        "show or hide where the number under the cursor comes from",
        short="source",
        rank=3,
    ),
    Action(Where.BOOK, "esc", "close_panel", "close the panel of `i`", in_palette=False),
    Action(
        Where.GREEKS,
        "d",
        "choose('delta')",
        "delta: Black or premium-adjusted",
        short="delta",
        rank=3,
    ),
    Action(
        Where.GREEKS, "u", "choose('money')", "amounts in coin or in USD", short="coin/USD", rank=4
    ),
    Action(
        Where.GREEKS, "w", "choose('vega')", "vega: plain or weighted √(30/d)", short="vega", rank=5
    ),
    Action(
        Where.GREEKS,
        "t",
        "choose('theta')",
        "theta: plain, one day revalued, by the venue's rule",
        short="theta",
        rank=5,
    ),
    Action(Where.COIN, "{", "coin(-1)", "previous underlying"),
    Action(Where.COIN, "}", "coin(1)", "next underlying", short="coin", paired="{ }", rank=4),
    Action(Where.PANES, "tab", "pane", "next pane", short="pane", rank=2, also=("shift+tab",)),
    Action(
        Where.POSITIONS,
        "c",
        "columns",
        "next set of columns: P&L and Greeks, P&L, Greeks, state",
        short="columns",
        rank=2,
    ),
    Action(
        Where.POSITIONS,
        "b",
        "order",
        "group by contract, by strategy tag, by venue",
        short="group",
        rank=2,
    ),
    Action(
        Where.POSITIONS,
        "enter",
        "fold",
        "fold or unfold the group under the cursor",
        short="fold",
        rank=4,
    ),
    Action(
        Where.POSITIONS,
        "f",
        "on_chain",
        "find the leg under the cursor on its chain",
        short="chain",
        rank=6,
    ),
    Action(
        Where.POSITIONS,
        "z",
        "fold_all",
        "fold all to underlyings, then expiries or tags, then unfold",
    ),
    Action(Where.LADDER, "c", "greek(1)", "next Greek of the ladder", short="Greek", rank=2),
    Action(Where.LADDER, "C", "greek(-1)", "previous Greek of the ladder"),
    Action(
        Where.LADDER,
        "b",
        "grouping",
        "table by expiry, strike, both, strategy, structure, venue, coin",
        short="group",
        rank=3,
    ),
)
