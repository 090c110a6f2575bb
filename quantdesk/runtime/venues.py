"""Which venues there are and how to open a line to one. Adding a venue adds a line to `VENUES`."""

from __future__ import annotations

import random
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

from quantdesk.domain.ports import Clock, FrameDecoder, MarketFeed
from quantdesk.errors import ConfigError
from quantdesk.runtime.embedded import SAMPLE_OF, embedded_venues, published, running_venues
from quantdesk.runtime.live import Line
from quantdesk.runtime.settings import Settings
from quantdesk.snapshot import Environment
from quantdesk.venues import deribit

FeedFactory = Callable[[str, Sequence[str], str | None, Environment, Clock], MarketFeed]


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueEntry:
    """A venue the desk can open: its decoder, its feed and the coins it is asked for."""

    decode: FrameDecoder
    make_feed: FeedFactory
    underlyings: tuple[str, ...]


def _deribit_feed(
    name: str, underlyings: Sequence[str], url: str | None, environment: Environment, clock: Clock
) -> MarketFeed:
    settings = deribit.DeribitSettings(environment=environment.value, url=url)
    return deribit.DeribitFeed(
        settings, name=name, underlyings=underlyings, clock=clock, rng=random.Random()
    )


VENUES: dict[str, VenueEntry] = {
    "deribit": VenueEntry(
        decode=deribit.events_of, make_feed=_deribit_feed, underlyings=("BTC", "ETH")
    ),
}

ENVIRONMENTS = (Environment.SIMULATED, Environment.TESTNET, Environment.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueChoice:
    """What `--venue` and `--endpoint` ask for."""

    venue: str
    environment: Environment
    endpoint: str | None = None


def parse_venue(text: str, endpoint: str | None = None) -> VenueChoice:
    """ "deribit", "deribit:simulated", "deribit:testnet" or "deribit:live".

    A venue alone is its simulated environment: reaching a real exchange is asked for by name.
    Raises ConfigError saying what is allowed.
    """
    venue, separator, word = text.partition(":")
    words = {environment.value: environment for environment in ENVIRONMENTS}
    environment = words.get(word) if separator else Environment.SIMULATED
    if venue not in VENUES or environment is None:
        raise ConfigError(f"venue {text!r}: choose one of {allowed_venues()}")
    if endpoint is not None and not endpoint.startswith(("ws://", "wss://")):
        raise ConfigError(f"endpoint {endpoint!r}: must start with ws:// or wss://")
    if endpoint is not None and environment is Environment.SIMULATED and not _is_here(endpoint):
        raise ConfigError(
            f"endpoint {endpoint!r}: a simulated venue is on this machine; "
            f"name the environment of another, as {venue}:testnet or {venue}:live"
        )
    return VenueChoice(venue=venue, environment=environment, endpoint=endpoint)


def _is_here(endpoint: str) -> bool:
    host = urlsplit(endpoint).hostname or ""
    return host in {"localhost", "::1"} or host.startswith("127.")


def allowed_venues() -> str:
    """All values `--venue` takes, for messages."""
    return ", ".join(
        f"{venue}:{environment.value}" for venue in VENUES for environment in ENVIRONMENTS
    )


def decoder_of(venue: str) -> FrameDecoder:
    """The decoder of a venue's frames. Raises ConfigError for a venue the desk does not know."""
    if venue not in VENUES:
        raise ConfigError(f"venue {venue!r}: choose one of {', '.join(VENUES)}")
    return VENUES[venue].decode


def checked_underlyings(choice: VenueChoice, underlyings: Sequence[str]) -> tuple[str, ...]:
    """`underlyings` in upper case, all of the venue's where none is named.

    Raises ConfigError for one the venue does not have.
    """
    known = VENUES[choice.venue].underlyings
    wanted = tuple(name.upper() for name in underlyings) or known
    for name in wanted:
        if name not in known:
            raise ConfigError(f"underlying {name!r}: {choice.venue} has {', '.join(known)}")
    return wanted


@asynccontextmanager
async def open_lines(
    choice: VenueChoice,
    underlyings: Sequence[str],
    *,
    clock: Clock,
    settings: Settings,
    data_folder: Path,
    publish: bool = False,
) -> AsyncIterator[list[Line]]:
    """Lines to the chosen venue for `underlyings`, with whatever must run behind them.

    The simulated environment joins the venue of a desk that runs, else starts its own; `publish`
    lets other commands join ours.
    """
    entry = VENUES[choice.venue]

    def line(name: str, coins: Sequence[str], url: str | None) -> Line:
        feed = entry.make_feed(name, coins, url, choice.environment, clock)
        return Line(feed=feed, decode=entry.decode)

    if choice.environment is not Environment.SIMULATED or choice.endpoint is not None:
        yield [line(choice.venue, underlyings, choice.endpoint)]
        return
    if not publish and (running := running_venues(data_folder)):
        yield [line(f"{choice.venue}-{u.lower()}", [u], running[u]) for u in underlyings]
        return
    coins = tuple(SAMPLE_OF) if publish else tuple(underlyings)
    async with embedded_venues(
        coins, clock=clock, speed=settings.simulated.speed, seed=settings.simulated.seed
    ) as addresses:
        lines = [line(f"{choice.venue}-{u.lower()}", [u], addresses[u]) for u in underlyings]
        if publish:
            with published(addresses, data_folder):
                yield lines
        else:
            yield lines
