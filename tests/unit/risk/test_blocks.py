"""A calculation cut into blocks: here or in a pool of processes, the same bytes."""

from __future__ import annotations

import os
import signal

import numpy as np
import pytest

from quantdesk.errors import InvalidInput, WorkerLost
from quantdesk.risk import scenarios as module
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import PreparedBook, option_group
from quantdesk.risk.scenario import Move, Scenario, SmileRule, VolRule, VolUnit
from quantdesk.risk.scenarios import ScenarioResults, run_scenarios
from quantdesk.risk.valuation import value_positions
from quantdesk.runtime.runners import InlineRunner, ProcessPoolRunner
from tests.unit.risk.books import random_book, sample_market

PRICES = index_prices_of(sample_market())


def prepared_book() -> PreparedBook:
    return prepare(value_positions(random_book(sample_market(), 250), sample_market()))


def many_scenarios(count: int) -> tuple[Scenario, ...]:
    random = np.random.default_rng(8)
    rules = (VolRule(), VolRule(unit=VolUnit.RELATIVE, smile=SmileRule.STICKY_DELTA))
    return tuple(
        Scenario(
            name=str(number),
            move=Move(spot=float(spot), vol=float(vol)),
            rule=rules[number % 2],
            days=float(days),
        )
        for number, (spot, vol, days) in enumerate(
            zip(
                random.uniform(-0.4, 0.4, count),
                random.uniform(-0.2, 0.3, count),
                random.choice([0.0, 1.0, 7.0, 120.0], count),
                strict=True,
            )
        )
    )


def as_bytes(results: ScenarioResults) -> bytes:
    return results.pnl_coin.tobytes() + results.pnl_usd.tobytes()


@pytest.fixture
def small_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Blocks so small that a test's book makes many of them."""
    monkeypatch.setattr(module, "LEGS_A_BLOCK", 40)
    monkeypatch.setattr(module, "SCENARIOS_A_BLOCK", 64)


@pytest.mark.usefixtures("small_blocks")
def test_every_runner_gives_the_same_bytes() -> None:
    book, scenarios = prepared_book(), many_scenarios(300)
    here, inline, pool = (
        run_scenarios(book, scenarios, index_prices=PRICES, runner=runner, drivers=0)
        for runner in (None, InlineRunner(), ProcessPoolRunner(2))
    )
    assert as_bytes(here) == as_bytes(inline) == as_bytes(pool)


@pytest.mark.usefixtures("small_blocks")
def test_number_of_workers_does_not_matter() -> None:
    book, scenarios = prepared_book(), many_scenarios(130)
    one, three = (
        run_scenarios(book, scenarios, index_prices=PRICES, runner=ProcessPoolRunner(n), drivers=0)
        for n in (1, 3)
    )
    assert as_bytes(one) == as_bytes(three)


def test_blocks_change_the_sum_by_rounding_only(monkeypatch: pytest.MonkeyPatch) -> None:
    book, scenarios = prepared_book(), many_scenarios(100)
    whole = run_scenarios(book, scenarios, index_prices=PRICES, drivers=0)
    monkeypatch.setattr(module, "LEGS_A_BLOCK", 17)
    monkeypatch.setattr(module, "SCENARIOS_A_BLOCK", 9)
    cut = run_scenarios(book, scenarios, index_prices=PRICES, drivers=0)
    np.testing.assert_allclose(cut.pnl_usd, whole.pnl_usd, rtol=1e-11, atol=1e-6)


def test_book_too_large_for_drivers_says_nothing_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "DRIVER_CELLS_MAX", 10)
    results = run_scenarios(prepared_book(), many_scenarios(4), index_prices=PRICES)
    assert results.drivers == ()


def refuse(shared: str, item: int) -> int:
    """What a worker is sent that refuses one of its items."""
    if item == 3:
        raise InvalidInput("item", item, f"must not be {shared}")
    return item * item


@pytest.mark.parametrize("runner", [InlineRunner(), ProcessPoolRunner(2)])
def test_what_a_worker_raises_is_raised_here(runner: InlineRunner | ProcessPoolRunner) -> None:
    found = runner.map(refuse, [0, 1, 2, 3, 4], shared="three")
    assert [next(found) for _ in range(3)] == [0, 1, 4]
    with pytest.raises(InvalidInput, match="must not be three"):
        next(found)


def die(shared: str, item: int) -> int:
    """What kills its own worker."""
    os.kill(os.getpid(), signal.SIGKILL)
    return item


def test_worker_that_dies_is_told_in_words() -> None:
    with pytest.raises(WorkerLost, match="out of memory"):
        list(ProcessPoolRunner(1).map(die, [1], shared=""))


def test_error_of_a_worker_keeps_its_fields() -> None:
    found = ProcessPoolRunner(1).map(refuse, [3], shared="three")
    with pytest.raises(InvalidInput) as caught:
        next(found)
    assert (caught.value.field, caught.value.value) == ("item", 3)


def test_results_come_in_the_items_order() -> None:
    items = list(range(4, 60))
    assert list(ProcessPoolRunner(2).map(refuse, items, shared="")) == [n * n for n in items]


@pytest.mark.parametrize("workers", [0, -1, 1_000])
def test_absurd_number_of_workers_is_refused(workers: int) -> None:
    with pytest.raises(InvalidInput, match="workers"):
        ProcessPoolRunner(workers)


@pytest.mark.soak
def test_hundred_thousand_legs_under_ten_thousand_scenarios() -> None:
    """10⁹ revaluations, here and in a pool: the same bytes."""
    random = np.random.default_rng(0)
    groups = []
    for number, years in enumerate(np.linspace(0.05, 1.5, 20).tolist()):
        legs = 5_000
        groups.append(
            option_group(
                underlying=0,
                first=number * legs,
                index=60_000.0,
                forward=60_000.0 * (1 + 0.05 * years),
                years=years,
                is_inverse=True,
                coins=random.normal(0, 5, legs),
                strike=random.uniform(2e4, 2e5, legs),
                vol=random.uniform(0.3, 0.9, legs),
                is_call=random.random(legs) < 0.5,
            )
        )
    names = tuple(("made", str(number)) for number in range(100_000))
    book = PreparedBook(
        underlyings=("BTC",), legs=names, groups=tuple(groups), base_coin=np.zeros(1)
    )
    scenarios = many_plain_scenarios(10_000)
    here, pool = (
        run_scenarios(book, scenarios, index_prices={"BTC": 60_000.0}, runner=runner, threads=1)
        for runner in (None, ProcessPoolRunner(2))
    )
    assert np.isfinite(here.pnl_usd).all()
    assert as_bytes(here) == as_bytes(pool)


def many_plain_scenarios(count: int) -> tuple[Scenario, ...]:
    random = np.random.default_rng(9)
    return tuple(
        Scenario(name="any", move=Move(spot=float(spot), vol=float(vol)))
        for spot, vol in zip(
            random.uniform(-0.4, 0.4, count), random.uniform(-0.2, 0.3, count), strict=True
        )
    )
