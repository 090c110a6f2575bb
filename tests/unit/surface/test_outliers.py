"""Wrong quotes are found by what is left without them; a recorded chain keeps all of its own."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk.market.surface_outliers import outlier_rows
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import RECORDED, expiry


@pytest.mark.parametrize("rows", [(7,), (3, 15), (9, 10), (0,)])
def test_shifted_quotes_are_found_and_nothing_else(rows: tuple[int, ...]) -> None:
    quotes = expiry(30)
    bid, ask = quotes.bid_iv.copy(), quotes.ask_iv.copy()
    for row in rows:
        bid[row] *= 1.5
        ask[row] *= 1.5
    assert outlier_rows(quotes.log_moneyness, bid, ask).tolist() == list(rows)


def test_a_clean_smile_has_none() -> None:
    quotes = expiry(30)
    assert outlier_rows(quotes.log_moneyness, quotes.bid_iv, quotes.ask_iv).size == 0


def test_few_quotes_are_not_judged() -> None:
    k, vol = np.array([-0.1, 0.0, 0.1]), np.array([0.5, 5.0, 0.5])
    assert outlier_rows(k, vol - 0.01, vol + 0.01).size == 0


def test_a_recorded_chain_loses_at_most_a_handful() -> None:
    reasons = [r for each in read_quotes(RECORDED, None, None).expiries for r in each.reasons]
    assert sum(reason.startswith("outlier") for reason in reasons) <= 2
    assert len(reasons) > 300
