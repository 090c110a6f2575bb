"""From frames to a chain: the parts that Binance sends make whole, valued rows."""

from __future__ import annotations

import json
from decimal import Decimal
from itertools import product

import numpy as np
from numpy.testing import assert_allclose

from quantdesk import pricing
from quantdesk.market.state import MarketState
from quantdesk.venues.binance import events_of

from .payloads import ASKED_MS, exchange_info, frame, rest, symbol_record

INDEX = 90_000.0
EXPIRY_MS = 1_766_131_200_000
STRIKES = (85_000, 88_000, 90_000, 92_000, 95_000)


def price(kind: str, strike: float, vol: float) -> float:
    years = (EXPIRY_MS - ASKED_MS) / (365 * 86_400_000)
    return float(pricing.price(kind == "C", INDEX, strike, years, vol))


def mark_record(kind: str, strike: int) -> dict[str, object]:
    """One option in the shape of the captured mark prices, worth its Black-76 price at 50 %."""
    bid, mark, ask = (f"{price(kind, strike, vol):.6f}" for vol in (0.49, 0.5, 0.51))
    return {
        "s": f"BTC-251219-{strike}-{kind}",
        "mp": mark,
        "E": ASKED_MS,
        "e": "markPrice",
        "i": str(INDEX),
        "P": "0.0000",
        "bo": bid,
        "ao": ask,
        "bq": "5.00",
        "aq": "3.50",
        "b": "0.49",
        "a": "0.51",
        "hl": "9000",
        "ll": "5",
        "vo": "0.5",
        "rf": "0.0",
        "d": "0.5",
        "t": "-0.05",
        "g": "0.002",
        "v": "0.15",
    }


def test_list_and_mark_prices_make_a_valued_chain() -> None:
    rows = list(product(STRIKES, "CP"))
    listing = exchange_info(*(symbol_record(f"BTC-251219-{k}-{kind}") for k, kind in rows))
    push = {
        "stream": "btcusdt@optionMarkPrice",
        "data": [mark_record(kind, strike) for strike, kind in rows],
    }
    market = MarketState()
    for payload in (
        rest("exchangeInfo", listing, coins=("BTC",)),
        json.dumps(push, separators=(",", ":")).encode(),
        b'{"stream":"btcusdt@openInterest@251219","data":[{"e":"openInterest","E":%d,'
        b'"s":"BTC-251219-85000-C","o":"12.5","h":"1.0"}]}' % ASKED_MS,
    ):
        for event in events_of(frame(payload)):
            market.apply(event)
    reading = market.read_book("binance", "BTC")
    assert reading is not None
    assert market.counters.total() == 0
    chain, values = reading.chain, reading.values
    assert len(chain) == len(rows)
    assert not chain.is_inverse.any()
    assert reading.index_price == INDEX
    # Binance names no forward: parity of the quotes finds it.
    assert reading.forwards[0].source.startswith("parity")
    assert_allclose(values.mark_iv, 0.5, rtol=1e-4)
    assert_allclose(values.bid_iv, 0.49, rtol=1e-4)
    assert_allclose(values.ask_iv, 0.51, rtol=1e-4)
    assert_allclose(chain.bid_size, 5.0)
    assert chain.open_interest[0] == 12.5
    assert np.isnan(chain.open_interest[1:]).all()
    assert {instrument.contract_size for instrument in chain.instruments} == {Decimal(1)}
