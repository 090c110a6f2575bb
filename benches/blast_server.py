"""A WebSocket server of one question: how fast can the other end take what is ready to be sent?

Runs as a process of its own, so that sending costs the receiver's core nothing. It writes frames
that were made before anyone connected, in large pieces. To a client that says `blast` it sends them
at once; to a Deribit feed it first answers what a feed asks, and begins when its books are
subscribed. Prints its port. Usage: `python blast_server.py FRAMES < records.json`.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
import random
import sys
from typing import Any

ACCEPT_KEY = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"  # RFC 6455, section 1.3
STAMP_MS = 1_782_552_300_000
LEVELS = 20
PIECE_BYTES = 64 * 1024


def text_frame(payload: bytes) -> bytes:
    """An unmasked text frame."""
    size = len(payload)
    if size < 126:
        return bytes([0x81, size]) + payload
    if size < 65_536:
        return bytes([0x81, 126]) + size.to_bytes(2, "big") + payload
    return bytes([0x81, 127]) + size.to_bytes(8, "big") + payload


def push(channel: str, data: object) -> bytes:
    params = {"channel": channel, "data": data}
    body = {"jsonrpc": "2.0", "method": "subscription", "params": params}
    return text_frame(json.dumps(body, separators=(",", ":")).encode())


class Market:
    """Books of the given instruments, moved at random but the same each time."""

    def __init__(self, names: list[str], tickers: dict[str, Any], frames: int) -> None:
        rng = random.Random(1)
        ids = dict.fromkeys(names, 1_000)
        self.snapshots = b"".join(self._snapshot(name) for name in names)
        blast = []
        for number in range(frames):
            name = names[rng.randrange(len(names))]
            if number % 3 == 2:
                data = {**tickers[name], "timestamp": STAMP_MS + number}
                blast.append(push(f"ticker.{name}.100ms", data))
                continue
            before, ids[name] = ids[name], ids[name] + rng.randrange(1, 9)
            blast.append(self._change(name, before, ids[name], rng, STAMP_MS + number))
        self.blast = b"".join(blast)

    def _snapshot(self, name: str) -> bytes:
        data = {
            "type": "snapshot",
            "timestamp": STAMP_MS,
            "instrument_name": name,
            "change_id": 1_000,
            "bids": [["new", round(0.05 - n * 0.0005, 4), 5.0 + n] for n in range(LEVELS)],
            "asks": [["new", round(0.06 + n * 0.0005, 4), 5.0 + n] for n in range(LEVELS)],
        }
        return push(f"book.{name}.100ms", data)

    def _change(self, name: str, before: int, now: int, rng: random.Random, stamp_ms: int) -> bytes:
        """Two levels: one side's amounts, as most changes of real books are."""
        steps = rng.sample(range(LEVELS), 2)
        bids = [["change", round(0.05 - n * 0.0005, 4), rng.randrange(1, 90) / 10] for n in steps]
        data = {
            "type": "change",
            "timestamp": stamp_ms,
            "instrument_name": name,
            "prev_change_id": before,
            "change_id": now,
            "bids": bids,
            "asks": [],
        }
        return push(f"book.{name}.100ms", data)


class OptionsMarket:
    """The same for Binance: best prices and changes of books of the given symbols."""

    def __init__(self, symbols: list[str], frames: int) -> None:
        rng = random.Random(1)
        ids = dict.fromkeys(symbols, 1_000)
        self.snapshots = b""
        blast = []
        for number in range(frames):
            symbol = symbols[rng.randrange(len(symbols))]
            stamp_ms = STAMP_MS + number
            if number % 3 == 2:
                blast.append(self._top(symbol, number, rng, stamp_ms))
                continue
            before, ids[symbol] = ids[symbol], ids[symbol] + rng.randrange(1, 9)
            blast.append(self._change(symbol, before, ids[symbol], rng, stamp_ms))
        self.blast = b"".join(blast)

    def _top(self, symbol: str, number: int, rng: random.Random, stamp_ms: int) -> bytes:
        data = {
            "e": "bookTicker",
            "u": number,
            "s": symbol,
            "b": f"{3_000 - 5 * rng.randrange(4)}.000",
            "B": f"{rng.randrange(1, 900) / 100:.2f}",
            "a": f"{3_050 + 5 * rng.randrange(4)}.000",
            "A": f"{rng.randrange(1, 900) / 100:.2f}",
            "T": stamp_ms,
            "E": stamp_ms,
        }
        return self._push(f"{symbol.lower()}@bookTicker", data)

    def _change(
        self, symbol: str, before: int, now: int, rng: random.Random, stamp_ms: int
    ) -> bytes:
        steps = rng.sample(range(LEVELS), 2)
        bids = [[f"{3_000 - 5 * n}.000", f"{rng.randrange(1, 900) / 100:.2f}"] for n in steps]
        data = {
            "e": "depthUpdate",
            "E": stamp_ms,
            "T": stamp_ms,
            "s": symbol,
            "U": before + 1,
            "u": now,
            "pu": before,
            "b": bids,
            "a": [],
        }
        return self._push(f"{symbol.lower()}@depth@100ms", data)

    def _push(self, stream: str, data: object) -> bytes:
        body = {"stream": stream, "data": data}
        return text_frame(json.dumps(body, separators=(",", ":")).encode())


class Server:
    """Speaks to one client at a time."""

    def __init__(self, market: Market | OptionsMarket, instruments: list[Any]) -> None:
        self._market = market
        self._instruments = instruments

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """One connection from handshake to end."""
        try:
            head = await reader.readuntil(b"\r\n\r\n")
            writer.write(handshake(head))
            while True:
                await self._answer(await read_text(reader), writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            writer.close()

    async def _answer(self, text: bytes, writer: asyncio.StreamWriter) -> None:
        if text == b"blast":
            await self._blast(writer)
            return
        request = json.loads(text)
        if request["method"] == "SUBSCRIBE":
            body = {"result": None, "id": request["id"]}
            writer.write(text_frame(json.dumps(body, separators=(",", ":")).encode()))
            await self._blast(writer)
            return
        method, channels = request["method"], request["params"].get("channels", [])
        results: dict[str, Any] = {
            "public/get_instruments": self._instruments,
            "public/get_time": STAMP_MS,
            "public/subscribe": channels,
        }
        body = {"jsonrpc": "2.0", "id": request["id"], "result": results.get(method, "ok")}
        writer.write(text_frame(json.dumps(body, separators=(",", ":")).encode()))
        if any(channel.startswith("book.") for channel in channels):
            await self._blast(writer)

    async def _blast(self, writer: asyncio.StreamWriter) -> None:
        writer.write(self._market.snapshots)
        for at in range(0, len(self._market.blast), PIECE_BYTES):
            writer.write(self._market.blast[at : at + PIECE_BYTES])
            await writer.drain()


def handshake(head: bytes) -> bytes:
    """The answer to an upgrade request."""
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
    given = json.loads(sys.stdin.readline())
    instruments, tickers = given["instruments"], given["tickers"]
    names = sorted(tickers)
    market: Market | OptionsMarket
    if given.get("symbols"):
        market = OptionsMarket(given["symbols"], int(sys.argv[1]))
    else:
        market = Market(names, tickers, int(sys.argv[1]))
    server = Server(market, [i for i in instruments if i["instrument_name"] in tickers])
    listening = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    print(listening.sockets[0].getsockname()[1], flush=True)
    async with listening:
        await asyncio.to_thread(sys.stdin.readline)


if __name__ == "__main__":
    asyncio.run(main())
