"""The way to a venue, layer by layer: address, name, port, certificate, REST, clock.

Asks over connections of its own, so that a fault is found where it is and not where it shows.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import AsyncIterator
from dataclasses import dataclass
from urllib.parse import urlsplit

import msgspec

from quantdesk.errors import ConfigError, VenueError
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.doctor.step import Step
from quantdesk.runtime.venues import VenueChoice
from quantdesk.snapshot import Environment
from quantdesk.venues.binance import BinanceSettings
from quantdesk.venues.deribit import DeribitSettings
from quantdesk.venues.transport.rest import RestSession
from quantdesk.venues.transport.venue_clock import VenueOffset

REACH_TIMEOUT_S = 10.0
CLOCK_QUESTIONS = 5
CLOCK_LIMIT_S = 1.0
"""Binance takes a signed request that is at most a second ahead of its clock; our requests carry
the measured offset, so that this is about the machine, not about whether they work."""

NS_PER_MS = 1_000_000
CERTIFICATE_DAYS_LOW = 7.0
DEFAULT_PORTS = {"ws": 80, "http": 80, "wss": 443, "https": 443}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Way:
    """Where a venue's sockets and its REST interface are; whether the desk needs the latter."""

    sockets: str
    rest_base: str
    time_path: str
    time_field: str
    needs_rest: bool


async def network_steps(choice: VenueChoice) -> AsyncIterator[Step]:
    """Steps from the address to the venue's clock; ends at the first that keeps the rest away."""
    name = choice.venue
    if choice.is_embedded:
        found = f"simulated, started by the desk itself on this machine ({choice.venue})"
        yield Step(name=f"{name} address", is_ok=True, found=found)
        return
    try:
        way = _way(choice)
    except ConfigError as error:
        yield Step(
            name=f"{name} address",
            is_ok=False,
            found=str(error),
            advice="give its address with --endpoint",
            is_vital=True,
        )
        return
    found = f"{choice.environment.value}: sockets {way.sockets}, REST {way.rest_base}"
    yield Step(name=f"{name} address", is_ok=True, found=found)
    for url in dict.fromkeys(_place(each) for each in (way.sockets, way.rest_base)):
        async for step in _reach(name, *url):
            yield step
            if not step.is_ok:
                return
    async for step in _rest_steps(choice, way):
        yield step


def _way(choice: VenueChoice) -> _Way:
    """The addresses of a venue. Raises ConfigError where it has none."""
    if choice.venue == "binance":
        binance = BinanceSettings.at_base(choice.environment.value, choice.endpoint)
        return _Way(
            sockets=binance.stream_base,
            rest_base=binance.rest_base,
            time_path="/eapi/v1/time",
            time_field="serverTime",
            needs_rest=True,
        )
    deribit = DeribitSettings(environment=choice.environment.value, url=choice.endpoint)
    parts = urlsplit(deribit.endpoint)
    scheme = "https" if parts.scheme == "wss" else "http"
    return _Way(
        sockets=deribit.endpoint,
        rest_base=f"{scheme}://{parts.netloc}",
        time_path="/api/v2/public/get_time",
        time_field="result",
        needs_rest=False,
    )


def _place(url: str) -> tuple[str, int, bool]:
    """Host, port, and whether the way there is encrypted."""
    parts = urlsplit(url)
    host, is_encrypted = parts.hostname or "", parts.scheme in {"wss", "https"}
    return host, parts.port or DEFAULT_PORTS[parts.scheme], is_encrypted


async def _reach(venue: str, host: str, port: int, is_encrypted: bool) -> AsyncIterator[Step]:
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    try:
        async with asyncio.timeout(REACH_TIMEOUT_S):
            found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    except (OSError, TimeoutError) as error:
        yield Step(
            name=f"{venue} name",
            is_ok=False,
            found=f"{host}: no address ({_words(error)})",
            advice="check the spelling of --endpoint, the network and the DNS server",
            is_vital=True,
        )
        return
    addresses = sorted({str(each[4][0]) for each in found})
    yield Step(
        name=f"{venue} name",
        is_ok=True,
        found=f"{host} is {', '.join(addresses[:3])} ({_ms(loop.time() - started_s)})",
    )
    context = ssl.create_default_context() if is_encrypted else None
    async for step in _connect(venue, host, port, context):
        yield step


async def _connect(
    venue: str, host: str, port: int, context: ssl.SSLContext | None
) -> AsyncIterator[Step]:
    loop = asyncio.get_running_loop()
    started_s = loop.time()
    try:
        async with asyncio.timeout(REACH_TIMEOUT_S):
            _, writer = await asyncio.open_connection(host, port, ssl=context)
    except ssl.SSLError as error:
        yield Step(
            name=f"{venue} TLS",
            is_ok=False,
            found=f"{host}:{port}: the certificate does not hold ({_words(error)})",
            advice="set this machine's clock; see whether a proxy answers in the venue's place",
            is_vital=True,
        )
        return
    except (OSError, TimeoutError) as error:
        yield Step(
            name=f"{venue} port",
            is_ok=False,
            found=f"{host}:{port}: nobody answers ({_words(error)})",
            advice="check the port, a firewall, and whether the venue bars your country",
            is_vital=True,
        )
        return
    took = _ms(loop.time() - started_s)
    encrypted: ssl.SSLObject | None = writer.get_extra_info("ssl_object")
    certificate = writer.get_extra_info("peercert")
    writer.close()
    yield Step(name=f"{venue} port", is_ok=True, found=f"{host}:{port} answers ({took})")
    if encrypted is not None:
        yield _certificate_step(venue, encrypted.version() or "TLS", certificate or {})


def _certificate_step(venue: str, version: str, certificate: dict[str, object]) -> Step:
    ends_s = ssl.cert_time_to_seconds(str(certificate["notAfter"]))
    days = (ends_s - SystemClock().now_ns() / 1e9) / 86_400
    return Step(
        name=f"{venue} TLS",
        is_ok=days > CERTIFICATE_DAYS_LOW,
        found=f"{version}, the certificate holds for {days:.0f} days",
        advice="the venue has to renew it: expect the connection to be refused after that",
    )


async def _rest_steps(choice: VenueChoice, way: _Way) -> AsyncIterator[Step]:
    """Ask the venue's time a few times: whether REST answers, and how far its clock is."""
    clock, offset, name = SystemClock(), VenueOffset(), choice.venue
    trips_ns: list[int] = []
    async with RestSession(way.rest_base, timeout_s=REACH_TIMEOUT_S) as session:
        for _ in range(CLOCK_QUESTIONS):
            sent_ns = clock.now_ns()
            try:
                answer = await session.request("GET", way.time_path)
                venue_ms = _time_of(answer.body, way.time_field) if answer.status == 200 else None
            except VenueError as error:
                found, venue_ms = str(error), None
            else:
                found = f"GET {way.time_path}: HTTP {answer.status}, {_shown(answer.body)}"
            if venue_ms is None:
                yield Step(
                    name=f"{name} REST",
                    is_ok=False,
                    found=found,
                    advice="429 or 418: stay away for the time it names; 403: the venue bars "
                    "this address; else see the venue's status page",
                    is_vital=way.needs_rest,
                )
                return
            recv_ns = clock.now_ns()
            trips_ns.append(recv_ns - sent_ns)
            offset.note(sent_ns=sent_ns, venue_ns=venue_ms * NS_PER_MS, recv_ns=recv_ns)
    yield Step(
        name=f"{name} REST",
        is_ok=True,
        found=f"GET {way.time_path} answers in {min(trips_ns) / NS_PER_MS:.1f} ms",
    )
    ahead_s = (offset.offset_ns or 0) / 1e9
    if choice.environment is Environment.SIMULATED:
        yield Step(name=f"{name} clock", is_ok=True, found="the venue's own, of its recorded day")
        return
    yield Step(
        name=f"{name} clock",
        is_ok=abs(ahead_s) < CLOCK_LIMIT_S,
        found=f"the venue is {ahead_s:+.3f} s ahead of this machine",
        advice="set this machine's clock (NTP)",
    )


def _time_of(body: bytes, field: str) -> int | None:
    try:
        value = msgspec.json.decode(body, type=dict[str, msgspec.Raw])[field]
        return msgspec.json.decode(value, type=int)
    except (msgspec.DecodeError, KeyError):
        return None


def _shown(body: bytes) -> str:
    text = body[:80].decode("utf-8", "replace")
    return "".join(letter if letter.isprintable() else " " for letter in text)


def _words(error: Exception) -> str:
    return str(error) or type(error).__name__


def _ms(seconds: float) -> str:
    return f"{seconds * 1000:.0f} ms"
