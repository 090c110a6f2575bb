"""A book and its market at two moments, for what happened in between. Wiring only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from quantdesk.domain.position import Position, PositionRow
from quantdesk.errors import ConfigError, StorageError
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.portfolio.importing import resolve_rows
from quantdesk.portfolio.ledger import HoldingKey
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.pnl_explain_changes import key_of
from quantdesk.runtime.books import (
    BookSources,
    Chains,
    OpenBook,
    chains_of,
    read_markets,
    resolve_book,
)
from quantdesk.runtime.contract_names import read_contract_name
from quantdesk.runtime.pnl_openings import kept_markets, openings_store
from quantdesk.runtime.settings import Settings, data_folder
from quantdesk.runtime.venues import VenueChoice
from quantdesk.storage.position_files import read_position_file


@dataclass(frozen=True, slots=True, kw_only=True)
class BookMoments:
    """A book at its opening, the market of its close, and the rows of the book's file."""

    opening: OpenBook
    closing: MarketData
    rows: tuple[PositionRow, ...]


def positions_at_either(
    rows: Sequence[PositionRow], opening: MarketData, closing: MarketData
) -> dict[HoldingKey, Position]:
    """Positions of `rows` in what either market lists: some leave it, some come to it."""
    found: dict[HoldingKey, Position] = {}
    for market in (opening, closing):
        marks = LegMarks(market)
        for one in resolve_rows(rows, marks, read_name=read_contract_name).positions:
            found[key_of(one)] = one
    return found


def open_moments(
    path: Path, opening: BookSources | None, closing: BookSources, settings: Settings
) -> BookMoments:
    """The positions of the file `path` as held at the opening, and both markets.

    opening : None for the opening of the day that a desk on the venues of `closing` has kept.
    Raises what `open_book` raises, ConfigError for live venues as an opening, which only have now,
    and StorageError where no opening was kept.
    """
    if opening is not None and opening.venues:
        raise ConfigError("--from: a venue only has now; give a TIME, a FILE or a recording")
    file = read_position_file(path)
    chains = chains_of(file.rows)
    if opening is None:
        market = _kept(chains, closing.venues)
    else:
        market = read_markets(chains, opening, settings)
    return BookMoments(
        opening=resolve_book(file, market),
        closing=read_markets(chains, closing, settings),
        rows=file.rows,
    )


def _kept(chains: Chains, venues: tuple[VenueChoice, ...]) -> MarketData:
    """What desks on `venues` kept of the opening of their last day."""
    if not venues:
        raise ConfigError("--from day: goes with --to VENUE, whose desk kept its opening")
    store = openings_store(data_folder(), venues)
    markets: list[UnderlyingMarket] = []
    if store is not None:
        names = [(venue, name) for venue in chains for name in chains[venue]]
        markets = list(kept_markets(store, names))
    if not markets:
        said = " and ".join(f"{each.venue}:{each.environment.value}" for each in venues)
        raise StorageError(
            f"--from day: no opening of the book's chains at {said} is kept; "
            "`quantdesk tui` keeps one while it runs on a venue that outlives it"
        )
    return MarketData(markets=tuple(markets), source="opening that the desk kept")
