"""Captured Binance payloads, and those written after its documents where no capture exists."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from quantdesk.domain.events import RawFrame
from quantdesk.venues.binance.envelope import envelop

FIXTURES = Path(__file__).parents[3] / "fixtures" / "binance"
RECV_NS = 1_765_983_430_000_000_000
ASKED_MS = 1_765_983_429_000

STREAMS = (FIXTURES / "ws_streams_2025-12-17.jsonl").read_bytes().splitlines()
RETIRED = (FIXTURES / "ws_retired_2023-10-01.jsonl").read_bytes().splitlines()
_CASES = [
    json.loads(line) for line in (FIXTURES / "rest_and_ws_2024.jsonl").read_bytes().splitlines()
]
CAPTURED = {(case["service"], case["case"]): case["payload"] for case in _CASES}

SYMBOLS = (
    "BTC-251218-89000-P",
    "BTC-251219-89000-C",
    "ETH-251218-3100-C",
    "ETH-251219-3100-C",
)
"""The options of the stream captures on the two coins that the desk follows."""

# After the documents: how the venue lists an option today. The record of 2024 lacks `status` and
# has fees, which are gone.
_LAW = {
    "unit": 1,
    "liquidationFeeRate": "0.0019000",
    "minQty": "0.01",
    "maxQty": "100",
    "initialMargin": "0.15",
    "maintenanceMargin": "0.075",
    "minInitialMargin": "0.1",
    "minMaintenanceMargin": "0.05",
    "priceScale": 2,
    "quantityScale": 2,
    "quoteAsset": "USDT",
    "status": "TRADING",
    "contractType": "OPTION",
    "underlyingType": "COIN",
    "nakedSell": True,
}
_EXPIRY_MS = {"251218": 1_766_044_800_000, "251219": 1_766_131_200_000}


def symbol_record(symbol: str, **changes: Any) -> dict[str, Any]:
    """The record of `symbol` in exchangeInfo."""
    coin, day, strike, side = symbol.split("-")
    tick = "5.000" if coin == "BTC" else "0.2000"
    return {
        "expiryDate": _EXPIRY_MS[day],
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": tick,
                "maxPrice": "80000.01",
                "tickSize": tick,
            },
            {"filterType": "LOT_SIZE", "minQty": "0.01", "maxQty": "100", "stepSize": "0.01"},
        ],
        "symbol": symbol,
        "side": "CALL" if side == "C" else "PUT",
        "strikePrice": strike,
        "underlying": f"{coin}USDT",
        **_LAW,
        **changes,
    }


def exchange_info(*records: dict[str, Any], server_ms: int = ASKED_MS) -> dict[str, Any]:
    """GET /exchangeInfo with `records`; without any, with those of SYMBOLS."""
    return {
        "timezone": "UTC",
        "serverTime": server_ms,
        "optionContracts": [
            {
                "baseAsset": coin,
                "quoteAsset": "USDT",
                "underlying": f"{coin}USDT",
                "settleAsset": "USDT",
            }
            for coin in ("BTC", "ETH", "XRP")
        ],
        "optionAssets": [{"name": "USDT"}],
        "optionSymbols": list(records) or [symbol_record(symbol) for symbol in SYMBOLS],
        "rateLimits": [
            {
                "rateLimitType": "REQUEST_WEIGHT",
                "interval": "MINUTE",
                "intervalNum": 1,
                "limit": 2400,
            }
        ],
    }


# After the documents; none of these was captured.
INDEX_PUSH = (
    b'{"stream":"!index@arr","data":[{"e":"indexPrice","E":1763092572229,"s":"ETHUSDT",'
    b'"p":"3224.51976744"},{"e":"indexPrice","E":1763092572229,"s":"BTCUSDT",'
    b'"p":"99102.32326087"}]}'
)
NEW_SYMBOL_PUSH = (
    b'{"stream":"!optionSymbol","data":{"e":"optionSymbol","E":1669356423908,'
    b'"s":"BTC-250926-140000-C","ps":"BTCUSDT","qa":"USDT","d":"CALL","sp":"21000",'
    b'"dt":4133404800000,"u":1,"ot":1569398400000,"cs":"TRADING"}}'
)
TICKERS_PUSH = (
    b'{"stream":"ethusdt@optionTicker@251226","data":[{"e":"24hrTicker","E":1764080707933,'
    b'"s":"ETH-251226-3000-C","p":"0.0000","P":"0.00","w":"200.0000","c":"200.0000",'
    b'"Q":"1.0000","o":"200.0000","h":"200.0000","l":"200.0000","v":"9.0000","q":"1800.0000",'
    b'"O":1764051060000,"C":1764080707933,"F":1,"L":22,"n":9}]}'
)


def depth_push(
    first_id: int, last_id: int, previous_id: int, *, symbol: str = SYMBOLS[3], speed: str = "100ms"
) -> bytes:
    """A change of a book, in the shape that the captured partial depth has."""
    data = {
        "e": "depthUpdate",
        "E": 1765983419936,
        "T": 1765983419928,
        "s": symbol,
        "U": first_id,
        "u": last_id,
        "pu": previous_id,
        "b": [["16.6000", "150.23"], ["16.4000", "0.00"]],
        "a": [["18.8000", "70.00"]],
    }
    return json.dumps({"stream": f"{symbol.lower()}@depth@{speed}", "data": data}).encode()


def rest(
    name: str,
    body: object,
    *,
    query: str = "",
    status: int = 200,
    asked_ms: int | None = ASKED_MS,
    coins: tuple[str, ...] = ("BTC", "ETH"),
    method: str = "GET",
) -> bytes:
    """The payload of a frame of the answer `body` (JSON value or bytes) to `/eapi/v1/<name>`."""
    raw = body if isinstance(body, bytes) else json.dumps(body, separators=(",", ":")).encode()
    return envelop(
        method=method,
        path=f"/eapi/v1/{name}",
        query=query,
        status=status,
        asked_ms=asked_ms,
        body=raw,
        coins=coins,
    )


def frame(payload: bytes) -> RawFrame:
    """A raw frame of `payload`."""
    return RawFrame(venue="binance", connection="binance", recv_ns=RECV_NS, payload=payload)
