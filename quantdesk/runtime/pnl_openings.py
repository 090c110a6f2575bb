"""The opening moment of the day: each chain's market, what accounts held, what files said.

A day begins at its chain's own clock, so that a simulated or replayed venue has days too. The first
complete market of a day is its opening; where the desk was not there at the day's start, that is
the first after the desk's, and is said. With a store it outlives the desk. What is due is decided
on the screen's thread and cheap; the taking is a job for a worker. Wiring only.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.position import PositionRow
from quantdesk.domain.times import NS_PER_S, format_instant
from quantdesk.errors import StorageError
from quantdesk.market.market_data import MarketData, UnderlyingMarket, VolSurface
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.runtime.pnl_opening_files import restored_market, stored_chain
from quantdesk.runtime.venues import VenueChoice
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot, LinkState
from quantdesk.storage.day_openings import (
    Kind,
    OpeningStore,
    Stored,
    StoredAccount,
    StoredChain,
    StoredRows,
)

DAY_NS = 86_400 * NS_PER_S

VENUE_DAY_START_NS = 8 * 3_600 * NS_PER_S
"""08:00 UTC, when options expire and futures settle: no leg ends in the middle of such a day."""

PATIENCE_NS = 30 * NS_PER_S
"""So long a chain may have options that nobody quoted before it is taken as it is."""

START_NS = 120 * NS_PER_S
"""An opening within this of the day's start is of the day's start."""

PROBLEMS_MAX = 8

ChainKey = tuple[str, str]
AccountKey = tuple[str, str]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainOpening:
    """A chain at the opening of the day that began at `day_ns`.

    surface : fitted to its quotes, None where they carry none
    at_start : whether the desk was there at the day's start
    is_kept : whether it was taken by an earlier run of the desk
    """

    market: UnderlyingMarket
    surface: VolSurface | None
    day_ns: int
    at_start: bool
    is_kept: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Openings:
    """What is known of the opening. A new value is made for each change.

    chains : by (venue, underlying);  accounts : by (venue, name), each with its day's start
    rows : what each file of positions said, by path, with its day's start
    problems : files that could not be read or written, as sentences
    """

    chains: Mapping[ChainKey, ChainOpening] = field(default_factory=dict)
    accounts: Mapping[AccountKey, tuple[int, AccountSnapshot]] = field(default_factory=dict)
    rows: Mapping[str, tuple[int, tuple[PositionRow, ...]]] = field(default_factory=dict)
    problems: tuple[str, ...] = ()

    def market(self, now: DeskSnapshot) -> MarketData:
        """The opening market of the chains that the desk has now."""
        here = [(chain.venue, chain.underlying) for chain in now.chains]
        return MarketData(
            markets=tuple(self.chains[key].market for key in here if key in self.chains),
            source="opening of the day",
        )

    @property
    def surfaces(self) -> dict[ChainKey, VolSurface]:
        """The fitted surfaces, by (venue, underlying)."""
        return {key: one.surface for key, one in self.chains.items() if one.surface is not None}


class DayOpenings:
    """Takes the opening of each day once, and keeps it in `store`, where there is one.

    day_start_ns : how long after midnight UTC a day begins
    files : positions files by path, whose rows are remembered
    """

    def __init__(
        self,
        *,
        store: OpeningStore | None = None,
        day_start_ns: int = VENUE_DAY_START_NS,
        files: Mapping[str, Sequence[PositionRow]] | None = None,
    ) -> None:
        self._store = store
        self._day_start_ns = day_start_ns
        self._files = {path: tuple(rows) for path, rows in (files or {}).items()}
        self._first_seen_ns: dict[tuple[ChainKey, int], int] = {}
        self._is_busy = False
        self._current = Openings()

    @property
    def current(self) -> Openings:
        """What is known by now; a value that does not change."""
        return self._current

    def day_of(self, instant_ns: int) -> int:
        """Start of the day of an instant, UTC ns."""
        return (instant_ns - self._day_start_ns) // DAY_NS * DAY_NS + self._day_start_ns

    def due(self, snapshot: DeskSnapshot) -> Callable[[], None] | None:
        """The job that takes what is missing, None where nothing is or one is under way."""
        if self._is_busy:
            return None
        chains = [chain for chain in snapshot.chains if self._is_wanted(chain, snapshot)]
        known = self._current
        # What was held is asked for once a market has opened: both are of one day.
        day_ns = max((one.day_ns for one in known.chains.values()), default=None)
        accounts = [
            one
            for one in snapshot.accounts
            if one.is_whole and _is_missing(known.accounts.get(_account_key(one)), day_ns)
        ]
        paths = [path for path in self._files if _is_missing(known.rows.get(path), day_ns)]
        if not (chains or accounts or paths):
            return None
        self._is_busy = True
        return partial(self._take, chains, accounts, paths, day_ns)

    def _is_wanted(self, chain: ChainSnapshot, snapshot: DeskSnapshot) -> bool:
        """Whether the chain has no opening of its day yet, and is complete enough to be one."""
        key, day_ns = (chain.venue, chain.underlying), self.day_of(chain.as_of_ns)
        known = self._current.chains.get(key)
        is_past = known is not None and chain.as_of_ns < known.market.as_of_ns
        if known is not None and known.day_ns == day_ns and not is_past:
            return False
        first_ns = self._first_seen_ns.setdefault((key, day_ns), snapshot.ts_ns)
        if chain.index_price is not None and bool((chain.chain.event_ns > 0).all()):
            return True
        is_still = all(link.state is LinkState.FILE for link in snapshot.links)
        is_quoted = bool((chain.chain.event_ns > 0).any())
        return is_quoted and (is_still or snapshot.ts_ns - first_ns >= PATIENCE_NS)

    def _take(
        self,
        chains: Sequence[ChainSnapshot],
        accounts: Sequence[AccountSnapshot],
        paths: Sequence[str],
        day_ns: int | None,
    ) -> None:
        """In a worker: read back or take, keep, and make it known. One at a time."""
        problems: list[str] = []
        before = self._current
        try:
            found = {(one.venue, one.underlying): self._chain(one, problems) for one in chains}
            held, said = dict(before.accounts), dict(before.rows)
            if day_ns is not None:
                held |= {
                    _account_key(one): (day_ns, self._account(one, day_ns, problems))
                    for one in accounts
                }
                said |= {path: (day_ns, self._rows(path, day_ns, problems)) for path in paths}
            self._current = Openings(
                chains={**before.chains, **found},
                accounts=held,
                rows=said,
                problems=tuple(dict.fromkeys((*problems, *before.problems)))[:PROBLEMS_MAX],
            )
            self._first_seen_ns = {
                key: seen for key, seen in self._first_seen_ns.items() if key[0] not in found
            }
        finally:
            self._is_busy = False

    def _is_kept(self, day_ns: int) -> bool:
        """Whether the markets of this day were opened by an earlier run of the desk."""
        today = [one for one in self._current.chains.values() if one.day_ns == day_ns]
        return all(one.is_kept for one in today)

    def _chain(self, chain: ChainSnapshot, problems: list[str]) -> ChainOpening:
        key, day_ns = (chain.venue, chain.underlying), self.day_of(chain.as_of_ns)
        name = _name("chain", *key)
        if key not in self._current.chains:
            kept = self._read(name, StoredChain, problems)
            if kept is not None and kept.day_ns == day_ns and kept.as_of_ns <= chain.as_of_ns:
                try:
                    return _opening(
                        restored_market(kept), day_ns, at_start=kept.at_start, is_kept=True
                    )
                except StorageError as error:
                    problems.append(_unreadable(error))
        is_early = chain.as_of_ns - day_ns <= START_NS
        opening = _opening(chain.market(), day_ns, at_start=is_early)
        self._write(name, stored_chain(opening.market, day_ns=day_ns, at_start=is_early), problems)
        return opening

    def _account(
        self, account: AccountSnapshot, day_ns: int, problems: list[str]
    ) -> AccountSnapshot:
        name = _name("account", account.environment, *_account_key(account))
        if _account_key(account) not in self._current.accounts and self._is_kept(day_ns):
            kept = self._read(name, StoredAccount, problems)
            if kept is not None and kept.day_ns == day_ns:
                return kept.account
        trimmed = replace(account, open_orders=(), trades=(), greeks=(), fee_rates=(), rights=None)
        self._write(name, StoredAccount(day_ns=day_ns, account=trimmed), problems)
        return trimmed

    def _rows(self, path: str, day_ns: int, problems: list[str]) -> tuple[PositionRow, ...]:
        whole = str(Path(path).resolve())
        name = _name("rows", whole)
        if path not in self._current.rows and self._is_kept(day_ns):
            kept = self._read(name, StoredRows, problems)
            if kept is not None and kept.day_ns == day_ns and kept.path == whole:
                return kept.rows
        rows = self._files[path]
        self._write(name, StoredRows(day_ns=day_ns, path=whole, rows=rows), problems)
        return rows

    def _read(self, name: str, kind: type[Kind], problems: list[str]) -> Kind | None:
        if self._store is None:
            return None
        try:
            return self._store.read(name, kind)
        except StorageError as error:
            problems.append(_unreadable(error))
            return None

    def _write(self, name: str, stored: Stored, problems: list[str]) -> None:
        if self._store is None:
            return
        try:
            self._store.write(name, stored)
        except StorageError as error:
            problems.append(f"not kept, a restart begins anew: {error}")


def _opening(
    market: UnderlyingMarket, day_ns: int, *, at_start: bool, is_kept: bool = False
) -> ChainOpening:
    surface = fit_surfaces(MarketData(markets=(market,), source="opening")).surfaces
    return ChainOpening(
        market=replace(market, surface=None),
        surface=surface.get((market.venue, market.underlying)),
        day_ns=day_ns,
        at_start=at_start,
        is_kept=is_kept,
    )


def _is_missing(known: tuple[int, object] | None, day_ns: int | None) -> bool:
    """Whether what is known is not of the day whose markets have opened."""
    return day_ns is not None and (known is None or known[0] != day_ns)


def _unreadable(error: StorageError) -> str:
    return f"a new opening was taken, the kept one is of no use: {error}"


def _account_key(account: AccountSnapshot) -> AccountKey:
    return account.venue, account.account


def _name(*parts: str) -> str:
    """A file's name: the parts as far as they are letters and digits, and what tells them apart."""
    plain = "-".join(re.sub(r"[^a-z0-9]+", "", part.lower())[:16] for part in parts)
    return f"{plain}-{hashlib.sha256(repr(parts).encode()).hexdigest()[:12]}"


def since_sentence(opening: ChainOpening) -> str:
    """ "since 2026-06-27T10:31:04Z, desk start" or "…, day's start"."""
    moment = format_instant(opening.market.as_of_ns // NS_PER_S * NS_PER_S)
    return f"since {moment}, {'day' if opening.at_start else 'desk'} start"


def openings_store(data_folder: Path, venues: Sequence[VenueChoice]) -> OpeningStore | None:
    """Where a desk on `venues` keeps its openings; None where a restart is another world.

    A simulated venue that starts with the desk begins anew with it. Own addresses of venues have
    openings of their own.
    """
    if not venues or any(each.is_embedded for each in venues):
        return None
    world = venues[0].environment.value
    endpoints = sorted((each.venue, each.endpoint) for each in venues if each.endpoint)
    if endpoints:
        world = f"{world}-{hashlib.sha256(repr(endpoints).encode()).hexdigest()[:12]}"
    return OpeningStore(data_folder / "openings" / world)


def kept_markets(store: OpeningStore, keys: Sequence[ChainKey]) -> Iterator[UnderlyingMarket]:
    """The kept openings of `keys`, those that there are. Raises StorageError for a damaged one."""
    for key in keys:
        kept = store.read(_name("chain", *key), StoredChain)
        if kept is not None:
            yield restored_market(kept)
