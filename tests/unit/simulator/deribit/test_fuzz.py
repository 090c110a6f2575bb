"""Any parameters to any method: a result or a refusal that can be sent, and never an exception."""

from __future__ import annotations

import json
from typing import Any, get_type_hints

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantdesk.runtime.clock import ManualClock
from quantdesk.simulator import SimulatedVenue, load_sample
from quantdesk.simulator.deribit.accounts import draw_accounts
from quantdesk.simulator.deribit.dispatch import METHODS, Origin, answer
from quantdesk.simulator.deribit.face import DeribitFace
from quantdesk.simulator.deribit.refusals import Refusal
from quantdesk.simulator.deribit.rpc import Request, encode_answer
from quantdesk.simulator.deribit.tokens import Grant

IN_PROCESS = sorted(name for name, method in METHODS.items() if not method.needs_socket)

SENSIBLE: dict[str, list[object]] = {
    "instrument_name": ["BTC-25SEP26-60000-C", "BTC-PERPETUAL", "BTC-3JUL26", "BTC-1JAN20-1-C"],
    "currency": ["BTC", "ETH", "any", "USDC", "DOGE", ["BTC"]],
    "kind": ["option", "future", "any", "spot", "warrant"],
    "index_name": ["btc_usd", "eth_usd"],
    "currency_pair": ["btc_usd"],
    "order_id": ["BTC-104800000001", "BTC-104800003119", "x"],
    "ids": [["BTC-104800003119"], []],
    "type": ["limit", "market", "market_limit", "all", "stop_limit", "delivery"],
    "price": [0.02, 0.12, 60_000.0, 60_000, 0.0001],
    "amount": [1, 0.1, 100, 10, 1000],
    "contracts": [1, 10],
    "time_in_force": ["good_til_cancelled", "good_til_day", "immediate_or_cancel", "fill_or_kill"],
    "resolution": ["1", "60", "1D", 60],
    "range": ["1h", "all"],
    "length": ["8h", "1m"],
    "depth": [1, 5, 10_000],
    "sorting": ["asc", "desc", "default"],
    "scope": ["account", "trade:read session:x expires:5"],
    "grant_type": ["client_credentials", "client_signature", "refresh_token"],
    "mode": ["reject_taker", "cancel_maker"],
    "simulated_positions": [{"BTC-PERPETUAL": 1.5}, {"BTC-25SEP26-60000-C": -2}, {"x": 1}],
    "timestamp": [1_700_000_000_000, "1700000000000"],
}

HOSTILE: list[object] = [
    None, True, False, 0, -1, 1, 2**31, 2**53, 2**62, -(2**62), 2**70, 10**400, 0.5, -0.0, 1e-300,
    1e300, "", "x", "é\ud800".encode("utf-8", "replace").decode(), "1e999999", "-1e999999",
    "NaN", "sNaN", "Infinity", "0x10", "9" * 5_000, "a.b.c", "\x00", [], [None], [[]], {}, {"a": 1},
    {"BTC-PERPETUAL": "sNaN"}, {"BTC-PERPETUAL": "1e999999"},
]  # fmt: skip


class _House:
    """One face for all examples: what an example leaves behind is part of the next one's world."""

    def __init__(self) -> None:
        sample = load_sample("btc-2026-06-27")
        venue = SimulatedVenue(sample, clock=ManualClock(0))
        self.face = DeribitFace(venue, draw_accounts(0, [sample.underlying]))
        grant = Grant(
            account=self.face.accounts[0],
            rights=dict.fromkeys(("account", "trade", "wallet"), "read_write"),
            connection="",
            session="",
            expires_ns=2**62,
            life_s=900,
        )
        self.origin = Origin(grant=grant, address="127.0.0.1")


@pytest.fixture(scope="module")
def house() -> _House:
    return _House()


def fields_of(name: str) -> list[str]:
    return sorted(get_type_hints(METHODS[name].params))


@st.composite
def requests(draw: st.DrawFn) -> Request:
    """A method with some of its own parameters, sensible or hostile."""
    name = draw(st.sampled_from(IN_PROCESS))
    params: dict[str, Any] = {}
    for field in fields_of(name):
        choice = draw(st.integers(0, 9))
        if choice == 0:
            continue
        sensible = SENSIBLE.get(field, [])
        if choice < 7 and sensible:
            params[field] = draw(st.sampled_from(sensible))
        elif choice < 5:
            stamps = st.integers(0, 2 * 10**12)
            params[field] = draw(stamps if "timestamp" in field else st.integers(0, 50))
        elif choice < 9:
            params[field] = draw(st.sampled_from(HOSTILE))
    is_query = draw(st.booleans())
    if is_query:
        params = {
            key: value if isinstance(value, str) else json.dumps(value)
            for key, value in params.items()
        }
    return Request(method=name, params=params, is_query=is_query)


@settings(max_examples=2_000, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(request=requests())
def test_any_request_is_answered(house: _House, request: Request) -> None:
    outcome = answer(request, house.face, house.origin)
    sent = encode_answer(outcome, request_id=1, received_ns=0, sent_ns=0, is_testnet=True)
    told = msgspec.json.decode(sent)
    assert ("error" in told) is isinstance(outcome, Refusal)
    assert house.face.exchange.ledger.total("BTC") == 0


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "field", ["amount", "contracts", "price", "valid_until", "label", "post_only", "type"]
)
def test_one_hostile_field_of_a_good_order_is_answered(
    house: _House, field: str, hostile: object
) -> None:
    good = {"instrument_name": "BTC-PERPETUAL", "amount": 10, "contracts": 1, "price": 60_000.0}
    for method in ("buy", "edit", "close_position", "get_margins"):
        params = {**good, "order_id": "BTC-104800000001", "type": "limit", field: hostile}
        outcome = answer(
            Request(method=f"private/{method}", params=params), house.face, house.origin
        )
        encode_answer(outcome, request_id=1, received_ns=0, sent_ns=0, is_testnet=True)


def test_methods_of_every_area_are_among_them() -> None:
    areas = {METHODS[name].area for name in IN_PROCESS}
    assert areas == {"", "account", "trade", "wallet"}
    assert len(IN_PROCESS) > 70
