"""Linear prices as models have them: per coin, undiscounted; on chains and between venues."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from quantdesk.errors import InvalidInput
from quantdesk.market.chain import QUOTE_COLUMNS, Chain, FloatArray, build_chain
from quantdesk.market.cross_venue import QuoteFees, venue_values
from quantdesk.market.forwards import expiry_forward
from quantdesk.market.valuation import value_chain
from tests.unit.market.chains import market_of
from tests.unit.market.test_cross_venue import STRIKES, linear_twin


def per_contract(chain: Chain, unit: int) -> Chain:
    """A Binance chain whose contracts are of `unit` coins, rebuilt from its instruments."""
    instruments = [
        replace(each, contract_size=Decimal(unit), is_amount_in_contracts=True)
        for each in chain.instruments
    ]
    columns = {name: np.array(getattr(chain, name)) for name in QUOTE_COLUMNS}
    for name in ("bid", "ask", "mark"):
        columns[name] *= unit
    return build_chain(
        venue="binance",
        underlying=chain.underlying,
        instruments=instruments,
        columns=columns,
        event_ns=chain.event_ns,
        recv_ns=chain.recv_ns,
        forward_index=chain.forward_index,
    )


def binance_chain(discount: float = 1.0) -> tuple[Chain, FloatArray]:
    reading = market_of(STRIKES)
    return linear_twin(reading.chain, reading.values.forward, discount), reading.values.forward


@pytest.mark.parametrize("unit", [100, 1_000])
def test_vols_and_greeks_of_a_contract_of_many_coins_are_those_of_one(unit: int) -> None:
    chain, forward = binance_chain()
    one, many = (
        value_chain(each, forward) for each in (per_contract(chain, 1), per_contract(chain, unit))
    )
    assert np.isfinite(one.mark_iv).any()
    for name in ("bid_iv", "mark_iv", "ask_iv", "delta", "gamma", "vega", "theta"):
        np.testing.assert_allclose(getattr(many, name), getattr(one, name), rtol=1e-9)


def test_a_deribit_price_is_per_coin_whatever_the_multiplier() -> None:
    chain, _ = binance_chain()
    instruments = [
        replace(i, venue="deribit", contract_size=Decimal(1_000)) for i in chain.instruments
    ]
    columns = {name: getattr(chain, name) for name in QUOTE_COLUMNS}
    built = build_chain(
        venue="deribit",
        underlying=chain.underlying,
        instruments=instruments,
        columns=columns,
        event_ns=chain.event_ns,
        recv_ns=chain.recv_ns,
        forward_index=chain.forward_index,
    )
    assert (built.price_coins == 1.0).all()


def test_values_between_venues_are_per_coin_with_their_fees() -> None:
    chain, forward = binance_chain()
    years = value_chain(chain, forward).years

    def values(each: Chain, fee: float) -> tuple[FloatArray, FloatArray, FloatArray]:
        fees = QuoteFees(bid=np.full(len(each), fee), ask=np.full(len(each), fee))
        made = venue_values(
            each, forward=forward, years=years, fees=fees, is_usable=np.ones(len(each), dtype=bool)
        )
        return made.bid, made.ask_fee, made.net_ask_iv

    for one, many in zip(
        values(per_contract(chain, 1), 2.0), values(per_contract(chain, 100), 200.0), strict=True
    ):
        np.testing.assert_allclose(many, one, rtol=1e-9)


def test_the_forward_by_parity_is_per_coin() -> None:
    chain, _ = binance_chain()
    found = expiry_forward(per_contract(chain, 100), (0, len(chain)), {}, 60_000.0)
    assert found.price == pytest.approx(60_000.0, rel=1e-6)
    assert found.source == "parity (3 pairs)"  # those near the money


def test_a_linear_chain_is_valued_at_its_undiscounted_value() -> None:
    reading = market_of(STRIKES)
    forward = reading.values.forward
    chain = linear_twin(reading.chain, forward, 0.97)
    found = expiry_forward(chain, (0, len(chain)), {}, 58_000.0)
    assert found.discount == pytest.approx(0.97, abs=1e-9)
    assert found.discount_source == "parity (5 pairs)"
    # The parity of a discounted chain gives the forward only with its discount.
    assert found.price == pytest.approx(60_000.0, abs=1e-3)
    values = value_chain(chain, forward, discount=np.full(len(chain), found.discount))
    for name in ("bid_iv", "ask_iv"):
        np.testing.assert_allclose(
            getattr(values, name), getattr(reading.values, name), rtol=1e-6, err_msg=name
        )
    plain = value_chain(chain, forward)
    assert np.nanmax(np.abs(plain.bid_iv - values.bid_iv)) > 0.01


def test_coin_settled_options_have_no_discount_and_say_so() -> None:
    reading = market_of(STRIKES)
    found = expiry_forward(reading.chain, (0, len(reading.chain)), {}, 60_000.0)
    assert (found.discount, found.discount_source) == (1.0, "1: settled in coin")
    valued = value_chain(
        reading.chain, reading.values.forward, discount=np.full(len(reading.chain), 0.9)
    )
    np.testing.assert_array_equal(valued.bid_iv, reading.values.bid_iv)
    assert (valued.discount == 1.0).all()


@pytest.mark.parametrize("wrong", [0.0, -1.0, np.nan])
def test_a_discount_that_is_none_is_refused(wrong: float) -> None:
    chain, forward = binance_chain()
    with pytest.raises(InvalidInput, match=r"discount .* above 0"):
        value_chain(chain, forward, discount=np.full(len(chain), wrong))
