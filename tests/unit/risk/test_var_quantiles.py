"""Quantile and shortfall rules by hand; exception tests against published values."""

from __future__ import annotations

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.risk.var_exceptions import BaselZone, Transitions, examine_exceptions, kupiec
from quantdesk.risk.var_quantiles import Figure, figure, quantile_losses, rank


def exceptions(days: int, *hits: int) -> list[bool]:
    return [day + 1 in hits for day in range(days)]


def test_a_thousand_results_at_99_give_the_tenth_worst() -> None:
    profits = np.arange(1000.0) - 500.0
    found = figure(np.random.default_rng(1).permutation(profits), 0.99)
    assert found is not None
    assert found.var == 491.0
    assert found.es == pytest.approx(np.mean(-profits[:10]))


def test_shortfall_counts_the_last_result_in_part() -> None:
    profits = np.arange(250.0) - 100.0
    assert rank(250, 0.99) == 3
    # Two and a half of the worst: 100, 99 and half of 98.
    expected = (100.0 + 99.0 + 0.5 * 98.0) / 2.5
    found = figure(profits, 0.99)
    assert found is not None
    assert found.var == 98.0
    assert found.es == pytest.approx(expected)


def test_under_a_hundred_results_there_is_no_figure() -> None:
    assert figure(np.arange(99.0), 0.95) is None
    assert figure(np.arange(100.0), 0.95) is not None


def test_a_result_that_is_no_number_gives_no_figure() -> None:
    profits = np.arange(200.0)
    profits[7] = np.nan
    assert figure(profits, 0.99) is None


def test_a_profit_even_there_is_negative_and_not_cut() -> None:
    found = figure(np.arange(100.0) + 1.0, 0.99)
    assert found == Figure(var=-1.0, es=-1.0)


def test_rows_of_results_have_the_same_quantile_as_one() -> None:
    rows = np.random.default_rng(2).normal(size=(5, 333))
    losses = quantile_losses(rows, 0.975)
    for row, loss in zip(rows, losses.tolist(), strict=True):
        one = figure(row, 0.975)
        assert one is not None
        assert one.var == loss


@pytest.mark.parametrize("confidence", [0.0, 0.3, 1.0, 99.0, float("nan")])
def test_confidence_outside_its_range_is_refused(confidence: float) -> None:
    with pytest.raises(InvalidInput, match="confidence"):
        figure(np.arange(200.0), confidence)


def test_kupiec_of_hulls_example() -> None:
    assert kupiec(600, 9, 0.01).statistic == pytest.approx(1.3135, abs=5e-5)


@pytest.mark.parametrize(
    ("days", "probability", "low", "high"),
    [
        (255, 0.01, 0, 7),
        (510, 0.01, 1, 11),
        (1000, 0.01, 4, 17),
        (255, 0.05, 6, 21),
        (510, 0.05, 16, 36),
        (1000, 0.05, 37, 65),
    ],
)
def test_kupiecs_table_of_non_rejection(days: int, probability: float, low: int, high: int) -> None:
    kept = [x for x in range(days // 5) if not kupiec(days, x, probability).is_rejected]
    assert kept == list(range(low + 1, high))


def test_christoffersens_statistics_of_five_lonely_exceptions() -> None:
    found = examine_exceptions(exceptions(250, 10, 50, 100, 150, 200), 0.01)
    assert found.transitions == Transitions(n00=239, n01=5, n10=5, n11=0)
    assert found.uc.statistic == pytest.approx(1.95681, abs=5e-6)
    assert found.uc.p_value == pytest.approx(0.16185, abs=5e-6)
    assert found.ind.statistic == pytest.approx(0.20493, abs=5e-6)
    assert found.ind.p_value == pytest.approx(0.65077, abs=5e-6)
    assert found.cc.statistic == pytest.approx(2.16174, abs=5e-6)
    assert found.cc.p_value == pytest.approx(0.33930, abs=5e-6)
    assert not found.is_rejected


def test_no_exception_at_all_has_an_answer() -> None:
    found = examine_exceptions(exceptions(250), 0.01)
    assert found.exceptions == 0
    assert found.uc.statistic == pytest.approx(-500 * np.log(0.99))
    assert found.ind.statistic == 0.0


def test_clustered_exceptions_are_rejected_for_it() -> None:
    found = examine_exceptions(exceptions(500, 100, 101, 102, 103, 104), 0.01)
    assert not found.uc.is_rejected
    assert found.ind.is_rejected
    assert found.is_rejected


@pytest.mark.parametrize(
    ("count", "zone"),
    [(4, BaselZone.GREEN), (5, BaselZone.YELLOW), (9, BaselZone.YELLOW), (10, BaselZone.RED)],
)
def test_basel_zones(count: int, zone: BaselZone) -> None:
    hits = [20 * (number + 1) for number in range(count)]
    assert examine_exceptions(exceptions(250, *hits), 0.01).zone is zone
    assert examine_exceptions(exceptions(250, *hits), 0.05).zone is None
