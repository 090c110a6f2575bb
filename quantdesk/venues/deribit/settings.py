"""How a Deribit connection is set: where it goes, how often it asks, how much it holds."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields
from urllib.parse import urlsplit

from quantdesk.errors import ConfigError

LIVE_URL = "wss://www.deribit.com/ws/api/v2"
TESTNET_URL = "wss://test.deribit.com/ws/api/v2"
URLS = {"live": LIVE_URL, "testnet": TESTNET_URL, "simulated": None}
LOOPBACK = ("localhost", "127.0.0.1", "::1")
INTERVALS = ("100ms", "agg2", "raw")
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
    kinds : instrument kinds whose tickers are subscribed
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
    kinds: tuple[str, ...] = ("option",)
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
                _check_seconds(field.name, getattr(self, field.name))
        _check_choice("environment", self.environment, tuple(URLS))
        _check_choice("ticker_interval", self.ticker_interval, INTERVALS)
        if not self.kinds:
            raise ConfigError(f"kinds is empty: name at least one of {', '.join(KINDS)}")
        for kind in self.kinds:
            _check_choice("kinds", kind, KINDS)
        if self.heartbeat_s < HEARTBEAT_S_MIN or self.heartbeat_s != int(self.heartbeat_s):
            raise ConfigError(f"heartbeat_s = {self.heartbeat_s!r}: a whole number from 10 up")
        if self.backoff_high_s < self.backoff_low_s:
            raise ConfigError(
                f"backoff_high_s = {self.backoff_high_s!r}: at least backoff_low_s "
                f"({self.backoff_low_s!r})"
            )
        if not 1 <= self.channels_per_request <= 500:
            raise ConfigError(f"channels_per_request = {self.channels_per_request!r}: 1 to 500")
        if self.frames_max < 1:
            raise ConfigError(f"frames_max = {self.frames_max!r}: at least 1")
        _check_url(self.environment, self.endpoint)

    @property
    def endpoint(self) -> str:
        """The WebSocket address that is used. Raises ConfigError where none is given or known."""
        url = self.url or URLS[self.environment]
        if url is None:
            raise ConfigError("url is missing: the simulated environment needs an address")
        return url

    @property
    def silence_limit_s(self) -> float:
        """Seconds without any frame after which a connection is given up.

        Something comes at least once each `time_poll_s` (the answer) or `heartbeat_s`.
        """
        return 2 * min(self.time_poll_s, float(self.heartbeat_s)) + self.silence_margin_s


def _check_seconds(field: str, value: float) -> None:
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(f"{field} = {value!r}: must be a positive number of seconds")


def _check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    if value not in allowed:
        raise ConfigError(f"{field} = {value!r}: must be one of {', '.join(allowed)}")


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
