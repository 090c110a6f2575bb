"""The desk from a script: samples, files, columns, and the example scripts."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from numpy.testing import assert_allclose

import quantdesk as qd
from quantdesk.errors import ConfigError, InvalidInput

ROOT = Path(__file__).parents[3]


def test_sample_is_the_recorded_chain_at_its_moment() -> None:
    chain = qd.sample("deribit-2026-06-27").chain("BTC")
    columns = qd.chain_columns(chain)
    assert len(columns["strike"]) == 330
    row = columns["instrument_name"].tolist().index("BTC-28JUN26-60000-C")
    recorded = {"bid": 0.006, "ask": 0.007, "mark": 0.0067, "bid_size": 20.1, "ask_size": 0.1}
    for name, value in recorded.items():
        assert columns[name][row] == value
    assert columns["venue_mark_iv"][row] == pytest.approx(0.2101)
    assert columns["venue_delta"][row] == pytest.approx(0.6511)


def test_sample_twice_is_the_same() -> None:
    first = qd.chain_columns(qd.sample("deribit-2026-01-31").chain("ETH"))
    second = qd.chain_columns(qd.sample("deribit-2026-01-31").chain("eth"))
    for name, column in first.items():
        np.testing.assert_array_equal(column, second[name])


def test_own_vols_price_the_quotes_again() -> None:
    columns = qd.chain_columns(qd.sample("deribit-2026-06-27").chain("BTC"))
    solved = ~np.isnan(columns["mark_iv"])
    price = qd.price(
        columns["option_type"] == "call",
        columns["forward"],
        columns["strike"],
        columns["years"],
        columns["mark_iv"],
    )
    assert isinstance(price, np.ndarray)
    assert solved.sum() > 280
    assert_allclose(
        price[solved] / columns["forward"][solved], columns["mark"][solved], rtol=1e-10, atol=1e-13
    )


def test_narrowed_chain_keeps_its_expiry() -> None:
    chain = qd.sample("deribit-2026-06-27").chain("BTC", expiry="weekly", window="2")
    assert [str(day)[:10] for day in np.unique(qd.chain_columns(chain)["expiry"])] == ["2026-07-03"]
    assert len(chain.chain) == 10


@pytest.mark.parametrize(
    ("error", "call"),
    [
        (ConfigError, lambda: qd.sample("deribit-1999-01-01")),
        (ConfigError, lambda: qd.sample("deribit-2026-06-27").chain("ETH")),
        (InvalidInput, lambda: qd.sample("deribit-2026-06-27").chain("BTC", expiry="tomorrow")),
        (InvalidInput, lambda: qd.sample("deribit-2026-06-27").chain("BTC", window="wide")),
    ],
)
def test_mistake_is_named(error: type[Exception], call: object) -> None:
    assert callable(call)
    with pytest.raises(error, match=r"there are|has BTC|must be"):
        call()


def test_public_names_are_there() -> None:
    for name in qd.__all__:
        assert getattr(qd, name) is not None
    with pytest.raises(AttributeError, match="no attribute 'nothing'"):
        _ = qd.nothing


@pytest.mark.parametrize("script", sorted((ROOT / "strategies").glob("*.py")), ids=lambda p: p.stem)
def test_example_script_runs(script: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script)], capture_output=True, text=True, check=False, timeout=60
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout
