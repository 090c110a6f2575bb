"""What every grid of strikes has, whatever stands in its cells: lines by strike, calls and puts.

The screen's grid draws these; one venue's chain and two venues side by side are both such grids.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import NamedTuple, Protocol

from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_columns import Column, Layout
from quantdesk.views.number_text import DASH, strike_text
from quantdesk.views.units import Units


class LineKey(NamedTuple):
    """What a line is about; stays the same when rows come and go."""

    expiry_ns: int
    strike: float
    is_inverse: bool


class ChainLine(NamedTuple):
    """One strike: call cells in `layout.calls` order, the strike, put cells in `layout.puts` order.

    Equal lines look equal: a screen redraws a line only when it differs from the one it shows.
    """

    key: LineKey
    calls: tuple[Cell, ...]
    strike: str
    puts: tuple[Cell, ...]
    is_atm: bool
    is_call_itm: bool
    is_put_itm: bool


class StrikeGridView(Protocol):
    """What the grid of the screen asks of a view."""

    @property
    def underlying(self) -> str:
        """The coin."""

    @property
    def units(self) -> Units:
        """What the price columns show."""

    @property
    def layout(self) -> Layout:
        """Columns and their places."""

    @property
    def keys(self) -> tuple[LineKey, ...]:
        """One entry a line."""

    @property
    def atm_line(self) -> int | None:
        """The line nearest the forward; None where no forward is known."""

    def __len__(self) -> int:
        """Number of lines."""

    def line_of(self, key: LineKey) -> int | None:
        """Number of the line with exactly this key."""

    def nearest_line(self, key: LineKey) -> int | None:
        """The line with this key, else the one nearest in strike; None in an empty view."""

    def line(self, number: int) -> ChainLine:
        """The cells of one line."""

    def unit_of(self, column: Column) -> str:
        """The unit under a column's title."""


class StrikeLines(ABC):
    """Lines of strikes: finding one by its key, and writing it.

    Attributes
    ----------
    keys : one entry a line
    layout : columns of either side
    forwards : by expiry, where known
    atm_lines : numbers of the lines nearest their forwards
    """

    __slots__ = ()
    keys: tuple[LineKey, ...]
    layout: Layout
    forwards: dict[int, float]
    atm_lines: frozenset[int]

    @abstractmethod
    def _sides(self, number: int) -> tuple[int, int]:
        """What stands on the calls' and on the puts' side of a line, by number."""

    @abstractmethod
    def _cells(self, side: int, columns: tuple[Column, ...]) -> tuple[Cell, ...]:
        """The cells of one side of a line."""

    def line(self, number: int) -> ChainLine:
        """The cells of one line, written now."""
        key = self.keys[number]
        forward = self.forwards.get(key.expiry_ns)
        is_call_itm = forward is not None and key.strike < forward
        is_put_itm = forward is not None and key.strike > forward
        is_atm = number in self.atm_lines
        calls, puts = self._sides(number)
        return ChainLine(
            key=key,
            calls=self._cells(calls, self.layout.calls),
            strike=strike_cell(
                key.strike, is_atm=is_atm, is_call_itm=is_call_itm, is_put_itm=is_put_itm
            ),
            puts=self._cells(puts, self.layout.puts),
            is_atm=is_atm,
            is_call_itm=is_call_itm,
            is_put_itm=is_put_itm,
        )

    def __len__(self) -> int:
        return len(self.keys)

    def line_of(self, key: LineKey) -> int | None:
        """Number of the line with exactly this key."""
        try:
            return self.keys.index(key)
        except ValueError:
            return None

    def nearest_line(self, key: LineKey) -> int | None:
        """The line with this key, else the one nearest in strike; None in an empty view."""
        exact = self.line_of(key)
        if exact is not None or not self.keys:
            return exact
        return min(
            range(len(self.keys)),
            key=lambda line: (
                self.keys[line].expiry_ns != key.expiry_ns,
                self.keys[line].is_inverse != key.is_inverse,
                abs(self.keys[line].strike - key.strike),
            ),
        )


def missing_cells(columns: Sequence[Column]) -> tuple[Cell, ...]:
    """Cells of a side that is not listed."""
    return tuple(Cell("" if column.key == "flags" else DASH, Role.MISSING) for column in columns)


def strike_cell(strike: float, *, is_atm: bool, is_call_itm: bool, is_put_itm: bool) -> str:
    """A strike with its marks: ">60,000<" at the money, a star on the side that is in the money."""
    text = strike_text(strike)
    if is_atm:
        return f">{text}<"
    return f"{'*' if is_call_itm else ' '}{text}{'*' if is_put_itm else ' '}"
