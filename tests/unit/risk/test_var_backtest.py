"""How often the default method is rejected on the record: books at random, ETH, and by window.

A right method is rejected at 5 % by one of the three tests in one book of ten or twenty.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pytest
from scipy import stats

from quantdesk.domain.times import parse_instant
from quantdesk.risk.historical_moves import VarVols
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import PreparedBook
from quantdesk.risk.valuation import value_positions
from quantdesk.risk.var import VarSettings, value_at_risk
from quantdesk.risk.var_backtest import backtest, headline_backtests
from quantdesk.risk.var_exceptions import ExceptionTests, examine_exceptions
from quantdesk.risk.var_filter import BURN_IN
from quantdesk.risk.var_quantiles import quantile_losses
from quantdesk.risk.var_revaluation import moved_legs_usd
from tests.unit.risk import var_oracle as oracle
from tests.unit.risk.books import named, position, sample_market
from tests.unit.risk.test_var import book_of, history
from tests.unit.risk.test_var_oracle import BTC, DECAY, ETH, UNTIL, prepared_of
from tests.unit.risk.var_oracle import Leg

NAMES = (
    "BTC-25SEP26-50000-P",
    "BTC-25SEP26-60000-C",
    "BTC-25SEP26-70000-C",
    "BTC-25DEC26-55000-P",
    "BTC-25DEC26-65000-C",
    "BTC-PERPETUAL",
)
BOOKS = 150


def random_books(legs: int) -> oracle.Array:
    """Quantities (books, legs) of one to five legs each."""
    random = np.random.default_rng(11)
    books = np.zeros((BOOKS, legs))
    for book in books:
        held = random.choice(legs, random.integers(1, 6), replace=False)
        book[held] = random.choice([-5, -4, -3, -2, -1, 1, 2, 3, 4, 5], held.size)
    return books


def examined_books(window: int) -> list[ExceptionTests]:
    """The default method's tests of each random book, from results that are shared by all."""
    prepared = book_of({name: 60_000 if name == "BTC-PERPETUAL" else 1 for name in NAMES})
    moves = history()
    books = random_books(len(prepared.legs))
    first = window + BURN_IN
    came = books @ moved_legs_usd(prepared, moves.spot, moves.vol, horizon_days=1.0)[:, first:]
    spot_vols, vol_vols = (oracle.ewma(one[0], DECAY) for one in (moves.spot, moves.vol))
    losses = np.empty_like(came)
    for start in range(first, len(moves), 60):
        days = np.arange(start, min(start + 60, len(moves)))
        places = days[:, None] - np.arange(window, 0, -1)
        spot = (moves.spot[0][places] / spot_vols[places] * spot_vols[days][:, None]).reshape(1, -1)
        vol = (moves.vol[0][places] / vol_vols[places] * vol_vols[days][:, None]).reshape(1, -1)
        results = books @ moved_legs_usd(prepared, spot, vol, horizon_days=1.0)
        rows = results.reshape(BOOKS * days.size, window)
        losses[:, days - first] = quantile_losses(rows, 0.99).reshape(BOOKS, days.size)
    return [examine_exceptions(hits, 0.01) for hits in (came < -losses).tolist()]


def test_books_at_random_are_rejected_about_as_often_as_chance_does() -> None:
    found = examined_books(VarSettings().window)
    assert {one.days for one in found} == {1148}
    coverage = np.mean([one.uc.is_rejected for one in found])
    either = np.mean([one.is_rejected for one in found])
    assert coverage <= 0.02
    assert either <= 0.10
    expected = found[0].expected
    assert np.mean([one.exceptions for one in found]) == pytest.approx(expected, rel=0.1)


def likeliest_decay(moves: oracle.Array) -> float:
    """The decay with which Student-t moves, 4 degrees of freedom, of any scale are likeliest."""
    decays = np.arange(0.80, 0.985, 0.01)
    found = []
    for decay in decays:
        vols = oracle.ewma(moves, float(decay))[30:-1]
        standard = moves[30:] / vols
        found.append(
            max(
                np.mean(stats.t.logpdf(standard / scale, 4) - np.log(scale * vols))
                for scale in np.linspace(0.5, 1.0, 21)
            )
        )
    return float(decays[int(np.argmax(found))])


def test_the_decay_is_near_what_likelihood_takes() -> None:
    before = parse_instant("2021-03-24T00:00:00Z") // (3600 * 10**9)
    index, _, _ = oracle.moves(["BTC"], hours=24, with_vols=False, until_hour=before)
    ether_index, _, _ = oracle.moves(["ETH"], hours=24, with_vols=False)
    _, vol_index, _ = oracle.moves(["BTC"], hours=24, with_vols=True)
    found = [likeliest_decay(one[0]) for one in (index, ether_index, vol_index)]
    assert found == pytest.approx([0.90, 0.92, 0.88], abs=1e-9)


def sample_book(text: str) -> PreparedBook:
    """ "-1 25SEP26-60000-C, …" on the shipped chain of 2026-06-27."""
    market = sample_market()
    legs = []
    for part in text.split(", "):
        quantity, name = part.split(" ")
        legs.append(position(named(market, f"BTC-{name}"), quantity))
    book = value_positions(legs, market)
    assert not book.excluded
    return prepare(book)


@pytest.mark.parametrize(
    "text",
    [
        "-1 25SEP26-60000-C, -1 25SEP26-60000-P",
        "1 25SEP26-60000-C, 1 25SEP26-60000-P",
        "-1 3JUL26-60000-C, -1 3JUL26-60000-P",
        "1 3JUL26-60000-C, 1 3JUL26-60000-P",
        "-1 26MAR27-82000-C, -1 26MAR27-35000-P",
        "-1 25DEC26-80000-C, -1 25DEC26-45000-P",
        "-1 25SEP26-70000-C, -1 25SEP26-50000-P",
        "1 25SEP26-70000-C, 1 25SEP26-50000-P",
        "-1 25SEP26-70000-C",
        "1 25SEP26-70000-C",
        "-1 25SEP26-50000-P",
        "1 25SEP26-50000-P",
        "1 25DEC26-75000-C, -1 25DEC26-50000-P",
        "-1 25DEC26-75000-C, 1 25DEC26-50000-P",
        "-1 31JUL26-60000-C, 1 25DEC26-60000-C",
        "-1 25SEP26-70000-C, 1 25SEP26-80000-C, -1 25SEP26-50000-P, 1 25SEP26-45000-P",
        "60000 PERPETUAL, -1 25SEP26-70000-C",
    ],
)
def test_usual_books_are_not_rejected(text: str) -> None:
    found = backtest(sample_book(text), until_ns=UNTIL)
    assert found.tests is not None
    assert found.tests.days == 1148
    assert found.tests.rejected_by == ()


def ether(*legs: tuple[float, float, bool]) -> list[Leg]:
    """Two-month options of (coins, strike, is_call)."""
    return [
        Leg("ETH", "option", coins, ETH, ETH, days=60.0, strike=strike, is_call=is_call, vol=0.65)
        for coins, strike, is_call in legs
    ]


@pytest.mark.parametrize("window", [100, 200, 300])
@pytest.mark.parametrize(
    "legs",
    [
        [Leg("ETH", "future", 1.0, ETH, ETH)],
        [Leg("ETH", "future", -1.0, ETH, ETH)],
        ether((-1, 2_500, True), (-1, 2_500, False)),
        ether((1, 2_500, True), (1, 2_500, False)),
        ether((-1, 2_100, False)),
        ether((-1, 3_000, True)),
    ],
    ids=["long", "short", "short straddle", "long straddle", "short put", "short call"],
)
def test_eth_with_vols_unchanged_is_not_rejected(legs: Sequence[Leg], window: int) -> None:
    settings = VarSettings(window=window)
    found = backtest(prepared_of(legs), until_ns=UNTIL, settings=settings, vols=VarVols.UNCHANGED)
    assert found.tests is not None
    assert found.tests.days > 890
    assert found.tests.rejected_by == ()


def test_backtests_are_of_the_method_that_stands_in() -> None:
    legs = ether((-1, 2_500, True))
    report = value_at_risk(prepared_of(legs), index_prices={"BTC": BTC, "ETH": ETH}, until_ns=UNTIL)
    found = headline_backtests(prepared_of(legs), report, until_ns=UNTIL, windows=(100,))
    assert [(one.method.value, one.vols.value, one.window) for one in found] == [
        ("filtered", "unchanged", 200),
        ("filtered", "unchanged", 100),
        ("historical", "unchanged", 200),
    ]
    assert all(one.tests is not None for one in found)
