"""Surfaces from wherever a chain can be read: the wiring between snapshots, files and fits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import replace
from difflib import get_close_matches
from pathlib import Path

from quantdesk.errors import ConfigError, InvalidInput, StorageError
from quantdesk.market.clock_files import parse_clock
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_clock import CLOCK_CHOICES, ClockChoice
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.runtime.file_moments import every_moment_of, read_moment
from quantdesk.runtime.live_surfaces import chain_quotes
from quantdesk.runtime.replay import snapshot_at, snapshots
from quantdesk.runtime.sources import file_snapshot, market_snapshot
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.storage.chain_files import MarketFile

EVERY_S = 60.0
"""Recorded seconds between the moments of a recording that are looked at one by one."""

NEAR_NAMES, NEAR_SHARE = 3, 0.75
"""How many names are told to one who mistyped another, and how alike they must be."""


def read_clock(name: str, folder: Path | None = None) -> ClockChoice:
    """The clock called `name`: "calendar", "weekend", or a TOML file (relative to `folder`).

    Raises ConfigError for a file that can not be read or holds no clock.
    """
    for choice in CLOCK_CHOICES:
        if name == choice.name:
            return choice
    path = Path(name).expanduser()
    try:
        text = (path if folder is None else folder / path).read_text(encoding="utf-8")
        return ClockChoice(name=path.name, clock=parse_clock(text))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise ConfigError(
            f"clock {name}: neither calendar nor weekend nor a file that can be read: {reason}"
        ) from error
    except InvalidInput as error:
        raise ConfigError(f"clock {name}: {error}") from error


def quotes_of(chain: ChainSnapshot, excluded: Collection[str] = ()) -> SurfaceQuotes:
    """What a surface is fitted to, from a chain as the desk holds it.

    Raises InvalidInput for `excluded` that is no collection of names, and for a name in it that no
    option of the chain has.
    """
    if isinstance(excluded, str) or not all(isinstance(name, str) for name in excluded):
        raise InvalidInput("exclude", excluded, "must be a list of names of options")
    listed = [instrument.name for instrument in chain.chain.instruments]
    for name in sorted(set(excluded).difference(listed)):
        near = get_close_matches(name.upper(), listed, n=NEAR_NAMES, cutoff=NEAR_SHARE)
        words = f"near it: {', '.join(near)}" if near else f"such as {listed[0]}"
        rule = f"must name an option of the {chain.underlying} chain at {chain.venue}, {words}"
        raise InvalidInput("exclude", name, rule)
    return chain_quotes(chain, SurfaceChoice(excluded=tuple(excluded)))


def read_chain(path: Path, underlying: str | None, at_ns: int | None) -> ChainSnapshot:
    """The chain of `underlying` in a market file or recording, at its last moment up to `at_ns`.

    `underlying` is "BTC", or "BTC@deribit" where a recording holds it of several venues; without
    one the only chain is meant. Raises ChainFileError or StorageError.
    """
    wanted = _name_of(underlying)
    snapshot = (snapshot_at if path.is_dir() else file_snapshot)(path, wanted, at_ns)
    return _chain_of(snapshot, path, underlying)


def _chain_of(snapshot: DeskSnapshot, path: Path, underlying: str | None) -> ChainSnapshot:
    name, _, venue = (underlying or "").partition("@")
    wanted = name.upper() or None
    chains = [
        chain
        for chain in snapshot.chains
        if (wanted is None or chain.underlying == wanted)
        and (not venue or chain.venue == venue.lower())
    ]
    if not chains:
        raise StorageError(f"{path}: no {underlying or 'option'} chain in it")
    if len(chains) > 1:
        names = sorted(f"{chain.underlying}@{chain.venue}" for chain in chains)
        raise StorageError(f"{path}: holds {' and '.join(names)}: say --underlying {names[0]}")
    return chains[0]


def read_quotes(
    path: Path, underlying: str | None, at_ns: int | None, excluded: Collection[str] = ()
) -> SurfaceQuotes:
    """The quotes of one moment of a market file or recording; InvalidInput as `quotes_of`."""
    if path.is_dir():
        return quotes_of(read_chain(path, underlying, at_ns), excluded)
    market = read_moment(path, _name_of(underlying), at_ns)
    return _market_quotes(market, path, underlying, excluded)


def _market_quotes(
    market: MarketFile, path: Path, underlying: str | None, excluded: Collection[str] = ()
) -> SurfaceQuotes:
    quotes = quotes_of(_chain_of(market_snapshot(market), path, underlying), excluded)
    notes = [
        f"{count} record{'s' if count > 1 else ''} left out: {reason}"
        for reason, count in market.skipped
    ]
    return replace(quotes, notes=tuple(notes))


def _name_of(underlying: str | None) -> str | None:
    return (underlying or "").partition("@")[0].upper() or None


def every_moment(
    path: Path, underlying: str | None, *, every_s: float = EVERY_S
) -> Iterator[SurfaceQuotes]:
    """The quotes of each moment of a market file; of a recording those each `every_s` seconds.

    A recording's end is always one of them, its time before the chain was listed never is.
    """
    if not path.is_dir():
        for market in every_moment_of(path, _name_of(underlying)):
            yield _market_quotes(market, path, underlying)
        return
    # Says what is wrong with the recording or the name, before anything is scored.
    chosen = read_chain(path, underlying, None)
    for snapshot in snapshots(path, every_s=every_s):
        chain = snapshot.chain(chosen.underlying, chosen.venue)
        if chain is not None:
            yield quotes_of(chain)
