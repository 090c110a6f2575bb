"""The desk: events in, snapshots out. The one writer of market state.

The same object runs live, in replay and on a file; they differ in who calls it and with which
time. It reads no clock and starts no task.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from quantdesk import pricing
from quantdesk.domain.account import AccountEvent, AccountSnapshot
from quantdesk.domain.events import (
    BookChange,
    BookSnapshot,
    FrameSetAside,
    IndexUpdate,
    InstrumentsListed,
    MarketEvent,
    PlatformState,
    QuoteUpdate,
    VenueTime,
)
from quantdesk.market.atm import atm_iv
from quantdesk.market.market_data import FutureQuote
from quantdesk.market.quality import stale_rows
from quantdesk.market.state import MarketReading, MarketState
from quantdesk.runtime.account_state import AccountState
from quantdesk.runtime.clock import VenueClock
from quantdesk.runtime.followed_books import FollowedBooks
from quantdesk.runtime.live_surfaces import LiveSurfaces
from quantdesk.snapshot import (
    ChainSnapshot,
    DeskSnapshot,
    Environment,
    ExpirySummary,
    LinkHealth,
    LinkState,
)

MadeByRule = Callable[[str, str], Mapping[str, str]]


def _nothing_made(_venue: str, _underlying: str) -> Mapping[str, str]:
    return {}


BOOK_EVENTS = (BookChange, BookSnapshot)
"""Written out, since a union of types is made anew at each look."""


@dataclass(slots=True, kw_only=True)
class _Link:
    """What the desk knows of one connection."""

    name: str
    venue: str
    state: LinkState = LinkState.CONNECTING
    clock: VenueClock = field(default_factory=VenueClock)
    last_recv_ns: int = 0
    frames: int = 0
    reconnects: int = 0
    refused: int = 0
    problems: Counter[str] = field(default_factory=Counter)
    last_problem: str = ""
    is_maintenance: bool = False
    account: AccountState | None = None
    silent: tuple[str, ...] = ()
    dropped: int = 0


class Desk:
    """Market state, accounts, connection health and venue clocks behind one door.

    Parameters
    ----------
    environment : which world the numbers come from
    source : where they come from, for people ("recorded 2026-06-27 …", a path)
    is_simulated : whether a simulator made them; None takes it from `environment`
    made_by_rule : of a venue and underlying, the columns that were not recorded and their rules
    """

    def __init__(
        self,
        *,
        environment: Environment,
        source: str,
        is_simulated: bool | None = None,
        made_by_rule: MadeByRule = _nothing_made,
    ) -> None:
        self.environment = environment
        self.source = source
        self.is_simulated = (
            environment is Environment.SIMULATED if is_simulated is None else is_simulated
        )
        self._made_by_rule = made_by_rule
        self.market = MarketState()
        self.books = FollowedBooks()
        self.surfaces = LiveSurfaces()
        self._links: dict[str, _Link] = {}
        self._link_of: dict[tuple[str, str], _Link] = {}
        self._seq = 0

    def add_link(self, name: str, venue: str, state: LinkState = LinkState.CONNECTING) -> None:
        """Make a connection known, so that it is shown before its first frame."""
        self._links.setdefault(name, _Link(name=name, venue=venue, state=state))

    def add_account(self, name: str, venue: str, account: str) -> None:
        """Make a private connection known, which reads `account` at `venue`."""
        self.add_link(name, venue)
        self._links[name].account = AccountState(
            venue=venue, account=account, environment=self.environment.value
        )

    def set_link_state(
        self, name: str, state: LinkState, *, reconnects: int = 0, problem: str = ""
    ) -> None:
        """What the feed says of its own connection."""
        link = self._links[name]
        link.state, link.reconnects = state, reconnects
        # The feed knows better than the last announcement: the end of a maintenance may have been
        # told while there was no connection to hear it by.
        link.is_maintenance = state is LinkState.MAINTENANCE
        if problem:
            link.last_problem = problem

    def note_feed(self, name: str, *, silent: tuple[str, ...], dropped: int) -> None:
        """What the feed says of its streams."""
        link = self._links[name]
        link.silent, link.dropped = silent, dropped

    def connection_of(self, venue: str, underlying: str) -> str | None:
        """The connection that lists `underlying` at `venue`; None before its list came."""
        link = self._link_of.get((venue, underlying))
        return None if link is None else link.name

    def venue_time(self, underlying: str | None, now_ns: int) -> int | None:
        """The clock of the venue that lists `underlying`; None where that is not known yet.

        Without an underlying that of the first link that lists any.
        """
        for (_, name), link in self._link_of.items():
            if underlying in (None, name) and link.clock.is_set:
                return link.clock.at(now_ns)
        return None

    def last_recv_ns(self, name: str) -> int:
        """When the last frame of a connection came, 0 before the first."""
        return self._links[name].last_recv_ns

    def apply(self, connection: str, recv_ns: int, events: Iterable[MarketEvent]) -> None:
        """Take in the events of one frame of `connection`, received at `recv_ns`."""
        link = self._links[connection]
        link.frames += 1
        link.last_recv_ns = max(link.last_recv_ns, recv_ns)
        for event in events:
            if _is_from_the_future(link, event, recv_ns):
                link.problems["out_of_range"] += 1
                link.refused += 1
                link.last_problem = "out_of_range: a stamp far ahead of the venue's clock"
                continue
            if isinstance(event, BOOK_EVENTS):
                self.books.apply(event)
                continue
            self._note(link, event)
            self.market.apply(event)

    def apply_account(
        self,
        connection: str,
        recv_ns: int,
        events: Iterable[AccountEvent | VenueTime | PlatformState | FrameSetAside],
    ) -> None:
        """As `apply`, of a private connection that `add_account` made known."""
        link = self._links[connection]
        assert link.account is not None, f"{connection} reads no account"
        link.frames += 1
        link.last_recv_ns = max(link.last_recv_ns, recv_ns)
        for event in events:
            if isinstance(event, VenueTime | PlatformState | FrameSetAside):
                self._note(link, event)
            else:
                link.account.apply(event)

    def snapshot(self, now_ns: int) -> DeskSnapshot:
        """The desk at `now_ns` of its clock."""
        self._seq += 1
        return DeskSnapshot(
            seq=self._seq,
            ts_ns=now_ns,
            environment=self.environment,
            source=self.source,
            chains=self._chains(now_ns),
            links=self._healths(),
            accounts=self._accounts(),
            is_simulated=self.is_simulated,
            books=self.books.depths(),
        )

    def _accounts(self) -> tuple[AccountSnapshot, ...]:
        found = [
            link.account.snapshot(is_live=link.state is LinkState.LIVE)
            for link in self._links.values()
            if link.account is not None
        ]
        return tuple(sorted(found, key=lambda each: (each.venue, each.account)))

    def _healths(self) -> tuple[LinkHealth, ...]:
        """Health of each link; what the market could not use is counted with the first."""
        links = [link for _, link in sorted(self._links.items())]
        healths = [_health(link) for link in links]
        if healths and self.market.counters:
            problems = links[0].problems + self.market.counters
            healths[0] = replace(healths[0], problems=tuple(sorted(problems.items())))
        return tuple(healths)

    def _note(self, link: _Link, event: MarketEvent) -> None:
        match event:
            case VenueTime():
                link.clock.set(event.event_ns, event.recv_ns)
            case QuoteUpdate() | IndexUpdate():
                link.clock.observe(event.event_ns, event.recv_ns)
            case InstrumentsListed():
                self._link_of[(event.venue, event.underlying)] = link
            case PlatformState():
                link.is_maintenance = event.is_maintenance
            case FrameSetAside():
                link.problems[event.kind] += 1
                link.refused += event.is_refused
                link.last_problem = f"{event.kind}: {event.detail}"
            case _:
                pass  # the market's business only

    def _chains(self, now_ns: int) -> tuple[ChainSnapshot, ...]:
        """Chains in the order in which their venues were made known, then by name."""
        rank: dict[str, int] = {}
        for opened in self._links.values():
            rank.setdefault(opened.venue, len(rank))
        keys = sorted(self.market.underlyings(), key=lambda key: (rank[key[0]], key[1]))
        chains = []
        for venue, underlying in keys:
            reading = self.market.read_book(venue, underlying)
            link = self._link_of[(venue, underlying)]
            if reading is not None:
                as_of_ns = link.clock.at(now_ns)
                futures = self.market.futures(venue, underlying)
                made = _chain_snapshot(
                    reading,
                    futures,
                    self.environment,
                    as_of_ns,
                    self._made_by_rule(venue, underlying),
                )
                chains.append(self.surfaces.attached(made))
        return tuple(chains)


def _is_from_the_future(link: _Link, event: MarketEvent, recv_ns: int) -> bool:
    """Whether an event claims a moment that the venue has not reached: it would stand for ever."""
    event_ns = getattr(event, "event_ns", None)
    if event_ns is None or not link.clock.is_set:
        return False
    return bool(event_ns - link.clock.at(recv_ns) > VenueClock.LEAD_LIMIT_NS)


def _chain_snapshot(
    reading: MarketReading,
    futures: Mapping[str, FutureQuote],
    environment: Environment,
    as_of_ns: int,
    made_by_rule: Mapping[str, str],
) -> ChainSnapshot:
    chain = reading.chain
    expiries = []
    for rows, forward in zip(reading.expiry_rows, reading.forwards, strict=True):
        iv, iv_source = atm_iv(chain, reading.values, rows, forward.price)
        expiry_ns = int(chain.expiry_ns[rows[0]])
        expiries.append(
            ExpirySummary(
                expiry_ns=expiry_ns,
                rows=rows,
                forward=forward,
                years=float(pricing.years_between(as_of_ns, expiry_ns)),
                atm_iv=iv,
                atm_iv_source=iv_source,
            )
        )
    return ChainSnapshot(
        venue=chain.venue,
        environment=environment,
        underlying=chain.underlying,
        as_of_ns=as_of_ns,
        index_price=reading.index_price,
        index_source=reading.index_source,
        chain=chain,
        values=reading.values,
        is_stale=stale_rows(chain, as_of_ns),
        expiries=tuple(expiries),
        futures=futures,
        made_by_rule=made_by_rule,
    )


def _health(link: _Link) -> LinkHealth:
    return LinkHealth(
        name=link.name,
        venue=link.venue,
        state=LinkState.MAINTENANCE if link.is_maintenance else link.state,
        last_recv_ns=link.last_recv_ns,
        frames=link.frames,
        reconnects=link.reconnects,
        refused=link.refused,
        problems=tuple(sorted(link.problems.items())),
        last_problem=link.last_problem,
        account="" if link.account is None else link.account.account,
        silent=link.silent,
        dropped=link.dropped,
    )
