"""Which venues there are and how they are asked for. Adding a venue adds an entry to `VENUES`.

Opens nothing: `runtime.lines` does.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from quantdesk.domain.account import AccountEvent
from quantdesk.domain.events import FrameSetAside, PlatformState, RawFrame, VenueTime
from quantdesk.domain.ports import AccountFeed, BanStore, Clock, FrameDecoder, MarketFeed
from quantdesk.domain.secret import Secret
from quantdesk.errors import ConfigError
from quantdesk.snapshot import Environment
from quantdesk.venues import binance, deribit

Reported = AccountEvent | VenueTime | PlatformState | FrameSetAside
AccountDecoder = Callable[[RawFrame], Sequence[Reported]]

ENVIRONMENTS = (Environment.SIMULATED, Environment.TESTNET, Environment.LIVE)


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueChoice:
    """What `--venue` and `--endpoint` ask for; no endpoint is the environment's own."""

    venue: str
    environment: Environment
    endpoint: str | None = None

    @property
    def is_embedded(self) -> bool:
        """Whether the desk itself has to start what answers."""
        return self.environment is Environment.SIMULATED and self.endpoint is None


@dataclass(frozen=True, slots=True, kw_only=True)
class KeyPair:
    """What proves to a venue who we are; both parts are masked wherever they are shown."""

    key: Secret
    secret: Secret


@dataclass(frozen=True, slots=True, kw_only=True)
class FeedPlan:
    """One connection to be: its name, where it goes, and what it shares with others."""

    name: str
    environment: Environment
    endpoint: str | None
    clock: Clock
    bans: BanStore


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueEntry:
    """A venue the desk can open.

    underlyings : read where none is named; every simulated venue has them
    further_underlyings : what else it lists, to be asked for by name
    schemes : how an address of it may begin
    """

    decode: FrameDecoder
    decode_account: AccountDecoder
    make_feed: Callable[[FeedPlan, Sequence[str]], MarketFeed]
    make_account_feed: Callable[[FeedPlan, KeyPair], AccountFeed]
    underlyings: tuple[str, ...]
    further_underlyings: tuple[str, ...]
    schemes: tuple[str, ...]


def _deribit_settings(plan: FeedPlan) -> deribit.DeribitSettings:
    return deribit.DeribitSettings(environment=plan.environment.value, url=plan.endpoint)


def _deribit_feed(plan: FeedPlan, underlyings: Sequence[str]) -> MarketFeed:
    return deribit.DeribitFeed(
        _deribit_settings(plan),
        name=plan.name,
        underlyings=underlyings,
        clock=plan.clock,
        rng=random.Random(),
        bans=plan.bans,
    )


def _deribit_account(plan: FeedPlan, keys: KeyPair) -> AccountFeed:
    return deribit.DeribitAccountFeed(
        _deribit_settings(plan),
        name=plan.name,
        credentials=deribit.DeribitCredentials(client_id=keys.key, client_secret=keys.secret),
        clock=plan.clock,
        rng=random.Random(),
        bans=plan.bans,
    )


def _binance_settings(plan: FeedPlan) -> binance.BinanceSettings:
    return binance.BinanceSettings.at_base(plan.environment.value, plan.endpoint)


def _binance_feed(plan: FeedPlan, underlyings: Sequence[str]) -> MarketFeed:
    return binance.BinanceFeed(
        _binance_settings(plan),
        name=plan.name,
        underlyings=underlyings,
        clock=plan.clock,
        rng=random.Random(),
        bans=plan.bans,
    )


def _binance_account(plan: FeedPlan, keys: KeyPair) -> AccountFeed:
    return binance.BinanceAccountFeed(
        _binance_settings(plan),
        name=plan.name,
        credentials=binance.Credentials(key=keys.key, secret=keys.secret),
        clock=plan.clock,
        rng=random.Random(),
        bans=plan.bans,
    )


VENUES: dict[str, VenueEntry] = {
    "deribit": VenueEntry(
        decode=deribit.events_of,
        decode_account=deribit.account_events_of,
        make_feed=_deribit_feed,
        make_account_feed=_deribit_account,
        underlyings=("BTC", "ETH"),
        further_underlyings=(
            "BTC_USDC",
            "ETH_USDC",
            "SOL_USDC",
            "XRP_USDC",
            "AVAX_USDC",
            "TRX_USDC",
        ),
        schemes=("ws", "wss"),
    ),
    "binance": VenueEntry(
        decode=binance.events_of,
        decode_account=binance.account_events_of,
        make_feed=_binance_feed,
        make_account_feed=_binance_account,
        underlyings=("BTC", "ETH"),
        further_underlyings=("BNB", "SOL", "XRP", "DOGE"),
        schemes=("http", "https", "ws", "wss"),
    ),
}


def parse_venue(text: str, endpoint: str | None = None) -> VenueChoice:
    """ "deribit", "deribit:simulated", "binance:testnet" or "binance:live".

    A venue alone is its simulated environment: reaching a real exchange is asked for by name.
    Raises ConfigError saying what is allowed.
    """
    venue, separator, word = text.strip().partition(":")
    words = {environment.value: environment for environment in ENVIRONMENTS}
    environment = words.get(word) if separator else Environment.SIMULATED
    if venue not in VENUES or environment is None:
        raise ConfigError(f"venue {text!r}: choose one of {allowed_venues()}")
    if endpoint is not None:
        _check_endpoint(endpoint, venue, environment)
    return VenueChoice(venue=venue, environment=environment, endpoint=endpoint)


def parse_venues(texts: Sequence[str], endpoints: Sequence[str] = ()) -> tuple[VenueChoice, ...]:
    """Several venues, each once and all of one environment; commas may separate them.

    An endpoint is an address, or VENUE=ADDRESS where there are several venues. Raises ConfigError.
    """
    names = [name for text in texts for name in text.split(",")]
    chosen = [parse_venue(name) for name in names]
    addresses = _addresses(endpoints, [choice.venue for choice in chosen])
    chosen = [
        parse_venue(name, addresses.get(choice.venue))
        for name, choice in zip(names, chosen, strict=True)
    ]
    check_choices(chosen)
    return tuple(chosen)


def check_choices(choices: Sequence[VenueChoice]) -> None:
    """Raise ConfigError unless `choices` can be one desk: each venue once, one environment."""
    if not choices:
        raise ConfigError(f"venue: name at least one of {allowed_venues()}")
    for choice in choices:
        if [other.venue for other in choices].count(choice.venue) > 1:
            raise ConfigError(f"venue {choice.venue!r}: named twice")
        if choice.environment is not choices[0].environment:
            raise ConfigError(
                f"venues {choices[0].venue}:{choices[0].environment.value} and "
                f"{choice.venue}:{choice.environment.value}: must be of one environment, so that "
                "no number passes for another world's"
            )


def _addresses(endpoints: Sequence[str], venues: Sequence[str]) -> dict[str, str]:
    """Addresses by venue. Raises ConfigError where one belongs to none or to several."""
    found: dict[str, str] = {}
    for text in endpoints:
        head, separator, address = text.partition("=")
        if not separator or "://" in head:
            if len(venues) != 1:
                raise ConfigError(
                    f"endpoint {text!r}: with {len(venues)} venues write VENUE=ADDRESS, "
                    f"like {venues[0]}={text}"
                )
            head, address = venues[0], text
        if head not in venues:
            raise ConfigError(f"endpoint {text!r}: {head!r} is none of {', '.join(venues)}")
        if head in found:
            raise ConfigError(f"endpoint {text!r}: {head} has one already")
        found[head] = address
    return found


def _check_endpoint(endpoint: str, venue: str, environment: Environment) -> None:
    schemes = VENUES[venue].schemes
    parts = urlsplit(endpoint)
    if parts.scheme not in schemes or not parts.hostname:
        allowed = " or ".join(f"{scheme}://" for scheme in schemes)
        raise ConfigError(f"endpoint {endpoint!r}: must start with {allowed} and name a host")
    if environment is Environment.SIMULATED and not _is_here(parts.hostname):
        raise ConfigError(
            f"endpoint {endpoint!r}: a simulated venue is on this machine; "
            f"name the environment of another, as {venue}:testnet or {venue}:live"
        )


def _is_here(host: str) -> bool:
    return host in {"localhost", "::1"} or host.startswith("127.")


def allowed_venues() -> str:
    """All values `--venue` takes, for messages."""
    return ", ".join(
        f"{venue}:{environment.value}" for venue in VENUES for environment in ENVIRONMENTS
    )


def decoder_of(venue: str) -> FrameDecoder:
    """The decoder of a venue's market data. Raises ConfigError for a venue not known."""
    return _entry(venue).decode


def account_decoder_of(venue: str) -> AccountDecoder:
    """The decoder of a venue's private frames. Raises ConfigError for a venue not known."""
    return _entry(venue).decode_account


def _entry(venue: str) -> VenueEntry:
    if venue not in VENUES:
        raise ConfigError(f"venue {venue!r}: choose one of {', '.join(VENUES)}")
    return VENUES[venue]


def underlyings_at(choice: VenueChoice, underlyings: Sequence[str]) -> tuple[str, ...]:
    """Those of `underlyings` that the chosen venue has, in their order; its own where none is."""
    entry = VENUES[choice.venue]
    if not underlyings:
        return entry.underlyings
    known = entry.underlyings
    if not choice.is_embedded:
        known += entry.further_underlyings
    return tuple(name for name in dict.fromkeys(underlyings) if name in known)


def checked_underlyings(
    choices: VenueChoice | Sequence[VenueChoice], underlyings: Sequence[str]
) -> tuple[str, ...]:
    """`underlyings` in upper case, all of the venues' where none is named.

    Raises ConfigError for one that none of the venues has.
    """
    chosen = (choices,) if isinstance(choices, VenueChoice) else tuple(choices)
    wanted = tuple(dict.fromkeys(name.upper() for name in underlyings))
    if not wanted:
        found = (name for choice in chosen for name in VENUES[choice.venue].underlyings)
        return tuple(dict.fromkeys(found))
    for name in wanted:
        if not any(underlyings_at(choice, [name]) for choice in chosen):
            has = "; ".join(f"{each.venue} has {', '.join(_known(each))}" for each in chosen)
            raise ConfigError(f"underlying {name!r}: {has}")
    return wanted


def _known(choice: VenueChoice) -> tuple[str, ...]:
    entry = VENUES[choice.venue]
    return entry.underlyings + (() if choice.is_embedded else entry.further_underlyings)
