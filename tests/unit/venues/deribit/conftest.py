"""Captured Deribit frames, and a venue on loopback that does what a test tells it to."""

from __future__ import annotations

import asyncio
import gzip
import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from aiohttp import WSMsgType, web

from quantdesk.domain.events import RawFrame

FIXTURES = Path(__file__).parents[3] / "fixtures" / "deribit"
RECV_NS = 1_782_552_500_000_000_000


@pytest.fixture
def frame_of() -> Callable[[bytes], RawFrame]:
    """Makes a raw frame of a payload."""

    def make(payload: bytes) -> RawFrame:
        return RawFrame(venue="deribit", connection="deribit-btc", recv_ns=RECV_NS, payload=payload)

    return make


@pytest.fixture(scope="session")
def captured_frames() -> list[bytes]:
    """Every inbound frame of the 2021 session, then the single tickers of other kinds."""
    with gzip.open(FIXTURES / "ws_mixed_2021-07-22.txt.gz", "rt", encoding="utf-8") as lines:
        parts = [line.rstrip("\n").partition(": ") for line in lines]
    session = [text.encode() for head, _, text in parts if text and "<-" not in head]
    singles = (FIXTURES / "ws_ticker_kinds_2019-2024.jsonl").read_bytes().splitlines()
    return session + singles


@pytest.fixture(scope="session")
def option_frame(captured_frames: list[bytes]) -> bytes:
    """The first ticker of an option with a bid, an ask and a trade."""
    return next(f for f in captured_frames if b"ticker.ETH-30JUL21-2800-C.raw" in f[:120])


@pytest.fixture(scope="session")
def instruments_answer() -> Callable[[str, str], bytes]:
    """The captured get_instruments answer of a currency, as if a feed of ours had asked for it."""

    def make(currency: str, underlying: str) -> bytes:
        path = FIXTURES / f"rest_get_instruments_{currency}_2021-07-22.json.gz"
        head = f'{{"jsonrpc":"2.0","id":"public/get_instruments#{underlying}#1",'.encode()
        return gzip.decompress(path.read_bytes()).replace(b'{"jsonrpc":"2.0",', head, 1)

    return make


@pytest.fixture(scope="session")
def btc_2026() -> dict[str, bytes]:
    """Pushes of the 2026-06-27 tickers by name, and "instruments": the list as an answer."""
    raw = (FIXTURES / "rest_btc_2026-06-27.json").read_bytes()
    listed, _, tickers = raw.partition(b',"tickers":')
    records = listed.removeprefix(b'{"instruments":')
    answer = (
        b'{"jsonrpc":"2.0","id":"public/get_instruments#BTC#4","result":' + records + b","
        b'"usIn":1782552300000000,"usOut":1782552300000500,"usDiff":500,"testnet":false}'
    )
    made = {"instruments": answer}
    for text in _objects(tickers):
        name = json.loads(text)["instrument_name"]
        head = (
            f'{{"jsonrpc":"2.0","method":"subscription","params":{{"channel":"ticker.{name}.100ms"'
        )
        made[name] = head.encode() + b',"data":' + text + b"}}"
    return made


def _objects(array: bytes) -> Iterator[bytes]:
    """The objects of a JSON array, each with the very bytes it has there."""
    text = array.decode()
    decoder = json.JSONDecoder()
    at = 1
    while text[at] != "]":
        _, end = decoder.raw_decode(text, at)
        yield text[at:end].encode()
        at = end + (text[end] == ",")


class ScriptedVenue:
    """A Deribit of one BTC option whose answers a test replaces; counts what it was asked.

    `answers` maps a method to a function of the request that gives the answer's `result`, or a
    dict with an `error`; None sends no answer at all.
    """

    NAME = "BTC-28JUN26-60000-C"

    def __init__(self, instruments: bytes, ticker: bytes) -> None:
        self.answers: dict[str, Callable[[dict[str, Any]], Any]] = {}
        self.requests: list[dict[str, Any]] = []
        self.sockets: list[web.WebSocketResponse] = []
        self.connections = 0
        self.refuse_with: web.Response | None = None
        self.on_subscribed: Callable[[list[str]], Awaitable[None]] | None = None
        self.changed = asyncio.Condition()
        self.url = ""
        self._instruments = json.loads(instruments)["result"][:1]
        self._ticker = ticker

    async def wait_for(self, condition: Callable[[], bool]) -> None:
        """Until `condition` holds; looked at whenever a request or a connection came."""
        async with self.changed:
            await self.changed.wait_for(condition)

    def asked(self, method: str) -> list[dict[str, Any]]:
        """Requests of `method` so far."""
        return [r for r in self.requests if r["method"] == method]

    async def send(self, payload: bytes | str) -> None:
        """Send to every connection: text, or bytes as a text frame whatever they hold."""
        data = payload.encode() if isinstance(payload, str) else payload
        for socket in self.sockets:
            await socket.send_frame(data, WSMsgType.TEXT)

    async def push(self, channel: str, data: object) -> None:
        """Push `data` on `channel` to every connection, spelt as the venue spells it."""
        params = {"channel": channel, "data": data}
        body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
        await self.send(json.dumps(body, separators=(",", ":")))

    async def handle(self, http: web.Request) -> web.StreamResponse:
        """One client connection."""
        self.connections += 1
        if self.refuse_with is not None:
            refusal, self.refuse_with = self.refuse_with, None
            await self._tell()
            return refusal
        socket = web.WebSocketResponse()
        await socket.prepare(http)
        self.sockets.append(socket)
        await self._tell()
        async for message in socket:
            request = json.loads(message.data)
            self.requests.append(request)
            await self._answer(socket, request)
            await self._tell()
        self.sockets.remove(socket)
        return socket

    async def _tell(self) -> None:
        async with self.changed:
            self.changed.notify_all()

    async def _answer(self, socket: web.WebSocketResponse, request: dict[str, Any]) -> None:
        method = request["method"]
        answer = self.answers.get(method, self._usual)(request)
        if answer is None:
            return
        body: dict[str, Any] = {"jsonrpc": "2.0", "id": request["id"]}
        body |= answer if isinstance(answer, dict) and "error" in answer else {"result": answer}
        stamp = 1_782_552_300_000_000
        body |= {"usIn": stamp, "usOut": stamp + 300, "usDiff": 300, "testnet": False}
        await socket.send_str(json.dumps(body))
        if method == "public/subscribe":
            granted = answer if isinstance(answer, list) else []
            if f"ticker.{self.NAME}.100ms" in granted:
                await socket.send_str(self._ticker.decode())
            if self.on_subscribed is not None:
                await self.on_subscribed(granted)

    def _usual(self, request: dict[str, Any]) -> Any:
        match request["method"]:
            case "public/get_instruments":
                return self._instruments
            case "public/subscribe" | "public/unsubscribe":
                return request["params"]["channels"]
            case "public/get_time":
                return 1_782_552_300_000
            case "public/hello" | "public/test":
                return {"version": "1.2.26"}
        return "ok"


@pytest.fixture
async def tls_url() -> AsyncIterator[str]:
    """Address of a server on loopback whose certificate nobody vouches for."""
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(FIXTURES / "tls_self_signed.pem")
    runner = web.AppRunner(web.Application())
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=context).start()
    host, port = runner.addresses[0][:2]
    yield f"wss://{host}:{port}/ws/api/v2"
    await runner.cleanup()


@pytest.fixture
def scripted_venue(
    btc_2026: dict[str, bytes],
) -> Callable[[], Any]:
    """An async context manager of a running `ScriptedVenue`."""

    @asynccontextmanager
    async def running() -> AsyncIterator[ScriptedVenue]:
        venue = ScriptedVenue(btc_2026["instruments"], btc_2026[ScriptedVenue.NAME])
        app = web.Application()
        app.router.add_get("/ws/api/v2", venue.handle)
        runner = web.AppRunner(app, shutdown_timeout=0.2)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        host, port = runner.addresses[0][:2]
        venue.url = f"ws://{host}:{port}/ws/api/v2"
        try:
            yield venue
        finally:
            for socket in tuple(venue.sockets):
                await socket.close()
            await runner.cleanup()

    return running
