"""Lines to the chosen venues, with whatever must run behind them.

A simulated venue without an address joins that of a desk that runs, else is started here.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from quantdesk.domain.ports import BanStore, Clock
from quantdesk.errors import ConfigError
from quantdesk.runtime.accounts import AccountChoice
from quantdesk.runtime.embedded import (
    Addresses,
    embedded_venues,
    published,
    running_venues,
)
from quantdesk.runtime.live import AccountLine, Line
from quantdesk.runtime.made_numbers import SAMPLE_OF
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.venues import (
    VENUES,
    FeedPlan,
    VenueChoice,
    underlyings_at,
)
from quantdesk.storage.bans import JsonBanStore

BANS_FILE = "bans.json"


class ProcessBans:
    """A `domain.ports.BanStore` that ends with the process: for venues that do too."""

    def __init__(self) -> None:
        self._until_ns: dict[str, int] = {}

    def banned_until_ns(self, address: str) -> int | None:
        """UTC nanoseconds at which the ban of `address` ends; None where there is none."""
        return self._until_ns.get(address)

    def note_ban(self, address: str, until_ns: int) -> None:
        """Keep that `address` refuses us until `until_ns`."""
        self._until_ns[address] = until_ns


def bans_of(choice: VenueChoice, data_folder: Path) -> BanStore:
    """Where bans of the chosen venue are kept: on disk, unless the venue is our own process's."""
    return ProcessBans() if choice.is_embedded else JsonBanStore(data_folder / BANS_FILE)


@asynccontextmanager
async def open_lines(
    choices: Sequence[VenueChoice],
    underlyings: Sequence[str],
    *,
    clock: Clock,
    settings: Settings,
    data_folder: Path,
    publish: bool = False,
) -> AsyncIterator[list[Line]]:
    """Lines to the chosen venues for those of `underlyings` that each of them has.

    `publish` lets other commands join the simulated venues that are started here.
    """
    async with AsyncExitStack() as stack:
        lines: list[Line] = []
        embedded = [choice for choice in choices if choice.is_embedded]
        addresses: Addresses = {}
        if embedded:
            addresses = await stack.enter_async_context(
                _embedded(
                    embedded,
                    underlyings,
                    clock=clock,
                    settings=settings,
                    data_folder=data_folder,
                    publish=publish,
                )
            )
        for choice in choices:
            bans = bans_of(choice, data_folder)
            coins = underlyings_at(choice, underlyings)
            entry = VENUES[choice.venue]
            if not choice.is_embedded:
                places = [(choice.venue, coins, choice.endpoint)] if coins else []
            else:
                places = [
                    (f"{choice.venue}-{coin.lower()}", (coin,), addresses[choice.venue][coin])
                    for coin in coins
                ]
            for name, some, endpoint in places:
                plan = FeedPlan(
                    name=name,
                    environment=choice.environment,
                    endpoint=endpoint,
                    clock=clock,
                    bans=bans,
                )
                lines.append(
                    Line(
                        feed=entry.make_feed(plan, some),
                        decode=entry.decode,
                        underlyings=tuple(some),
                    )
                )
        yield lines


@asynccontextmanager
async def _embedded(
    choices: Sequence[VenueChoice],
    underlyings: Sequence[str],
    *,
    clock: Clock,
    settings: Settings,
    data_folder: Path,
    publish: bool,
) -> AsyncIterator[Addresses]:
    """Addresses of simulated venues, by venue and underlying, as long as the block lasts."""
    if not publish and (running := running_venues(data_folder)):
        yield running
        return
    # A desk whose venues others may join starts them all: they may want what it does not show.
    venues = tuple(VENUES) if publish else tuple(choice.venue for choice in choices)
    coins = tuple(SAMPLE_OF) if publish else tuple(c for c in SAMPLE_OF if c in underlyings)
    async with embedded_venues(
        venues, coins, clock=clock, speed=settings.simulated.speed, seed=settings.simulated.seed
    ) as addresses:
        if publish:
            with published(addresses, data_folder):
                yield addresses
        else:
            yield addresses


def account_line(choice: AccountChoice, *, clock: Clock, data_folder: Path) -> AccountLine:
    """A line to an account. Raises ConfigError where its venue has no address."""
    venue = choice.venue
    if venue.is_embedded:
        raise ConfigError(
            f"account {choice.name!r}: the simulated {venue.venue} that the desk starts has no "
            "account for it; give the endpoint of one that runs (quantdesk simulate)"
        )
    entry = VENUES[venue.venue]
    plan = FeedPlan(
        name=f"{venue.venue}-account-{choice.name}",
        environment=venue.environment,
        endpoint=venue.endpoint,
        clock=clock,
        bans=bans_of(venue, data_folder),
    )
    return AccountLine(
        feed=entry.make_account_feed(plan, choice.keys),
        decode=entry.decode_account,
        account=choice.name,
    )
