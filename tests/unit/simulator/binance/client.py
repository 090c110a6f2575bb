"""A Binance client for tests: aiohttp for REST, `websockets` for streams; no venue code of ours."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlencode

import aiohttp
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect

from quantdesk.simulator.binance.accounts import ApiAccount
from quantdesk.simulator.binance.server import BinanceServer

TIMEOUT_S = 10.0


class Answer:
    """Status, headers and JSON of an answer."""

    def __init__(self, status: int, headers: dict[str, str], body: Any) -> None:
        self.status, self.headers, self.body = status, headers, body


class Client:
    """REST of one account; signs with the venue's time unless told otherwise."""

    def __init__(
        self, session: aiohttp.ClientSession, server: BinanceServer, account: ApiAccount
    ) -> None:
        self._session = session
        self.server = server
        self.account = account

    async def send(
        self, method: str, path: str, query: str = "", *, key: str | None = None, body: str = ""
    ) -> Answer:
        """A request of exactly these bytes."""
        from yarl import URL

        url = f"{self.server.rest_url}/eapi/v1{path}" + (f"?{query}" if query else "")
        headers = {} if key is None else {"X-MBX-APIKEY": key}
        if body:
            headers["Content-Type"] = "application/x-www-form-urlencoded"
        async with asyncio.timeout(TIMEOUT_S):
            async with self._session.request(
                method, URL(url, encoded=True), headers=headers, data=body or None
            ) as response:
                return Answer(
                    response.status, dict(response.headers), json.loads(await response.text())
                )

    async def public(self, path: str, **params: object) -> Any:
        """The body of a public GET; fails the test where it is refused."""
        answer = await self.send("GET", path, urlencode(params))
        assert answer.status == 200, answer.body
        return answer.body

    async def signed(self, method: str, path: str, **params: object) -> Answer:
        """A signed request, parameters in the query."""
        stamp = self.server.venue.now_ns() // 1_000_000
        query = urlencode({"timestamp": stamp, **params})
        return await self.send(
            method, path, f"{query}&signature={self.sign(query)}", key=self.account.api_key
        )

    def sign(self, payload: str) -> str:
        """HMAC-SHA256 of `payload` with the account's secret."""
        secret = self.account.api_secret.encode()
        return hmac.new(secret, payload.encode(), hashlib.sha256).hexdigest()

    async def ok(self, method: str, path: str, **params: object) -> Any:
        """The body of a signed request; fails the test where it is refused."""
        answer = await self.signed(method, path, **params)
        assert answer.status == 200, answer.body
        return answer.body

    async def error(self, method: str, path: str, **params: object) -> tuple[int, int]:
        """(HTTP status, code) of a signed request that is refused."""
        answer = await self.signed(method, path, **params)
        assert set(answer.body) == {"code", "msg"}, answer.body
        return answer.status, answer.body["code"]

    async def order(self, symbol: str, side: str, quantity: str, price: str, **more: object) -> Any:
        """A limit order that shows its result."""
        return await self.ok(
            "POST",
            "/order",
            symbol=symbol,
            side=side,
            type="LIMIT",
            quantity=quantity,
            price=price,
            newOrderRespType="RESULT",
            **more,
        )

    async def best(self, symbol: str) -> tuple[str, str]:
        """Best bid and ask."""
        book = await self.public("/depth", symbol=symbol, limit=10)
        return book["bids"][0][0], book["asks"][0][0]


@asynccontextmanager
async def connect(server: BinanceServer, account: ApiAccount) -> AsyncIterator[Client]:
    """A client of one account."""
    async with aiohttp.ClientSession() as session:
        yield Client(session, server, account)


class Streams:
    """One stream connection."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self._count = 0

    async def receive(self) -> Any:
        """The next message. Raises TimeoutError."""
        async with asyncio.timeout(TIMEOUT_S):
            return json.loads(await self.socket.recv())

    async def request(self, method: str, *params: object) -> Any:
        """The answer to a control message."""
        self._count += 1
        message = {"method": method, "params": list(params), "id": self._count}
        await self.socket.send(json.dumps(message))
        return await self.receive()

    async def settle(self) -> None:
        """Wait until the server has read what was sent before, its own handshake included."""
        await (await self.socket.ping())

    async def waiting(self) -> list[Any]:
        """Messages that were sent before the answer to a request that is made now."""
        await self.socket.send('{"method":"LIST_SUBSCRIPTIONS","id":0}')
        found = []
        while "result" not in (message := await self.receive()):
            found.append(message)
        return found


@asynccontextmanager
async def listen(server: BinanceServer, path: str) -> AsyncIterator[Streams]:
    """A connection to `path`, "/public/ws/btc-…@bookTicker"."""
    async with ws_connect(f"{server.ws_url}{path}") as socket:
        yield Streams(socket)
