"""How long does an arbitrage-free surface of 12 expiries take, cold and warm, beside the peers?"""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from benches.svi_peers import quantlib_section, scipy_svi, section_rmse, svi_vols
from quantdesk.app.bench.measure import KERNEL
from quantdesk.app.bench.pace import NotePace
from quantdesk.app.bench.surfaces import sample_chain
from quantdesk.pricing.surface import FittedSlice, SliceQuotes, fit_slices, quote_trust


@cache
def chain() -> list[SliceQuotes]:
    return sample_chain(expiries=12, count=30)


@cache
def moved() -> list[SliceQuotes]:
    """The same chain a tick later: every vol a tenth of a half-spread up."""
    return [
        SliceQuotes(
            years=each.years,
            log_moneyness=each.log_moneyness,
            bid_iv=each.bid_iv + 0.1 * (each.ask_iv - each.bid_iv) / 2,
            ask_iv=each.ask_iv + 0.1 * (each.ask_iv - each.bid_iv) / 2,
        )
        for each in chain()
    ]


def assert_sound(found: list[FittedSlice]) -> None:
    assert len(found) == 12
    assert all(each.smile is not None and not each.reason for each in found)
    assert min(each.g_min for each in found) >= 0
    assert min(each.calendar_slack for each in found) >= 0


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_cold(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    assert_sound(benchmark(fit_slices, chain()))
    note_pace(1)


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_warm(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    warm = [each.coefficients for each in fit_slices(chain())]
    assert_sound(benchmark(fit_slices, moved(), warm=warm))
    note_pace(1, f"{KERNEL}, warm")


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_trust_of_all_quotes(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    trusts = benchmark(quote_trust, chain())
    assert [each.size for each in trusts] == [30] * 12
    assert min(each.min() for each in trusts) > 0.9
    note_pace(1, f"{KERNEL}, trust in the quotes alone")


# By place of the expiry that is dirty: what lies under it is bounded by it, what lies above is not.
@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes, one of them dirty")
@pytest.mark.parametrize("place", [0, 5, 11])
def test_one_dirty_expiry(benchmark: BenchmarkFixture, note_pace: NotePace, place: int) -> None:
    earlier = fit_slices(chain())
    dirty = [moved()[n] if n == place else each for n, each in enumerate(chain())]
    found = benchmark(fit_slices, dirty, earlier=earlier)
    note_pace(1, f"{KERNEL}, expiry {place + 1} dirty")
    assert_sound(found)
    solved = [new is not old for new, old in zip(found, earlier, strict=True)]
    benchmark.extra_info["solved"] = sum(solved)
    assert solved[place]
    assert not any(solved[place + 1 :])


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes, one of them dirty")
def test_one_dirty_expiry_all_solved(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    warm = [each.coefficients for each in fit_slices(chain())]
    assert_sound(benchmark(fit_slices, [moved()[0], *chain()[1:]], warm=warm))
    note_pace(1, f"{KERNEL}, all solved")


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
@pytest.mark.parametrize("model", ["svi", "svi-free", "ssvi"])
def test_other_models(benchmark: BenchmarkFixture, note_pace: NotePace, model: str) -> None:
    found = benchmark(fit_slices, chain(), model=model)
    note_pace(1, f"{KERNEL}, {model}")
    assert all(each.smile is not None for each in found)


def in_spread(vols: list[np.ndarray]) -> float:
    """Share of the quotes that vols by expiry lie within."""
    inside = [
        (each.bid_iv <= found) & (found <= each.ask_iv)
        for each, found in zip(chain(), vols, strict=True)
    ]
    return float(np.concatenate(inside).mean())


# SVI without any condition on the slices or between them: the least that a surface costs there.
@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_scipy_slices_one_by_one(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    found = benchmark(lambda: [scipy_svi(each) for each in chain()])
    note_pace(1, "scipy, SVI slices")
    vols = [svi_vols(svi, each) for svi, each in zip(found, chain(), strict=True)]
    benchmark.extra_info["in_spread"] = in_spread(vols)
    assert in_spread(vols) > 0.5


@pytest.mark.benchmark(group="surface of 12 expiries, 360 quotes")
def test_quantlib_slices_one_by_one(benchmark: BenchmarkFixture, note_pace: NotePace) -> None:
    sections = benchmark(lambda: [quantlib_section(each) for each in chain()])
    note_pace(1, "QuantLib, SVI slices")
    errors = [section_rmse(one, each) for one, each in zip(sections, chain(), strict=True)]
    benchmark.extra_info["rmse_vol_points"] = 100 * float(np.sqrt(np.mean(np.square(errors))))
    assert max(errors) < 0.05
