"""Large results are handed out again only once nobody holds them."""

from __future__ import annotations

import numpy as np

from quantdesk.pricing.outputs import OutputShelf

ROWS = 100_000


def test_a_result_that_is_held_is_never_handed_out_again() -> None:
    shelf = OutputShelf()
    first = shelf.take((ROWS,))
    view = shelf.take((ROWS,))[10:20]
    third = shelf.take((ROWS,))
    addresses = {array.__array_interface__["data"][0] for array in (first, third)}
    assert len(addresses) == 2
    assert not np.shares_memory(view, first)
    assert not np.shares_memory(view, third)


def test_a_result_that_was_dropped_is_used_again() -> None:
    shelf = OutputShelf()
    first = shelf.take((ROWS,))
    address = first.__array_interface__["data"][0]
    del first
    assert shelf.take((ROWS,)).__array_interface__["data"][0] == address


def test_what_is_remembered_is_bounded() -> None:
    shelf = OutputShelf(bytes_max=2 * ROWS * 8)
    held = [shelf.take((ROWS,)) for _ in range(5)]
    assert shelf.bytes_held <= 2 * ROWS * 8
    assert len({array.__array_interface__["data"][0] for array in held}) == 5


def test_small_results_are_not_remembered() -> None:
    shelf = OutputShelf()
    shelf.take((10, 10))
    assert shelf.bytes_held == 0


def test_a_remembered_array_takes_another_shape() -> None:
    shelf = OutputShelf()
    shelf.take((ROWS,))
    assert shelf.take((ROWS // 2, 2)).shape == (ROWS // 2, 2)
    assert shelf.bytes_held == ROWS * 8
