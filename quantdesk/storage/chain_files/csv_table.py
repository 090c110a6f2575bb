"""Recorded chains as comma-separated text: one pass finds the moment, a second reads its rows.

Knows how rows are chosen, not what their columns mean: that is a `CsvLayout`, one a module.
"""

from __future__ import annotations

import csv
import io
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

from quantdesk.domain.events import FutureUpdate, IndexUpdate
from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files.assembly import (
    Collection,
    OptionValue,
    choose_moment,
    choose_underlying,
)
from quantdesk.storage.chain_files.cells import RowFault
from quantdesk.storage.chain_files.contract_rules import DERIBIT

ROWS_MAX = 2_000_000

Row = Mapping[str, str]
RowValue = OptionValue | FutureUpdate | IndexUpdate


class Timing(Enum):
    """What the instants of a layout's rows mean.

    SNAPSHOTS: the rows of one instant are the whole chain then.
    SWEEP: one request an instrument, pass after pass; a moment is the end of a pass.
    UPDATES: a row whenever something changed; each instant is a moment.
    """

    SNAPSHOTS = "snapshots"
    SWEEP = "sweep"
    UPDATES = "updates"


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """Where a row belongs. `underlying` None: to whichever chain is read."""

    underlying: str | None
    name: str
    moment_ns: int


@dataclass(frozen=True, slots=True, kw_only=True)
class CsvLayout:
    """One recorded layout.

    Attributes
    ----------
    columns : those by which the layout is recognised; all are in each row given to `place_of`
    place_of : (row, coin the file is known to be of or "") -> Place; raises RowFault
    value_of : (row, the underlying that is read) -> its value; raises RowFault
    needs_coin : the rows do not say of which coin they are, unless they have `instrument_name`
    """

    name: str
    columns: frozenset[str]
    timing: Timing
    place_of: Callable[[Row, str], Place]
    value_of: Callable[[Row, str], RowValue]
    notes: tuple[str, ...] = ()
    needs_coin: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class _Located:
    number: int
    place: Place


@dataclass(frozen=True, slots=True, kw_only=True)
class _Choice:
    """Every moment, the chosen one, and the numbers of the rows that make it up."""

    moments_ns: tuple[int, ...]
    as_of_ns: int
    numbers: frozenset[int]


class CsvText:
    """A CSV file and its header, decoded as it is read, so that only its bytes stay in memory.

    Raises ChainFileError where it is none, from here or from `rows`.
    """

    def __init__(self, path: Path, content: bytes) -> None:
        self.path = path
        self._content = content
        self.header = next(self._lines(), [])
        if len(set(self.header)) != len(self.header):
            raise ChainFileError(f"{path}: a column name stands twice in the first line")

    def rows(self) -> Iterator[tuple[int, list[str]]]:
        """(number from 0, cells) of each row that is not empty."""
        lines = self._lines()
        next(lines, None)
        for number, cells in enumerate(cells for cells in lines if cells):
            if number >= ROWS_MAX:
                raise ChainFileError(
                    f"{self.path}: more than {ROWS_MAX} rows; at most that is read"
                )
            yield number, cells

    def _lines(self) -> Iterator[list[str]]:
        text = io.TextIOWrapper(io.BytesIO(self._content), encoding="utf-8-sig", newline="")
        reader = csv.reader(text)
        try:
            yield from reader
        except UnicodeDecodeError:
            # Text is decoded a piece at a time: the fault lies at this line or soon after it.
            raise ChainFileError(
                f"{self.path}: not UTF-8 text from line {reader.line_num + 1} on"
            ) from None
        except csv.Error as error:
            raise ChainFileError(
                f"{self.path}: line {reader.line_num} is not CSV: {error}"
            ) from None


def read_csv(
    text: CsvText, layout: CsvLayout, *, at_ns: int | None, underlying: str | None, coin: str
) -> Collection:
    """The rows of one underlying at one moment. `coin` is what the file is known to be of, or "".

    Raises ChainFileError where there is no such underlying or moment, or no row can be placed.
    """
    skipped: Counter[str] = Counter()
    located, rows = _locate(text, layout, coin, skipped)
    names = {one.place.underlying for one in located if one.place.underlying is not None}
    if not names:
        reasons = ", ".join(f"{count} {reason}" for reason, count in skipped.most_common(3))
        raise ChainFileError(f"{text.path}: no option in its {rows} rows ({reasons or 'none'})")
    chosen = choose_underlying(text.path, names, underlying)
    mine = [one for one in located if one.place.underlying in (chosen, None)]
    choice = _choose(text.path, layout.timing, mine, at_ns)
    collection = Collection(
        path=text.path,
        layout=layout.name,
        venue=DERIBIT,
        underlying=chosen,
        as_of_ns=choice.as_of_ns,
        moments_ns=choice.moments_ns,
        rows=rows,
        rows_elsewhere=len(located) - len(choice.numbers),
        skipped=skipped,
        notes=list(layout.notes),
    )
    for number, cells in text.rows():
        if number in choice.numbers:
            try:
                row = dict(zip(text.header, cells, strict=True))
                collection.add(layout.value_of(row, chosen))
            except RowFault as fault:
                skipped[fault.reason] += 1
    return collection


def _locate(
    text: CsvText, layout: CsvLayout, coin: str, skipped: Counter[str]
) -> tuple[list[_Located], int]:
    """Where each row belongs, and how many there are; rows that can not be placed are counted."""
    located: list[_Located] = []
    rows = 0
    for number, cells in text.rows():
        rows += 1
        if len(cells) != len(text.header):
            skipped["wrong number of cells"] += 1
            continue
        try:
            place = layout.place_of(dict(zip(text.header, cells, strict=True)), coin)
        except RowFault as fault:
            skipped[fault.reason] += 1
            continue
        located.append(_Located(number=number, place=place))
    return located, rows


def _choose(path: Path, timing: Timing, mine: list[_Located], at_ns: int | None) -> _Choice:
    if timing is Timing.SWEEP:
        passes = _passes(mine)
        moments = tuple(end_ns for end_ns, _ in passes)
        at = choose_moment(path, moments, at_ns)
        numbers = _latest([one for _, part in passes[: at + 1] for one in part], is_log=False)
        return _Choice(moments_ns=moments, as_of_ns=moments[at], numbers=numbers)
    # A spot quote alone makes no moment of a chain.
    moments = tuple(
        sorted({one.place.moment_ns for one in mine if one.place.underlying is not None})
    )
    as_of_ns = moments[choose_moment(path, moments, at_ns)]
    if timing is Timing.SNAPSHOTS:
        numbers = frozenset(one.number for one in mine if one.place.moment_ns == as_of_ns)
    else:
        numbers = _latest([one for one in mine if one.place.moment_ns <= as_of_ns], is_log=True)
    return _Choice(moments_ns=moments, as_of_ns=as_of_ns, numbers=numbers)


def _passes(mine: list[_Located]) -> list[tuple[int, list[_Located]]]:
    """(end, rows) of each pass; a pass is over where a name comes again. Ends ascend."""
    passes: list[tuple[int, list[_Located]]] = []
    part: list[_Located] = []
    names: set[str] = set()
    end_ns = 0
    for one in mine:
        if one.place.name in names:
            passes.append((end_ns, part))
            part, names = [], set()
        part.append(one)
        names.add(one.place.name)
        end_ns = max(end_ns, one.place.moment_ns)
    passes.append((end_ns, part))
    return passes


def _latest(mine: list[_Located], *, is_log: bool) -> frozenset[int]:
    """The latest row of each name; of equal instants all, or of a log the last written."""
    latest: dict[str, list[_Located]] = {}
    for one in mine:
        before = latest.get(one.place.name)
        if before is None or one.place.moment_ns > before[0].place.moment_ns:
            latest[one.place.name] = [one]
        elif one.place.moment_ns == before[0].place.moment_ns:
            latest[one.place.name] = [one] if is_log else [*before, one]
    return frozenset(one.number for rows in latest.values() for one in rows)
