"""The kernel beside vollib, on a recorded chain and on random options.

vollib prices options one by one from Let's Be Rational, which we did not write. Runs in an
environment of its own (`make oracle`): vollib brings pandas.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

import quantdesk as qd

vollib_black = pytest.importorskip("vollib.black", reason="vollib is not installed here")
vollib_greeks = pytest.importorskip("vollib.black.greeks.analytical")
vollib_iv = pytest.importorskip("vollib.black.implied_volatility")


def options(rows: int, seed: int) -> dict[str, np.ndarray]:
    """Random options out to 6 standard deviations, an hour to two years, vol 5 to 200 %."""
    rng = np.random.default_rng(seed)
    years = np.exp(rng.uniform(np.log(1 / 8760), np.log(2.0), rows))
    vol = np.exp(rng.uniform(np.log(0.05), np.log(2.0), rows))
    forward = np.exp(rng.uniform(np.log(1.0), np.log(150_000.0), rows))
    strike = forward * np.exp(vol * np.sqrt(years) * rng.uniform(-6, 6, rows))
    return {
        "is_call": rng.integers(0, 2, rows).astype(bool),
        "forward": forward,
        "strike": strike,
        "years": years,
        "vol": vol,
        "rate": rng.uniform(-0.02, 0.1, rows),
    }


def each(function: Any, *columns: np.ndarray) -> np.ndarray:
    return np.array([function(*row) for row in zip(*columns, strict=True)])


def flags(is_call: np.ndarray) -> np.ndarray:
    return np.where(is_call, "c", "p")


def test_prices_agree() -> None:
    o = options(2_000, seed=1)
    ours = qd.price(o["is_call"], o["forward"], o["strike"], o["years"], o["vol"], o["rate"])
    theirs = each(
        vollib_black.black,
        flags(o["is_call"]),
        o["forward"],
        o["strike"],
        o["years"],
        o["rate"],
        o["vol"],
    )
    assert_allclose(ours, theirs, rtol=2e-10, atol=1e-13 * o["forward"].max())


@pytest.mark.parametrize(
    ("name", "scale"), [("delta", 1.0), ("gamma", 1.0), ("vega", 0.01), ("theta", 1 / 365)]
)
def test_greeks_agree(name: str, scale: float) -> None:
    o = options(1_000, seed=2)
    columns = (o["is_call"], o["forward"], o["strike"], o["years"], o["vol"], o["rate"])
    ours = getattr(qd.greeks(*columns, which=(name,)), name) * scale
    theirs = each(
        getattr(vollib_greeks, name),
        flags(o["is_call"]),
        o["forward"],
        o["strike"],
        o["years"],
        o["rate"],
        o["vol"],
    )
    size = np.abs(theirs) + (np.abs(o["rate"] * o["forward"]) / 365 if name == "theta" else 0.0)
    assert np.max(np.abs(ours - theirs) / np.maximum(size, 1e-280)) < 1e-7


def test_implied_vols_of_a_recorded_chain_agree() -> None:
    chain = qd.chain_columns(qd.sample("deribit-2026-06-27").chain("BTC"))
    solved = ~np.isnan(chain["mark_iv"])
    theirs = each(
        vollib_iv.implied_volatility,
        (chain["mark"] * chain["forward"])[solved],
        chain["forward"][solved],
        chain["strike"][solved],
        np.zeros(solved.sum()),
        chain["years"][solved],
        flags(chain["option_type"] == "call")[solved],
    )
    assert solved.sum() > 280  # the rest has no mark, or one that is rounding alone
    assert_allclose(chain["mark_iv"][solved], theirs, rtol=1e-9)
