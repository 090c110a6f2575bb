"""Prices, chances and models of structures on the real sample, against independent arithmetic."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from quantdesk.domain.instrument import OptionType, Settlement
from quantdesk.domain.structure import Leg, Structure
from quantdesk.domain.times import NS_PER_S
from quantdesk.errors import InvalidInput
from quantdesk.margin.fees import combo_fees, trade_fee
from quantdesk.market.chain import FloatArray, IntArray
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.analysis import StructureAnalysis, View, analyse
from quantdesk.structures.catalogue import plan_structure
from quantdesk.structures.curves import curve_prices, date_curve, horizon_curve
from quantdesk.structures.laws import Lognormal, surface_density
from quantdesk.structures.leg_quotes import LegQuote
from quantdesk.structures.net import FeeLaw, PriceBasis, net_premium
from quantdesk.structures.payoff import Numeraire, exact_profile
from quantdesk.structures.resolve import resolve
from quantdesk.structures.terms import leg_terms
from quantdesk.structures.text import parse_line

LAW = FeeLaw(trade=trade_fee, combo=combo_fees)
YEAR_NS = 365 * 86_400 * NS_PER_S


def analysed(market: UnderlyingMarket, line: str, **options: object) -> StructureAnalysis:
    structure = resolve(parse_line(line), market).structure
    return analyse(structure, market, fee_law=LAW, **options)  # type: ignore[arg-type]


def row_of(market: UnderlyingMarket, name: str) -> int:
    return next(n for n, i in enumerate(market.chain.instruments) if i.name == name)


def test_net_prices_are_sums_of_the_quotes_with_the_side_that_is_taken(
    market: UnderlyingMarket,
) -> None:
    analysis = analysed(market, "+2 C 60000 31JUL26, -1 P 54000 31JUL26")
    call = row_of(market, "BTC-31JUL26-60000-C")
    put = row_of(market, "BTC-31JUL26-54000-P")
    bid, ask = market.chain.bid, market.chain.ask
    mid, natural = analysis.net[PriceBasis.MID], analysis.net[PriceBasis.NATURAL]
    assert mid is not None
    assert natural is not None
    assert float(mid.coin) == pytest.approx(
        bid[call] + ask[call] - (bid[put] + ask[put]) / 2, abs=1e-15
    )
    assert float(natural.coin) == pytest.approx(2 * ask[call] - bid[put], abs=1e-15)
    assert mid.currency == "BTC"
    assert mid.word == "debit"
    assert mid.usd == mid.coin * analysis.index


def test_an_analysis_prints_as_lines_with_its_currencies(market: UnderlyingMarket) -> None:
    analysis = analysed(market, "-1 C 60000 31JUL26, +1 C 70000 31JUL26")
    mid = analysis.net[PriceBasis.MID]
    assert mid is not None
    lines = str(analysis).splitlines()
    assert lines[0] == "deribit -1 BTC-31JUL26-60000-C, +1 BTC-31JUL26-70000-C"
    assert f"mid: credit {abs(mid.coin):f} BTC, {abs(mid.usd):,.2f} USD" in lines
    (usd,) = (line for line in lines if line.startswith("usd:"))
    assert f"loss at most {10_000 - abs(mid.usd):,.4f}," in usd


def test_fees_follow_the_cap_and_the_combo_rule(market: UnderlyingMarket) -> None:
    condor = resolve(plan_structure("iron-condor"), market).structure
    fees = analyse(condor, market, fee_law=LAW).fees
    assert fees is not None
    # Four legs of 0.0003 BTC, none below the 0.0024 at which the cap of 12.5 % binds.
    assert fees.total.coin == Decimal("0.0012")
    assert fees.combo is not None
    assert fees.combo.coin == Decimal("0.0006")


def test_a_limit_price_of_a_leg_moves_the_net_at_limit_only(market: UnderlyingMarket) -> None:
    analysis = analysed(market, "+1 C 60000 31JUL26 @ 0.01, -1 P 54000 31JUL26")
    mid, limit = analysis.net[PriceBasis.MID], analysis.net[PriceBasis.LIMIT]
    put = row_of(market, "BTC-31JUL26-54000-P")
    assert mid is not None
    assert limit is not None
    put_mid = (market.chain.bid[put] + market.chain.ask[put]) / 2
    assert float(limit.coin) == pytest.approx(0.01 - put_mid, abs=1e-15)
    assert mid.coin != limit.coin


def test_chances_of_a_straddle_are_the_integral_of_its_payoff(market: UnderlyingMarket) -> None:
    analysis = analysed(market, "+1 C 60000 31JUL26, +1 P 60000 31JUL26")
    horizon, chance = analysis.horizon, analysis.chances[0]
    assert horizon.forward is not None
    assert horizon.last_vol is not None
    forward, v = horizon.forward, horizon.last_vol * math.sqrt(horizon.years)
    cost = float(sum(price for price in analysis.prices if price is not None)) + 0.0006
    index = float(analysis.index)

    def density(price: float) -> float:
        z = (math.log(price / forward) + v * v / 2) / v
        return float(norm.pdf(z)) / (v * price)

    low, high = forward * math.exp(-12 * v), forward * math.exp(12 * v)
    usd = quad(
        lambda d: (abs(d - 60_000) - cost * index) * density(d),
        low,
        high,
        points=[60_000],
        limit=400,
    )[0]
    coin = quad(
        lambda d: (abs(d - 60_000) / d - cost) * density(d), low, high, points=[60_000], limit=400
    )[0]
    assert chance.usd.expected == pytest.approx(usd, abs=1e-4)
    assert chance.coin.expected == pytest.approx(coin, abs=1e-9)
    edges = [60_000 - cost * index, 60_000 + cost * index]
    below = [float(norm.cdf((math.log(x / forward) + v * v / 2) / v)) for x in edges]
    assert chance.usd.profit_probability == pytest.approx(below[0] + 1 - below[1], abs=1e-12)
    assert "driftless lognormal" in chance.law
    assert "31JUL26" in chance.law


def test_an_own_view_is_a_law_of_its_own(market: UnderlyingMarket) -> None:
    analysis = analysed(market, "+1 C 60000 31JUL26", view=View(drift=0.5, vol=0.8))
    laws = [chance.law for chance in analysis.chances]
    assert laws[-1] == "own lognormal, drift +50.00% a year, vol 80.00%"
    assert analysis.chances[-1].usd.expected > analysis.chances[0].usd.expected


@pytest.mark.parametrize(("drift", "vol"), [(math.nan, 0.5), (0.0, 0.0), (0.0, -1.0), (99.0, 0.5)])
def test_a_view_out_of_its_domain_is_refused(
    drift: float, vol: float, market: UnderlyingMarket
) -> None:
    with pytest.raises(InvalidInput):
        analysed(market, "+1 C 60000 31JUL26", view=View(drift=drift, vol=vol))


class FlatSurface:
    """The same vol everywhere: its density is the lognormal."""

    def __init__(self, vol: float) -> None:
        self.vol = vol

    def implied_vol(self, expiry_ns: IntArray, strikes: FloatArray) -> FloatArray:
        return np.full(np.broadcast(expiry_ns, strikes).shape, self.vol)


class TornSurface(FlatSurface):
    """A jump of vol at one strike: its digital prices are no distribution."""

    def implied_vol(self, expiry_ns: IntArray, strikes: FloatArray) -> FloatArray:
        return np.where(strikes > 65_000, 0.9, 0.3)


def test_the_density_of_a_flat_surface_is_the_lognormal() -> None:
    density = surface_density(
        FlatSurface(0.5), expiry_ns=1, forward=60_000.0, years=0.1, expiry="31JUL26"
    )
    lognormal = Lognormal(name="", forward=60_000.0, vol=0.5, years=0.1)
    prices = np.geomspace(20_000, 150_000, 301)
    assert np.abs(density.cdf(prices) - lognormal.cdf(prices)).max() < 2e-6
    edges = np.array([0.0, 50_000.0, 70_000.0, math.inf])
    for power in (-1, 0, 1):
        ours, exact = density.moment(power, edges), lognormal.moment(power, edges)
        assert ours == pytest.approx(exact, rel=5e-5)


def test_both_laws_are_shown_and_a_surface_that_implies_no_distribution_is_refused(
    market: UnderlyingMarket,
) -> None:
    line = "+1 C 60000 31JUL26, +1 P 60000 31JUL26"
    fitted = analysed(replace(market, surface=FlatSurface(0.4)), line)
    assert len(fitted.chances) == 2
    assert "risk-neutral density of the fitted surface" in fitted.chances[1].law
    torn = analysed(replace(market, surface=TornSurface(0.4)), line)
    assert len(torn.chances) == 1
    assert "no distribution" in torn.missing[0].reason


def test_a_calendar_is_a_model_and_its_expired_leg_covers_nothing(
    market: UnderlyingMarket,
) -> None:
    analysis = analysed(market, "-1 C 60000 3JUL26, +1 C 60000 31JUL26")
    assert not analysis.horizon.is_exact
    assert analysis.horizon.code == "3JUL26"
    prices = np.array([40_000.0, 60_000.0, 90_000.0])
    curve = horizon_curve(analysis, market, prices)
    far = row_of(market, "BTC-31JUL26-60000-C")
    near_ns = int(analysis.horizon.expiry_ns or 0)
    far_ns = int(market.chain.expiry_ns[far])
    years = (far_ns - near_ns) / YEAR_NS
    near, later = market.forwards[near_ns].price, market.forwards[far_ns].price
    assert near is not None
    assert later is not None
    forward = prices * later / near
    total = market.values.greeks_iv[far] * math.sqrt(years)
    d1 = np.log(forward / 60_000) / total + total / 2
    value = norm.cdf(d1) - 60_000 / forward * norm.cdf(d1 - total)
    paid = float(sum(q * p for q, p in zip((-1, 1), analysis.prices, strict=True) if p))
    settled = np.maximum(prices - 60_000, 0) / prices
    assert curve.coin == pytest.approx(value - settled - paid, abs=1e-12)
    summary = analysis.payoff[Numeraire.COIN]
    assert not summary.is_exact
    assert summary.max_loss is not None
    assert summary.max_profit is not None


def test_a_structure_entered_at_its_mark_has_made_nothing_today(
    market: UnderlyingMarket,
) -> None:
    analysis = analysed(market, "-1 P 54000 31JUL26, +1 C 66000 31JUL26", basis=PriceBasis.MARK)
    index = float(analysis.index)
    today = date_curve(analysis, market, np.array([index]), market.as_of_ns)
    # Marks are on the venue's tick: half a tick of two legs, and quotes a few seconds old.
    assert abs(today.coin[0]) < 3e-4


@pytest.mark.parametrize("date_ns", [0, 10**19])
def test_a_date_outside_the_life_of_a_structure_is_refused(
    date_ns: int, market: UnderlyingMarket
) -> None:
    analysis = analysed(market, "+1 C 60000 31JUL26")
    with pytest.raises(InvalidInput, match="date"):
        date_curve(analysis, market, np.array([60_000.0]), date_ns)


def test_plot_points_hold_every_strike_and_nothing_marked_lies_outside(
    market: UnderlyingMarket,
) -> None:
    analysis = analysed(market, "+1 C 60000 31JUL26, -1 C 72000 31JUL26")
    prices = curve_prices(analysis)
    assert {60_000.0, 72_000.0, float(analysis.index)} <= set(prices)
    marks = analysis.payoff[Numeraire.USD].breakevens
    assert prices[0] < min(marks) <= max(marks) < prices[-1]


def without_quotes(market: UnderlyingMarket, name: str, *columns: str) -> UnderlyingMarket:
    row = row_of(market, name)
    changed = {}
    for column in columns:
        values = getattr(market.chain, column).copy()
        values[row] = np.nan
        changed[column] = values
    return replace(market, chain=replace(market.chain, **changed))


def test_a_leg_without_bid_is_entered_at_its_mark_and_said(market: UnderlyingMarket) -> None:
    name = "BTC-31JUL26-60000-C"
    analysis = analysed(without_quotes(market, name, "bid"), f"+1 {name}")
    assert analysis.net[PriceBasis.MID] is None
    assert analysis.net[PriceBasis.NATURAL] is not None
    assert any("no bid" in text for text in analysis.warnings)
    assert any("entered at its mark" in text for text in analysis.warnings)
    assert Numeraire.COIN in analysis.payoff


def test_a_leg_that_can_not_be_marked_is_excluded_and_never_zero(
    market: UnderlyingMarket,
) -> None:
    name = "BTC-31JUL26-60000-C"
    blind = without_quotes(market, name, "bid", "ask", "mark")
    analysis = analysed(blind, f"+1 {name}, -1 BTC-31JUL26-66000-C")
    assert analysis.excluded
    assert analysis.excluded[0].startswith("leg 1")
    assert analysis.net[PriceBasis.MID] is None
    assert not analysis.payoff
    assert "needs a price for every leg" in analysis.missing[0].reason


def test_legs_of_another_market_are_refused(market: UnderlyingMarket) -> None:
    instrument = replace(market.chain.instruments[0], underlying="ETH")
    structure = Structure(legs=(Leg(instrument=instrument, quantity=Decimal(1)),))
    with pytest.raises(InvalidInput, match="can not be mixed"):
        analyse(structure, market)


def test_a_market_without_index_or_after_expiry_is_refused(market: UnderlyingMarket) -> None:
    structure = resolve(parse_line("+1 C 60000 31JUL26"), market).structure
    with pytest.raises(InvalidInput, match="index_price"):
        analyse(structure, replace(market, index_price=None))
    with pytest.raises(InvalidInput, match="past its expiry"):
        analyse(structure, replace(market, as_of_ns=10**19))


def test_a_chain_greek_times_quantity_is_the_structures(market: UnderlyingMarket) -> None:
    analysis = analysed(market, "-3 C 66000 31JUL26")
    row = row_of(market, "BTC-31JUL26-66000-C")
    for name, value in analysis.greeks.items():
        assert value == -3 * getattr(market.values, name)[row]


def test_the_two_deltas_of_held_coin_are_told_apart(market: UnderlyingMarket) -> None:
    analysis = analysed(market, "+1 SPOT")
    assert analysis.greeks["delta"] == 1.0
    assert analysis.greeks["delta_premium_adjusted"] == 0.0
    assert analysis.chances == ()
    assert "nothing here expires" in analysis.missing[0].reason


def test_contracts_of_many_coins_are_priced_by_the_contract(market: UnderlyingMarket) -> None:
    """Binance counts contracts of 100 XRP and prices a contract: 3 at 4.5 USDT cost 13.5 USDT."""
    instrument = replace(
        market.chain.instruments[0],
        venue="binance",
        settlement=Settlement.LINEAR,
        quote_currency="USDT",
        settlement_currency="USDT",
        contract_size=Decimal(100),
        is_amount_in_contracts=True,
        strike=Decimal("0.5"),
        option_type=OptionType.CALL,
    )
    leg = Leg(instrument=instrument, quantity=Decimal(3))
    terms = leg_terms(leg, Decimal("4.5"))
    assert (terms.size, terms.entry) == (Fraction(300), Fraction(9, 200))
    quote = LegQuote(leg=leg, coins=300.0, bid=Decimal(4), ask=Decimal(5), greeks={})
    money = net_premium([quote], PriceBasis.MID, underlying="XRP", index=Decimal("0.6"))
    assert money is not None
    assert money.amount == Decimal("13.5")
    profile = exact_profile([terms], Numeraire.USD, entry_index=Fraction(6, 10))
    assert profile.at(Fraction(7, 10)) == 300 * Fraction(2, 10) - Fraction(27, 2)


def test_a_view_drifts_from_the_index(market: UnderlyingMarket) -> None:
    """Its mean is index·exp(drift·years): a deep call is then worth that mean less its strike."""
    analysis = analysed(market, "+1 SPOT, +1 C 74000 31JUL26", view=View(drift=0.0, vol=0.01))
    plain = analysed(market, "+1 C 74000 31JUL26", view=View(drift=0.0, vol=0.01))
    held = analysis.chances[-1].usd.expected - plain.chances[-1].usd.expected
    assert held == pytest.approx(0.0, abs=1e-6)
