"""The desk believes no faulty stamp and hides nothing it could not use."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantdesk.domain.events import VenueTime
from quantdesk.domain.instrument import OptionType
from quantdesk.runtime.desk import Desk
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.snapshot import Environment
from tests.unit.market.chains import NOW, ladder, listing, option, quote

HOUR_NS = 3600 * 10**9


def desk() -> Desk:
    made = Desk(environment=Environment.SIMULATED, source="test")
    made.add_link("deribit-btc", "deribit")
    heard = VenueTime(venue="deribit", event_ns=NOW, recv_ns=NOW)
    quotes = [quote(instrument) for instrument in ladder()]
    made.apply("deribit-btc", NOW, [heard, listing(*ladder()), *quotes])
    return made


def test_stamp_far_in_the_future_is_refused_and_later_quotes_are_taken() -> None:
    made = desk()
    faulty = replace(quote(ladder()[0], vol=0.9), event_ns=NOW + 10_000 * HOUR_NS)
    made.apply("deribit-btc", NOW, [faulty])
    made.apply("deribit-btc", NOW + 1, [quote(ladder()[0], vol=0.6, now_ns=NOW + 1)])
    snapshot = made.snapshot(NOW + 1)
    assert dict(snapshot.links[0].problems) == {"out_of_range": 1}
    assert abs(snapshot.chains[0].values.mark_iv[0] - 0.6) < 1e-9
    assert snapshot.chains[0].index_price == 59_950.5


def test_what_the_market_could_not_use_is_counted_in_the_health() -> None:
    made = desk()
    made.apply("deribit-btc", NOW, [quote(option(99_000, OptionType.CALL))])
    assert dict(made.snapshot(NOW).links[0].problems) == {"quote of an unlisted instrument": 1}


def test_the_desk_as_a_market_holds_chain_forwards_and_futures_of_one_state() -> None:
    snapshot = opening_snapshot("BTC")
    chain = snapshot.chain("BTC")
    assert chain is not None
    market = snapshot.market().find("deribit", "BTC")
    assert market is not None
    assert market.chain is chain.chain
    assert market.as_of_ns == chain.as_of_ns
    assert sorted(market.forwards) == sorted({int(e) for e in chain.chain.expiry_ns})
    perpetual = market.futures["BTC-PERPETUAL"]
    assert perpetual.mark == pytest.approx(market.index_price, rel=0.01)
    assert perpetual.instrument.settlement_currency == "BTC"
