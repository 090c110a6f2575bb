"""The moment of a venue's Greeks, recovered from Greeks that were made at a known one."""

from __future__ import annotations

import math
from dataclasses import replace
from statistics import NormalDist

import numpy as np
import pytest

from quantdesk.market.chain import Chain
from quantdesk.market.venue_moment import SHIFT_MAX_NS, venue_moment
from quantdesk.runtime.embedded import opening_snapshot

OPENING = opening_snapshot("BTC").chains[0]
MINUTE_NS = 60 * 10**9
LABEL_NS = OPENING.as_of_ns // MINUTE_NS * MINUTE_NS
NORMAL = NormalDist()


def chain_made_at(moment_ns: int, *, decimals: int = 5) -> tuple[Chain, dict[int, float]]:
    """A chain of vols and Greeks only, as published at `moment_ns`, and its forwards."""
    raw = OPENING.chain
    forwards = {
        expiry: 60_000.0 * (1 + 0.01 * place)
        for place, expiry in enumerate(np.unique(raw.expiry_ns).tolist())
    }
    delta, vega, iv = (np.empty(len(raw)) for _ in range(3))
    for row in range(len(raw)):
        expiry, strike = int(raw.expiry_ns[row]), float(raw.strike[row])
        years = (expiry - moment_ns) / (365 * 86_400 * 1e9)
        vol = round(0.5 + 0.1 * math.log(strike / 60_000.0) ** 2, 4)
        d1 = math.log(forwards[expiry] / strike) / (vol * math.sqrt(years))
        d1 += vol * math.sqrt(years) / 2
        call = NORMAL.cdf(d1)
        delta[row] = round(call if raw.is_call[row] else call - 1.0, decimals)
        vega[row] = round(forwards[expiry] * NORMAL.pdf(d1) * math.sqrt(years) / 100, decimals)
        iv[row] = vol
    nothing = np.full(len(raw), np.nan)
    chain = replace(
        raw,
        bid=nothing,
        ask=nothing,
        forward=nothing,
        venue_delta=delta,
        venue_vega=vega,
        venue_mark_iv=iv,
    )
    return chain, forwards


@pytest.mark.parametrize("minutes", [-38, -1, 0, 3, 59])
def test_moment_is_found_to_the_minute_and_forwards_with_it(minutes: int) -> None:
    moment_ns = LABEL_NS + minutes * MINUTE_NS
    chain, forwards = chain_made_at(moment_ns)
    found = venue_moment(chain, LABEL_NS)
    assert found is not None
    assert found.as_of_ns == moment_ns
    assert set(found.forwards) == set(forwards)
    for expiry, forward in forwards.items():
        assert found.forwards[expiry] == pytest.approx(forward, rel=5e-5)


def test_puts_say_the_same_as_calls() -> None:
    chain, _ = chain_made_at(LABEL_NS + 7 * MINUTE_NS)
    puts = chain.take(~chain.is_call)
    found = venue_moment(puts, LABEL_NS)
    assert found is not None
    assert found.as_of_ns == LABEL_NS + 7 * MINUTE_NS


def test_prices_or_forwards_are_better_evidence() -> None:
    chain, _ = chain_made_at(LABEL_NS)
    one = np.full(len(chain), np.nan)
    one[3] = 0.01
    assert venue_moment(replace(chain, bid=one), LABEL_NS) is None
    assert venue_moment(replace(chain, ask=one), LABEL_NS) is None
    assert venue_moment(replace(chain, forward=one), LABEL_NS) is None


def test_a_moment_too_far_from_the_label_is_not_believed() -> None:
    for sign in (-1, 1):
        chain, _ = chain_made_at(LABEL_NS + sign * (SHIFT_MAX_NS + 5 * MINUTE_NS))
        assert venue_moment(chain, LABEL_NS) is None


def test_without_greeks_there_is_no_moment() -> None:
    chain, _ = chain_made_at(LABEL_NS)
    nothing = np.full(len(chain), np.nan)
    assert venue_moment(replace(chain, venue_delta=nothing), LABEL_NS) is None
    assert venue_moment(replace(chain, venue_vega=nothing), LABEL_NS) is None
    assert venue_moment(replace(chain, venue_mark_iv=np.zeros(len(chain))), LABEL_NS) is None


def test_expiry_with_one_row_near_the_money_says_nothing() -> None:
    chain, forwards = chain_made_at(LABEL_NS)
    last = max(forwards)
    rows = np.flatnonzero(chain.expiry_ns == last)
    wings = rows[np.abs(np.abs(chain.venue_delta[rows]) - 0.5) > 0.31]
    kept = np.concatenate([np.flatnonzero(chain.expiry_ns != last), wings])
    found = venue_moment(chain.take(np.sort(kept)), LABEL_NS)
    assert found is not None
    assert last not in found.forwards


def test_one_wild_row_changes_little() -> None:
    chain, _ = chain_made_at(LABEL_NS)
    vega = chain.venue_vega.copy()
    vega[np.flatnonzero(chain.expiry_ns == chain.expiry_ns[-1])[10]] *= 3.0
    found = venue_moment(replace(chain, venue_vega=vega), LABEL_NS)
    assert found is not None
    assert found.as_of_ns == LABEL_NS
