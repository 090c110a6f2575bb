"""How the lines to Binance options are set: where they go, how often they ask, how much they hold.

Addresses are bases: REST paths begin with `/eapi/v1` below the one, streams with `/public`,
`/market` or `/private` below the other.
"""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self
from urllib.parse import urlsplit

from quantdesk.errors import ConfigError
from quantdesk.venues.settings_checks import check_backoff, check_choice, check_seconds

REST_URLS = {
    "live": "https://eapi.binance.com",
    "testnet": "https://testnet.binancefuture.com",
    "simulated": None,
}
STREAM_URLS = {
    "live": "wss://fstream.binance.com",
    "testnet": "wss://fstream.binancefuture.com",
    "simulated": None,
}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
REAL_HOSTS = ("binance.com", "binancefuture.com")

STREAMS_PER_CONNECTION_MAX = 200
"""The venue's own bound on the streams of one connection."""

CONNECTION_AGE_MAX_S = 86_400.0
"""The venue ends each connection after a day."""

RECV_WINDOW_MS_MAX = 60_000
"""A larger window is refused with -1131."""

DEPTH_SPEEDS = ("100ms", "500ms")


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceSettings:
    """Settings of all lines to one Binance endpoint; checked when made.

    Attributes
    ----------
    environment : "live", "testnet" or "simulated"
    rest_url, stream_url : bases; None takes the environment's own (simulated has none)
    has_top_of_book : subscribe each option's `bookTicker`; without it the book comes once a second
        with the mark prices
    depth_speed : of order books that are watched, "100ms" or "500ms"
    connect_timeout_s, request_timeout_s : patience for a connection and for an answer
    time_poll_s : how often the venue's clock is asked
    probe_s : silence after which a connection is asked for a sign of life; as much again ends it
    stream_silence_s : silence of a stream that speaks every second before it is subscribed anew
    relist_s, relist_gap_s : how often instruments are listed anew, and at least how far apart
    expiry_lag_s : how long after an expiry the list is fetched
    statistics_s : how often statistics of all options are fetched over REST
    account_poll_s : how often the account is read whole, to reconcile what the stream said
    listen_key_s : how often the listen key is kept alive; it lives an hour
    connection_age_s : age at which a connection is replaced before the venue ends it
    backoff_low_s, backoff_high_s : first and longest pause between tries
    stable_s : a connection that lived this long counts as a success
    recv_window_ms : how late a signed request may arrive
    weight_limit, weight_reserve : request weight a minute, and what of it is never spent here
    streams_per_connection, connections_max : of the public path
    streams_per_request, messages_per_s : of one SUBSCRIBE, and of what one connection may send
    frames_max : frames held for a slow desk before market data gives way
    books_max : order books watched at the same time
    """

    environment: str
    rest_url: str | None = None
    stream_url: str | None = None
    has_top_of_book: bool = True
    depth_speed: str = "100ms"
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 10.0
    time_poll_s: float = 10.0
    probe_s: float = 10.0
    stream_silence_s: float = 10.0
    relist_s: float = 300.0
    relist_gap_s: float = 2.0
    expiry_lag_s: float = 5.0
    statistics_s: float = 300.0
    account_poll_s: float = 60.0
    listen_key_s: float = 1_500.0
    connection_age_s: float = 82_800.0
    backoff_low_s: float = 0.25
    backoff_high_s: float = 30.0
    stable_s: float = 10.0
    recv_window_ms: int = 5_000
    weight_limit: int = 2_400
    weight_reserve: int = 400
    streams_per_connection: int = STREAMS_PER_CONNECTION_MAX
    connections_max: int = 16
    streams_per_request: int = 100
    messages_per_s: float = 5.0
    frames_max: int = 16_384
    books_max: int = 16

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name.endswith("_s"):
                check_seconds(field.name, getattr(self, field.name))
        check_choice("environment", self.environment, tuple(REST_URLS))
        check_choice("depth_speed", self.depth_speed, DEPTH_SPEEDS)
        _check_range("recv_window_ms", self.recv_window_ms, 1, RECV_WINDOW_MS_MAX - 1)
        _check_range("weight_limit", self.weight_limit, 100, 1_000_000)
        _check_range("weight_reserve", self.weight_reserve, 0, self.weight_limit - 50)
        _check_range(
            "streams_per_connection", self.streams_per_connection, 1, STREAMS_PER_CONNECTION_MAX
        )
        _check_range("connections_max", self.connections_max, 1, 64)
        _check_range("streams_per_request", self.streams_per_request, 1, STREAMS_PER_CONNECTION_MAX)
        _check_range("frames_max", self.frames_max, 1, 10_000_000)
        _check_range("books_max", self.books_max, 0, STREAMS_PER_CONNECTION_MAX)
        if self.messages_per_s > 10:
            raise ConfigError(f"messages_per_s = {self.messages_per_s!r}: the venue allows 10")
        if self.connection_age_s > CONNECTION_AGE_MAX_S:
            raise ConfigError(
                f"connection_age_s = {self.connection_age_s!r}: at most {CONNECTION_AGE_MAX_S:g}"
            )
        if self.listen_key_s > 3_000:
            raise ConfigError(f"listen_key_s = {self.listen_key_s!r}: at most 3000, of 3600")
        check_backoff(self.backoff_low_s, self.backoff_high_s)
        _check_url("rest_url", self.environment, self.rest_base, ("http", "https"))
        _check_url("stream_url", self.environment, self.stream_base, ("ws", "wss"))

    @classmethod
    def at_base(cls, environment: str, base: str | None) -> Self:
        """Settings whose REST and streams share one host, as a simulated venue's do.

        `base` is an address with any of the four schemes, or None for the environment's own.
        """
        if base is None:
            return cls(environment=environment)
        scheme, separator, rest = base.rstrip("/").partition("://")
        if not separator or scheme not in ("http", "https", "ws", "wss"):
            raise ConfigError(
                f"endpoint {base!r}: must start with http://, https://, ws://, wss://"
            )
        tail = "s" if scheme in ("https", "wss") else ""
        return cls(
            environment=environment,
            rest_url=f"http{tail}://{rest}",
            stream_url=f"ws{tail}://{rest}",
        )

    @property
    def rest_base(self) -> str:
        """Base of REST addresses, without a slash at its end. Raises ConfigError without one."""
        return _base("rest_url", self.rest_url or REST_URLS[self.environment])

    @property
    def stream_base(self) -> str:
        """Base of WebSocket addresses, as `rest_base`."""
        return _base("stream_url", self.stream_url or STREAM_URLS[self.environment])

    @property
    def host(self) -> str:
        """The host whose request limits apply: bans are kept under its name."""
        return urlsplit(self.rest_base).netloc


def _base(field: str, url: str | None) -> str:
    if url is None:
        raise ConfigError(f"{field} is missing: the simulated environment needs an address")
    return url.rstrip("/")


def _check_range(field: str, value: int, low: int, high: int) -> None:
    if not low <= value <= high:
        raise ConfigError(f"{field} = {value!r}: must be from {low} to {high}")


def _check_url(field: str, environment: str, url: str, schemes: tuple[str, ...]) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname if parts.port != 0 else None
    except ValueError:
        host = None
    if "@" in url:
        raise ConfigError(f"{field}: must not hold a user name or password")
    if host is None or parts.scheme not in schemes:
        raise ConfigError(f"{field} = {url!r}: must look like {schemes[-1]}://host")
    if parts.query or parts.fragment:
        raise ConfigError(f"{field}: must be a base, without anything after a ? or #")
    if environment == "simulated":
        # A screen that says SIMULATED must never show the real market.
        if any(host == real or host.endswith(f".{real}") for real in REAL_HOSTS):
            raise ConfigError(f"{field} = {url!r}: the simulated environment can not be {host}")
    elif parts.scheme in ("ws", "http") and host not in LOOPBACK:
        raise ConfigError(f"{field} = {url!r}: {environment} needs {schemes[-1]}")
