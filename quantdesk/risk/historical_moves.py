"""Recorded moves of index and vol index over one horizon: what value at risk draws from.

The records lie beside this module, with their sources. Windows of the horizon follow each other
without overlap, backwards from the latest recorded instant; moves are log-changes; an index and a
vol index are paired by instant, never carried over a gap. Nothing after `until_ns` is looked at.
"""

from __future__ import annotations

import csv
import gzip
import io
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from importlib import resources

import numpy as np

from quantdesk.domain.times import NS_PER_S, format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray, IntArray

LIST = "recorded_history.toml"
INDEX, VOL_INDEX = "index", "vol index"
NS_PER_HOUR = 3600 * NS_PER_S
HOURS_PER_DAY = 24


class VarVols(Enum):
    """What implied vols do in a recorded move.

    VOL_INDEX: they move by the log-change of the coin's vol index over the same window, more at
    short tenors. UNCHANGED: each option keeps its vol.
    """

    VOL_INDEX = "vol-index"
    UNCHANGED = "unchanged"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Series:
    """A recorded series: values (n,) known at ascending instants (n,), USD or vol points.

    step_ns : grid of the instants; one may be missing
    """

    coin: str
    what: str
    instants_ns: IntArray
    values: FloatArray
    step_ns: int
    source: str

    def __post_init__(self) -> None:
        if self.instants_ns.shape != self.values.shape or self.values.ndim != 1:
            raise InvalidInput("values", self.values.shape, "must have one value an instant")
        if not (np.diff(self.instants_ns) > 0).all():
            raise InvalidInput("instants_ns", self.source, "must ascend")
        if not (np.isfinite(self.values) & (self.values > 0)).all():
            raise InvalidInput("values", self.source, "must be numbers above 0")

    def until(self, until_ns: int) -> Series:
        """Only what was known at `until_ns`."""
        known = int(np.searchsorted(self.instants_ns, until_ns, side="right"))
        return Series(
            coin=self.coin,
            what=self.what,
            instants_ns=self.instants_ns[:known],
            values=self.values[:known],
            step_ns=self.step_ns,
            source=self.source,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class MoveHistory:
    """Joint moves of some coins, oldest first.

    start_ns, end_ns : (m,) of each window
    spot, vol : (coins, m), log-changes; `vol` is 0 where vols are left unchanged
    sources : of the records behind it, in words
    """

    coins: tuple[str, ...]
    start_ns: IntArray
    end_ns: IntArray
    spot: FloatArray
    vol: FloatArray
    vols: VarVols
    sources: tuple[str, ...]

    def __len__(self) -> int:
        return int(self.end_ns.size)

    def last(self, count: int) -> MoveHistory:
        """Only the `count` latest windows."""
        kept = slice(max(len(self) - count, 0), len(self))
        return MoveHistory(
            coins=self.coins,
            start_ns=self.start_ns[kept],
            end_ns=self.end_ns[kept],
            spot=self.spot[:, kept],
            vol=self.vol[:, kept],
            vols=self.vols,
            sources=self.sources,
        )


@cache
def recorded_series() -> Mapping[tuple[str, str], Series]:
    """The packaged records by (coin, what)."""
    folder = resources.files("quantdesk.risk") / "data"
    listed = tomllib.loads((folder / LIST).read_text(encoding="utf-8"))["series"]
    found = {}
    for one in listed:
        text = gzip.decompress((folder / one["file"]).read_bytes()).decode()
        instants, values = _parsed(text, one["step_hours"])
        found[one["coin"], one["what"]] = Series(
            coin=one["coin"],
            what=one["what"],
            instants_ns=instants,
            values=values,
            step_ns=one["step_hours"] * NS_PER_HOUR,
            source=one["source"],
        )
    return found


def joint_moves(
    coins: Sequence[str],
    *,
    horizon_days: float,
    vols: VarVols,
    until_ns: int,
    records: Mapping[tuple[str, str], Series] | None = None,
    held: Sequence[str] = (),
) -> MoveHistory | str:
    """Moves of `coins` over windows of the horizon that all their records cover, or why there are
    none, as a sentence.

    until_ns : nothing known later is used;  records : by (coin, what), the packaged ones else
    held : coins after `coins` that are cash: only their index is needed, their vol stays
    """
    known = recorded_series() if records is None else records
    needed = [INDEX] if vols is VarVols.UNCHANGED else [INDEX, VOL_INDEX]
    series: list[Series] = []
    for coin in (*coins, *held):
        for what in [INDEX] if coin in held else needed:
            one = known.get((coin, what))
            if one is None:
                return f"no {what} of {coin} is recorded"
            early = one.until(until_ns)
            if not early.values.size:
                return f"no {what} of {coin} is recorded before {format_instant(until_ns)}"
            series.append(early)
    if not series:
        return "there is no coin to take moves of"
    horizon_ns = round(horizon_days * HOURS_PER_DAY) * NS_PER_HOUR
    step_ns = max(one.step_ns for one in series)
    if horizon_ns <= 0 or horizon_ns % step_ns:
        return (
            f"the record has steps of {step_ns // NS_PER_HOUR} h: no horizon of {horizon_days:g} d"
        )
    return _paired((*coins, *held), series, horizon_ns, vols)


def _paired(
    coins: tuple[str, ...], series: Sequence[Series], horizon_ns: int, vols: VarVols
) -> MoveHistory | str:
    first = max(int(one.instants_ns[0]) for one in series)
    last = min(int(one.instants_ns[-1]) for one in series)
    if first > last:
        spans = "; ".join(
            f"{one.source} {_day(one.instants_ns[0])} to {_day(one.instants_ns[-1])}"
            for one in series
        )
        return f"the records have no time in common: {spans}"
    # Backwards from the latest instant, so that the newest move is in.
    ends = np.arange(last, first, -horizon_ns, dtype=np.int64)[::-1]
    ends = ends[ends - horizon_ns >= first]
    starts = ends - horizon_ns
    is_known = np.ones(ends.size, dtype=np.bool_)
    for one in series:
        is_known &= np.isin(starts, one.instants_ns) & np.isin(ends, one.instants_ns)
    starts, ends = starts[is_known], ends[is_known]
    moves = {(one.coin, one.what): _log_changes(one, starts, ends) for one in series}
    still = np.zeros(ends.size)
    shape = (len(coins), ends.size)
    return MoveHistory(
        coins=coins,
        start_ns=starts,
        end_ns=ends,
        spot=np.array([moves[coin, INDEX] for coin in coins]).reshape(shape),
        vol=np.array([moves.get((coin, VOL_INDEX), still) for coin in coins]).reshape(shape),
        vols=vols,
        sources=tuple(one.source for one in series),
    )


def _log_changes(series: Series, starts: IntArray, ends: IntArray) -> FloatArray:
    at_start = np.searchsorted(series.instants_ns, starts)
    at_end = np.searchsorted(series.instants_ns, ends)
    return np.asarray(np.log(series.values[at_end] / series.values[at_start]), dtype=np.float64)


def _parsed(text: str, step_hours: int) -> tuple[IntArray, FloatArray]:
    """Instants at which each row was known, and the rows' values."""
    rows = list(csv.reader(io.StringIO(text)))[1:]
    if step_hours == HOURS_PER_DAY:
        hours = [
            int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp()) // 3600 + HOURS_PER_DAY
            for day, _ in rows
        ]
    else:
        hours = [int(hour) for hour, _ in rows]
    instants = np.array(hours, dtype=np.int64) * NS_PER_HOUR
    return instants, np.array([float(value) for _, value in rows], dtype=np.float64)


def _day(instant_ns: int) -> str:
    return format_instant(int(instant_ns))[:10]
