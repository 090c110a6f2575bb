"""Two venues side by side as a grid of strikes: both bids and asks, the best marked, what is left.

Prices are undiscounted forward values (`market.cross_venue`), in USD or as the vol they imply; a
star marks the best of each. What only one venue lists says so beside the strike.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import isnan

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, IntArray
from quantdesk.market.cross_venue import (
    Best,
    VenueComparison,
    VenueValues,
    compare_venues,
    venue_values,
)
from quantdesk.market.quality import stale_rows
from quantdesk.snapshot import ChainSnapshot, ExpirySummary
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_columns import PAIR_COLUMNS, Column, Layout, column_layout
from quantdesk.views.chain_header import ExpiryTab, HeaderField
from quantdesk.views.chain_widths import strike_width
from quantdesk.views.number_text import DASH, number_text, percent_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.strike_grid import LineKey, StrikeLines, missing_cells
from quantdesk.views.time_text import days_left_text, expiry_text, time_left_text
from quantdesk.views.units import Units
from quantdesk.views.venue_fees import taker_fees

BEST_MARK = "*"
"""Stands behind the better of two bids and the better of two asks; behind both where they tie."""

NO_ENTRY = -1

PAIR_SYMBOLS = (
    ("3,512.5*", "the better price of the two venues, after conversion"),
    ("D B", "beside the strike: only this venue lists or quotes the option"),
    ("D>B", "where the net is earned: bought at D, sold at B"),
)
"""Symbols of two venues side by side, for a help screen."""


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueLetters:
    """How two venues are told apart in narrow columns: first letters, or numbers if they agree."""

    left: str
    right: str

    @classmethod
    def of(cls, left: str, right: str) -> VenueLetters:
        """Letters of two venue names."""
        letters = (safe_text(left, 12)[:1].upper(), safe_text(right, 12)[:1].upper())
        if letters[0] == letters[1] or not all(letters):
            letters = ("1", "2")
        return cls(left=letters[0], right=letters[1])


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VenuePairView(StrikeLines):
    """Two venues' options of one expiry, or of all, ready to be shown.

    `calls` and `puts` hold each line's entry in `comparison`, -1 where no venue lists it.
    """

    left: ChainSnapshot
    right: ChainSnapshot
    letters: VenueLetters
    comparison: VenueComparison
    units: Units
    layout: Layout
    header: tuple[HeaderField, ...]
    keys: tuple[LineKey, ...]
    calls: tuple[int, ...]
    puts: tuple[int, ...]
    forwards: dict[int, float]
    atm_lines: frozenset[int]
    now_ns: tuple[int, int]

    @property
    def underlying(self) -> str:
        """The coin."""
        return self.left.underlying

    @property
    def atm_line(self) -> int | None:
        """The first line at the money; None where no forward is known."""
        return min(self.atm_lines, default=None)

    def entry(self, line: int, is_call: bool) -> int | None:
        """Entry of `comparison` for one side of a line; None where no venue lists it."""
        entry = (self.calls if is_call else self.puts)[line]
        return None if entry == NO_ENTRY else entry

    def unit_of(self, column: Column) -> str:
        """The unit that stands under a column's title."""
        if column.key in {"flags", "edge_way"}:
            return ""
        if column.key in {"mark_gap", "edge"}:
            return "vol pt"
        return "%" if self.units is Units.IV and column.key != "edge_usd" else "USD"

    def _sides(self, number: int) -> tuple[int, int]:
        return self.calls[number], self.puts[number]

    def _cells(self, entry: int, columns: Sequence[Column]) -> tuple[Cell, ...]:
        if entry == NO_ENTRY:
            return missing_cells(columns)
        return tuple(self._cell(entry, column) for column in columns)

    def _cell(self, entry: int, column: Column) -> Cell:
        seen, key = self.comparison, column.key
        if key == "flags":
            return Cell(self.flags(entry), Role.FLAG)
        if key in _PRICES:
            return self._price_cell(entry, column)
        if key == "edge_way":
            return Cell(self.way(entry), Role.LABEL)
        value = float(getattr(seen, key)[entry])
        if isnan(value):
            return Cell(DASH, Role.MISSING)
        if key == "edge_usd":
            text = number_text(value, 2, column.width)
        else:
            text = signed_points(value, column.width)
        if key == "mark_gap":
            return Cell(text, Role.IV)
        return Cell(text, Role.GAIN if value > 0 else Role.VALUE)

    def _price_cell(self, entry: int, column: Column) -> Cell:
        seen = self.comparison
        venue, side = column.key.split("_")
        values, rows = (
            (seen.left, seen.left_row) if venue == "left" else (seen.right, seen.right_row)
        )
        row = int(rows[entry])
        if row == NO_ENTRY:
            return Cell(DASH, Role.MISSING)
        room = column.width - len(BEST_MARK)
        if self.units is Units.IV:
            text = percent_text(float(getattr(values, f"{side}_iv")[row]), 2, room)
        else:
            text = number_text(float(getattr(values, side)[row]), 1, room)
        if text == DASH:
            return Cell(text, Role.MISSING)
        best = int((seen.best_bid if side == "bid" else seen.best_ask)[entry])
        is_best = best in {Best.EQUAL, Best.LEFT if venue == "left" else Best.RIGHT}
        text += BEST_MARK if is_best else " "
        if not values.is_usable[row]:
            return Cell(text, Role.STALE)
        return Cell(text, column.role if is_best else Role.SIZE)

    def flags(self, entry: int) -> str:
        """The letter of the only venue that lists the option; S where a quote can not be used."""
        seen = self.comparison
        left, right = int(seen.left_row[entry]), int(seen.right_row[entry])
        if NO_ENTRY in {left, right}:
            return self.letters.right if left == NO_ENTRY else self.letters.left
        is_usable = seen.left.is_usable[left] and seen.right.is_usable[right]
        return "" if is_usable else "S"

    def way(self, entry: int) -> str:
        """ "D>B" where the better direction buys at D and sells at B; the dash for none."""
        way = int(self.comparison.edge_buy[entry])
        letters = (self.letters.left, self.letters.right)
        if way == Best.NONE:
            return DASH
        return ">".join(letters if way == Best.LEFT else letters[::-1])


_PRICES = frozenset({"left_bid", "left_ask", "right_bid", "right_ask"})


def signed_points(fraction: float, width: int | None = None) -> str:
    """A difference of vols in points with its sign: "+0.42"."""
    text = number_text(abs(fraction) * 100, 2, None if width is None else width - 1)
    is_zero = text.strip("0.") == ""
    return f"{' ' if is_zero else '-' if fraction < 0 else '+'}{text}"


def venue_comparison(
    left: ChainSnapshot,
    right: ChainSnapshot,
    *,
    expiry_ns: int | None = None,
    now_ns: tuple[int, int] | None = None,
    rows: tuple[BoolArray, BoolArray] | None = None,
) -> VenueComparison:
    """Two venues' options of one expiry (of all, if None), after the taker fees of both.

    Parameters
    ----------
    now_ns : the venues' clocks, left and right, by which quotes are stale; None takes each chain's
        own moment
    rows : masks of both chains' rows (of the whole chains); an option is kept if either has it.
        Discounts are found on all rows before

    Raises InvalidInput for chains of different coins.
    """
    if left.underlying != right.underlying:
        raise InvalidInput("underlying", right.underlying, f"must be {left.underlying} as well")
    moments = (left.as_of_ns, right.as_of_ns) if now_ns is None else now_ns
    sides = []
    for snapshot, moment_ns in zip((left, right), moments, strict=True):
        part = snapshot
        if expiry_ns is not None:
            part = snapshot.take(snapshot.chain.expiry_ns == expiry_ns)
        chain, values = part.chain, part.values
        sides.append(
            venue_values(
                chain,
                forward=values.forward,
                years=values.years,
                fees=taker_fees(chain, part.index_price, part.as_of_ns),
                is_usable=~stale_rows(chain, moment_ns),
            )
        )
    seen = compare_venues(*sides)
    if rows is None:
        return seen
    assert expiry_ns is None, "masks are of whole chains"
    return seen.take(_masked(rows[0], seen.left_row) | _masked(rows[1], seen.right_row))


def _masked(mask: BoolArray, rows: IntArray) -> BoolArray:
    """Whether each of `rows` is in `mask`; -1 is in none."""
    return np.append(mask, False)[rows]


def venue_pair_view(
    left: ChainSnapshot,
    right: ChainSnapshot,
    *,
    expiry_ns: int | None,
    units: Units,
    now_ns: tuple[int, int],
    width: int | None = None,
    rows: tuple[BoolArray, BoolArray] | None = None,
) -> VenuePairView:
    """Two venues side by side; COIN and the USD units show forward values, IV their vols.

    `now_ns` are the venues' clocks, left and right; `rows` as in `venue_comparison`.
    Raises InvalidInput for different coins.
    """
    seen = venue_comparison(left, right, expiry_ns=expiry_ns, now_ns=now_ns, rows=rows)
    shown = Units.IV if units is Units.IV else Units.USD_MODEL
    letters = VenueLetters.of(left.venue, right.venue)
    keys: dict[LineKey, list[int]] = {}
    for entry in range(len(seen)):
        key = LineKey(int(seen.expiry_ns[entry]), float(seen.strike[entry]), True)
        keys.setdefault(key, [NO_ENTRY, NO_ENTRY])[0 if seen.is_call[entry] else 1] = entry
    lines = tuple(keys)
    forwards = _forwards(left, right)
    layout = column_layout(
        "venues",
        shown,
        strike_width=strike_width([key.strike for key in lines]),
        price_width=PAIR_COLUMNS["left_bid"].width,
        width=width,
    )
    return VenuePairView(
        left=left,
        right=right,
        letters=letters,
        comparison=seen,
        units=shown,
        layout=_titled(layout, letters),
        header=_header(
            (left, right), letters, seen, expiry_ns=expiry_ns, now_ns=now_ns[0], units=shown
        ),
        keys=lines,
        calls=tuple(entries[0] for entries in keys.values()),
        puts=tuple(entries[1] for entries in keys.values()),
        forwards=forwards,
        atm_lines=_atm_lines(lines, forwards),
        now_ns=now_ns,
    )


def _titled(layout: Layout, letters: VenueLetters) -> Layout:
    def titled(column: Column) -> Column:
        if column.key not in _PRICES:
            return column
        letter = letters.left if column.key.startswith("left") else letters.right
        return replace(column, title=f"{letter}.{column.title.partition('.')[2]} ")

    return replace(
        layout,
        calls=tuple(titled(column) for column in layout.calls),
        puts=tuple(titled(column) for column in layout.puts),
    )


def _forwards(left: ChainSnapshot, right: ChainSnapshot) -> dict[int, float]:
    """The forward by which a line is in the money: the left venue's, else the right one's."""
    found: dict[int, float] = {}
    for expiry in (*left.expiries, *right.expiries):
        if expiry.forward.price is not None:
            found.setdefault(expiry.expiry_ns, expiry.forward.price)
    return found


def _atm_lines(keys: Sequence[LineKey], forwards: dict[int, float]) -> frozenset[int]:
    lines = []
    for expiry_ns, forward in forwards.items():
        own = [line for line, key in enumerate(keys) if key.expiry_ns == expiry_ns]
        if own:
            lines.append(min(own, key=lambda line: abs(keys[line].strike - forward)))
    return frozenset(lines)


def _header(
    pair: tuple[ChainSnapshot, ChainSnapshot],
    letters: VenueLetters,
    seen: VenueComparison,
    *,
    expiry_ns: int | None,
    now_ns: int,
    units: Units,
) -> tuple[HeaderField, ...]:
    left, right = pair
    words = {left.environment.value.upper(), right.environment.value.upper()}
    names = f"{letters.left} {safe_text(left.venue, 12)} | {letters.right} "
    title = f"{safe_text(left.underlying, 12)} {names}{safe_text(right.venue, 12)}"
    prices = "vols of forward values, %" if units is Units.IV else "forward values, USD"
    fields = [
        HeaderField("", f"{title} {'/'.join(sorted(words))}"),
        HeaderField("prices", f"{prices} (coin × own forward, dollars ÷ discount)"),
    ]
    if expiry_ns is not None:
        until = f"{time_left_text(expiry_ns, now_ns)} to {expiry_text(expiry_ns)}"
        fields.append(HeaderField("left", until))
        fields += _side_fields(letters.left, left, seen.left, expiry_ns)
        fields += _side_fields(letters.right, right, seen.right, expiry_ns)
    both = int(np.count_nonzero((seen.left_row >= 0) & (seen.right_row >= 0)))
    fields.append(HeaderField("net", "sold - bought, both taker fees off"))
    fields.append(HeaderField("listed by both", f"{both} of {len(seen)}"))
    return tuple(fields)


def _side_fields(
    letter: str, snapshot: ChainSnapshot, values: VenueValues, expiry_ns: int
) -> list[HeaderField]:
    expiry: ExpirySummary | None = next(
        (each for each in snapshot.expiries if each.expiry_ns == expiry_ns), None
    )
    if expiry is None:
        return [HeaderField(f"{letter} forward", f"{DASH} (expiry not listed)")]
    source = safe_text(expiry.forward.source, 24)
    atm = percent_text(expiry.atm_iv)
    fields = [
        HeaderField(f"{letter} forward", f"{number_text(expiry.forward.price, 2)} USD ({source})"),
        HeaderField(f"{letter} ATM IV", atm if atm == DASH else f"{atm} %"),
    ]
    discount = values.discounts.get(expiry_ns)
    if discount is not None:
        text = f"{discount.discount:.4f} ({discount.source})"
        fields.append(HeaderField(f"{letter} discount", text))
    return fields


def pair_tabs(left: ChainSnapshot, right: ChainSnapshot, now_ns: int) -> tuple[ExpiryTab, ...]:
    """Expiries of both venues in order; one that only one lists carries its letter: "3JUL26 D"."""
    letters = VenueLetters.of(left.venue, right.venue)
    lefts = {expiry.expiry_ns for expiry in left.expiries}
    rights = {expiry.expiry_ns for expiry in right.expiries}
    tabs = []
    for expiry_ns in sorted(lefts | rights):
        only = "" if expiry_ns in lefts & rights else letters.left
        if only and expiry_ns in rights:
            only = letters.right
        label = f"{expiry_text(expiry_ns)} {only}".rstrip()
        tabs.append(ExpiryTab(expiry_ns, label, days_left_text(expiry_ns, now_ns)))
    return tuple(tabs)
