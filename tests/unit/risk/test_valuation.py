"""What can be marked is valued on its own forward; what can not is left out by name."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

import numpy as np
import pytest

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.position import Position
from quantdesk.domain.structure import Leg, Structure
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.valuation import as_positions, value_positions
from tests.unit.market.chains import DEC, SEP, YEAR_NS, future
from tests.unit.risk import black
from tests.unit.risk.books import FORWARDS, INDEX, made_market, named, only, position, spot

CALL, FAR_PUT = "BTC-25SEP26-60000-C", "BTC-25DEC26-50000-P"


class FlatSurface:
    """A surface of one vol below a strike, of nothing above."""

    def __init__(self, vol: float, reach: float = 1e9) -> None:
        self.vol, self.reach = vol, reach

    def implied_vol(self, expiry_ns: np.ndarray, strikes: np.ndarray) -> np.ndarray:
        return np.where(np.broadcast_to(strikes, expiry_ns.shape) <= self.reach, self.vol, np.nan)


def with_market(market: MarketData, **changes: Any) -> MarketData:
    return replace(market, markets=(replace(only(market), **changes),))


def with_chain(market: MarketData, name: str, **cells: float) -> MarketData:
    """The market with other figures in one row of its chain."""
    one = only(market)
    row = [each.name for each in one.chain.instruments].index(name)
    columns = {}
    for column, value in cells.items():
        array = getattr(one.chain, column).copy()
        array[row] = value
        columns[column] = array
    return with_market(market, chain=replace(one.chain, **columns))


def test_each_option_is_valued_on_the_forward_of_its_own_expiry() -> None:
    market = made_market()
    book = value_positions(
        [position(named(market, CALL), 2), position(named(market, FAR_PUT), -1)], market
    )
    assert book.options.forward.tolist() == [FORWARDS[SEP], FORWARDS[DEC]]
    assert book.options.index.tolist() == [INDEX, INDEX]
    assert book.options.vol.tolist() == [0.5, 0.5]
    as_of = only(market).as_of_ns
    assert book.options.years.tolist() == [(SEP - as_of) / YEAR_NS, (DEC - as_of) / YEAR_NS]
    assert [mark.vol_source for mark in book.marks] == ["venue mark IV", "venue mark IV"]
    assert not book.excluded


def test_surface_values_options_where_it_reaches_and_the_mark_elsewhere() -> None:
    market = made_market()
    book = value_positions(
        [position(named(market, CALL), 1), position(named(market, "BTC-25SEP26-80000-C"), 1)],
        market,
        surfaces={("deribit", "BTC"): FlatSurface(0.61, reach=70_000)},
    )
    assert book.options.vol.tolist() == [0.61, 0.5]
    assert [mark.vol_source for mark in book.marks] == ["surface", "venue mark IV"]


def test_market_s_own_surface_serves_only_what_no_quote_gives_a_vol() -> None:
    market, wanting = _no_vol(with_market(made_market(), surface=FlatSurface(0.7)))
    quoted = named(market, FAR_PUT)
    book = value_positions([position(wanting, 1), position(quoted, 1)], market)
    assert book.options.vol.tolist() == [0.7, 0.5]
    sources = [mark.vol_source for mark in book.marks]
    assert sources == ["surface, no quote gives a vol", "venue mark IV"]


def test_option_whose_mark_is_rounded_to_0_is_valued_at_its_vol() -> None:
    market = with_chain(made_market(), CALL, mark=0.0)
    book = value_positions([position(named(market, CALL), 1)], market)
    assert book.options.vol.tolist() == [0.5]
    assert book.marks[0].venue_mark == 0.0
    assert not book.excluded


def test_unlisted_option_is_valued_on_a_surface() -> None:
    market = made_market()
    unlisted = replace(named(market, CALL), name="BTC-25SEP26-61000-C", strike=Decimal(61_000))
    book = value_positions(
        [position(unlisted, 1)], market, surfaces={("deribit", "BTC"): FlatSurface(0.6)}
    )
    assert book.options.strike.tolist() == [61_000.0]


def test_vol_of_the_mark_serves_where_the_venue_gives_no_iv() -> None:
    market = with_chain(made_market(), CALL, venue_mark_iv=float("nan"))
    book = value_positions([position(named(market, CALL), 1)], market)
    assert book.options.vol[0] == pytest.approx(0.5, abs=1e-9)
    assert book.marks[0].vol_source == "vol of the mark"


Spoil = Callable[[MarketData], tuple[MarketData, Instrument]]


def _unlisted(market: MarketData) -> tuple[MarketData, Instrument]:
    return market, replace(named(market, CALL), name="BTC-25SEP26-60001-C")


def _no_vol(market: MarketData) -> tuple[MarketData, Instrument]:
    spoilt = with_chain(market, CALL, mark=np.nan, venue_mark_iv=np.nan)
    one = only(spoilt)
    vols = one.values.greeks_iv.copy()
    vols[[each.name for each in one.chain.instruments].index(CALL)] = np.nan
    return with_market(spoilt, values=replace(one.values, greeks_iv=vols)), named(market, CALL)


def _expired(market: MarketData) -> tuple[MarketData, Instrument]:
    return with_market(market, as_of_ns=SEP), named(market, CALL)


def _no_forward(market: MarketData) -> tuple[MarketData, Instrument]:
    forwards = dict(only(market).forwards)
    forwards[SEP] = replace(forwards[SEP], price=None)
    return with_market(market, forwards=forwards), named(market, CALL)


def _no_index(market: MarketData) -> tuple[MarketData, Instrument]:
    return with_market(market, index_price=None), named(market, CALL)


def _other_coin(market: MarketData) -> tuple[MarketData, Instrument]:
    return market, replace(named(market, CALL), underlying="SOL", name="SOL-25SEP26-60000-C")


def _other_venue(market: MarketData) -> tuple[MarketData, Instrument]:
    return market, replace(named(market, CALL), venue="binance")


def _combo(market: MarketData) -> tuple[MarketData, Instrument]:
    return market, replace(future(), name="BTC-FS-25SEP26_PERP", kind=InstrumentKind.FUTURE_COMBO)


def _future_mark_zero(market: MarketData) -> tuple[MarketData, Instrument]:
    futures = dict(only(market).futures)
    futures["BTC-PERPETUAL"] = replace(futures["BTC-PERPETUAL"], mark=0.0)
    return with_market(market, futures=futures), named(market, "BTC-PERPETUAL")


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (_unlisted, "instrument_name = 'BTC-25SEP26-60001-C'"),
        (_no_vol, "mark = None: of BTC-25SEP26-60000-C must give a vol"),
        (_expired, "expiry = '2026-09-25T08:00:00Z': of BTC-25SEP26-60000-C must be later"),
        (_no_forward, "forward = None: of 2026-09-25T08:00:00Z"),
        (_no_index, "index_price = None: of BTC at deribit"),
        (_other_coin, "market = 'deribit/SOL'"),
        (_other_venue, "market = 'binance/BTC'"),
        (_combo, "must be given by its legs"),
        (_future_mark_zero, "mark = 0: of BTC-PERPETUAL must be above 0"),
    ],
)
def test_what_can_not_be_marked_is_left_out_with_its_reason(spoil: Spoil, reason: str) -> None:
    market, instrument = spoil(made_market())
    good = named(market, FAR_PUT)
    book = value_positions([position(instrument, 3), position(good, 1)], market)
    assert book.excluded[0].position.instrument is instrument
    assert reason in book.excluded[0].reason
    is_index = "index_price" in reason
    assert [one.instrument for one in book.positions] == ([] if is_index else [good])


def test_future_without_a_quote_is_marked_on_the_forward_of_its_expiry() -> None:
    market = made_market()
    book = value_positions([position(future("BTC-25DEC26", DEC), 100)], market)
    assert book.delta_ones.price.tolist() == [FORWARDS[DEC]]
    assert book.marks[0].forward_source == "forward of its expiry"
    assert book.marks[0].venue_mark is None


@pytest.mark.parametrize(
    ("instrument", "quantity", "coins"),
    [
        (future(), "60000", 1.0),
        (replace(future(), contract_size=Decimal(100), is_amount_in_contracts=True), "600", 1.0),
        (spot(), "1.5", 1.5),
    ],
)
def test_amounts_are_counted_as_each_venue_counts_them(
    instrument: Instrument, quantity: str, coins: float
) -> None:
    book = value_positions([position(instrument, quantity)], made_market())
    assert book.delta_ones.coins.tolist() == [coins]


def test_binance_option_counts_contracts_of_several_coins() -> None:
    market = made_market()
    held = replace(named(market, CALL), contract_size=Decimal(100), is_amount_in_contracts=True)
    book = value_positions([position(held, "-0.3")], market)
    assert book.options.coins.tolist() == [-30.0]


def test_spot_is_marked_on_the_index() -> None:
    market = made_market()
    linear = replace(spot(), underlying="BTC", settlement_currency="BTC")
    book = value_positions([position(linear, 2)], market)
    assert book.delta_ones.price.tolist() == [INDEX]
    assert book.delta_ones.is_spot.all()


def test_structures_and_legs_become_positions_with_their_tag() -> None:
    market = made_market()
    leg = Leg(instrument=named(market, CALL), quantity=Decimal(2), price=Decimal("0.05"))
    other = Leg(instrument=named(market, FAR_PUT), quantity=Decimal(-1))
    held = as_positions([Structure(legs=(leg, other), name="risk reversal"), leg])
    assert [(one.quantity, one.structure, one.average_price) for one in held] == [
        (Decimal(2), "risk reversal", Decimal("0.05")),
        (Decimal(-1), "risk reversal", None),
        (Decimal(2), "", Decimal("0.05")),
    ]
    assert as_positions(leg) == held[2:]


def test_what_is_no_position_is_refused() -> None:
    with pytest.raises(InvalidInput, match="positions"):
        as_positions(["BTC-25SEP26-60000-C"])  # type: ignore[list-item]


def test_one_bad_position_in_many_leaves_the_others_alone() -> None:
    market = made_market()
    good: list[Position] = [position(one, 1) for one in only(market).chain.instruments] * 20
    bad = position(replace(named(market, CALL), name="BTC-25SEP26-1-C"), 1)
    book = value_positions([*good, bad, *good], market)
    assert len(book) == 2 * len(good)
    assert [one.position for one in book.excluded] == [bad]


def test_made_marks_are_textbook_prices() -> None:
    market: UnderlyingMarket = only(made_market())
    row = [one.name for one in market.chain.instruments].index(CALL)
    years = (SEP - market.as_of_ns) / YEAR_NS
    expected = black.coin_price(True, FORWARDS[SEP], 60_000, years, 0.5)
    assert market.chain.mark[row] == pytest.approx(expected, rel=1e-12)
