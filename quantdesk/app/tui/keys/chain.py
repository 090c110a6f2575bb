"""Keys of the option chain."""

from __future__ import annotations

from quantdesk.app.tui.action import Action
from quantdesk.app.tui.where import Where

CHAIN_KEYS = (
    Action(
        Where.CHAIN,
        "space",
        "add_leg('cell')",
        "add the option to the builder: a bid is sold, else it is bought",
        short="add leg",
        rank=3,
    ),
    Action(Where.CHAIN, "a", "add_leg('buy')", "add the option to the builder, bought at the ask"),
    Action(Where.CHAIN, "b", "add_leg('sell')", "add the option to the builder, sold at the bid"),
    Action(Where.CHAIN, "[", "expiry(-1)", "previous expiry"),
    Action(Where.CHAIN, "]", "expiry(1)", "next expiry", short="expiry", paired="[ ]", rank=2),
    Action(Where.CHAIN, "{", "underlying(-1)", "previous underlying"),
    Action(
        Where.CHAIN, "} tab", "underlying(1)", "next underlying", short="coin", paired="{ }", rank=3
    ),
    Action(
        Where.CHAIN,
        "c",
        "columns",
        "next set of columns: trade, vol, greeks, flow, theo",
        short="columns",
        rank=4,
    ),
    Action(
        Where.CHAIN,
        "u",
        "units",
        "next unit of prices: coin, USD × index, USD × forward, vol",
        short="units",
        rank=5,
    ),
    Action(
        Where.CHAIN,
        "v",
        "venue",
        "next venue; after the last both side by side per strike",
        short="venue",
        rank=4,
    ),
    Action(
        Where.CHAIN,
        "f",
        "centre",
        "centre the strike at the money and keep it in view",
        short="centre ATM",
        rank=6,
    ),
    Action(
        Where.CHAIN,
        "i",
        "provenance",
        "show or hide where the number under the cursor comes from",
        short="source",
        rank=3,
    ),
    Action(Where.CHAIN, "esc", "close_panel", "close the panel of `i`", in_palette=False),
)
