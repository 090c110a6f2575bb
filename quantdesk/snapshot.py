"""The frozen values that `runtime` makes and `views` read.

A snapshot is the desk at one instant: nothing in it changes afterwards, so a screen may take its
time. No arithmetic here beyond looking things up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from enum import Enum

import numpy as np

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.events import BookLevel
from quantdesk.domain.structure import Listed
from quantdesk.domain.times import expiry_code, format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, Chain
from quantdesk.market.fit_values import fit_values
from quantdesk.market.fitting import SurfaceFit
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.market_data import FutureQuote, MarketData, UnderlyingMarket
from quantdesk.market.own_vols import OwnSurface
from quantdesk.market.selection import StrikeWindow, select_expiries, window_rows
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.market.surface_edge import SurfaceEdge, surface_edge
from quantdesk.market.valuation import ChainValues
from quantdesk.risk.fitted import FittedExpiries
from quantdesk.structures.ladder import ladder_of


class Environment(Enum):
    """Which world the numbers come from; shown in words on every screen and in every file."""

    SIMULATED = "simulated"
    REPLAY = "replay"
    TESTNET = "testnet"
    LIVE = "live"


class LinkState(Enum):
    """State of one connection. ENDED: a recording was played to its end, or to where it breaks."""

    CONNECTING = "connecting"
    LIVE = "live"
    STALE = "stale"
    RECONNECTING = "reconnecting"
    MAINTENANCE = "maintenance"
    CLOSED = "closed"
    FILE = "file"
    ENDED = "ended"


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkHealth:
    """One connection and what came through it. Counters are since the desk started.

    `last_recv_ns` is on the desk's clock, 0 before the first frame; `problems` are counters of
    frames set aside by kind, sorted by kind; `last_problem` is one sentence, safe for a screen.
    `account` names the account that a private connection reads, "" where it brings market data.
    `silent` are streams that should speak each second and do not; `dropped` counts messages that
    newer ones of their stream overtook because the desk was slower than the venue.
    """

    name: str
    venue: str
    state: LinkState
    last_recv_ns: int = 0
    frames: int = 0
    reconnects: int = 0
    refused: int = 0
    problems: tuple[tuple[str, int], ...] = ()
    last_problem: str = ""
    account: str = ""
    silent: tuple[str, ...] = ()
    dropped: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class BookDepth:
    """An order book that the desk follows, best level first, as deep as it shows.

    Only a good book has levels: it is proven to be the venue's as of `change_id`. `bad_reason` says
    why it is not, as a phrase; `gaps` counts how often it was lost since it is followed.
    `levels_bid` and `levels_ask` count all levels there are.
    """

    venue: str
    instrument_name: str
    is_good: bool
    bad_reason: str
    change_id: int | None
    event_ns: int | None
    recv_ns: int | None
    bids: tuple[BookLevel, ...]
    asks: tuple[BookLevel, ...]
    levels_bid: int
    levels_ask: int
    gaps: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ExpirySummary:
    """One expiry of a chain at the chain's `as_of_ns`.

    `rows` are its first and one-past-last row in the chain. `years` is ACT/365 at `as_of_ns`.
    `atm_iv` is a fraction, None where no quote supports it; `atm_iv_source` says how it was found.
    `listed` counts the expiry's options where only a part of them is in the chain, else None.
    """

    expiry_ns: int
    rows: tuple[int, int]
    forward: ExpiryForward
    years: float
    atm_iv: float | None
    atm_iv_source: str
    listed: int | None = None


def _part(expiry: ExpirySummary, first: int, stop: int) -> ExpirySummary:
    """The expiry with only rows `first` to `stop`, remembering how many there were."""
    count = expiry.rows[1] - expiry.rows[0]
    listed = expiry.listed if stop - first == count else (expiry.listed or count)
    return replace(expiry, rows=(first, stop), listed=listed)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainSurface:
    """The surface that the desk holds of one chain: the last good fit, and how it came about.

    fit : None before the first good one. `based_on_seq` is the snapshot whose quotes it was fitted
        to; `fit.as_of_ns` their moment on the venue's clock
    quotes_ns : moment of the newest quotes that it stands for: later than `fit.as_of_ns` where no
        vol has changed since
    choice : the model, weights, filters and own vols in force
    problem : why the newest attempt gave no fit, as a sentence; "" where it gave this one
    past : earlier good fits at hand, ascending in time
    """

    fit: SurfaceFit | None
    based_on_seq: int
    quotes_ns: int = 0
    choice: SurfaceChoice = DEFAULT_CHOICE
    problem: str = ""
    past: tuple[SurfaceFit, ...] = ()

    @property
    def own(self) -> OwnSurface | None:
        """The user's own vols; None where there are none, or nothing to put them on."""
        if self.fit is None or not self.choice.overrides:
            return None
        return OwnSurface(fit=self.fit, overrides=self.choice.overrides)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ChainSnapshot:
    """A chain with what the desk computed from it, at `as_of_ns` of the venue's clock.

    `is_stale` (n,) marks rows whose quote is too old at `as_of_ns` (`market.quality`). `futures`
    are the underlying's listed futures and perpetuals that were quoted, by name. `surface` is what
    the desk holds of it; None where none was asked for. `made_by_rule` names, of a simulated chain,
    the columns whose numbers were not recorded, with the rule that made each.
    """

    venue: str
    environment: Environment
    underlying: str
    as_of_ns: int
    index_price: float | None
    index_source: str
    chain: Chain
    values: ChainValues
    is_stale: BoolArray
    expiries: tuple[ExpirySummary, ...]
    futures: Mapping[str, FutureQuote] = field(default_factory=dict)
    surface: ChainSurface | None = None
    made_by_rule: Mapping[str, str] = field(default_factory=dict)

    def __repr__(self) -> str:
        moment = format_instant(self.as_of_ns)
        return (
            f"<{self.underlying} {self.venue} {self.environment.value}: {len(self.chain)} options, "
            f"{len(self.expiries)} expiries, {moment}>"
        )

    @property
    def fit(self) -> SurfaceFit | None:
        """The last good fit of the surface; None where the desk holds none."""
        return None if self.surface is None else self.surface.fit

    def edge(self) -> SurfaceEdge | None:
        """Theo and edge of each row, against the user's own vols where there are some.

        Else against the market's surface. None where the desk holds no fit. Computed when asked.
        """
        if self.surface is None or self.surface.fit is None:
            return None
        return surface_edge(self.surface.fit, self.chain, self.fit_values(), own=self.surface.own)

    def fit_values(self) -> ChainValues:
        """`values` at the forwards that a fit stands on, where parity moves one."""
        forwards = {expiry.expiry_ns: expiry.forward for expiry in self.expiries}
        return fit_values(self.chain, self.values, forwards)

    def market(self) -> UnderlyingMarket:
        """The same state as risk, structures and margin take it. Copies nothing."""
        return UnderlyingMarket(
            venue=self.venue,
            underlying=self.underlying,
            as_of_ns=self.as_of_ns,
            index_price=self.index_price,
            index_source=self.index_source,
            chain=self.chain,
            values=self.values,
            forwards={expiry.expiry_ns: expiry.forward for expiry in self.expiries},
            futures=self.futures,
            surface=None if self.fit is None else FittedExpiries(fit=self.fit),
        )

    def call(self, strike: float, *, expiry: str | None = None) -> Listed:
        """The listed call at `strike` USD; `expiry` may be left out where there is only one.

        Raises InvalidInput naming the nearest strike, or the listed expiries.
        """
        return self._listed(True, strike, expiry)

    def put(self, strike: float, *, expiry: str | None = None) -> Listed:
        """The listed put at `strike` USD, as `call`."""
        return self._listed(False, strike, expiry)

    def _listed(self, is_call: bool, strike: float, expiry: str | None) -> Listed:
        expiries = [summary.expiry_ns for summary in self.expiries]
        wanted = select_expiries(expiries, expiry or "all", self.as_of_ns)
        if len(wanted) != 1:
            codes = ", ".join(expiry_code(one) for one in wanted)
            raise InvalidInput("expiry", expiry, f"must be one of {codes}")
        option = ladder_of(self.market(), wanted[0]).option(is_call, float(strike))
        return Listed(instrument=option)

    def take(self, rows: BoolArray) -> ChainSnapshot:
        """The same chain with only the rows of the mask (n,); an expiry left empty disappears."""
        before = np.concatenate(([0], np.cumsum(rows)))
        expiries = tuple(
            _part(expiry, int(before[expiry.rows[0]]), int(before[expiry.rows[1]]))
            for expiry in self.expiries
            if before[expiry.rows[0]] < before[expiry.rows[1]]
        )
        return replace(
            self,
            chain=self.chain.take(rows),
            values=self.values.take(rows),
            is_stale=self.is_stale[rows],
            expiries=expiries,
        )


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DeskSnapshot:
    """The whole desk at `ts_ns` of its own clock; `seq` counts snapshots from 1.

    `is_simulated`: no market made these numbers, whatever `environment` says of how they got here
    (a replay of a simulated venue is a REPLAY of SIMULATED). `accounts` are those that the desk
    reads, by venue and name; `books` the order books that it was asked to follow, in that order.
    """

    seq: int
    ts_ns: int
    environment: Environment
    source: str
    chains: tuple[ChainSnapshot, ...]
    links: tuple[LinkHealth, ...]
    accounts: tuple[AccountSnapshot, ...] = ()
    is_simulated: bool = False
    books: tuple[BookDepth, ...] = ()

    def book(self, venue: str, instrument_name: str) -> BookDepth | None:
        """The order book of an instrument; None where the desk does not follow it."""
        for book in self.books:
            if (book.venue, book.instrument_name) == (venue, instrument_name):
                return book
        return None

    def account(self, name: str, venue: str | None = None) -> AccountSnapshot | None:
        """The account `name` (of `venue`, where several have it); None where the desk has none."""
        for account in self.accounts:
            if account.account == name and venue in (None, account.venue):
                return account
        return None

    def chain(self, underlying: str, venue: str | None = None) -> ChainSnapshot | None:
        """The chain of `underlying` at `venue` (at the first that has one, if None).

        None where the desk has none (yet).
        """
        for chain in self.chains:
            if chain.underlying == underlying and venue in (None, chain.venue):
                return chain
        return None

    def market(self) -> MarketData:
        """Every underlying of every venue as risk, structures and margin take it."""
        return MarketData(
            markets=tuple(chain.market() for chain in self.chains), source=self.source
        )


def select_pair(
    left: ChainSnapshot, right: ChainSnapshot, expiry: str | None, window: StrikeWindow | None
) -> tuple[BoolArray, BoolArray]:
    """Which rows of two venues' chains the words mean together; None leaves nothing out.

    An expiry that only one venue lists is found as well. Raises InvalidInput for one that neither
    does.
    """
    listed = {summary.expiry_ns for chain in (left, right) for summary in chain.expiries}
    wanted = listed
    if expiry is not None:
        wanted = set(select_expiries(sorted(listed), expiry, left.as_of_ns))
    masks = []
    for chain in (left, right):
        kept = select_rows(chain, None, window)
        masks.append(kept & np.isin(chain.chain.expiry_ns, sorted(wanted)))
    return masks[0], masks[1]


def select_rows(chain: ChainSnapshot, expiry: str | None, window: StrikeWindow | None) -> BoolArray:
    """Which rows (n,) of `chain` the words of `market.selection` mean; None leaves nothing out.

    Raises InvalidInput for an expiry that is not listed.
    """
    wanted = {summary.expiry_ns for summary in chain.expiries}
    if expiry is not None:
        wanted = set(select_expiries(sorted(wanted), expiry, chain.as_of_ns))
    kept = np.zeros(len(chain.chain), dtype=np.bool_)
    for summary in chain.expiries:
        if summary.expiry_ns not in wanted:
            continue
        part = slice(*summary.rows)
        kept[part] = True
        if window is not None:
            vol = summary.atm_iv
            kept[part] = window_rows(
                chain.chain,
                chain.values,
                summary.rows,
                window,
                forward=summary.forward.price,
                total_vol=None if vol is None else vol * max(summary.years, 0.0) ** 0.5,
            )
    return kept
