"""The forward of a future that is quoted wide."""

from __future__ import annotations

import itertools
import math
from decimal import Decimal

import pytest

from quantdesk.domain.events import FutureUpdate
from quantdesk.market.wide_futures import WIDE_HALF, future_cost, future_forward

DAY_NS = 86_400 * 10**9
NOW_NS = 1_779_350_400 * 10**9
INDEX = 77_596.75


def future(days: float, bid: object, ask: object, mark: object = None) -> FutureUpdate:
    def price(value: object) -> Decimal | None:
        return None if value is None else Decimal(str(value))

    return FutureUpdate(
        venue="deribit",
        instrument_name=f"BTC-{days:g}D",
        underlying="BTC",
        event_ns=NOW_NS,
        recv_ns=NOW_NS,
        expiry_ns=NOW_NS + int(days * DAY_NS),
        bid=price(bid),
        ask=price(ask),
        mark=price(mark),
    )


def found(
    days: float, *futures: FutureUpdate, index: float | None = INDEX
) -> tuple[float | None, str]:
    by_expiry = {each.expiry_ns: each for each in futures if each.expiry_ns is not None}
    return future_forward(by_expiry, NOW_NS + int(days * DAY_NS), index)


def test_a_tight_future_is_its_middle_whatever_its_neighbours_say() -> None:
    price, source = found(2, future(1, 70_000, 70_001), future(2, 77_255, 77_260))
    assert (price, source) == (77_257.5, "future:BTC-2D mid")


def test_a_wide_future_is_its_neighbours_line_as_on_2026_05_21() -> None:
    near, far = future(1, 77_567.5, 77_570), future(8, 77_615, 77_617.5)
    price, source = found(2, near, future(2, 77_255, 77_627.5), far)
    share = 1 / 7
    line = math.exp((1 - share) * math.log(77_568.75) + share * math.log(77_616.25))
    assert price == pytest.approx(line, rel=1e-12)
    assert source == "future:BTC-2D by its neighbours"


def test_before_the_first_tight_future_the_index_is_the_other_neighbour() -> None:
    wide, far = future(1, 77_200, 77_900), future(4, 77_609.5, 77_612)
    price, _ = found(1, wide, far)
    line = math.exp(0.75 * math.log(INDEX) + 0.25 * math.log(77_610.75))
    assert price == pytest.approx(line, rel=1e-12)
    assert found(1, wide, far, index=None) == (77_550.0, "future:BTC-1D mid")


def test_after_the_last_tight_future_the_middle_stands() -> None:
    price, source = found(9, future(8, 77_615, 77_617.5), future(9, 77_255, 77_627.5))
    assert (price, source) == (77_441.25, "future:BTC-9D mid")


@pytest.mark.parametrize("level", [70_000.0, 90_000.0])
def test_the_line_counts_within_the_sides_only(level: float) -> None:
    near, far = future(1, level, level + 1), future(8, level, level + 1)
    price, _ = found(2, near, future(2, 77_255, 77_627.5), far)
    assert price is not None
    assert 77_255 < price < 77_627.5
    assert abs(price - 77_441.25) == pytest.approx(186.25 - WIDE_HALF * 77_441.25, rel=1e-9)


def test_growing_wider_moves_the_forward_without_a_jump() -> None:
    near, far = future(1, 77_600, 77_601), future(8, 77_600, 77_601)
    middle = 77_441.25
    halves = [middle * WIDE_HALF * (1 + step / 50) for step in range(-10, 100)]
    prices = [found(2, near, future(2, middle - h, middle + h), far)[0] for h in halves]
    moves = [abs(b - a) for a, b in itertools.pairwise(prices) if a and b]
    assert len(moves) == len(halves) - 1
    assert 0 < max(moves) <= middle * WIDE_HALF / 50 + 1e-6


def test_the_venues_mark_speaks_for_a_wide_future_first() -> None:
    near, far = future(1, 70_000, 70_001), future(8, 70_000, 70_001)
    price, source = found(2, near, future(2, 77_255, 77_627.5, 77_599.5), far)
    # The mark lies within the sides, less the width that a middle is allowed.
    assert price == pytest.approx(77_441.25 + 186.25 - WIDE_HALF * 77_441.25, rel=1e-12)
    assert source == "future:BTC-2D mark"


def test_one_side_alone_is_no_middle() -> None:
    assert found(2, future(2, 77_255, None, 77_300)) == (77_300.0, "future:BTC-2D mark")
    assert found(2, future(2, 77_255, None)) == (None, "none")
    assert found(2) == (None, "none")


def test_what_a_future_costs_is_its_middle_however_wide() -> None:
    futures = {1: future(1, 77_255, 77_627.5, 77_599), 2: future(2, None, 77_300, 77_290)}
    assert future_cost(futures, 1) == 77_441.25
    assert future_cost(futures, 2) == 77_290.0
    assert future_cost({3: future(3, None, 77_300)}, 3) is None
    assert future_cost(futures, 3) is None
