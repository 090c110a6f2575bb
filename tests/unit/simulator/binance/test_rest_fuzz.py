"""Whatever is sent, the REST side answers in JSON and keeps its books; nothing is raised."""

from __future__ import annotations

import json
from typing import Any
from urllib.parse import quote

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import Sample, SimulatedVenue
from quantdesk.simulator.binance.accounts import draw_accounts
from quantdesk.simulator.binance.floor import BinanceFloor
from quantdesk.simulator.binance.limits import Limits
from quantdesk.simulator.binance.listen_keys import ListenKeys
from quantdesk.simulator.binance.rest import ROUTES, RawRequest, RestFace
from quantdesk.simulator.binance.signing import sign
from tests.unit.simulator.conftest import MACHINE_START_NS

NAMES = [
    "symbol",
    "side",
    "type",
    "quantity",
    "price",
    "timeInForce",
    "reduceOnly",
    "postOnly",
    "newOrderRespType",
    "clientOrderId",
    "isMmp",
    "selfTradePreventionMode",
    "orderId",
    "orderIds",
    "clientOrderIds",
    "orders",
    "limit",
    "startTime",
    "endTime",
    "fromId",
    "recordId",
    "underlying",
    "underlyingAsset",
    "expiration",
    "interval",
    "currency",
]
WORDS = [
    "BTC-260925-60000-C",
    "BTCUSDT",
    "BTC",
    "USDT",
    "BUY",
    "SELL",
    "LIMIT",
    "GTC",
    "IOC",
    "FOK",
    "GTX",
    "true",
    "false",
    "RESULT",
    "ACK",
    "EXPIRE_BOTH",
    "NONE",
    "0",
    "1",
    "0.1",
    "5",
    "4000",
    "5455",
    "6000",
    "200",
    "1m",
    "260925",
    "[1]",
    "[]",
    "[{}]",
    "[[1]]",
    "-1",
    "1e5",
    "NaN",
    "4611875134427365377",
    "99999999999999999999",
    '{"a":1}',
    '["a"]',
]
ORDER = {
    "symbol": "BTC-260925-60000-C",
    "side": "BUY",
    "type": "LIMIT",
    "quantity": "0.1",
    "price": "6000",
}
VALUES = st.sampled_from(WORDS) | st.text(max_size=20)


class _Face:
    def __init__(self, sample: Sample) -> None:
        self.venue = SimulatedVenue(sample, clock=ManualClock(MACHINE_START_NS))
        (self.account,) = accounts = draw_accounts(0)
        self.floor = BinanceFloor(self.venue, accounts)
        # Room for every example: the limits are for another test.
        limits = Limits(weight_per_minute=10**9)
        self.rest = RestFace(self.floor, accounts, ListenKeys(0), limits)


@pytest.fixture(scope="module")
def face(btc: Sample) -> _Face:
    return _Face(btc)


@settings(
    max_examples=400, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    route=st.sampled_from(sorted(ROUTES)),
    base=st.sampled_from([{}, ORDER]),
    params=st.dictionaries(st.sampled_from(NAMES), VALUES, max_size=12),
)
def test_any_signed_parameters_get_an_answer(
    face: _Face, route: tuple[str, str], base: dict[str, str], params: dict[str, str]
) -> None:
    stamped = {**base, **params, "timestamp": str(face.venue.now_ns() // 1_000_000)}
    query = "&".join(f"{name}={quote(value, safe='')}" for name, value in stamped.items())
    signature = sign(face.account.api_secret, query)
    answer = face.rest.answer(
        RawRequest(
            method=route[0],
            path=route[1],
            query=f"{query}&signature={signature}",
            api_key=face.account.api_key,
        )
    )
    body = json.loads(answer.body)
    if answer.status != 200:
        assert set(body) == {"code", "msg"}
        assert body["code"] < 0
    assert face.floor.exchange.ledger.total("USDT") == 0
    face.floor.take_events()


@given(
    method=st.sampled_from(["GET", "POST", "PUT", "DELETE"]),
    path=st.sampled_from(sorted({path for _, path in ROUTES})) | st.text(max_size=10),
    query=st.text(max_size=80),
    body=st.text(max_size=80),
    api_key=st.none() | st.text(max_size=70),
)
@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_text_gets_an_answer(face: _Face, **raw: Any) -> None:
    answer = face.rest.answer(RawRequest(**raw))
    assert answer.status in (200, 400, 401, 404, 429)
    json.loads(answer.body)
