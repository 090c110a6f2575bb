"""Risk matrices of portfolio margin that are kept, so that a ticket is only added to them.

    raw      Σ held·u + Σ over open orders min(0, order·u), u the profit of a unit by cell
    ends     delta of each expiry as held, with all that raises it, and with all that lowers it
    initial  worst cell after dampener and offset + roll shock + delta shock, each shock at the end
             where it is largest

One matrix an account and settlement currency, or in cross mode an account, for each limit's place.
The law's arithmetic is that of `margin.portfolio_cells`. Nothing here falls when an order grows.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass

import numpy as np

from quantdesk.margin.deribit_portfolio import worst_cell
from quantdesk.margin.portfolio_cells import cells_after, delta_shocks, stacked
from quantdesk.margin.portfolio_units import PortfolioUnit
from quantdesk.margin.risk_vectors import cell_names
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.risk.limits.trial import Trial


@dataclass(frozen=True, slots=True, kw_only=True)
class MatrixEntry:
    """A slot's unit in a matrix of one limit.

    slot : number of the slot;  place : of the limit
    account, currency : whose matrix it is; currency "" for all of an account together
    """

    slot: int
    place: int
    account: str
    currency: str
    unit: PortfolioUnit

    @property
    def matrix(self) -> Hashable:
        """Which matrix it is in."""
        return self.place, self.account, self.currency

    @property
    def pair(self) -> Hashable:
        """Which pair of that matrix."""
        return self.matrix, self.unit.currency, self.unit.parameters.pair

    @property
    def expiry(self) -> Hashable:
        """Which expiry of that pair."""
        return self.pair, self.unit.expiry


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MatrixSums:
    """raw : (pairs, 27 + 8) before dampener and offset, settlement currency

    ends : (3, expiries) coins of delta as held, furthest up and furthest down
    """

    raw: FloatArray
    ends: FloatArray


class PortfolioMatrices:
    """Matrices of at least one entry. slots, places : how many there are"""

    def __init__(self, entries: Sequence[MatrixEntry], *, slots: int, places: int) -> None:
        units = [one.unit for one in entries]
        self.slot: IntArray = np.array([one.slot for one in entries], dtype=np.int64)
        self.place: IntArray = np.array([one.place for one in entries], dtype=np.int64)
        self.is_option: BoolArray = np.array([one.is_option for one in units], dtype=np.bool_)
        self._of_slot: list[list[int]] = [[] for _ in range(slots)]
        for number, one in enumerate(entries):
            self._of_slot[one.slot].append(number)
        self._cells: FloatArray = np.array([one.cells for one in units])
        self._gains, self._harms = np.maximum(self._cells, 0.0), np.minimum(self._cells, 0.0)
        self._delta: FloatArray = np.array([one.delta for one in units], dtype=np.float64)
        pair, pairs = _numbered([one.pair for one in entries])
        expiry, expiries = _numbered([one.expiry for one in entries])
        matrix, matrices = _numbered([entries[n].matrix for n in pairs])
        # One row an entry, so that the entries of a ticket are rows.
        self._pair_of = _membership(pair, len(pairs)).T.copy()
        self._expiry_of = _membership(expiry, len(expiries)).T.copy()
        self._in_matrix = _membership(matrix, len(matrices))
        self._expiry_in_pair = _membership([pair[n] for n in expiries], len(pairs))
        self._matrix_place = [entries[pairs[n]].place for n in matrices]
        expiry_place = [entries[n].place for n in expiries]
        self._pair_in_place = _membership([entries[n].place for n in pairs], places)
        # What is added up for a limit: worst cells by matrix, then roll shocks by expiry.
        self._part_in_place = _membership([*self._matrix_place, *expiry_place], places)
        self._parameters = [units[n].parameters for n in pairs]
        self._terms = stacked([units[n].terms for n in pairs])
        self._pair_usd: FloatArray = np.array([units[n].usd for n in pairs], dtype=np.float64)
        costs = [units[n].basis_cost * units[n].usd for n in expiries]
        self._expiry_usd: FloatArray = np.array(costs, dtype=np.float64)
        self.steepest = self._steepest(np.array(pair), np.array(expiry), (slots, places))

    def _steepest(self, pair: IntArray, expiry: IntArray, shape: tuple[int, int]) -> FloatArray:
        """(slots, places) USD by which a unit can raise an initial margin at most.

        The worst cell moves by no more than the largest cell of the unit, the roll shock by its
        delta times the cost, the delta shock by twice its largest share of the delta.
        """
        slope = 2.0 * self._terms.share_max * self._terms.unit * self._pair_usd
        most = np.abs(self._cells).max(axis=1) * self._pair_usd[pair]
        most += np.abs(self._delta) * (self._expiry_usd[expiry] + slope[pair])
        found = np.zeros(shape)
        found[self.slot, self.place] = most
        return found

    def sums(self, held: FloatArray, buys: FloatArray, sells: FloatArray) -> MatrixSums:
        """Of what each slot (slots,) holds and has open, every order filled where it hurts."""
        held, buys, sells = held[self.slot], buys[self.slot], sells[self.slot]
        hurt = buys[:, None] * self._harms + sells[:, None] * self._gains
        bought, sold = buys * self._delta, sells * self._delta
        own = held * self._delta
        ends = np.stack(
            [
                own,
                own + np.maximum(bought, 0.0) + np.maximum(sold, 0.0),
                own + np.minimum(bought, 0.0) + np.minimum(sold, 0.0),
            ]
        )
        return MatrixSums(
            raw=self._pair_of.T @ (held[:, None] * self._cells + hurt), ends=ends @ self._expiry_of
        )

    def entries_of(self, trial: Trial) -> tuple[IntArray, FloatArray]:
        """The entries that a ticket's legs are, and the quantity of each."""
        found = [
            (entry, quantity)
            for row, quantity in zip(trial.rows.tolist(), trial.quantity.tolist(), strict=True)
            for entry in self._of_slot[row]
        ]
        entries = np.array([entry for entry, _ in found], dtype=np.int64)
        return entries, np.array([quantity for _, quantity in found], dtype=np.float64)

    def with_ticket(self, sums: MatrixSums, trial: Trial) -> MatrixSums:
        """The sums with each leg of a ticket filled where it hurts."""
        entries, quantity = self.entries_of(trial)
        hurt = np.minimum(quantity[:, None] * self._cells[entries], 0.0)
        traded = quantity * self._delta[entries]
        ends = np.zeros((3, len(traded)))
        np.maximum(traded, 0.0, out=ends[1])
        np.minimum(traded, 0.0, out=ends[2])
        return MatrixSums(
            raw=sums.raw + self._pair_of[entries].T @ hurt,
            ends=sums.ends + ends @ self._expiry_of[entries],
        )

    def with_fills(self, sums: MatrixSums, trial: Trial, filled: FloatArray) -> MatrixSums:
        """The sums with `filled` (legs,) of a ticket's legs held, and no more of them open."""
        entries: list[int] = []
        amounts: list[float] = []
        for row, amount in zip(trial.rows.tolist(), filled.tolist(), strict=True):
            entries += self._of_slot[row]
            amounts += [amount] * len(self._of_slot[row])
        quantity = np.array(amounts)
        moved = (quantity * self._delta[entries]) @ self._expiry_of[entries]
        return MatrixSums(
            raw=sums.raw + self._pair_of[entries].T @ (quantity[:, None] * self._cells[entries]),
            ends=sums.ends + moved,
        )

    def initial(self, sums: MatrixSums) -> FloatArray:
        """(places,) initial margin, USD."""
        worst = -np.minimum.reduce(self._matrices(sums.raw), axis=1, initial=0.0)
        rolled = np.maximum.reduce(np.abs(sums.ends)) * self._expiry_usd
        found: FloatArray = self._part_in_place @ np.concatenate([worst, rolled])
        totals = sums.ends @ self._expiry_in_pair.T
        if (np.abs(totals) > self._terms.threshold).any():
            shocks = delta_shocks(totals, self._terms).max(axis=0) * self._pair_usd
            found += self._pair_in_place @ shocks
        return found

    def _matrices(self, raw: FloatArray) -> FloatArray:
        """(matrices, cells) profit after dampener and offset, USD."""
        cells = cells_after(raw, self._terms) * self._pair_usd[:, None]
        matrices: FloatArray = self._in_matrix @ cells
        return matrices

    def binding_words(self, place: int, sums: MatrixSums) -> str:
        """The worst cell of the largest matrix of a limit."""
        own = [number for number, one in enumerate(self._matrix_place) if one == place]
        if not own:
            return "nothing is margined"
        matrices = self._matrices(sums.raw)[own]
        largest = int(np.argmin(matrices.min(axis=1)))
        _, binding = worst_cell(matrices[largest])
        if binding is None:
            return "no cell loses"
        pairs = np.flatnonzero(self._in_matrix[own[largest]])
        names = {cell_names(self._parameters[pair])[binding]: None for pair in pairs.tolist()}
        return f"worst cell {' / '.join(names)}"


def _numbered(keys: Sequence[Hashable]) -> tuple[list[int], list[int]]:
    """The number of each key among those that differ, and where each of those comes first."""
    first: dict[Hashable, int] = {}
    for place, key in enumerate(keys):
        first.setdefault(key, place)
    numbers = {key: number for number, key in enumerate(first)}
    return [numbers[key] for key in keys], list(first.values())


def _membership(owners: Sequence[int], count: int) -> FloatArray:
    """(count, members) 1 where a member is the owner's."""
    found = np.zeros((count, len(owners)))
    found[owners, np.arange(len(owners))] = 1.0
    return found
