"""A tree's Greeks: sums of its legs, whatever the grouping, with what each sum misses."""

from __future__ import annotations

from decimal import Decimal

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.portfolio.valued_positions import value_positions
from quantdesk.risk import valuation
from quantdesk.risk.book_tree import BookGroup, book_tree
from quantdesk.risk.exposure import Exposures, expose
from quantdesk.runtime.book_reading import BookReading, BookWishes, read_book
from quantdesk.runtime.screen_books import sample_book
from tests.unit.risk.books import sample_market
from tests.unit.runtime.test_book_reading import StillClock, sample_desk

ORDERS = [
    ("underlying", "expiry", "strike"),
    ("underlying", "strategy", "structure"),
    ("underlying", "venue", "expiry"),
]


def reading() -> BookReading:
    found = read_book(sample_book(), sample_desk(), BookWishes(), clock=StillClock())
    assert isinstance(found, BookReading)
    return found


def groups(root: BookGroup) -> list[BookGroup]:
    return [root, *(found for below in root.groups for found in groups(below))]


@pytest.mark.parametrize("by", ORDERS, ids=lambda by: by[1])
def test_every_group_is_the_sum_of_its_legs(by: tuple[str, ...]) -> None:
    book = reading()
    root = book_tree(book.valued, book.report.exposures, by)
    assert root.greeks is None
    for group in groups(root)[1:]:
        legs = [leg for leg in group.every_leg() if leg.greeks is not None]
        assert group.greeks is not None
        sums = np.sum([list(leg.greeks or ()) for leg in legs], axis=0)
        assert np.array(group.greeks) == pytest.approx(sums, rel=1e-12, abs=1e-9)
        assert len(legs) + group.left_out == group.positions


def test_top_groups_are_the_exposures_by_underlying() -> None:
    book = reading()
    root = book_tree(book.valued, book.report.exposures, ORDERS[0])
    for group in root.groups:
        net = book.report.greeks.underlying(str(group.path[0]))
        assert group.greeks == pytest.approx(net.greeks, rel=1e-12, abs=1e-9)


def exposures_without(names: set[str]) -> tuple[BookReading, Exposures]:
    """The sample's money, and Greeks of all its positions but these."""
    book = reading()
    kept = [one for one in book.opened.positions if one.instrument.name not in names]
    return book, expose(valuation.value_positions(kept, book.opened.market))


def test_leg_without_greeks_is_counted_and_not_added() -> None:
    book, exposures = exposures_without({"BTC-31JUL26-52000-P"})
    root = book_tree(book.valued, exposures, ORDERS[0])
    bitcoin = next(group for group in root.groups if group.path == ("BTC",))
    assert bitcoin.left_out == 1
    missing = [leg for leg in bitcoin.every_leg() if leg.greeks is None]
    assert [leg.valued.position.instrument.name for leg in missing] == ["BTC-31JUL26-52000-P"]


def test_tree_must_begin_with_the_underlying_and_name_levels_that_exist() -> None:
    book = reading()
    with pytest.raises(AssertionError):
        book_tree(book.valued, book.report.exposures, ("strategy",))
    with pytest.raises(InvalidInput, match="nonsense"):
        book_tree(book.valued, book.report.exposures, ("underlying", "nonsense"))


def test_empty_book_has_a_root_and_nothing_else() -> None:
    market = sample_market()
    exposures = expose(valuation.value_positions([], market))
    root = book_tree(value_positions([], LegMarks(market)), exposures, ORDERS[0])
    assert (root.positions, root.groups, root.usd.value) == (0, (), None)
    assert Decimal(root.left_out) == 0
