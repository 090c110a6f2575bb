"""What a contract is, said beside every number of them: an option's is a coin, a future's dollars.

Limits on contracts add them up as venues list them, whatever each one stands for.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.risk.limits.cells import CellMap, Slot

_SORTS_MAX = 4
"""Sorts of contracts that are named; a desk of many coins has more than a line holds."""

_KINDS = {
    InstrumentKind.OPTION: "options",
    InstrumentKind.FUTURE: "futures",
    InstrumentKind.PERPETUAL: "futures",
    InstrumentKind.SPOT: "coins",
    InstrumentKind.OPTION_COMBO: "option combos",
    InstrumentKind.FUTURE_COMBO: "future combos",
}


def contract_words(instruments: Iterable[Instrument]) -> str:
    """ "a contract of options is 1 BTC, of futures 10 USD"; "" without instruments."""
    sorts = list(dict.fromkeys(_size(one) for one in instruments))
    if not sorts:
        return ""
    (kind, size), *others = sorts[:_SORTS_MAX]
    words = [f"a contract of {kind} is {size}", *(f"of {kind} {size}" for kind, size in others)]
    if len(sorts) > _SORTS_MAX:
        words.append(f"and {len(sorts) - _SORTS_MAX} more sorts")
    return ", ".join(words)


def contract_words_of(cells: CellMap, slots: Sequence[Slot]) -> list[str]:
    """By cell: what a contract of it is, "" where its limit counts something else."""
    found = []
    for place, cell in enumerate(cells.cells):
        if cell.limit.measure.root != "contracts":
            found.append("")
            continue
        own = (one.instrument for one in slots if place in cells.of_slot(one.number))
        found.append(contract_words(own))
    return found


def _size(instrument: Instrument) -> tuple[str, str]:
    """Kind and size in words. A held coin counts as one of itself."""
    if instrument.kind is InstrumentKind.SPOT:
        return _KINDS[instrument.kind], f"1 {instrument.underlying}"
    # A combo of inverse futures stands for quote currency as its legs do.
    is_combo = instrument.kind is InstrumentKind.FUTURE_COMBO and instrument.is_inverse
    is_money = instrument.is_inverse_future or is_combo
    unit = instrument.quote_currency if is_money else instrument.underlying
    return _KINDS[instrument.kind], f"{instrument.contract_size.normalize():f} {unit}"
