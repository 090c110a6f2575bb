"""What a fit of slices refuses before any number is made."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.pricing.surface import SliceQuotes, fit_slices


def quotes(years: float, count: int) -> SliceQuotes:
    k = np.linspace(-0.4, 0.4, count)
    mid = 0.5 + 0.2 * k**2
    return SliceQuotes(years=years, log_moneyness=k, bid_iv=mid - 0.005, ask_iv=mid + 0.005)


@pytest.mark.parametrize("column", ["bid_iv", "ask_iv", "trust"])
def test_rows_of_one_expiry_are_never_read_as_those_of_the_next(column: str) -> None:
    # Too few in the first and as many too many in the second: the total is right.
    first, second = (replace(quotes(years, 9), trust=np.ones(9)) for years in (0.1, 0.3))
    values = getattr(first, column)
    fewer: dict[str, Any] = {column: values[:8]}
    more: dict[str, Any] = {column: np.append(values, values[-1])}
    with pytest.raises(InvalidInput, match=rf"{column} = 8: must be one for each of 9"):
        fit_slices([replace(first, **fewer), replace(second, **more)])


@pytest.mark.parametrize("argument", ["warm", "earlier"])
@pytest.mark.parametrize("count", [0, 1, 3])
def test_starts_are_one_for_each_expiry(argument: str, count: int) -> None:
    starts: dict[str, Any] = {argument: [None] * count}
    with pytest.raises(InvalidInput, match=rf"{argument} = {count}: must be one for each of 2"):
        fit_slices([quotes(0.1, 9), quotes(0.3, 9)], **starts)
