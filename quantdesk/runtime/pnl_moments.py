"""A book and its market at two moments, for what happened in between. Wiring only."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from quantdesk.errors import ConfigError
from quantdesk.market.market_data import MarketData
from quantdesk.runtime.books import BookSources, OpenBook, chains_of, read_markets, resolve_book
from quantdesk.runtime.settings import Settings
from quantdesk.storage.position_files import read_position_file


@dataclass(frozen=True, slots=True, kw_only=True)
class BookMoments:
    """A book at its opening, and the market of its close."""

    opening: OpenBook
    closing: MarketData


def open_moments(
    path: Path, opening: BookSources, closing: BookSources, settings: Settings
) -> BookMoments:
    """The positions of the file `path` as held at the opening, and both markets.

    Raises what `open_book` raises, and ConfigError for live venues, which only have now.
    """
    if opening.venues or closing.venues:
        raise ConfigError("--from: give --market FILE or --replay DIR; a venue only has now")
    file = read_position_file(path)
    chains = chains_of(file.rows)
    return BookMoments(
        opening=resolve_book(file, read_markets(chains, opening, settings)),
        closing=read_markets(chains, closing, settings),
    )
