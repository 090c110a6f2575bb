"""Columns of the chain: what they are called, how wide they are, which go first when room is short.

A set of columns is described for the call side, from the outer edge to the strike; the put side is
its mirror, except that bids stay left of asks on both sides.
"""

from __future__ import annotations

from dataclasses import dataclass

from quantdesk.errors import InvalidInput
from quantdesk.views.cells import Role
from quantdesk.views.units import Units


@dataclass(frozen=True, slots=True, kw_only=True)
class Column:
    """One column. `width` in terminal cells is enough for usual numbers in every unit it can show.

    `title` goes into the header's first line; the unit below it depends on the unit switch.
    `says` is the long name, for a sentence.
    """

    key: str
    title: str
    says: str
    width: int
    role: Role


_COLUMNS = (
    Column(key="flags", title="", says="quality flags", width=2, role=Role.FLAG),
    Column(key="bid_size", title="Size", says="bid size", width=6, role=Role.SIZE),
    Column(key="bid_iv", title="Bid IV", says="bid IV", width=6, role=Role.IV),
    Column(key="bid", title="Bid", says="bid", width=6, role=Role.BID),
    Column(key="ask", title="Ask", says="ask", width=6, role=Role.ASK),
    Column(key="ask_iv", title="Ask IV", says="ask IV", width=6, role=Role.IV),
    Column(key="ask_size", title="Size", says="ask size", width=6, role=Role.SIZE),
    Column(key="mark", title="Mark", says="mark", width=6, role=Role.MARK),
    Column(key="mark_iv", title="Mrk IV", says="mark IV", width=6, role=Role.IV),
    Column(key="venue_mark_iv", title="v.IV", says="venue's mark IV", width=6, role=Role.VENUE),
    Column(key="delta", title="Delta", says="delta (Black)", width=7, role=Role.GREEK),
    Column(
        key="delta_premium_adjusted",
        title="PA dlta",
        says="premium-adjusted delta",
        width=7,
        role=Role.GREEK,
    ),
    Column(key="gamma", title="Gamma", says="gamma", width=9, role=Role.GREEK),
    Column(key="vega", title="Vega", says="vega", width=7, role=Role.GREEK),
    Column(key="theta", title="Theta", says="theta", width=9, role=Role.GREEK),
    Column(key="venue_delta", title="v.Dlta", says="venue's delta", width=6, role=Role.VENUE),
    Column(key="venue_theta", title="v.Theta", says="venue's theta", width=8, role=Role.VENUE),
    Column(key="last", title="Last", says="last trade", width=6, role=Role.MARK),
    Column(key="open_interest", title="OI", says="open interest", width=8, role=Role.SIZE),
    Column(key="volume", title="Vol", says="24 h volume", width=7, role=Role.SIZE),
    Column(key="theo_iv", title="Th IV", says="theo vol of the surface", width=6, role=Role.VALUE),
    Column(key="theo", title="Theo", says="theo price", width=6, role=Role.VALUE),
    Column(
        key="sell_edge",
        title="Sell +",
        says="edge of selling to the bid, in vol",
        width=6,
        role=Role.VALUE,
    ),
    Column(
        key="buy_edge",
        title="Buy +",
        says="edge of buying from the ask, in vol",
        width=6,
        role=Role.VALUE,
    ),
    Column(
        key="sell_ticks",
        title="Sell +",
        says="edge of selling to the bid, in ticks",
        width=6,
        role=Role.VALUE,
    ),
    Column(
        key="buy_ticks",
        title="Buy +",
        says="edge of buying from the ask, in ticks",
        width=6,
        role=Role.VALUE,
    ),
    Column(key="age", title="Age", says="age of the quote", width=5, role=Role.AGE),
)

_PAIR_COLUMNS = (
    Column(key="left_bid", title="1.Bid", says="bid of the left venue", width=7, role=Role.BID),
    Column(key="left_ask", title="1.Ask", says="ask of the left venue", width=7, role=Role.ASK),
    Column(key="right_bid", title="2.Bid", says="bid of the right venue", width=7, role=Role.BID),
    Column(key="right_ask", title="2.Ask", says="ask of the right venue", width=7, role=Role.ASK),
    Column(key="mark_gap", title="Gap", says="mark IV right minus left", width=6, role=Role.IV),
    Column(key="edge", title="Net", says="vol sold minus bought", width=6, role=Role.VALUE),
    Column(key="edge_way", title="Buy", says="where the net buys", width=4, role=Role.LABEL),
    Column(key="edge_usd", title="Net $", says="value sold minus bought", width=8, role=Role.VALUE),
)

COLUMNS = {column.key: column for column in _COLUMNS}
"""Every column of one venue's chain by its key."""

PAIR_COLUMNS = {column.key: column for column in _PAIR_COLUMNS} | {"flags": COLUMNS["flags"]}
"""Every column of two venues side by side."""

_BY_KEY = COLUMNS | PAIR_COLUMNS

PRICE_KEYS = frozenset({"bid", "ask", "mark", "last"})

THEO_KEYS = frozenset({"theo_iv", "theo", "sell_edge", "buy_edge", "sell_ticks", "buy_ticks"})
"""Columns that need a fitted surface; dashes where the desk holds none."""

_PRICE_OF_IV = {"bid_iv": "bid", "ask_iv": "ask", "mark_iv": "mark", "theo_iv": "theo"}
"""Columns that say the same once prices are shown as vols: the IV column goes, the price stays in
its rank."""

PRICE_WIDTH_MIN = 6
PRICE_WIDTH_MAX = 14

_SETS: dict[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "trade": (
        ("age", "volume", "open_interest", "theta", "vega", "delta", "mark_iv", "mark"),
        ("bid_size", "bid_iv", "bid", "ask", "ask_iv", "ask_size"),
    ),
    "vol": (
        ("age", "gamma", "vega", "delta", "mark", "venue_mark_iv", "mark_iv"),
        ("bid", "bid_iv", "ask_iv", "ask"),
    ),
    "greeks": (
        (
            "age",
            "venue_theta",
            "venue_delta",
            "venue_mark_iv",
            "theta",
            "vega",
            "gamma",
            "delta_premium_adjusted",
            "delta",
            "mark_iv",
            "mark",
        ),
        ("bid", "ask"),
    ),
    "flow": (
        ("age", "delta", "mark_iv", "mark", "last", "open_interest", "volume"),
        ("bid_size", "bid", "ask", "ask_size"),
    ),
    "theo": (
        ("age", "vega", "delta", "mark", "mark_iv", "theo", "theo_iv"),
        ("sell_ticks", "sell_edge", "bid", "bid_iv", "ask_iv", "ask", "buy_edge", "buy_ticks"),
    ),
    "venues": (
        ("edge_usd", "mark_gap", "edge_way", "edge"),
        ("left_bid", "left_ask", "right_bid", "right_ask"),
    ),
    "all": (
        (
            "age",
            "volume",
            "open_interest",
            "venue_theta",
            "venue_delta",
            "venue_mark_iv",
            "theta",
            "vega",
            "gamma",
            "delta_premium_adjusted",
            "delta",
            "mark_iv",
            "mark",
        ),
        ("bid_size", "bid_iv", "bid", "ask", "ask_iv", "ask_size"),
    ),
}
"""Per set: keys from the outer edge inwards, then the quote block whose order both sides share."""

_KEPT_FIRST: dict[str, tuple[tuple[str, ...], ...]] = {
    "trade": (
        ("bid", "ask"),
        ("flags",),
        ("mark_iv",),
        ("delta",),
        ("mark",),
        ("bid_size", "ask_size"),
        ("bid_iv", "ask_iv"),
        ("open_interest",),
        ("age",),
        ("volume",),
        ("vega",),
        ("theta",),
    ),
    "vol": (
        ("bid_iv", "ask_iv"),
        ("flags",),
        ("mark_iv",),
        ("delta",),
        ("venue_mark_iv",),
        ("vega",),
        ("bid", "ask"),
        ("mark",),
        ("age",),
        ("gamma",),
    ),
    "greeks": (
        ("delta",),
        ("flags",),
        ("vega",),
        ("theta",),
        ("gamma",),
        ("mark_iv",),
        ("mark",),
        ("delta_premium_adjusted",),
        ("bid", "ask"),
        ("venue_delta",),
        ("venue_theta",),
        ("venue_mark_iv",),
        ("age",),
    ),
    "flow": (
        ("bid", "ask"),
        ("flags",),
        ("bid_size", "ask_size"),
        ("open_interest",),
        ("volume",),
        ("last",),
        ("age",),
        ("mark_iv",),
        ("delta",),
        ("mark",),
    ),
    "theo": (
        ("bid", "ask"),
        ("flags",),
        ("theo_iv",),
        ("sell_edge", "buy_edge"),
        ("theo",),
        ("bid_iv", "ask_iv"),
        ("sell_ticks", "buy_ticks"),
        ("delta",),
        ("mark_iv",),
        ("vega",),
        ("mark",),
        ("age",),
    ),
    "venues": (
        ("left_bid", "left_ask", "right_bid", "right_ask"),
        ("flags",),
        ("edge", "edge_way"),
        ("mark_gap",),
        ("edge_usd",),
    ),
}
"""Groups of columns by importance; a group is shown whole or not at all."""

COLUMN_SETS = ("trade", "vol", "greeks", "flow", "theo")
"""Names of the sets a screen cycles through. "all" exists beside them for tables in text, and
"venues" for two venues side by side."""


CHAIN_SETS = (*COLUMN_SETS, "all")
"""Names of the sets of one venue's chain."""


def next_column_set(name: str) -> str:
    """The set after `name` in the cycle."""
    return COLUMN_SETS[(COLUMN_SETS.index(name) + 1) % len(COLUMN_SETS)]


@dataclass(frozen=True, slots=True, kw_only=True)
class Layout:
    """Where columns stand in a line of `width` cells: calls, strike in the centre, puts.

    `widths` holds each column's width in this unit. Every column is preceded by `gap` blanks; what
    is left over goes to the outer edges, so that the strike is in the middle.
    """

    width: int
    calls: tuple[Column, ...]
    puts: tuple[Column, ...]
    widths: dict[str, int]
    strike_width: int
    gap: int

    def holds(self, keys: frozenset[str]) -> bool:
        """Whether one of the columns called `keys` is shown."""
        return any(column.key in keys for column in self.calls)

    @property
    def side_width(self) -> int:
        """Cells left of the strike."""
        return max((self.width - self.strike_width) // 2, 0)

    @property
    def used_width(self) -> int:
        """Cells of one side that columns and their gaps occupy."""
        return sum(self.widths[column.key] + self.gap for column in self.calls)


def column_layout(
    name: str, units: Units, *, strike_width: int, price_width: int, width: int | None
) -> Layout:
    """The columns of set `name` that fit into `width` cells (all of them where None).

    `price_width` is what the longest price takes. Raises InvalidInput for an unknown set.
    """
    if name not in _SETS:
        raise InvalidInput("columns", name, f"must be one of {', '.join(_SETS)}")
    outer, quotes = _SETS[name]
    # A last trade belongs to a forward of its own moment, which nobody recorded: it has no vol.
    hidden = {*_PRICE_OF_IV, "last"} if units is Units.IV else set()
    widths = {
        key: price_width if key in PRICE_KEYS or key == "theo" else _BY_KEY[key].width
        for key in (*outer, *quotes, "flags")
    }
    shown = set(widths) - hidden
    if width is not None and name in _KEPT_FIRST:
        groups = _KEPT_FIRST[name]
        if units is Units.IV:
            groups = tuple(tuple(_PRICE_OF_IV.get(key, key) for key in keys) for keys in groups)
        shown = _chosen(groups, shown, widths, (width - strike_width) // 2)
    calls = [_BY_KEY[key] for key in (*outer, *quotes, "flags") if key in shown]
    puts = [_BY_KEY[key] for key in ("flags", *quotes, *reversed(outer)) if key in shown]
    used = sum(widths[column.key] for column in calls)
    natural = 2 * (used + len(calls)) + strike_width
    total = natural if width is None else width
    spare = (total - strike_width) // 2 - used
    gap = 1 if not calls else min(max(spare // len(calls), 1), 3)
    return Layout(
        width=total,
        calls=tuple(calls),
        puts=tuple(puts),
        widths=widths,
        strike_width=strike_width,
        gap=gap,
    )


def _chosen(
    groups: tuple[tuple[str, ...], ...], shown: set[str], widths: dict[str, int], room: int
) -> set[str]:
    chosen: set[str] = set()
    for group in groups:
        keys = [key for key in group if key in shown and key not in chosen]
        need = sum(widths[key] + 1 for key in keys)
        if need <= room:
            chosen.update(keys)
            room -= need
    return chosen
