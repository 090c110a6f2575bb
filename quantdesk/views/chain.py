"""The chain screen as values: calls left, strikes in the centre, puts right.

`chain_view` looks rows up and decides order, units and columns; the cells of a line are written
when the line is asked for, so that a screen pays for what it shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, Chain, IntArray
from quantdesk.market.quality import stale_rows
from quantdesk.market.surface_edge import SurfaceEdge
from quantdesk.snapshot import ChainSnapshot, ExpirySummary
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_cells import CellWriter, cell_writers
from quantdesk.views.chain_columns import (
    CHAIN_SETS,
    PRICE_KEYS,
    THEO_KEYS,
    Column,
    Layout,
    column_layout,
)
from quantdesk.views.chain_header import HeaderField, header_fields
from quantdesk.views.chain_widths import price_width, strike_width
from quantdesk.views.number_text import DASH
from quantdesk.views.safe_text import safe_text
from quantdesk.views.strike_grid import LineKey, StrikeLines, missing_cells
from quantdesk.views.units import Units, price_unit

NO_ROW = -1

STALE_FLAG, CROSSED_FLAG, ONE_SIDED_FLAG = "S", "X", "1"
FLAG_WORDS = {
    STALE_FLAG: "stale",
    CROSSED_FLAG: "crossed",
    ONE_SIDED_FLAG: "one-sided",
}
"""What the letters beside the strike mean."""

SYMBOL_WORDS = (
    (">60,000<", "at the money: the strike nearest the forward"),
    ("*58,000", "call in the money (put: mark on the right)"),
    ("S X 1", "quote stale, crossed, one-sided"),
    ("~0.512", "vol not from the row's own mark; `i` tells from where"),
    (DASH, "no value"),
    ("v.", "the venue's own number, by its own rule"),
)
"""Symbols of the chain with what they say, for a help screen."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainView(StrikeLines):
    """A chain ready to be shown; lines are in order of expiry and strike.

    `keys`, `call_rows` and `put_rows` have one entry a line; a row is -1 where that side is not
    listed. `atm_line` is None where no forward is known. `expiry` is None if it spans several.
    """

    snapshot: ChainSnapshot
    expiry: ExpirySummary | None
    units: Units
    columns: str
    now_ns: int
    layout: Layout
    header: tuple[HeaderField, ...]
    keys: tuple[LineKey, ...]
    call_rows: tuple[int, ...]
    put_rows: tuple[int, ...]
    atm_lines: frozenset[int]
    atm_line: int | None
    forwards: dict[int, float]
    writers: dict[str, CellWriter]
    is_stale: BoolArray
    edge: SurfaceEdge | None = None

    @property
    def underlying(self) -> str:
        """The coin."""
        return self.snapshot.underlying

    def row(self, line: int, is_call: bool) -> int | None:
        """Chain row of one side of a line; None where it is not listed."""
        row = (self.call_rows if is_call else self.put_rows)[line]
        return None if row == NO_ROW else row

    def _sides(self, number: int) -> tuple[int, int]:
        return self.call_rows[number], self.put_rows[number]

    def _cells(self, row: int, columns: tuple[Column, ...]) -> tuple[Cell, ...]:
        if row == NO_ROW:
            return missing_cells(columns)
        writers = self.writers
        flags = self.flags(row)
        is_stale = STALE_FLAG in flags
        is_crossed = CROSSED_FLAG in flags
        cells = []
        for column in columns:
            key = column.key
            if key == "flags":
                cells.append(Cell(flags, Role.FLAG))
                continue
            text = writers[key](row)
            if text == DASH:
                role = Role.MISSING
            elif is_stale:
                role = Role.STALE
            elif is_crossed and key in {"bid", "ask"}:
                role = Role.CROSSED
            else:
                role = column.role
            cells.append(Cell(text, role))
        return tuple(cells)

    def flags(self, row: int) -> str:
        """Letters of a row whose quote can not be trusted: see FLAG_WORDS."""
        values = self.snapshot.values
        # A row that was never quoted says so with its dashes; it has not gone stale.
        quoted = self.snapshot.chain.event_ns[row] != 0
        flags = STALE_FLAG if quoted and self.is_stale[row] else ""
        if values.is_crossed[row]:
            return flags + CROSSED_FLAG
        return flags + ONE_SIDED_FLAG if values.is_one_sided[row] else flags

    def unit_of(self, column: Column) -> str:
        """The unit that stands under a column's title."""
        chain = self.snapshot.chain
        first = chain.instruments[0] if chain.instruments else None
        coin = self.snapshot.underlying
        if column.key in _WITHOUT_UNIT:
            return ""
        if column.key in PRICE_KEYS or column.key == "theo":
            return price_unit(self.units, first, coin)
        return _COLUMN_UNITS.get(column.key) or safe_text(coin, column.width)


_WITHOUT_UNIT = frozenset({"flags", "age"})

_COLUMN_UNITS = {
    "bid_iv": "%",
    "ask_iv": "%",
    "mark_iv": "%",
    "theo_iv": "%",
    "sell_edge": "vol pt",
    "buy_edge": "vol pt",
    "sell_ticks": "ticks",
    "buy_ticks": "ticks",
    "venue_mark_iv": "%",
    "delta": "Black",
    "delta_premium_adjusted": "-mark",
    "venue_delta": "Black",
    "gamma": "/USD",
    "vega": "USD/pt",
    "theta": "USD/day",
    "venue_theta": "USD/day",
}


def chain_view(
    snapshot: ChainSnapshot,
    *,
    expiry_ns: int | None,
    columns: str = "trade",
    units: Units = Units.COIN,
    now_ns: int,
    window: int | None = None,
    rows: BoolArray | None = None,
    width: int | None = None,
) -> ChainView:
    """The lines of one expiry, or of all where `expiry_ns` is None.

    Parameters
    ----------
    now_ns : the venue's clock now, from which ages and time left are counted
    window : strikes to keep on each side of the money; None keeps all
    rows : bool array (n,) of chain rows to keep; None keeps all
    width : terminal cells a line may take; columns are left out to fit. None shows all of the set

    Raises InvalidInput for an unknown column set, a negative window or a mask of another length.
    """
    if columns not in CHAIN_SETS:
        raise InvalidInput("columns", columns, f"must be one of {', '.join(CHAIN_SETS)}")
    if window is not None and window < 0:
        raise InvalidInput("window", window, "must be 0 or more strikes")
    if rows is not None and rows.shape != (len(snapshot.chain),):
        raise InvalidInput("rows", rows.shape, f"must have shape ({len(snapshot.chain)},)")
    expiries = [e for e in snapshot.expiries if expiry_ns in {None, e.expiry_ns}]
    keys: list[LineKey] = []
    call_rows: list[int] = []
    put_rows: list[int] = []
    atm_lines: list[int] = []
    for expiry in expiries:
        lines = _expiry_lines(snapshot.chain, expiry.rows, rows)
        atm = _atm(lines.strikes, expiry.forward.price)
        kept = _window(len(lines.keys), atm, window)
        if atm is not None and atm in kept:
            atm_lines.append(len(keys) + atm - kept.start)
        keys += lines.keys[kept.start : kept.stop]
        call_rows += lines.call_rows[kept.start : kept.stop]
        put_rows += lines.put_rows[kept.start : kept.stop]
    expiry_shown = expiries[0] if len(expiries) == 1 else None
    layout = column_layout(
        columns,
        units,
        strike_width=strike_width([key.strike for key in keys]),
        price_width=price_width(snapshot, expiries, units),
        width=width,
    )
    edge = snapshot.edge() if layout.holds(THEO_KEYS) else None
    return ChainView(
        snapshot=snapshot,
        expiry=expiry_shown,
        units=units,
        columns=columns,
        now_ns=now_ns,
        layout=layout,
        header=header_fields(snapshot, expiry_shown, units=units, now_ns=now_ns),
        keys=tuple(keys),
        call_rows=tuple(call_rows),
        put_rows=tuple(put_rows),
        atm_lines=frozenset(atm_lines),
        atm_line=atm_lines[0] if atm_lines else None,
        forwards={e.expiry_ns: e.forward.price for e in expiries if e.forward.price is not None},
        writers=cell_writers(
            snapshot,
            units=units,
            now_ns=now_ns,
            widths=layout.widths,
            edge=edge,
        ),
        edge=edge,
        is_stale=stale_rows(snapshot.chain, now_ns),
    )


class _Lines(NamedTuple):
    keys: Sequence[LineKey]
    strikes: np.ndarray
    call_rows: list[int]
    put_rows: list[int]


def _expiry_lines(chain: Chain, part: tuple[int, int], mask: BoolArray | None) -> _Lines:
    """Rows of one expiry paired by strike; an inverse and a linear option never share a line."""
    first, stop = part
    rows: IntArray = np.arange(first, stop, dtype=np.int64)
    if mask is not None:
        rows = rows[mask[first:stop]]
    order = np.lexsort((~chain.is_inverse[rows], chain.strike[rows]))
    rows = rows[order]
    strike, inverse, is_call = chain.strike[rows], chain.is_inverse[rows], chain.is_call[rows]
    if rows.size == 0:
        return _Lines([], strike, [], [])
    starts = np.ones(rows.size, dtype=np.bool_)
    starts[1:] = (strike[1:] != strike[:-1]) | (inverse[1:] != inverse[:-1])
    line_of_row = np.cumsum(starts) - 1
    call_rows = np.full(int(line_of_row[-1]) + 1, NO_ROW, dtype=np.int64)
    put_rows = call_rows.copy()
    call_rows[line_of_row[is_call]] = rows[is_call]
    put_rows[line_of_row[~is_call]] = rows[~is_call]
    expiry_ns = int(chain.expiry_ns[first])
    keys = [
        LineKey(expiry_ns, a_strike, is_inverse)
        for a_strike, is_inverse in zip(
            strike[starts].tolist(), inverse[starts].tolist(), strict=True
        )
    ]
    return _Lines(keys, strike[starts], call_rows.tolist(), put_rows.tolist())


def _atm(strikes: np.ndarray, forward: float | None) -> int | None:
    if forward is None or strikes.size == 0:
        return None
    return int(np.argmin(np.abs(strikes - forward)))


def _window(lines: int, atm: int | None, window: int | None) -> range:
    if window is None:
        return range(lines)
    centre = lines // 2 if atm is None else atm
    return range(max(centre - window, 0), min(centre + window + 1, lines))
