"""Forwards of a recorded chain lie within what its pairs allow, and carry a basis."""

from __future__ import annotations

from quantdesk.market.forward_curve import forward_curve
from quantdesk.runtime.surfaces import read_chain
from tests.unit.surface.chains import FIXTURES


def test_recorded_forwards_lie_within_their_boxes() -> None:
    chain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    forwards = {each.expiry_ns: each.forward for each in chain.expiries}
    points = forward_curve(
        chain.chain, forwards, as_of_ns=chain.as_of_ns, index_price=chain.index_price
    )
    assert [point.expiry_ns for point in points] == sorted(forwards)
    boxed = [point for point in points if point.pairs]
    assert boxed
    for point in boxed:
        assert point.low is not None
        assert point.high is not None
        assert point.low < point.high
        assert point.is_consistent
        assert point.basis is not None
        assert abs(point.basis) < 0.3


def test_without_forwards_and_index_nothing_is_made_up() -> None:
    chain = read_chain(FIXTURES / "eth_2026-01-31_quotes.csv", None, None)
    points = forward_curve(chain.chain, {}, as_of_ns=chain.as_of_ns, index_price=None)
    assert all(point.price is None and point.basis is None for point in points)
    assert all(point.is_consistent is None for point in points)
