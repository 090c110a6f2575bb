"""At which moment a market file was made, where its own labels do not tell.

A file of the venue's vols and Greeks alone is labelled by the hour and was made up to two hours
beside it (`market.venue_moment`). It is read as of the moment that its Greeks were made. An instant
that is one of its labels names the rows that bear it; any other chooses by when rows were made, and
shows nothing that came later as known.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

from quantdesk.domain.events import InstrumentsListed, MarketEvent
from quantdesk.domain.times import format_instant
from quantdesk.errors import ChainFileError
from quantdesk.market.state import MarketState
from quantdesk.market.venue_moment import SHIFT_MAX_NS, venue_moment
from quantdesk.storage.chain_files import MarketFile, read_market_file


def read_moment(path: Path, underlying: str | None, at_ns: int | None) -> MarketFile:
    """The chain of `underlying` at the last moment of the file not after `at_ns` (None: the last).

    Where labels do not tell the moment, an `at_ns` that is one of them means its own rows, made
    then, later or earlier as `as_of_ns` says; another the rows last made up to it. Two labels may
    bear the same rows, and then give the same chain. Raises ChainFileError as `read_market_file`
    does, naming the moments that there are.
    """
    market = read_market_file(path, underlying=underlying)
    if at_ns is None:
        return dated(market)
    if not is_without_prices(market):
        return read_market_file(path, at_ns=at_ns, underlying=underlying)
    labels = market.moments_ns
    if at_ns in labels:
        return dated(read_market_file(path, at_ns=at_ns, underlying=underlying))
    near = [label_ns for label_ns in labels if label_ns <= at_ns + SHIFT_MAX_NS]
    for label_ns in reversed(near):
        found = dated(read_market_file(path, at_ns=label_ns, underlying=underlying))
        if found.as_of_ns <= at_ns:
            return found
    first = dated(read_market_file(path, at_ns=labels[0], underlying=underlying))
    raise ChainFileError(
        f"{path}: begins at {format_instant(first.as_of_ns)}, after {format_instant(at_ns)}; its "
        f"{len(labels)} moments, as the venue's Greeks tell them, go on to "
        f"{format_instant(dated(market).as_of_ns)}"
    )


def every_moment_of(path: Path, underlying: str | None) -> Iterator[MarketFile]:
    """The chain of `underlying` at each label of the file, as of when it was made."""
    for label_ns in read_market_file(path, underlying=underlying).moments_ns:
        yield dated(read_market_file(path, at_ns=label_ns, underlying=underlying))


def is_without_prices(market: MarketFile) -> bool:
    """Whether no quote of the file has a price or a forward, which would be better evidence."""
    return all(
        quote.bid is None and quote.ask is None and quote.forward is None for quote in market.quotes
    )


def dated(market: MarketFile) -> MarketFile:
    """`market` as of the moment that its Greeks were made; as it is where they do not tell."""
    if not is_without_prices(market):
        return market
    state = MarketState()
    for event in market_events(market):
        state.apply(event)
    reading = state.read_book(market.venue, market.underlying)
    moment = None if reading is None else venue_moment(reading.chain, market.as_of_ns)
    if moment is None or moment.as_of_ns == market.as_of_ns:
        return market
    at_ns = moment.as_of_ns
    return replace(
        market,
        as_of_ns=at_ns,
        quotes=tuple(replace(each, event_ns=at_ns, recv_ns=at_ns) for each in market.quotes),
        notes=(
            *market.notes,
            f"Labelled {format_instant(market.as_of_ns)}; the venue's Greeks were made at "
            f"{format_instant(at_ns)}.",
        ),
    )


def market_events(market: MarketFile) -> Sequence[MarketEvent]:
    """What the desk is told of a market file, in order."""
    listed = InstrumentsListed(
        venue=market.venue,
        underlying=market.underlying,
        event_ns=market.as_of_ns,
        recv_ns=market.as_of_ns,
        instruments=market.instruments,
        unknown_kinds=market.skipped,
    )
    return (listed, *market.indices, *market.futures, *market.quotes)
