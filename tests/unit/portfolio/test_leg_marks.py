"""What a leg is marked at, and the reason where it can not be marked."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.market_data import MarketData
from quantdesk.market.valuation import GreeksSource
from quantdesk.portfolio.leg_marks import LegMarks
from tests.unit.margin.contracts import binance_option
from tests.unit.portfolio.markets import btc, sample_market, with_columns

CALL = "BTC-25SEP26-70000-C"
SEP = parse_instant("2026-09-25T08:00:00Z")


def refusal(marks: LegMarks, name: str = CALL) -> InvalidInput:
    """Why an instrument of the sample can not be marked."""
    instrument = LegMarks(sample_market()).instrument("deribit", name)
    assert instrument is not None
    with pytest.raises(InvalidInput) as caught:
        marks.mark(instrument)
    return caught.value


def test_option_has_the_venues_mark_and_the_forward_of_its_expiry() -> None:
    marks = LegMarks(sample_market())
    instrument = marks.instrument("deribit", CALL)
    assert instrument is not None
    mark = marks.mark(instrument)
    assert (mark.mark, mark.mark_source) == (Decimal("0.0277"), "venue mark")
    assert mark.forward == Decimal("60750.0")
    assert mark.index == Decimal("60266.69")
    assert mark.event_ns > 0


@pytest.mark.parametrize("name", ["BTC-28JUN26-62500-C", "BTC-28JUN26-52000-P"])
def test_recorded_mark_that_the_venue_rounds_to_0_stands(name: str) -> None:
    marks = LegMarks(sample_market())
    instrument = marks.instrument("deribit", name)
    assert instrument is not None
    mark = marks.mark(instrument)
    assert (mark.mark, mark.mark_source) == (Decimal(0), "venue mark, rounded to 0")
    assert mark.is_venue_mark


def test_mark_of_0_of_an_option_worth_more_than_a_tick_is_named() -> None:
    error = refusal(LegMarks(with_columns(btc(), mark={CALL: 0.0})))
    assert (error.field, error.value) == ("mark", 0)
    assert CALL in str(error)
    assert "it is worth 0.027" in str(error)


def test_mark_of_0_without_a_vol_is_named() -> None:
    name, nan = "BTC-28JUN26-52000-P", math.nan
    market = with_columns(btc(), venue_mark_iv={name: nan}).markets[0]
    vols = np.array(market.values.greeks_iv)
    vols[[one.name for one in market.chain.instruments].index(name)] = nan
    bare = replace(market, values=replace(market.values, greeks_iv=vols))
    marks = LegMarks(MarketData(markets=(bare,), source="test"))
    assert "no vol says that it was rounded to 0" in str(refusal(marks, name))


def test_negative_mark_is_named() -> None:
    error = refusal(LegMarks(with_columns(btc(), mark={CALL: -0.01})))
    assert (error.field, error.value) == ("mark", "-0.01")


def test_missing_mark_without_any_vol_is_named() -> None:
    market = with_columns(btc(), mark={CALL: math.nan}).markets[0]
    row = [one.name for one in market.chain.instruments].index(CALL)
    source = np.array(market.values.greeks_source)
    source[row] = GreeksSource.NONE
    values = replace(market.values, greeks_source=source)
    marks = LegMarks(MarketData(markets=(replace(market, values=values),), source="test"))
    assert "no recorded vol" in str(refusal(marks))


def test_without_a_mark_the_model_prices_at_the_rows_own_vol_and_says_so() -> None:
    market = with_columns(btc(), mark={CALL: math.nan}).markets[0]
    marks = LegMarks(MarketData(markets=(market,), source="test"))
    instrument = marks.instrument("deribit", CALL)
    assert instrument is not None
    mark = marks.mark(instrument)
    assert mark.mark_source == "model at the recorded vol"
    # Inverting a mark rounded to 0.0001 and pricing again gives it back.
    assert abs(mark.mark - Decimal("0.0277")) < Decimal("0.00005")


@pytest.mark.parametrize("price", [None, math.nan, 0.0, -1.0])
def test_missing_forward_is_named(price: float | None) -> None:
    market = btc()
    forwards = {**market.forwards, SEP: ExpiryForward(price=price, source="none")}
    marks = LegMarks(MarketData(markets=(replace(market, forwards=forwards),), source="test"))
    assert refusal(marks).field == "forward"


def test_expired_leg_is_named() -> None:
    market = replace(btc(), as_of_ns=SEP)
    marks = LegMarks(MarketData(markets=(market,), source="test"))
    error = refusal(marks)
    assert error.field == "expiry"
    assert "2026-09-25T08:00:00Z" in str(error)


def test_leg_of_a_venue_without_a_market_is_named() -> None:
    with pytest.raises(InvalidInput, match="has no market of BTC here"):
        LegMarks(sample_market()).mark(binance_option("70000", "C"))


def test_quoted_future_has_its_mark_and_a_perpetual_without_one_the_index() -> None:
    market = btc()
    perpetual = market.futures["BTC-PERPETUAL"].instrument
    assert LegMarks(sample_market()).mark(perpetual).mark_source == "venue mark"
    bare = replace(market, futures={})
    marks = LegMarks(MarketData(markets=(bare,), source="test"))
    mark = marks.mark(perpetual)
    assert (mark.mark, mark.mark_source) == (Decimal("60266.69"), "index")
    dated = market.futures["BTC-25SEP26"].instrument
    assert dated.kind is InstrumentKind.FUTURE
    assert marks.mark(dated).mark_source == "forward of its expiry"


def test_future_without_mark_is_at_its_mid() -> None:
    market = btc()
    quote = replace(market.futures["BTC-PERPETUAL"], mark=None, bid=60000.0, ask=60001.0)
    marked = replace(market, futures={"BTC-PERPETUAL": quote})
    marks = LegMarks(MarketData(markets=(marked,), source="test"))
    mark = marks.mark(quote.instrument)
    assert (mark.mark, mark.mark_source) == (Decimal("60000.5"), "mid of bid and ask")


@pytest.mark.parametrize(("bid", "ask"), [(0.0, 60000.0), (60001.0, 60000.0), (-1.0, 60000.0)])
def test_quote_of_a_future_without_a_middle_leaves_it_to_the_index(bid: float, ask: float) -> None:
    market = btc()
    quote = replace(market.futures["BTC-PERPETUAL"], mark=None, bid=bid, ask=ask)
    marked = replace(market, futures={"BTC-PERPETUAL": quote})
    mark = LegMarks(MarketData(markets=(marked,), source="test")).mark(quote.instrument)
    assert (mark.mark, mark.mark_source) == (Decimal("60266.69"), "index")


def test_perpetual_without_index_is_named() -> None:
    market = replace(btc(), futures={}, index_price=None)
    marks = LegMarks(MarketData(markets=(market,), source="test"))
    perpetual = btc().futures["BTC-PERPETUAL"].instrument
    with pytest.raises(InvalidInput, match="no index to stand in for it"):
        marks.mark(perpetual)
