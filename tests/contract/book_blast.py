"""An exchange of many order books that never rests: changes over a WebSocket, as fast as taken.

Runs as a process of its own. Answers what a Deribit feed asks; once books are subscribed it sends
`COUNT` changes made from a seed as it goes, and prints the books as they stand at the end.
Usage: `python book_blast.py COUNT SEED < instruments.json`; the first line it prints is its port.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import sys
from typing import Any

STAMP_MS = 1_782_552_300_000
LEVELS_MAX = 40
PER_PIECE = 128
ACCEPT_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3


class Books:
    """Books by name, one side a mapping of price to amount, and the message of each change."""

    def __init__(self, names: list[str], seed: int) -> None:
        self._rng = random.Random(seed)
        self._names = names
        self._ids = dict.fromkeys(names, 1_000)
        self.books: dict[str, dict[str, dict[float, float]]] = {
            name: {"bids": {0.05: 1.0}, "asks": {0.06: 1.0}} for name in names
        }

    def snapshot(self, name: str) -> str:
        """The whole book as the venue begins a subscription with it."""
        sides = {
            side: [["new", price, amount] for price, amount in levels.items()]
            for side, levels in self.books[name].items()
        }
        return _push(name, {"type": "snapshot", "change_id": self._ids[name], **sides})

    def change(self, number: int) -> str:
        """Move a book by one to three levels; the message that tells of it."""
        rng, name = self._rng, self._names[self._rng.randrange(len(self._names))]
        before, self._ids[name] = self._ids[name], self._ids[name] + rng.randrange(1, 9)
        sides: dict[str, list[list[Any]]] = {"bids": [], "asks": []}
        for place in rng.sample(range(2 * LEVELS_MAX), rng.randrange(1, 4)):
            side = "bids" if place < LEVELS_MAX else "asks"
            levels, step = self.books[name][side], place % LEVELS_MAX
            price = round(0.05 - step * 0.0005 if side == "bids" else 0.06 + step * 0.0005, 4)
            if price in levels and rng.random() < 0.3:
                del levels[price]
                sides[side].append(["delete", price, 0.0])
                continue
            action = "change" if price in levels else "new"
            levels[price] = rng.randrange(1, 900) / 10
            sides[side].append([action, price, levels[price]])
        ids = {"prev_change_id": before, "change_id": self._ids[name]}
        return _push(name, {"type": "change", **ids, **sides}, STAMP_MS + number // 5)


def _push(name: str, data: dict[str, Any], stamp_ms: int = STAMP_MS) -> str:
    data = {"timestamp": stamp_ms, "instrument_name": name, **data}
    params = {"channel": f"book.{name}.100ms", "data": data}
    body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
    return json.dumps(body, separators=(",", ":"))


class Exchange:
    """Speaks to one feed, from its first question to the last change."""

    def __init__(self, instruments: list[Any], count: int, seed: int) -> None:
        self._instruments = instruments
        self._count = count
        self._books = Books(sorted(each["instrument_name"] for each in instruments), seed)
        self._blasting: asyncio.Task[None] | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from handshake to end."""
        try:
            writer.write(handshake(await reader.readuntil(b"\r\n\r\n")))
            while True:
                self._answer(json.loads(await read_text(reader)), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    def _answer(self, asked: dict[str, Any], writer: asyncio.StreamWriter) -> None:
        channels = asked["params"].get("channels", [])
        results = {
            "public/get_instruments": self._instruments,
            "public/get_time": STAMP_MS,
            "public/subscribe": channels,
            "public/unsubscribe": channels,
        }
        body = {"jsonrpc": "2.0", "id": asked["id"], "result": results.get(asked["method"], "ok")}
        writer.write(text_frame(json.dumps(body, separators=(",", ":"))))
        if self._blasting is None and any(channel.startswith("book.") for channel in channels):
            self._blasting = asyncio.create_task(self._blast(writer))

    async def _blast(self, writer: asyncio.StreamWriter) -> None:
        books = self._books
        writer.write(b"".join(text_frame(books.snapshot(name)) for name in books.books))
        for first in range(0, self._count, PER_PIECE):
            numbers = range(first, min(first + PER_PIECE, self._count))
            writer.write(b"".join(text_frame(books.change(number)) for number in numbers))
            await writer.drain()
            await asyncio.sleep(0)
        levels = {
            name: {side: sorted(levels.items()) for side, levels in book.items()}
            for name, book in books.books.items()
        }
        print(json.dumps(levels), flush=True)


def text_frame(text: str) -> bytes:
    """An unmasked text frame (RFC 6455, section 5.2)."""
    payload = text.encode()
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    if size < 65_536:
        return bytes([0x81, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x81, 127]) + size.to_bytes(8, "big") + payload


def handshake(head: bytes) -> bytes:
    """The answer to an upgrade request (RFC 6455, section 1.3)."""
    lines = (line.partition(b":") for line in head.split(b"\r\n"))
    key = next(value.strip() for name, _, value in lines if name.lower() == b"sec-websocket-key")
    accept = base64.b64encode(hashlib.sha1(key + ACCEPT_KEY, usedforsecurity=False).digest())
    return (
        b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
    )


async def read_text(reader: asyncio.StreamReader) -> bytes:
    """The next text of the client, which masks what it sends; other frames are passed over."""
    while True:
        first, second = await reader.readexactly(2)
        size = second & 0x7F
        if size >= 126:
            size = int.from_bytes(await reader.readexactly(2 if size == 126 else 8), "big")
        mask = await reader.readexactly(4)
        masked = await reader.readexactly(size)
        if first & 0x0F == 8:
            raise ConnectionResetError("the client said farewell")
        if first & 0x0F == 1:
            return bytes(byte ^ mask[n % 4] for n, byte in enumerate(masked))


async def main() -> None:
    """Serve until standard input's other end is gone."""
    exchange = Exchange(json.loads(sys.stdin.readline()), int(sys.argv[1]), int(sys.argv[2]))
    listening = await asyncio.start_server(exchange.serve, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    async with listening:
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
