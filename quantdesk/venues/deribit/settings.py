"""How a Deribit connection is set: where it goes, how often it asks, how much it holds."""

from __future__ import annotations

from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from quantdesk.errors import ConfigError
from quantdesk.venues.settings_checks import check_backoff, check_choice, check_seconds

LIVE_URL = "wss://www.deribit.com/ws/api/v2"
TESTNET_URL = "wss://test.deribit.com/ws/api/v2"
URLS = {"live": LIVE_URL, "testnet": TESTNET_URL, "simulated": None}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
INTERVALS = ("100ms", "agg2", "raw")
BOOK_GROUPS = ("none", "1", "2", "5", "10", "25", "100", "250")
BOOK_DEPTHS = (1, 10, 20)
GRANTS = ("client_signature", "client_credentials")
KINDS = ("option", "future", "spot", "option_combo", "future_combo")

HEARTBEAT_S_MIN = 10
"""Deribit refuses a shorter heartbeat with -32602."""

REQUEST_BYTES_MAX = 32_000
"""Deribit refuses a request over 32 kB with -32600."""


@dataclass(frozen=True, slots=True, kw_only=True)
class DeribitSettings:
    """Settings of one connection; checked when made.

    Attributes
    ----------
    environment : "live", "testnet" or "simulated"
    url : WebSocket address; None takes the environment's own (simulated has none)
    ticker_interval : "100ms", "agg2", or "raw" (which the venue grants only after authentication)
    kinds : instrument kinds whose tickers are subscribed; all kinds are listed
    has_trades, has_mark_prices, has_volatility_index, has_funding : whether these streams are
        subscribed; one that the venue does not have costs nothing but a slow question
    book_interval : of the order books that are watched
    book_group, book_depth : None for whole books told by their changes; a grouped book comes whole
        with each message, to that depth
    books_max : order books watched at the same time
    book_gap_s, books_per_round : bad books are asked for again in rounds of so many, so far apart
        and as much again by chance
    book_patience_s : how long a snapshot may take before it is asked for again
    steady_silence_s : silence of a stream that speaks every second before it is subscribed anew;
        as much again ends the connection
    auth_grant : how a key proves itself, "client_signature" (the secret is not sent) or
        "client_credentials"
    token_use_max : share of a token's life after which it is refreshed, below 0.8
    account_poll_s : how often the account is read whole, to reconcile what the channels said
    connect_timeout_s, request_timeout_s : patience for a connection and for an answer
    heartbeat_s : the venue's heartbeat, whole seconds, at least 10
    time_poll_s : how often the venue's clock is asked
    silence_margin_s : added to twice the longest expected gap before silence means reconnect
    relist_s, relist_gap_s : how often instruments are listed anew, and at least how far apart
    refused_retry_s : how often refused channels and lists are asked for again
    backoff_low_s, backoff_high_s : first and longest pause between tries to connect
    rate_limit_pause_s : pause after "too many requests" where the venue names none; the longest
        subscription is earned again in 3 s
    stable_s : a connection that lived this long counts as a success
    channels_per_request : most channels in one subscribe call
    frames_max : frames held for a slow desk before tickers give way
    """

    environment: str
    url: str | None = None
    ticker_interval: str = "100ms"
    kinds: tuple[str, ...] = ("option", "future")
    has_trades: bool = True
    has_mark_prices: bool = True
    has_volatility_index: bool = True
    has_funding: bool = True
    book_interval: str = "100ms"
    book_group: str | None = None
    book_depth: int = 10
    books_max: int = 256
    books_per_round: int = 10
    book_gap_s: float = 0.5
    book_patience_s: float = 5.0
    steady_silence_s: float = 10.0
    auth_grant: str = "client_signature"
    token_use_max: float = 0.75
    account_poll_s: float = 60.0
    connect_timeout_s: float = 10.0
    request_timeout_s: float = 10.0
    heartbeat_s: int = HEARTBEAT_S_MIN
    time_poll_s: float = 5.0
    silence_margin_s: float = 1.0
    relist_s: float = 300.0
    relist_gap_s: float = 2.0
    refused_retry_s: float = 30.0
    backoff_low_s: float = 0.25
    backoff_high_s: float = 30.0
    rate_limit_pause_s: float = 3.0
    stable_s: float = 10.0
    channels_per_request: int = 250
    frames_max: int = 16_384

    def __post_init__(self) -> None:
        for field in fields(self):
            if field.name.endswith("_s"):
                check_seconds(field.name, getattr(self, field.name))
        check_choice("environment", self.environment, tuple(URLS))
        check_choice("ticker_interval", self.ticker_interval, INTERVALS)
        check_choice("book_interval", self.book_interval, INTERVALS)
        check_choice("auth_grant", self.auth_grant, GRANTS)
        if self.book_group is not None:
            check_choice("book_group", self.book_group, BOOK_GROUPS)
        if self.book_depth not in BOOK_DEPTHS:
            raise ConfigError(f"book_depth = {self.book_depth!r}: must be one of 1, 10, 20")
        if not 0 < self.token_use_max < 0.8:
            raise ConfigError(f"token_use_max = {self.token_use_max!r}: above 0, below 0.8")
        if not self.kinds:
            raise ConfigError(f"kinds is empty: name at least one of {', '.join(KINDS)}")
        for kind in self.kinds:
            check_choice("kinds", kind, KINDS)
        if self.heartbeat_s < HEARTBEAT_S_MIN or self.heartbeat_s != int(self.heartbeat_s):
            raise ConfigError(f"heartbeat_s = {self.heartbeat_s!r}: a whole number from 10 up")
        check_backoff(self.backoff_low_s, self.backoff_high_s)
        if not 1 <= self.channels_per_request <= 500:
            raise ConfigError(f"channels_per_request = {self.channels_per_request!r}: 1 to 500")
        for field_name in ("frames_max", "books_max", "books_per_round"):
            count = getattr(self, field_name)
            if count < 1:
                raise ConfigError(f"{field_name} = {count!r}: at least 1")
        _check_url(self.environment, self.endpoint)

    @property
    def endpoint(self) -> str:
        """The WebSocket address that is used. Raises ConfigError where none is given or known."""
        url = self.url or URLS[self.environment]
        if url is None:
            raise ConfigError("url is missing: the simulated environment needs an address")
        return url

    @property
    def host(self) -> str:
        """The host whose request limits apply: bans are kept under its name."""
        return urlsplit(self.endpoint).netloc

    def book_channel(self, instrument_name: str) -> str:
        """The channel of an instrument's order book."""
        if self.book_group is None:
            return f"book.{instrument_name}.{self.book_interval}"
        return f"book.{instrument_name}.{self.book_group}.{self.book_depth}.{self.book_interval}"

    @property
    def silence_limit_s(self) -> float:
        """Seconds without any frame after which a connection is given up.

        Something comes at least once each `time_poll_s` (the answer) or `heartbeat_s`.
        """
        return 2 * min(self.time_poll_s, float(self.heartbeat_s)) + self.silence_margin_s


def _check_url(environment: str, url: str) -> None:
    try:
        parts = urlsplit(url)
        host = parts.hostname
    except ValueError:
        host = None
    if host is None or parts.scheme not in ("ws", "wss"):
        raise ConfigError(f"url = {url!r}: must look like wss://host/ws/api/v2")
    if parts.username is not None or parts.password is not None:
        raise ConfigError("url: must not hold a user name or password")
    if environment == "simulated":
        # A screen that says SIMULATED must never show the real market.
        if host == "deribit.com" or host.endswith(".deribit.com"):
            raise ConfigError(f"url = {url!r}: the simulated environment can not be {host}")
    elif parts.scheme == "ws" and host not in LOOPBACK:
        raise ConfigError(f"url = {url!r}: {environment} needs wss, ws is for this machine only")
