"""The structure under construction and those kept for comparison, with their newest analysis.

One object shared by the builder, payoff and comparison screens; changed by their keys only.
Contracts are fixed when a structure is loaded: a tick changes prices, never strikes.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.structure import Structure
from quantdesk.errors import QuantDeskError
from quantdesk.margin.book_margin import BookMargin, statement_for
from quantdesk.margin.fees import combo_fees, trade_fee
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.valuation import as_positions
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.structures.analysis import StructureAnalysis, analyse
from quantdesk.structures.net import FeeLaw, PriceBasis

FEES = FeeLaw(trade=trade_fee, combo=combo_fees)
"""Both venues' trading fees and Deribit's combo rule."""

SLOTS_MAX = 4
UNDO_MAX = 50

REQUOTE_NS = 200_000_000
"""A structure is analysed at most five times a second of the desk's clock; an edit at once."""

BASES = (PriceBasis.MID, PriceBasis.NATURAL, PriceBasis.MARK, PriceBasis.LIMIT)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Requoted:
    """A structure on a market, or in `problem` why there is no analysis of it."""

    structure: Structure
    market: UnderlyingMarket | None
    analysis: StructureAnalysis | None
    margin: BookMargin | None
    problem: str = ""
    margin_problem: str = ""


@dataclass(slots=True, kw_only=True)
class _Kept:
    """The newest analysis of one structure, and what it was made from."""

    requoted: Requoted
    basis: PriceBasis
    chain: ChainSnapshot | None
    ts_ns: int


@dataclass(slots=True, kw_only=True)
class Workbench:
    """What is being built.

    structure : None where nothing is
    notes : what had to be bent when it was loaded or edited last, in sentences
    basis : the price that options are entered at in payoff and chances
    slots : structures kept for comparison, at most `SLOTS_MAX`
    path : the file it came from or went to, which may be written again
    """

    structure: Structure | None = None
    notes: tuple[str, ...] = ()
    basis: PriceBasis = PriceBasis.MID
    slots: tuple[Structure, ...] = ()
    path: Path | None = None
    _before: deque[Structure | None] = field(default_factory=lambda: deque(maxlen=UNDO_MAX))
    _kept: list[_Kept] = field(default_factory=list)

    def take(self, structure: Structure | None, notes: Sequence[str] = ()) -> None:
        """Put `structure` in the place of what is built; `undo` brings that back."""
        self._before.append(self.structure)
        self.structure = structure
        self.notes = tuple(note for note in notes if note)

    def undo(self) -> bool:
        """Take the last change back; false where there is none."""
        if not self._before:
            return False
        self.structure, self.notes = self._before.pop(), ()
        return True

    def next_basis(self) -> None:
        """Enter options at the next sort of price."""
        self.basis = BASES[(BASES.index(self.basis) + 1) % len(BASES)]

    def keep(self, structure: Structure) -> int:
        """Put `structure` into a slot of the comparison; its number, 0 where none is free."""
        if len(self.slots) >= SLOTS_MAX:
            return 0
        self.slots = (*self.slots, structure)
        return len(self.slots)

    def drop(self, place: int) -> None:
        """Empty the slot at `place` (from 0); those behind it move up."""
        self.slots = tuple(one for number, one in enumerate(self.slots) if number != place)

    def requoted(self, structure: Structure, snapshot: DeskSnapshot) -> Requoted:
        """The newest analysis of `structure`: again on each snapshot, but not too often."""
        instrument = structure.legs[0].instrument
        chain = snapshot.chain(instrument.underlying, instrument.venue)
        kept = next((one for one in self._kept if one.requoted.structure is structure), None)
        if kept is not None and kept.basis is self.basis:
            is_same = kept.chain is chain
            is_fresh = 0 <= snapshot.ts_ns - kept.ts_ns < REQUOTE_NS and kept.chain is not None
            if is_same or (is_fresh and chain is not None):
                return kept.requoted
        found = requote(structure, chain, self.basis)
        self._kept = [one for one in self._kept if one.requoted.structure is not structure]
        self._kept = self._kept[-SLOTS_MAX:]
        self._kept.append(
            _Kept(requoted=found, basis=self.basis, chain=chain, ts_ns=snapshot.ts_ns)
        )
        return found


def requote(structure: Structure, chain: ChainSnapshot | None, basis: PriceBasis) -> Requoted:
    """`structure` analysed on `chain`; what keeps it from being so is a sentence, not an error."""
    if chain is None:
        instrument = structure.legs[0].instrument
        why = f"no {instrument.venue} {instrument.underlying} chain on this desk"
        return Requoted(structure=structure, market=None, analysis=None, margin=None, problem=why)
    market = chain.market()
    try:
        analysis = analyse(structure, market, basis=basis, fee_law=FEES)
    except QuantDeskError as error:
        return Requoted(
            structure=structure, market=market, analysis=None, margin=None, problem=str(error)
        )
    found = Requoted(structure=structure, market=market, analysis=analysis, margin=None)
    positions = [
        position
        for position in as_positions(structure)
        if position.instrument.kind is not InstrumentKind.SPOT
    ]
    try:
        margin = statement_for(positions, MarketData(markets=(market,), source=""))
    except QuantDeskError as error:
        return replace(found, margin_problem=str(error))
    return replace(found, margin=margin)
