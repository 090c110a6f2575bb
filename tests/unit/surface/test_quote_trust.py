"""Wrong quotes lose their weight, their neighbours keep theirs, and no tick decides by a step."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.surface_quotes import (
    HIDDEN,
    OUTLIER,
    TRUST_MIN,
    ExpiryQuotes,
    trusted,
    without_rows,
)
from quantdesk.pricing.surface import SliceQuotes
from quantdesk.pricing.surface import quote_trust as chain_trust
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import RECORDED, chain, expiry

LOST_MAX = 0.35


def quote_trust(years: float, k: FloatArray, bid_iv: FloatArray, ask_iv: FloatArray) -> FloatArray:
    """Trust in an expiry that is alone."""
    quotes = SliceQuotes(years=years, log_moneyness=k, bid_iv=bid_iv, ask_iv=ask_iv)
    return chain_trust([quotes])[0]


def requoted(quotes: ExpiryQuotes, bid_iv: FloatArray, ask_iv: FloatArray) -> ExpiryQuotes:
    return trusted([replace(quotes, bid_iv=bid_iv, ask_iv=ask_iv)])[0]


@pytest.mark.parametrize("rows", [(7,), (3, 15), (9, 10), (0,), (20,)])
def test_shifted_quotes_are_found_and_nothing_else(rows: tuple[int, ...]) -> None:
    quotes = expiry(30)
    bid, ask = quotes.bid_iv.copy(), quotes.ask_iv.copy()
    for row in rows:
        bid[row] *= 1.5
        ask[row] *= 1.5
    trust = quote_trust(quotes.years, quotes.log_moneyness, bid, ask)
    assert np.flatnonzero(trust < TRUST_MIN).tolist() == list(rows)
    assert (np.delete(trust, rows) > 0.9).all()


@pytest.mark.parametrize("shift", [-6.0, -4.0, 4.0, 6.0])
@pytest.mark.parametrize("row", [1, 7, 10, 19])
def test_a_few_half_spreads_are_enough_to_be_found(row: int, shift: float) -> None:
    quotes = expiry(30)
    bid, ask = quotes.bid_iv.copy(), quotes.ask_iv.copy()
    bid[row] += shift * 0.005
    ask[row] += shift * 0.005
    trust = quote_trust(quotes.years, quotes.log_moneyness, bid, ask)
    assert trust[row] < TRUST_MIN
    assert (np.delete(trust, row) > 0.9).all()


def test_the_sharp_bottom_of_a_last_days_smile_is_no_outlier_beside_a_wrong_quote() -> None:
    k = np.array([-0.051, -0.039, -0.028, -0.016, -0.005, 0.006, 0.017, 0.028, 0.050])
    mid = np.array([0.406, 0.329, 0.268, 0.200, 0.131, 0.120, 0.157, 0.236, 0.382])
    half = np.array([0.030, 0.029, 0.018, 0.010, 0.008, 0.009, 0.010, 0.013, 0.019])
    assert (quote_trust(1.4 / 365, k, mid - half, mid + half) > 0.9).all()
    mid[1] += 10 * half[1]
    trust = quote_trust(1.4 / 365, k, mid - half, mid + half)
    assert trust[1] < TRUST_MIN
    assert (np.delete(trust, 1) > TRUST_MIN).all()


def test_a_wide_quote_that_holds_the_smile_is_no_outlier_and_pulls_less() -> None:
    quotes = expiry(30)
    ask = quotes.ask_iv.copy()
    ask[7] += 0.05
    trust = quote_trust(quotes.years, quotes.log_moneyness, quotes.bid_iv, ask)
    assert trust[7] == TRUST_MIN
    assert (np.delete(trust, 7) > 0.9).all()
    bid = quotes.bid_iv.copy()
    bid[7] += 0.02
    assert quote_trust(quotes.years, quotes.log_moneyness, bid, ask)[7] < TRUST_MIN


def test_where_all_contradict_each_other_no_one_is_left_out() -> None:
    quotes = expiry(30, half=0.002)
    shift = 0.05 * (-1.0) ** np.arange(21)
    bid, ask = quotes.bid_iv + shift, quotes.ask_iv + shift
    trust = quote_trust(quotes.years, quotes.log_moneyness, bid, ask)
    assert trust.mean() >= 1.0 - LOST_MAX - 1e-12
    assert trust.min() > 0.0


def test_a_clean_smile_is_trusted() -> None:
    quotes = expiry(30)
    assert (
        quote_trust(quotes.years, quotes.log_moneyness, quotes.bid_iv, quotes.ask_iv) == 1.0
    ).all()


def test_trust_falls_smoothly_as_a_quote_departs() -> None:
    quotes = expiry(30)
    found = []
    for shift in np.linspace(0.0, 0.04, 401):
        bid, ask = quotes.bid_iv.copy(), quotes.ask_iv.copy()
        bid[7] += shift
        ask[7] += shift
        found.append(float(quote_trust(quotes.years, quotes.log_moneyness, bid, ask)[7]))
    assert found[0] == 1.0
    assert found[-1] == 0.0
    steps = np.diff(found)
    assert (steps <= 0.0).all()
    assert steps.min() > -0.03


def test_trust_is_local() -> None:
    quotes = expiry(30)
    bid, ask = quotes.bid_iv.copy(), quotes.ask_iv.copy()
    bid[10] += 0.02
    ask[10] += 0.02
    trust = quote_trust(quotes.years, quotes.log_moneyness, bid, ask)
    assert (np.delete(trust, slice(7, 14)) == 1.0).all()


def test_few_quotes_are_not_judged() -> None:
    k, vol = np.array([-0.1, 0.0, 0.1]), np.array([0.5, 5.0, 0.5])
    assert (quote_trust(0.1, k, vol - 0.01, vol + 0.01) == 1.0).all()


def test_a_recorded_chain_loses_none() -> None:
    quotes = read_quotes(RECORDED, None, None)
    reasons = [reason for each in quotes.expiries for reason in each.reasons]
    assert OUTLIER not in reasons
    assert len(reasons) > 300
    weights = np.concatenate([each.weight for each in quotes.expiries])
    assert (weights > 0).sum() > 300


def test_a_wrong_quote_is_named_and_named_no_more_when_it_is_right_again() -> None:
    quotes = expiry(30)
    bid, ask = quotes.bid_iv.copy(), quotes.ask_iv.copy()
    bid[7] += 0.2
    ask[7] += 0.2
    wrong = requoted(quotes, bid, ask)
    assert wrong.reasons[7] == OUTLIER
    assert not wrong.is_used[7]
    assert wrong.is_scored[7]
    assert wrong.weight[7] == 0.0
    right = requoted(wrong, quotes.bid_iv, quotes.ask_iv)
    assert right.is_used.all()
    assert right.reasons == quotes.reasons


def test_an_expiry_refused_for_its_outliers_names_them_at_every_look() -> None:
    quotes = expiry(30, count=6, half=0.002)
    shift = np.array([0.3, 0.0, 0.3, 0.0, 0.3, 0.0])
    once = requoted(quotes, quotes.bid_iv + shift, quotes.ask_iv + shift)
    assert "a slice needs 3" in once.refusal
    assert once.reasons.count(OUTLIER) > 3
    assert once.weight.max() > 0.4
    assert not once.is_used.any()
    (again,) = trusted([once])
    assert (again.reasons, again.refusal) == (once.reasons, once.refusal)
    assert np.array_equal(again.weight, once.weight)


def test_a_hidden_quote_has_no_say_in_anything() -> None:
    quotes = expiry(30)
    hidden = np.zeros(quotes.strike.size, dtype=np.bool_)
    hidden[7] = True
    bid = quotes.bid_iv.copy()
    bid[7] = 0.01
    (one,) = trusted([without_rows(quotes, hidden)])
    (two,) = trusted([without_rows(requoted(quotes, bid, quotes.ask_iv), hidden)])
    assert one.reasons[7] == HIDDEN
    assert one.weight[7] == 0.0
    assert np.array_equal(one.weight, two.weight)


def test_the_expiries_beside_it_tell_that_a_whole_end_is_wrong() -> None:
    quotes = chain(9, 30, 60, 120).expiries
    spoiled = list(quotes)
    shift = np.where(np.arange(21) < 3, 0.2, 0.0)
    wrong = replace(quotes[2], bid_iv=quotes[2].bid_iv + shift, ask_iv=quotes[2].ask_iv + shift)
    spoiled[2] = wrong
    found = [np.flatnonzero(each.weight < TRUST_MIN).tolist() for each in trusted(spoiled)]
    assert found == [[], [], [0, 1, 2], []]
    (alone,) = trusted([wrong])
    assert np.flatnonzero(alone.weight < TRUST_MIN).tolist() != [0, 1, 2]


def test_a_quote_above_the_total_variance_of_longer_expiries_is_doubted() -> None:
    quotes = chain(9, 10, 30).expiries
    far = quotes[0]
    last = far.log_moneyness[-1] * 1.4
    crossing = replace(
        far,
        log_moneyness=np.append(far.log_moneyness, last),
        strike=np.append(far.strike, 80_000.0 * np.exp(last)),
        is_call=np.append(far.is_call, True),
        bid_iv=np.append(far.bid_iv, 2.0),
        ask_iv=np.append(far.ask_iv, 2.01),
        is_used=np.append(far.is_used, True),
        names=(*far.names, "far"),
        reasons=(*far.reasons, ""),
    )
    found = trusted([crossing, *quotes[1:]])
    assert found[0].reasons[-1] == OUTLIER
    assert found[0].is_used[:-1].all()
    assert all(each.is_used.all() for each in found[1:])


def test_bad_input_is_refused() -> None:
    one, other = (
        SliceQuotes(
            years=years,
            log_moneyness=np.arange(5.0),
            bid_iv=np.full(5, 0.5),
            ask_iv=np.full(5, 0.6),
        )
        for years in (0.1, 0.2)
    )
    with pytest.raises(InvalidInput, match="years"):
        chain_trust([other, one])
    with pytest.raises(InvalidInput, match="floor"):
        chain_trust([one], floor=0.0)
    with pytest.raises(InvalidInput, match="ask_iv"):
        chain_trust([replace(one, ask_iv=np.full(4, 0.6)), other])
    assert chain_trust([]) == []
