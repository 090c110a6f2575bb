"""The risk matrix as rows: nine moves of spot by three of vol, then the extended table."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from quantdesk.margin.deribit_portfolio import PortfolioMargin
from quantdesk.margin.portfolio_parameters import EXTENDED_MOVES, VOL_SCENARIOS

VOLS = len(VOL_SCENARIOS)


@dataclass(frozen=True, slots=True, kw_only=True)
class GridRow:
    """One move of spot.

    moves : of each pair, relative, in the order of the margin's pairs; label says them in words
    raw, cells : profit with vols down, same and up, before and after the offsets, in the margin's
        currency
    binding : which of the three sets the margin, None where none of them does
    """

    label: str
    moves: tuple[float, ...]
    raw: tuple[float, ...]
    cells: tuple[float, ...]
    binding: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ExtendedRow:
    """One move of the extended table, vol up.

    weights : of each pair's profit;  before, after : weighted profit before and after dampener and
        offset, in the margin's currency
    """

    move: float
    weights: tuple[float, ...]
    before: float
    after: float
    is_binding: bool


def grid_rows(margin: PortfolioMargin) -> tuple[GridRow, ...]:
    """The standard cells, lowest spot first; none without a pair."""
    if not margin.pairs:
        return ()
    raw = _raw(margin)
    by_pair = [pair.book.parameters.price_moves() for pair in margin.pairs]
    names = [pair.book.parameters.pair for pair in margin.pairs]
    rows = []
    for number in range(len(by_pair[0])):
        place = slice(VOLS * number, VOLS * (number + 1))
        moves = tuple(one[number] for one in by_pair)
        inside = margin.binding is not None and place.start <= margin.binding < place.stop
        rows.append(
            GridRow(
                label=_label(moves, names),
                moves=moves,
                raw=tuple(raw[place].tolist()),
                cells=tuple(margin.cells[place].tolist()),
                binding=None if margin.binding is None or not inside else margin.binding % VOLS,
            )
        )
    return tuple(rows)


def _label(moves: tuple[float, ...], names: list[str]) -> str:
    if len({round(move, 12) for move in moves}) == 1:
        return f"{moves[0]:+.2%}"
    said = dict(zip(names, moves, strict=True))
    return ", ".join(f"{name} {move:+.2%}" for name, move in said.items())


def extended_rows(margin: PortfolioMargin) -> tuple[ExtendedRow, ...]:
    """The extended cells in the order of their moves; none without a pair."""
    if not margin.pairs:
        return ()
    raw = _raw(margin)
    first = raw.size - len(EXTENDED_MOVES)
    parameters = [pair.book.parameters for pair in margin.pairs]
    return tuple(
        ExtendedRow(
            move=move,
            weights=tuple(
                dict.fromkeys(
                    one.extended_table_factor * one.price_range / abs(move) for one in parameters
                )
            ),
            before=float(raw[first + number]),
            after=float(margin.cells[first + number]),
            is_binding=margin.binding == first + number,
        )
        for number, move in enumerate(EXTENDED_MOVES)
    )


def _raw(margin: PortfolioMargin) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """Sum over the pairs before dampener and offset, in the margin's currency."""
    pairs = zip(margin.pairs, margin.prices, strict=True)
    total = np.zeros(margin.cells.size)
    for pair, price in pairs:
        total += pair.raw * price
    return total
