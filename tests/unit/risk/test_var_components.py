"""Parts of the legs in VaR and ES: by hand, adding up, and beside leaving a leg out."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.risk.var import VarSettings
from quantdesk.risk.var_components import leg_risks
from quantdesk.risk.var_quantiles import figure, shortfalls, tail_weights
from tests.unit.risk.test_var import CALL, PUT, book_of, risk

NAMES = (("deribit", "a"), ("deribit", "b"))


def test_parts_of_two_legs_by_hand() -> None:
    # At 97.5 % of 100 results the tail is two and a half: moves 0 and 1 whole, move 2 by half.
    first, second = np.zeros(100), np.zeros(100)
    first[:3] = (-50.0, -10.0, -2.0)
    second[:3] = (10.0, -20.0, -18.0)
    a, b = leg_risks(NAMES, np.array([first, second]), 0.975)
    assert a.component_es == pytest.approx((50.0 + 10.0 + 0.5 * 2.0) / 2.5)
    assert b.component_es == pytest.approx((-10.0 + 20.0 + 0.5 * 18.0) / 2.5)
    assert (a.component_var, b.component_var) == (2.0, 18.0)
    assert a.es_alone == pytest.approx((50.0 + 10.0 + 0.5 * 2.0) / 2.5)
    # Without the first leg the worst are 20, 18 and nothing.
    assert a.es_less == pytest.approx((40.0 + 30.0 + 10.0) / 2.5 - 38.0 / 2.5)


@pytest.mark.parametrize("count", [100, 150, 200, 333])
@pytest.mark.parametrize("confidence", [0.9, 0.975, 0.99, 0.999])
def test_parts_add_up_and_leaving_out_is_what_it_says(count: int, confidence: float) -> None:
    profits = np.random.default_rng(count).standard_t(3, size=(6, count))
    parts = leg_risks([("made", str(number)) for number in range(6)], profits, confidence)
    book = figure(profits.sum(axis=0), confidence)
    assert book is not None
    assert sum(part.component_es for part in parts) == pytest.approx(book.es, rel=1e-12)
    assert sum(part.component_var for part in parts) == pytest.approx(book.var, rel=1e-12)
    for number, part in enumerate(parts):
        rest = figure(np.delete(profits, number, axis=0).sum(axis=0), confidence)
        alone = figure(profits[number], confidence)
        assert rest is not None
        assert alone is not None
        assert part.es_less == pytest.approx(book.es - rest.es, rel=1e-9, abs=1e-12)
        assert part.es_alone == pytest.approx(alone.es, rel=1e-12)
        # Subadditivity: no part is larger than the leg by itself.
        assert part.component_es <= part.es_alone + 1e-12


def test_weights_add_up_with_equal_results_too() -> None:
    profits = np.zeros(250)
    weights, at_quantile = tail_weights(profits, 0.99)
    assert weights.sum() == pytest.approx(1.0)
    assert at_quantile == 2
    assert shortfalls(profits[None, :], 0.99)[0] == 0.0


def test_a_report_has_the_parts_of_its_headline() -> None:
    book = book_of({CALL: -3, PUT: -1, "BTC-PERPETUAL": 20_000})
    report = risk(book, VarSettings(window=150))
    head = report.headline
    assert head is not None
    assert head == report.row()
    assert head.usd is not None
    assert [leg.instrument_name for leg in report.legs] == [name for _, name in book.legs]
    assert sum(leg.component_es for leg in report.legs) == pytest.approx(head.usd.es, rel=1e-9)
    assert sum(leg.component_var for leg in report.legs) == pytest.approx(head.usd.var, rel=1e-9)


def test_results_that_do_not_fit_are_refused() -> None:
    with pytest.raises(InvalidInput, match="rows"):
        leg_risks(NAMES, np.zeros((3, 100)), 0.99)
    with pytest.raises(InvalidInput, match="numbers"):
        leg_risks(NAMES, np.full((2, 100), np.nan), 0.99)
