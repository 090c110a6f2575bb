"""The house's quotes: ladders, following the market, refills, and client orders that they cross."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from quantdesk.domain.instrument import Side, TickScheme
from quantdesk.domain.order import OrderType
from quantdesk.errors import InvalidInput
from quantdesk.simulator.exchange.events import BookChanged, FillMade, Trade
from quantdesk.simulator.exchange.grid import Grid
from quantdesk.simulator.exchange.ledger import HOUSE
from quantdesk.simulator.exchange.maker import MakerRules, TopOfBook, ladders
from tests.unit.simulator.exchange.venue import CALL, OPENED_NS, Venue, option

D = Decimal
S = 1_000_000_000


def top(bid: str | None, ask: str | None, *, size: str = "5", ask_size: str = "4") -> TopOfBook:
    """Best prices with sizes."""
    return TopOfBook(
        bid=None if bid is None else D(bid),
        bid_amount=D(size),
        ask=None if ask is None else D(ask),
        ask_amount=D(ask_size),
    )


def quoting(bid: str | None = "0.03", ask: str | None = "0.032", *, levels: int = 1) -> Venue:
    """A venue whose house quotes."""
    venue = Venue(maker_rules=MakerRules(levels=levels, refill_ns=S))
    venue.exchange.requote(CALL, top(bid, ask))
    return venue


GRID = Grid(option())


def test_deeper_levels_step_by_half_the_spread_with_growing_size() -> None:
    bids, asks = ladders(GRID, top("0.03", "0.034"), 3)
    assert bids == ((300, 50), (280, 100), (260, 150))
    assert asks == ((340, 40), (360, 80), (380, 120))


def test_levels_step_by_a_tick_at_least_and_end_above_zero() -> None:
    bids, asks = ladders(GRID, top("0.0003", "0.0004"), 5)
    assert bids == ((3, 50), (2, 100), (1, 150))
    assert [units for units, _ in asks] == [4, 5, 6, 7, 8]


def test_levels_stay_on_the_grid_across_its_step() -> None:
    bids, asks = ladders(GRID, top("0.0055", "0.006"), 4)
    assert [units for units, _ in bids] == [55, 50, 48, 46]
    assert all(GRID.floor(units) == units for units, _ in bids + asks)
    assert [units for units, _ in ladders(GRID, top("0.0048", "0.0049"), 4)[1]] == [49, 50, 55, 60]


@pytest.mark.parametrize(
    ("bid", "ask", "size", "expected"),
    [
        (None, "0.03", "5", ((), ((300, 40),))),
        ("0.03", None, "5", (((300, 50),), ())),
        ("0.03", "0.04", "0.05", ((), ((400, 40),))),
        ("0.00005", "0.03", "5", ((), ((300, 40),))),
        ("0.03", "0.03", "5", (((300, 50),), ())),
        ("0.04", "0.03", "5", (((400, 50),), ())),
        (None, None, "5", ((), ())),
    ],
)
def test_sides_that_can_not_be_quoted_are_left_out(
    bid: str | None, ask: str | None, size: str, expected: object
) -> None:
    assert ladders(GRID, top(bid, ask, size=size), 1) == expected


def test_prices_off_the_grid_move_away_from_the_market() -> None:
    bids, asks = ladders(GRID, top("0.03049", "0.03151"), 1)
    assert (bids[0][0], asks[0][0]) == (300, 320)


def test_house_sells_to_a_client_and_its_position_is_the_other_side() -> None:
    venue = quoting()
    result = venue.buy("ann", "3", order_type=OrderType.MARKET)
    assert result.order.average_price == D("0.032")
    assert (venue.size("ann"), venue.size(HOUSE)) == (D(3), D(-3))
    assert venue.cash(HOUSE) == D("0.096")
    assert [event.fill.account for event in venue.heard(FillMade)] == ["ann"]
    assert venue.exchange.ledger.total("BTC") == 0


def test_requote_moves_the_levels_and_tells_one_change() -> None:
    venue = quoting()
    venue.told.clear()
    venue.exchange.requote(CALL, top("0.0305", "0.0325"))
    assert venue.levels() == ([("0.0305", "5.0")], [("0.0325", "4.0")])
    (change,) = venue.heard(BookChanged)
    assert len(change.levels) == 4


def test_requote_to_the_same_is_silent_and_keeps_the_place() -> None:
    venue = quoting()
    venue.buy("ann", "1", "0.03")
    venue.told.clear()
    venue.exchange.requote(CALL, top("0.03", "0.032"))
    venue.exchange.requote(CALL, top("0.03", "0.0325"))
    assert [len(change.levels) for change in venue.heard(BookChanged)] == [2]
    venue.sell("bob", "5", "0.03")
    assert venue.size("ann") == 0


def test_client_order_keeps_its_place_before_a_quote_that_comes_to_its_price() -> None:
    venue = quoting()
    venue.buy("ann", "1", "0.0305")
    venue.exchange.requote(CALL, top("0.0305", "0.032"))
    assert venue.levels()[0] == [("0.0305", "6.0")]
    venue.sell("bob", "1", "0.0305")
    assert venue.size("ann") == 1


def test_quote_that_crosses_a_client_order_fills_it_at_its_price() -> None:
    venue = quoting()
    order = venue.buy("ann", "3", "0.031").order
    venue.exchange.requote(CALL, top("0.029", "0.03"))
    (trade,) = venue.heard(Trade)
    assert (trade.side, trade.price, trade.maker_order_id) == (
        Side.SELL,
        D("0.031"),
        order.order_id,
    )
    assert venue.levels() == ([("0.0290", "5.0")], [("0.0300", "1.0")])
    assert venue.size("ann") == 3


def test_client_order_larger_than_the_crossing_quote_is_filled_as_it_refills() -> None:
    venue = quoting()
    venue.buy("ann", "10", "0.031")
    venue.exchange.requote(CALL, top("0.029", "0.03"))
    assert venue.size("ann") == 4
    for second, size in ((1, 8), (2, 10)):
        venue.exchange.advance(OPENED_NS + second * S)
        assert venue.size("ann") == size
    assert venue.exchange.open_orders("ann") == ()


def test_what_was_taken_comes_back_after_the_refill_time() -> None:
    venue = quoting()
    venue.buy("ann", "4", "0.032")
    assert venue.levels()[1] == []
    venue.exchange.advance(OPENED_NS + S - 1)
    assert venue.levels()[1] == []
    venue.exchange.advance(OPENED_NS + S)
    assert venue.levels()[1] == [("0.0320", "4.0")]


def test_market_that_jumps_over_its_own_spread_makes_no_house_trade() -> None:
    venue = quoting(levels=5)
    for bid, ask in (("0.05", "0.052"), ("0.01", "0.0105"), ("0.2", "0.21")):
        venue.exchange.requote(CALL, top(bid, ask))
    assert venue.heard(Trade) == []
    assert len(venue.levels()[0]) == len(venue.levels()[1]) == 5


def test_quote_of_an_unknown_name_is_the_hosts_mistake() -> None:
    with pytest.raises(InvalidInput, match="instrument_name"):
        quoting().exchange.requote("x", top("0.03", "0.04"))


def test_ladder_on_a_coarse_grid_with_an_origin() -> None:
    grid = Grid(replace(option(), ticks=TickScheme(tick=D(5), origin=D(2))))
    bids, asks = ladders(grid, top("13", "20"), 2)
    assert [grid.from_units(units) for units, _ in bids] == [12, 7]
    assert [grid.from_units(units) for units, _ in asks] == [22, 27]
