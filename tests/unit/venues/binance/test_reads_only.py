"""The adapter reads: nothing in it can send, change or cancel an order or move money."""

from __future__ import annotations

import re
from pathlib import Path

import quantdesk.venues.binance

SOURCES = sorted(Path(quantdesk.venues.binance.__file__).parent.glob("*.py"))
ACTING = re.compile(
    r"""["'/](order|batchOrders|allOpenOrders\w*|countdownCancelAll\w*|mmpSet|mmpReset"""
    r"""|block/order/\w+|transfer|stock/contract)["']"""
)


def test_no_acting_endpoint_is_named() -> None:
    assert len(SOURCES) > 20
    found = [
        (path.name, match[0])
        for path in SOURCES
        for match in ACTING.finditer(path.read_text(encoding="utf-8"))
    ]
    assert found == []


def test_pattern_knows_an_acting_endpoint() -> None:
    assert ACTING.search('ask("order", {})')
    assert ACTING.search("'/eapi/v1/batchOrders'")
    assert not ACTING.search('ask_privately("openOrders")')
