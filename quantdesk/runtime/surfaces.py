"""Surfaces from wherever a chain can be read: the wiring between snapshots, files and fits."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from pathlib import Path

from quantdesk.errors import StorageError
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.runtime.live_surfaces import chain_quotes
from quantdesk.runtime.replay import snapshot_at
from quantdesk.runtime.sources import file_snapshot
from quantdesk.snapshot import ChainSnapshot
from quantdesk.storage.chain_files import read_market_file


def quotes_of(chain: ChainSnapshot, excluded: Collection[str] = ()) -> SurfaceQuotes:
    """What a surface is fitted to, from a chain as the desk holds it."""
    return chain_quotes(chain, SurfaceChoice(excluded=tuple(excluded)))


def read_chain(path: Path, underlying: str | None, at_ns: int | None) -> ChainSnapshot:
    """The chain of `underlying` in a market file or recording, at its last moment up to `at_ns`.

    Without an underlying the only one. Raises ChainFileError or StorageError.
    """
    if path.is_dir():
        snapshot = snapshot_at(path, underlying, at_ns)
    else:
        snapshot = file_snapshot(path, underlying, at_ns)
    names = [chain.underlying for chain in snapshot.chains]
    if underlying is not None:
        names = [name for name in names if name == underlying.upper()]
    if not names:
        raise StorageError(f"{path}: no {underlying or 'option'} chain in it")
    if len(names) > 1:
        raise StorageError(f"{path}: holds {' and '.join(sorted(names))}: say --underlying")
    chain = snapshot.chain(names[0])
    assert chain is not None, "the name came from this snapshot"
    return chain


def read_quotes(
    path: Path, underlying: str | None, at_ns: int | None, excluded: Collection[str] = ()
) -> SurfaceQuotes:
    """The quotes of one moment of a market file or recording."""
    return quotes_of(read_chain(path, underlying, at_ns), excluded)


def every_moment(path: Path, underlying: str | None) -> Iterator[SurfaceQuotes]:
    """The quotes of each moment of a market file; of a recording its end."""
    if path.is_dir():
        yield read_quotes(path, underlying, None)
        return
    for at_ns in read_market_file(path, underlying=underlying).moments_ns:
        yield read_quotes(path, underlying, at_ns)
