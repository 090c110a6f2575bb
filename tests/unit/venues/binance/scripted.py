"""A Binance of four options on loopback that does what a test tells it to. Real sockets.

It stands in until the simulated exchange speaks Binance's protocol: answers and pushes are the
captured payloads, or written after the venue's documents where no capture exists.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from aiohttp import WSMsgType, web

from quantdesk.domain.events import RawFrame
from quantdesk.domain.ports import AccountFeed, MarketFeed

from .payloads import CAPTURED, exchange_info

API_KEY = "canaryKeyOfTheTest0123456789"
API_SECRET = "canarySecretOfTheTest0123456789"
LISTEN_KEY = "canaryListenKeyOfTheTest0123456789"
PATIENCE_S = 15.0


async def until(condition: Callable[[], object]) -> None:
    """Until `condition` holds, which may hang on either side of a socket or on a timer.

    Gives the event loop its turns in between; raises TimeoutError where it never holds.
    """
    async with asyncio.timeout(PATIENCE_S):
        while not condition():  # noqa: ASYNC110
            await asyncio.sleep(0)


Answer = Callable[[web.Request], web.Response | None]


class HandClock:
    """A clock that a test moves; it creeps on its own so that no two readings are equal."""

    def __init__(self) -> None:
        self.now = 1_765_983_400_000_000_000

    def now_ns(self) -> int:
        self.now += 1_000
        return self.now

    def now_ms(self) -> int:
        return self.now // 1_000_000


class MemoryBans:
    """A ban store that forgets with the test."""

    def __init__(self) -> None:
        self.bans: dict[str, int] = {}

    def banned_until_ns(self, address: str) -> int | None:
        return self.bans.get(address)

    def note_ban(self, address: str, until_ns: int) -> None:
        self.bans[address] = until_ns


@dataclass(eq=False, slots=True)
class Socket:
    """One client's socket, with the streams that it subscribed."""

    path: str
    link: web.WebSocketResponse
    streams: set[str] = field(default_factory=set)


class ScriptedBinance:
    """The venue: REST under /eapi/v1, streams under /public, /market and /private.

    `answers` maps "GET time" to a function that answers instead of the usual; one that gives None
    leaves it to the usual. `offset_ms` is how far its clock is ahead. `deaf` streams are
    subscribed like others and never listed nor pushed.
    """

    def __init__(self, clock: HandClock) -> None:
        self.clock = clock
        self.offset_ms = 30_000
        self.answers: dict[str, Answer] = {}
        self.asked: list[str] = []
        self.queries: list[str] = []
        self.open: list[Socket] = []
        self.requests: list[dict[str, Any]] = []
        self.deaf: set[str] = set()
        self.refused: set[str] = set()
        self.opened = 0
        self.is_mute = False
        self.handshake: web.Response | None = None
        self.info = exchange_info()
        self.positions: list[dict[str, Any]] = []
        self.orders: list[dict[str, Any]] = []
        self.base = ""

    def count(self, question: str) -> int:
        """How often `question` ("GET time") was asked."""
        return self.asked.count(question)

    def subscribed(self) -> set[str]:
        """Streams subscribed on all sockets."""
        return set().union(*(socket.streams for socket in self.open))

    def sockets(self, path: str) -> list[Socket]:
        """Open sockets of `path`."""
        return [socket for socket in self.open if socket.path == path]

    async def push(self, payload: bytes | str) -> None:
        """Send to every socket that subscribed the payload's stream."""
        text = payload.decode() if isinstance(payload, bytes) else payload
        stream = json.loads(text)["stream"]
        for socket in tuple(self.open):
            if stream in socket.streams:
                await socket.link.send_str(text)

    async def send_raw(self, path: str, data: bytes) -> None:
        """Send bytes as a text frame to every socket of `path`, whatever they hold."""
        for socket in self.sockets(path):
            await socket.link.send_frame(data, WSMsgType.TEXT)

    async def drop(self, path: str) -> None:
        """Cut every socket of `path`."""
        for socket in self.sockets(path):
            await socket.link.close()

    async def rest(self, http: web.Request) -> web.Response:
        """One REST question."""
        name = http.path.removeprefix("/eapi/v1/")
        question = f"{http.method} {name}"
        self.asked.append(question)
        self.queries.append(http.query_string)
        answer = self.answers.get(question)
        response = answer(http) if answer is not None else None
        if response is None:
            response = self._usual(question, http)
        return response

    def _usual(self, question: str, http: web.Request) -> web.Response:
        venue_ms = self.clock.now_ms() + self.offset_ms
        public: dict[str, Callable[[], object]] = {
            "GET time": lambda: {"serverTime": venue_ms},
            "GET exchangeInfo": lambda: {**self.info, "serverTime": venue_ms},
            "GET mark": lambda: CAPTURED["mark", "TestMark"],
            "GET ticker": lambda: CAPTURED["ticker", "TestTicker"],
            "GET depth": lambda: {"bids": [], "asks": [], "T": venue_ms, "lastUpdateId": 100},
        }
        if question in public:
            return ok(public[question]())
        if http.headers.get("X-MBX-APIKEY") != API_KEY:
            return refusal(401, -2015, "Invalid API-key, IP, or permissions for action")
        if question.endswith(" listenKey"):
            is_new = question.startswith("POST")
            return ok({"listenKey": LISTEN_KEY, "expiration": venue_ms} if is_new else {})
        return self._private(question, http, venue_ms)

    def _private(self, question: str, http: web.Request, venue_ms: int) -> web.Response:
        payload, _, signed = http.query_string.rpartition("&signature=")
        made = hmac.new(API_SECRET.encode(), payload.encode(), hashlib.sha256).hexdigest()
        if signed != made:
            return refusal(400, -1022, "Signature for this request is not valid.")
        late_ms = venue_ms - int(http.query["timestamp"])
        if not -1_000 < late_ms <= int(http.query["recvWindow"]):
            return refusal(400, -1021, "Timestamp for this request is outside of the recvWindow.")
        rate = {"underlying": "BTCUSDT", "makerFee": "0.00024", "takerFee": "0.0003"}
        private: dict[str, object] = {
            "GET marginAccount": {**MARGIN_ACCOUNT, "time": venue_ms},
            "GET position": self.positions,
            "GET openOrders": self.orders,
            "GET userTrades": CAPTURED["order", "TestUserTrades"],
            "GET commission": {"commissions": [rate]},
        }
        if question not in private:
            return refusal(404, -5000, f"Path {http.path}, Method {http.method} is invalid")
        return ok(private[question])

    async def stream(self, http: web.Request) -> web.StreamResponse:
        """One socket."""
        self.opened += 1
        if self.handshake is not None:
            return self.handshake
        socket = Socket(path=http.path, link=web.WebSocketResponse())
        await socket.link.prepare(http)
        self.open.append(socket)
        async for message in socket.link:
            request = json.loads(message.data)
            self.requests.append({"path": socket.path, **request})
            await self._control(socket, request)
        self.open.remove(socket)
        return socket.link

    async def _control(self, socket: Socket, request: dict[str, Any]) -> None:
        named = set(request.get("params", ()))
        if self.is_mute:
            return
        if named & self.refused:
            error = {"code": 2, "msg": "Invalid request: unknown variant"}
            await socket.link.send_json({"error": error, "id": request["id"]})
            return
        result = None
        match request["method"]:
            case "SUBSCRIBE":
                socket.streams |= named - self.deaf
            case "UNSUBSCRIBE":
                socket.streams -= named
            case "LIST_SUBSCRIPTIONS":
                result = sorted(socket.streams)
        await socket.link.send_json({"result": result, "id": request["id"]})


# After the documents: no capture of the present format exists.
MARGIN_ACCOUNT = {
    "asset": [
        {
            "asset": "USDT",
            "marginBalance": "99998.87365244",
            "equity": "99998.87365244",
            "available": "96883.72734374",
            "initialMargin": "3115.14630870",
            "maintMargin": "0.00000000",
            "unrealizedPNL": "0.00000000",
            "adjustedEquity": "99998.87365244",
        }
    ],
    "greek": [
        {"underlying": "BTCUSDT", "delta": "-0.5", "theta": "12.5", "gamma": "0", "vega": "-3"}
    ],
    "time": 1762843368098,
    "canTrade": True,
    "canDeposit": True,
    "canWithdraw": True,
    "reduceOnly": False,
    "tradeGroupId": -1,
}


def ok(body: object, **headers: str) -> web.Response:
    """An answer of the venue."""
    return web.json_response(body, headers={"X-MBX-USED-WEIGHT-1M": "12", **headers})


def refusal(status: int, code: int, message: str, **headers: str) -> web.Response:
    """The venue's error."""
    return web.json_response({"code": code, "msg": message}, status=status, headers=headers)


@asynccontextmanager
async def scripted_binance(clock: HandClock) -> AsyncIterator[ScriptedBinance]:
    """A running `ScriptedBinance`."""
    venue = ScriptedBinance(clock)
    app = web.Application()
    app.router.add_route("*", "/eapi/v1/{name}", venue.rest)
    for path in ("/public/stream", "/market/stream", "/private/ws/{key}"):
        app.router.add_get(path, venue.stream)
    runner = web.AppRunner(app, shutdown_timeout=0.2)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    host, port = runner.addresses[0][:2]
    venue.base = f"http://{host}:{port}"
    try:
        yield venue
    finally:
        for socket in tuple(venue.open):
            await socket.link.close()
        await runner.cleanup()


class Reader:
    """Reads a feed in the background and keeps what came; `may_read` unset makes it slow."""

    def __init__(
        self, feed: MarketFeed | AccountFeed, decode: Callable[[RawFrame], tuple[object, ...]]
    ) -> None:
        self._feed = feed
        self._decode = decode
        self.frames: list[RawFrame] = []
        self.may_read = asyncio.Event()
        self.may_read.set()

    async def read(self) -> None:
        async with aclosing(self._feed.frames()) as frames:  # type: ignore[type-var]
            async for frame in frames:
                self.frames.append(frame)
                await self.may_read.wait()

    def of_type(self, kind: type[Any]) -> list[Any]:
        """Events of `kind` so far."""
        return [e for f in self.frames for e in self._decode(f) if isinstance(e, kind)]


@asynccontextmanager
async def reading(
    feed: MarketFeed | AccountFeed, decode: Callable[[RawFrame], tuple[object, ...]]
) -> AsyncIterator[Reader]:
    """A reader of `feed`; the feed is closed and what it raised is raised when the block ends."""
    reader = Reader(feed, decode)
    task = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    try:
        yield reader
    finally:
        await feed.close()
        await task
