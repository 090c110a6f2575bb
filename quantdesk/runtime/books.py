"""A book and the market it is looked at on, from wherever both are asked for.

The one door of every verb, screen and endpoint that takes a positions file: it reads the file,
finds the markets that the book's names need, and resolves the rows. Wiring only.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.position import Position, PositionRow, RefusedRow
from quantdesk.errors import ChainFileError, ConfigError, StorageError
from quantdesk.margin import BookMargin, VenueMargin, statement_for
from quantdesk.margin.account_orders import resting_orders
from quantdesk.margin.book_margin import AccountOrder, ExcludedPosition
from quantdesk.margin.deribit_portfolio import MarginMode
from quantdesk.margin.parameter_choices import ParameterChoice
from quantdesk.margin.parameters import OptionUnderlying
from quantdesk.margin.portfolio_balance import Equity
from quantdesk.margin.portfolio_statement import PortfolioStatement, portfolio_statement
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.portfolio.importing import positions_of_account, resolve_rows
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.fitted import with_wanted_surfaces
from quantdesk.risk.index_prices import with_stand_in_index
from quantdesk.runtime.accounts import AccountChoice
from quantdesk.runtime.contract_names import read_contract_name
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import (
    CHAIN_TIMEOUT_S,
    Source,
    describe,
    file_snapshot,
    live_desk,
    read_snapshot,
)
from quantdesk.runtime.venues import VenueChoice, check_choices, underlyings_at
from quantdesk.snapshot import DeskSnapshot
from quantdesk.storage.position_files import PositionFile, read_position_file

CHAINS_MAX = 16
"""Chains that one file or venue is asked for: the book's most frequent ones. A book of nonsense
names does not read a file a thousand times."""

Chains = Mapping[str, Sequence[str]]
"""Names of chains, most rows first, by venue."""


@dataclass(frozen=True, slots=True, kw_only=True)
class BookSources:
    """Where a book's market is to come from: files, one recording, or venues.

    markets : market files, at most one a chain
    venues : what answers where there are no files and no recording; those that the book does not
        name are not opened
    at_ns : moment of files and recordings, None for the last
    accounts : to be read beside venues, instead of a file of positions
    """

    markets: tuple[Path, ...] = ()
    replay: Path | None = None
    venues: tuple[VenueChoice, ...] = ()
    at_ns: int | None = None
    accounts: tuple[AccountChoice, ...] = ()

    def __post_init__(self) -> None:
        given = sum((bool(self.markets), self.replay is not None, bool(self.venues)))
        if given != 1:
            raise ConfigError("source: give exactly one of --market FILE, --replay DIR and a venue")
        if self.at_ns is not None and self.venues:
            raise ConfigError("--at: a venue only has now; it goes with --market or --replay")
        if self.accounts and not self.venues:
            raise ConfigError("--account: goes with a venue, not with --market or --replay")
        if self.venues:
            check_choices(self.venues)


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenBook:
    """A book on its market.

    refused : rows or reports that made no position, each with its reason (and row number)
    notes : sentences for the user: what was made by rule, which columns mean nothing
    figures : the venues' own margins of connected accounts
    accounts : the accounts as their venues reported them
    """

    name: str
    positions: tuple[Position, ...]
    refused: tuple[RefusedRow, ...]
    notes: tuple[str, ...]
    market: MarketData
    figures: tuple[VenueMargin, ...] = ()
    accounts: tuple[AccountSnapshot, ...] = ()

    def margin(
        self,
        added: Sequence[Position] = (),
        *,
        option_underlying: OptionUnderlying = OptionUnderlying.FORWARD,
    ) -> BookMargin:
        """Standard margin of the book: its positions, and the orders of its accounts.

        `added` is held beside them, hypothetically; `option_underlying` is Deribit's U.
        """
        orders, left_out = self._orders()
        margin = statement_for(
            (*self.positions, *added),
            self.market,
            venue_figures=self.figures,
            orders=orders,
            margin_balances={
                (account.venue, account.account, balance.currency): balance.cash
                for account in self.accounts
                for balance in account.balances
                if balance.cash is not None
            },
            option_underlying=option_underlying,
        )
        return replace(margin, excluded=margin.excluded + left_out)

    def portfolio_margin(
        self,
        *,
        mode: MarginMode | None = None,
        cash: Mapping[str, Decimal] | None = None,
        added: Sequence[Position] = (),
        choices: Sequence[ParameterChoice] = (),
        with_liquidation: bool = True,
    ) -> PortfolioStatement:
        """Portfolio margin of the book: its positions, and the orders of its accounts.

        mode : left out, cross where a connected account is margined so, else segregated
        cash : by currency; the accounts' own equity where it says nothing
        added : held beside the positions, hypothetically
        choices : parameters in place of the captured ones
        with_liquidation : False leaves the distances out, which cost a few hundred margins each

        Raises InvalidInput for cash that goes with no single account or has no price.
        """
        orders, left_out = self._orders()
        is_cross = any(
            (balance.margin_model or "").startswith(MarginMode.CROSS.value)
            for account in self.accounts
            for balance in account.balances
        )
        statement = portfolio_statement(
            (*self.positions, *added),
            self.market,
            with_liquidation=with_liquidation,
            mode=mode or (MarginMode.CROSS if is_cross else MarginMode.SEGREGATED),
            orders=orders,
            cash=cash,
            equities=[
                Equity(
                    venue=account.venue,
                    account=account.account,
                    currency=balance.currency,
                    amount=balance.equity,
                )
                for account in self.accounts
                for balance in account.balances
                if balance.equity
            ],
            venue_figures=self.figures,
            choices=choices,
        )
        return replace(statement, excluded=statement.excluded + left_out)

    def _orders(self) -> tuple[list[AccountOrder], tuple[ExcludedPosition, ...]]:
        """Resting orders of the accounts, and those that can not be margined."""
        marks = LegMarks(self.market)
        found = [resting_orders(account, marks) for account in self.accounts]
        left_out = tuple(one for _, excluded in found for one in excluded)
        return [order for orders, _ in found for order in orders], left_out


def open_book(
    path: Path, sources: BookSources, settings: Settings, *, also: Chains | None = None
) -> OpenBook:
    """The positions of the file `path` and the market they are looked at on.

    `also` names chains that are wanted beside those of the book, by venue.

    A row that can not be used is in `refused`; it never raises. Raises StorageError,
    ChainFileError, ConfigError or VenueError where the file or a market can not be read at all.
    """
    file = read_position_file(path)
    chains = dict(chains_of(file.rows))
    for venue, names in (also or {}).items():
        chains[venue] = tuple(dict.fromkeys((*chains.get(venue, ()), *names)))
    market = read_markets(chains, sources, settings)
    return resolve_book(file, market)


def open_empty(
    sources: BookSources, settings: Settings, underlyings: Sequence[str] = ()
) -> OpenBook:
    """A book that holds nothing, on the market of `underlyings`, or of all that a file holds.

    Raises as `open_book` does.
    """
    chains = {each.venue: tuple(underlyings) for each in sources.venues if underlyings}
    market = read_markets(chains, sources, settings)
    market, notes = _completed(market, ())
    held = "no book is given: nothing is held"
    return OpenBook(name="nothing", positions=(), refused=(), notes=(held, *notes), market=market)


def open_accounts(sources: BookSources, settings: Settings) -> OpenBook:
    """The positions of `sources.accounts`, read once and whole, and the market of their venues.

    Raises ConfigError for a source without accounts or a key that must not be used, VenueError
    where a venue does not answer.
    """
    if not sources.accounts:
        raise ConfigError("--account NAME: is missing; name the account to read")
    source = Source(venues=sources.venues, accounts=sources.accounts)
    return book_of_accounts(read_snapshot(source, None, settings))


def book_of_accounts(snapshot: DeskSnapshot) -> OpenBook:
    """The positions of every account of `snapshot` on its market, with the venues' own margins."""
    market = snapshot.market()
    marks = LegMarks(market)
    found = [
        positions_of_account(account, marks, read_name=read_contract_name)
        for account in snapshot.accounts
    ]
    positions = tuple(position for one in found for position in one.positions)
    market, notes = _completed(market, positions)
    return OpenBook(
        name=" and ".join(f"{one.venue} {one.account}" for one in snapshot.accounts),
        positions=positions,
        refused=tuple(row for one in found for row in one.refused),
        notes=(*(note for one in found for note in one.notes), *notes),
        market=market,
        figures=tuple(figure for one in snapshot.accounts for figure in venue_margins(one)),
        accounts=snapshot.accounts,
    )


def venue_margins(account: AccountSnapshot) -> tuple[VenueMargin, ...]:
    """The margins that a venue reported of `account`, by currency."""
    return tuple(
        VenueMargin(
            venue=account.venue,
            account=account.account,
            currency=balance.currency,
            event_ns=balance.event_ns,
            initial=balance.initial_margin,
            maintenance=balance.maintenance_margin,
            is_shared=balance.is_margin_shared is True,
            model=balance.margin_model or "",
        )
        for balance in account.balances
        if balance.initial_margin is not None or balance.maintenance_margin is not None
    )


def account_cash(
    accounts: Sequence[AccountSnapshot], positions: Sequence[Position]
) -> dict[str, Decimal]:
    """Cash by currency of connected accounts, with the profit of their futures, which is cash to
    come: options' worth is counted by the report itself.
    """
    found: dict[str, Decimal] = {}
    settles_in = {
        (one.instrument.venue, one.instrument.name): one.instrument.settlement_currency
        for one in positions
        if one.instrument.is_future
    }
    for account in accounts:
        for balance in account.balances:
            if balance.cash is not None and balance.cash != 0:
                found[balance.currency] = found.get(balance.currency, Decimal(0)) + balance.cash
        for report in account.positions:
            currency = settles_in.get((report.venue, report.instrument_name))
            if currency is not None and report.unrealised_pnl is not None:
                found[currency] = found.get(currency, Decimal(0)) + report.unrealised_pnl
    return found


def resolve_book(file: PositionFile, market: MarketData) -> OpenBook:
    """The rows of `file` on `market`."""
    found = resolve_rows(file.rows, LegMarks(market), read_name=read_contract_name)
    notes = list(found.notes)
    if file.ignored:
        notes.insert(0, f"columns that mean nothing here: {', '.join(file.ignored[:12])}")
    market, more = _completed(market, found.positions)
    return OpenBook(
        name=Path(file.path).name,
        positions=found.positions,
        refused=found.refused,
        notes=(*notes, *more),
        market=market,
    )


def _completed(
    market: MarketData, positions: Sequence[Position]
) -> tuple[MarketData, tuple[str, ...]]:
    """`market` with what its chains lack and their own quotes can give: an index, a surface.

    Done for all that look at a book, so that no two of them see another market.
    """
    market, index_notes = with_stand_in_index(market)
    market, surface_notes = with_wanted_surfaces(market, [one.instrument for one in positions])
    return market, (*index_notes, *surface_notes)


def chains_of(rows: Iterable[PositionRow]) -> Chains:
    """The chains that `rows` name, by venue, most rows first; names that mean nothing are left."""
    names = Counter(
        ((row.venue or "").strip().lower(), (row.instrument_name or "").strip()) for row in rows
    )
    counts: dict[str, Counter[str]] = {}
    for (venue, name), count in names.items():
        said = read_contract_name(venue, name)
        if said is not None:
            counts.setdefault(venue, Counter())[said.chain] += count
    return {
        venue: tuple(chain for chain, _ in counts[venue].most_common(CHAINS_MAX))
        for venue in sorted(counts)
    }


def read_markets(chains: Chains, sources: BookSources, settings: Settings) -> MarketData:
    """The market of `chains` from `sources`, as far as they have it.

    Raises ChainFileError or StorageError for a source without any of them that can not be read
    either, ConfigError for two files of one chain, VenueError for a venue that does not answer.
    """
    if sources.markets:
        return _from_files(chains, sources)
    if sources.replay is not None:
        recorded = Source(replay=sources.replay, at_ns=sources.at_ns)
        names = _all_names(chains)
        snapshots = _tried(names, lambda chain: read_snapshot(recorded, chain, settings))
        # Where none of the book's is there, the recording's own says what is wrong or is at hand.
        return _joined(snapshots or [read_snapshot(recorded, None, settings)])
    return _from_venues(chains, sources.venues, settings)


def _from_files(chains: Chains, sources: BookSources) -> MarketData:
    snapshots: list[DeskSnapshot] = []
    for path in sources.markets:
        read = _file_reader(path, sources.at_ns)
        try:
            snapshots.append(read(None))
        except ChainFileError as error:
            # It may hold several chains: then the book's own are asked for by name.
            found = _tried(_all_names(chains), read)
            if not found:
                needed = ", ".join(_all_names(chains)) or "nothing"
                raise ChainFileError(f"{error}; the book needs {needed}") from None
            snapshots.extend(found)
    return _joined(snapshots)


def _file_reader(path: Path, at_ns: int | None) -> Callable[[str | None], DeskSnapshot]:
    return lambda chain: file_snapshot(path, chain, at_ns)


def _all_names(chains: Chains) -> tuple[str, ...]:
    names = dict.fromkeys(name for venue in chains for name in chains[venue])
    return tuple(names)[:CHAINS_MAX]


def _tried(names: Sequence[str], read: Callable[[str], DeskSnapshot]) -> list[DeskSnapshot]:
    """What `read` gives of each of `names` that it has."""
    snapshots: list[DeskSnapshot] = []
    for name in names:
        with suppress(ChainFileError, StorageError):
            snapshots.append(read(name))
    return snapshots


def _from_venues(chains: Chains, choices: Sequence[VenueChoice], settings: Settings) -> MarketData:
    """What the venues have of `chains`, read at one time on one desk."""
    asked = {
        each: underlyings_at(each, names) for each in choices if (names := chains.get(each.venue))
    }
    opened = [each for each in choices if asked.get(each)]
    if not opened:
        return MarketData(markets=(), source=f"{describe(choices)}: no chain of the book")
    names = tuple(dict.fromkeys(name for each in opened for name in asked[each]))
    return asyncio.run(_live_market(opened, names, settings)).market()


async def _live_market(
    choices: Sequence[VenueChoice], underlyings: Sequence[str], settings: Settings
) -> DeskSnapshot:
    async with live_desk(choices, underlyings, settings=settings) as live:
        return await live.quoted(underlyings, CHAIN_TIMEOUT_S)


def _joined(snapshots: Sequence[DeskSnapshot]) -> MarketData:
    """All chains of `snapshots` as one market; a chain that came twice from one source is once."""
    markets: dict[tuple[str, str], UnderlyingMarket] = {}
    sources: dict[tuple[str, str], str] = {}
    for snapshot in snapshots:
        for market in snapshot.market().markets:
            key = (market.venue, market.underlying)
            if key in markets and sources[key] != snapshot.source:
                raise ConfigError(
                    f"{'/'.join(key)}: comes from both {sources[key]} and {snapshot.source}; "
                    "give one of them"
                )
            markets.setdefault(key, market)
            sources[key] = snapshot.source
    names = dict.fromkeys(sources.values())
    return MarketData(
        markets=tuple(markets[key] for key in sorted(markets)), source="; ".join(names)
    )
