"""A Deribit client for tests on the independent `websockets` library. Shares nothing with ours."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as ws_connect

from quantdesk.simulator.deribit.accounts import ApiAccount

TIMEOUT_S = 10.0
Message = dict[str, Any]


class Client:
    """Requests with ids; notifications that arrive meanwhile are kept in order."""

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.waiting: list[Message] = []
        self._count = 0

    async def receive(self) -> Message:
        """The next message of any kind. Raises TimeoutError."""
        async with asyncio.timeout(TIMEOUT_S):
            message: Message = json.loads(await self.socket.recv())
        return message

    async def send_raw(self, payload: str | bytes) -> Message:
        """Send anything; the next message that is no notification."""
        await self.socket.send(payload)
        while True:
            message = await self.receive()
            if "method" not in message:
                return message
            self.waiting.append(message)

    async def request(self, method: str, request_id: object = None, **params: object) -> Message:
        """The whole answer to a request."""
        self._count += 1
        body = {
            "jsonrpc": "2.0",
            "id": f"{method}#{self._count}" if request_id is None else request_id,
            "method": method,
            "params": params,
        }
        return await self.send_raw(json.dumps(body))

    async def result(self, method: str, **params: object) -> Any:
        """The result; fails the test where there is an error instead."""
        answer = await self.request(method, **params)
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, method: str, **params: object) -> Message:
        """The error; fails the test where there is a result instead."""
        answer = await self.request(method, **params)
        assert "result" not in answer, answer
        error: Message = answer["error"]
        return error

    async def subscribe(self, *channels: str) -> list[str]:
        """Channels that were subscribed."""
        names: list[str] = await self.result("public/subscribe", channels=list(channels))
        return names

    async def notification(self) -> Message:
        """The next notification's params: channel and data."""
        message = self.waiting.pop(0) if self.waiting else await self.receive()
        assert message["method"] == "subscription", message
        params: Message = message["params"]
        return params

    async def notifications(self, count: int) -> list[Message]:
        """The next `count` of them."""
        return [await self.notification() for _ in range(count)]

    async def drain(self) -> list[Message]:
        """Params of all notifications sent before now: those ahead of the answer to a test."""
        await self.result("public/test")
        params = [message["params"] for message in self.waiting]
        self.waiting.clear()
        return params

    async def log_in(self, account: ApiAccount, **params: object) -> Message:
        """Authenticate by key and secret; the answer's result."""
        granted: Message = await self.result(
            "public/auth",
            grant_type="client_credentials",
            client_id=account.client_id,
            client_secret=account.client_secret,
            **params,
        )
        return granted

    async def order(self, side: str, name: str, **params: object) -> Message:
        """Buy or sell; the order of the answer, or the test fails."""
        told = await self.result(f"private/{side}", instrument_name=name, **params)
        order: Message = told["order"]
        return order


def channels_of(notifications: Iterable[Message]) -> list[str]:
    """Channel names, in order."""
    return [str(params["channel"]) for params in notifications]


@asynccontextmanager
async def connect(url: str) -> AsyncIterator[Client]:
    """A client on a fresh connection."""
    async with ws_connect(url, max_size=None, close_timeout=1.0) as socket:
        yield Client(socket)
