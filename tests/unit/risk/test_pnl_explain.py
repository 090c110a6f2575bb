"""P&L explain: steps add up to the actual P&L, lines are the textbook's, cash is exact."""

from __future__ import annotations

import math
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import pytest

from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.position import Position
from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.contract_values import payoff
from quantdesk.portfolio.ledger import CashEntry, CashKind, HoldingKey
from quantdesk.portfolio.state import opening_book
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.pnl_explain import explain_pnl
from quantdesk.risk.pnl_explain_changes import LegChange, changes_between, changes_of, key_of
from quantdesk.risk.pnl_explain_steps import LINE, LINES, STEP, STEPS
from quantdesk.risk.pnl_explain_totals import PnlExplain, residual_limit
from quantdesk.risk.scenario import SmileRule
from quantdesk.runtime.sources import file_snapshot
from tests.unit.market.chains import NOW, SEP
from tests.unit.risk import black
from tests.unit.risk.books import FORWARDS, INDEX, made_market, named, only, position

HOUR = 3_600_000_000_000
HOURLY = Path(__file__).parents[4] / "shared/data/deribit/iv_hourly/btc_2026-01-23_24h.csv.gz"
MARKET, LINEAR = made_market(), made_market(inverse=False)
CALL, PUT = "BTC-25SEP26-60000-C", "BTC-25SEP26-55000-P"
EOD = Path(__file__).parents[4] / "shared" / "data" / "deribit" / "chains_eod"


def unmarked(market: MarketData) -> MarketData:
    """Without the venue's rounded marks, so that the model alone speaks."""
    one = only(market)
    chain = replace(one.chain, mark=np.full(len(one.chain), np.nan))
    return replace(market, markets=(replace(one, chain=chain),))


def moved(
    market: MarketData,
    *,
    hours: float = 24,
    spot: float = 1.0,
    basis: float = 1.0,
    vol: float = 0.0,
) -> MarketData:
    """`market` later: index and forwards × spot, forwards × basis too, vols + vol."""
    one = only(unmarked(market))
    factor = Decimal(repr(spot))
    later = replace(
        one,
        as_of_ns=one.as_of_ns + int(hours * HOUR),
        index_price=(one.index_price or 0) * spot,
        chain=replace(one.chain, venue_mark_iv=one.chain.venue_mark_iv + vol),
        forwards={
            ns: replace(each, price=(each.price or 0) * spot * basis)
            for ns, each in one.forwards.items()
        },
        futures={
            name: replace(each, mark=(each.mark or 0) * float(factor) * basis)
            for name, each in one.futures.items()
        },
    )
    return replace(market, markets=(later,))


def held(market: MarketData, **quantities: float) -> list[Position]:
    return [position(named(market, n.replace("_", "-")), q) for n, q in quantities.items()]


def book(market: MarketData = MARKET) -> list[Position]:
    return held(market, BTC_25SEP26_60000_C=-10, BTC_25SEP26_55000_P=4, BTC_25DEC26_70000_C=7)


def explained(
    changes: list[Position] | tuple[LegChange, ...], closing: MarketData, **more: object
) -> PnlExplain:
    given = changes if isinstance(changes, tuple) else changes_of(changes)
    opening = more.pop("opening", unmarked(MARKET))
    return explain_pnl(given, opening, closing, **more)  # type: ignore[arg-type]


def line(found: PnlExplain, step: str, name: str) -> float:
    return float(found.legs[0].lines[STEP[step], LINE[name]])


CLOSES = {
    "calm": moved(MARKET, spot=1.004, vol=0.003),
    "crash": moved(MARKET, spot=0.85, basis=0.995, vol=0.18),
    "squeeze": moved(MARKET, spot=1.12, basis=1.003, vol=0.05),
}


@pytest.mark.parametrize("closing", CLOSES.values(), ids=CLOSES)
@pytest.mark.parametrize("rule", SmileRule)
def test_steps_add_up_to_the_actual_pnl(closing: MarketData, rule: SmileRule) -> None:
    found = explained(book() + held(MARKET, BTC_PERPETUAL=10_000), closing, rule=rule)
    assert not found.excluded
    for leg in found.legs:
        assert math.fsum(leg.steps.tolist()) == pytest.approx(leg.actual, abs=1e-12)
    (total,) = found.totals
    assert math.fsum(total.steps.tolist()) == pytest.approx(total.actual, abs=1e-12)
    assert np.isfinite(total.lines).all()


def test_actual_is_the_textbooks_difference_in_coin_and_usd() -> None:
    closing = moved(MARKET, spot=1.05, basis=1.001, vol=0.02)
    leg = explained(held(MARKET, BTC_25SEP26_60000_C=-10), closing).legs[0]
    years = (SEP - NOW) / (365 * 24 * HOUR)
    after = FORWARDS[SEP] * 1.05 * 1.001
    before_coin = black.coin_price(True, FORWARDS[SEP], 60_000.0, years, 0.5)
    after_coin = black.coin_price(True, after, 60_000.0, years - 1 / 365, 0.52)
    assert leg.actual == pytest.approx(-10 * (after_coin - before_coin), abs=1e-12)
    usd = -10 * (after_coin * INDEX * 1.05 - before_coin * INDEX)
    assert leg.actual * leg.index_after + leg.translation_usd == pytest.approx(usd, abs=1e-7)


def test_lines_are_the_textbooks_greeks_of_the_step_start() -> None:
    """Small enough moves take one stride each."""
    years = (SEP - NOW) / (365 * 24 * HOUR)
    closing = moved(LINEAR, hours=1, spot=1.005, basis=1.002, vol=0.006)
    found = explained(
        held(LINEAR, BTC_25SEP26_60000_C=1)
        if "BTC-25SEP26-60000-C" in {i.name for i in only(LINEAR).chain.instruments}
        else [position(next(i for i in only(LINEAR).chain.instruments if "60000-C" in i.name), 1)],
        closing,
        opening=unmarked(LINEAR),
    )
    forward, later = FORWARDS[SEP], years - 1 / (24 * 365)
    move = forward * 0.005
    first = black.delta(True, forward, 60_000.0, later, 0.5)
    assert line(found, "forward", "delta") == pytest.approx(first * move, rel=1e-9)
    gamma = black.gamma(forward, 60_000.0, later, 0.5)
    assert line(found, "forward", "gamma") == pytest.approx(0.5 * gamma * move**2, rel=1e-6)
    s = 0.5 * math.sqrt(years)
    d1 = math.log(forward / 60_000.0) / s + s / 2
    theta = -forward * black.NORMAL.pdf(d1) * 0.5 / (2 * math.sqrt(years))
    assert line(found, "time", "theta") == pytest.approx(theta / (24 * 365), rel=1e-9)
    s = 0.5 * math.sqrt(later)
    d1 = math.log(forward * 1.005 / 60_000.0) / s + s / 2
    vega = forward * 1.005 * black.NORMAL.pdf(d1) * math.sqrt(later)
    assert line(found, "vol strike", "vega") == pytest.approx(vega * 0.006, rel=1e-9)
    last = black.delta(True, forward * 1.005, 60_000.0, later, 0.506)
    assert line(found, "basis", "rho") == pytest.approx(last * forward * 1.005 * 0.002, rel=1e-9)


def test_first_lines_of_a_whole_day_are_the_opening_greek_times_the_move() -> None:
    years = (SEP - NOW) / (365 * 24 * HOUR)
    opening = unmarked(LINEAR)
    call = next(i for i in only(opening).chain.instruments if "60000-C" in i.name)
    found = explained([position(call, 1)], moved(LINEAR, spot=1.08, vol=0.06), opening=opening)
    forward, later = FORWARDS[SEP], years - 1 / 365
    s = 0.5 * math.sqrt(years)
    d1 = math.log(forward / 60_000.0) / s + s / 2
    theta = -forward * black.NORMAL.pdf(d1) * 0.5 / (2 * math.sqrt(years))
    assert line(found, "time", "theta") == pytest.approx(theta / 365, rel=1e-9)
    assert abs(line(found, "time", "theta drift")) < 0.01 * abs(theta / 365)
    delta = black.delta(True, forward, 60_000.0, later, 0.5)
    assert line(found, "forward", "delta") == pytest.approx(delta * forward * 0.08, rel=1e-9)
    s = 0.5 * math.sqrt(later)
    d1 = math.log(forward * 1.08 / 60_000.0) / s + s / 2
    vega = forward * 1.08 * black.NORMAL.pdf(d1) * math.sqrt(later)
    assert line(found, "vol strike", "vega") == pytest.approx(vega * 0.06, rel=1e-9)


def test_one_step_has_the_greeks_of_the_step_start_and_no_stride() -> None:
    years = (SEP - NOW) / (365 * 24 * HOUR)
    closing = moved(MARKET, spot=1.08, vol=0.12)
    (leg,) = explained(held(MARKET, BTC_25SEP26_60000_C=-10), closing).legs
    forward, later = FORWARDS[SEP], years - 1 / 365
    there = forward * 1.08

    def coin(price: float, vol: float) -> float:
        return -10 * black.coin_price(True, price, 60_000.0, later, vol)

    h = forward * 1e-4
    slope = (coin(forward + h, 0.5) - coin(forward - h, 0.5)) / (2 * h)
    bend = (coin(forward + h, 0.5) - 2 * coin(forward, 0.5) + coin(forward - h, 0.5)) / h**2
    move = there - forward
    left = coin(there, 0.5) - coin(forward, 0.5) - slope * move - 0.5 * bend * move**2
    assert leg.residual_one_step[STEP["forward"]] == pytest.approx(left, rel=1e-4)
    h = 1e-4
    slope = (coin(there, 0.5 + h) - coin(there, 0.5 - h)) / (2 * h)
    bend = (coin(there, 0.5 + h) - 2 * coin(there, 0.5) + coin(there, 0.5 - h)) / h**2
    left = coin(there, 0.62) - coin(there, 0.5) - slope * 0.12 - 0.5 * bend * 0.12**2
    assert leg.residual_one_step[STEP["vol strike"]] == pytest.approx(left, rel=1e-3)
    firsts = [LINE[name] for name in ("theta", "delta", "vega", "rho")]
    np.testing.assert_allclose(leg.one_step[:, firsts], leg.lines[:, firsts], rtol=1e-12)
    assert not leg.one_step[:, LINE["theta drift"]].any()


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
def test_a_front_straddle_shows_what_strides_explain() -> None:
    path = EOD / "btc_eod_2022-01.csv.gz"
    opening, closing = (
        file_snapshot(path, "BTC", parse_instant(f"2022-01-{d:02d}T06:00:00Z")).market()
        for d in (4, 5)
    )
    market = only(opening)
    front = min(
        one.expiry_ns or 0
        for one in market.chain.instruments
        if (one.expiry_ns or 0) > only(closing).as_of_ns
    )
    strike = 46_000
    rows = [
        one
        for one in market.chain.instruments
        if one.expiry_ns == front and one.strike is not None and int(one.strike) == strike
    ]
    (total,) = explain_pnl(
        changes_of([position(one, -10) for one in rows]), opening, closing
    ).totals
    assert len(rows) == 2
    assert total.residual_share < 0.005
    assert total.residual_one_step_share > 0.1


def test_a_discounted_option_is_worth_its_mark_and_its_rate_is_explained() -> None:
    opening = made_market(inverse=False, discount=0.99)
    closing = moved(made_market(inverse=False, discount=0.985), spot=1.01, vol=0.01)
    call = next(i for i in only(opening).chain.instruments if "60000-C" in i.name)
    found = explained([position(call, 2)], closing, opening=unmarked(opening))
    (leg,) = found.legs
    years = (SEP - NOW) / (365 * 24 * HOUR)
    first = 0.99 * black.price(True, FORWARDS[SEP], 60_000.0, years, 0.5)
    last = black.price(True, FORWARDS[SEP] * 1.01, 60_000.0, years - 1 / 365, 0.51)
    assert leg.actual == pytest.approx(2 * (0.985 * last - first), rel=1e-9)
    assert math.fsum(leg.steps.tolist()) == pytest.approx(leg.actual, abs=1e-9)
    # V = exp(−rT)·Black at the opening's rate and the close's time, moved by −T·Δr.
    kept = 0.99 ** ((years - 1 / 365) / years)
    rho = 2 * kept * last * math.log(0.985 / kept)
    assert line(found, "basis", "rho") == pytest.approx(rho, rel=1e-9)
    assert found.totals[0].residual_share < 0.001


@pytest.mark.parametrize("strike", [50_000, 55_000, 60_000, 65_000, 70_000])
@pytest.mark.parametrize("spot", [0.97, 1.0, 1.015])
def test_residual_stays_within_its_limit_in_the_last_hours_of_an_expiry(
    strike: int, spot: float
) -> None:
    hours = (SEP - NOW) / HOUR
    late = moved(MARKET, hours=hours - 3)
    closing = moved(MARKET, hours=hours - 1, spot=spot, vol=0.05)
    for side in "CP":
        name = f"BTC-25SEP26-{strike}-{side}"
        found = explained([position(named(MARKET, name), -3)], closing, opening=late)
        assert not found.is_alarm, name


def test_residual_is_the_step_less_its_lines_and_gross_sums_absolute_lines() -> None:
    found = explained(book(), CLOSES["crash"])
    (total,) = found.totals
    np.testing.assert_allclose(total.residual, total.steps - total.lines.sum(axis=1), atol=1e-15)
    assert total.gross == pytest.approx(sum(np.abs(leg.lines).sum() for leg in found.legs))
    assert total.residual_share < 0.02
    assert not found.is_alarm


def test_sticky_delta_moves_vols_in_the_forward_step() -> None:
    one = only(unmarked(MARKET))
    tilt = 0.5 - 0.2 * np.log(one.chain.strike / 60_000.0)
    opening = replace(MARKET, markets=(replace(one, chain=replace(one.chain, venue_mark_iv=tilt)),))
    closing = moved(opening, spot=1.04)
    stuck = explained(book(), closing, opening=opening)
    slid = explained(book(), closing, opening=opening, rule=SmileRule.STICKY_DELTA)
    assert line(stuck, "forward", "vega") == 0.0
    assert line(slid, "forward", "vega") != 0.0
    assert line(slid, "forward", "vanna") != 0.0
    assert slid.totals[0].actual == pytest.approx(stuck.totals[0].actual, abs=1e-14)


def fill(instrument: Instrument, side: Side, amount: str, price: str, fee: str = "0") -> Fill:
    return Fill(
        venue="deribit",
        account="",
        instrument_name=instrument.name,
        trade_id="t1",
        order_id="o1",
        label="",
        side=side,
        price=Decimal(price),
        amount=Decimal(amount),
        fee=Decimal(fee),
        fee_currency="BTC",
        liquidity=Liquidity.TAKER,
        event_ns=NOW + HOUR,
    )


def test_a_trade_and_a_fee_in_the_middle_carry_exactly_their_cash() -> None:
    instrument = named(MARKET, CALL)
    changes = changes_of(
        held(MARKET, BTC_25SEP26_60000_C=-10),
        fills=[fill(instrument, Side.BUY, "4", "0.0431", fee="0.0012")],
    )
    (change,) = changes
    assert change.traded == Decimal("-0.1724")
    assert change.fees == Decimal("-0.0012")
    assert (change.quantity_before, change.quantity_after) == (Decimal(-10), Decimal(-6))
    closing = CLOSES["calm"]
    found = explained(changes, closing)
    still = explained(held(MARKET, BTC_25SEP26_60000_C=-10), closing)
    bought = explained(held(MARKET, BTC_25SEP26_60000_C=4), closing)
    leg = found.legs[0]
    before = black.coin_price(True, FORWARDS[SEP], 60_000.0, (SEP - NOW) / (365 * 24 * HOUR), 0.5)
    assert line(found, "cash", "fees") == -0.0012
    assert line(found, "cash", "trades") == pytest.approx(-0.1724 + 4 * before, abs=1e-14)
    expected = still.legs[0].actual + bought.legs[0].actual + 4 * before - 0.1724 - 0.0012
    assert leg.actual == pytest.approx(expected, abs=1e-13)
    assert math.fsum(leg.steps.tolist()) == pytest.approx(leg.actual, abs=1e-12)


def test_an_expiring_leg_carries_exactly_its_cash() -> None:
    instrument = named(MARKET, CALL)
    paid = payoff(instrument, Decimal(-10), Decimal(64_000))
    entry = CashEntry(
        entry_id="delivery",
        holding=HoldingKey("deribit", "", CALL),
        currency="BTC",
        kind=CashKind.SETTLEMENT,
        amount=paid,
        event_ns=SEP,
    )
    positions = held(MARKET, BTC_25SEP26_60000_C=-10, BTC_25DEC26_70000_C=7)
    closing = moved(MARKET, hours=(SEP - NOW) / HOUR + 5, spot=1.06)
    found = explained(changes_of(positions, entries=[entry]), closing)
    gone = found.legs[0]
    assert gone.change.settled == paid == gone.change.cash
    opened = -10 * black.coin_price(
        True, FORWARDS[SEP], 60_000.0, (SEP - NOW) / (365 * 24 * HOUR), 0.5
    )
    assert gone.actual == pytest.approx(float(paid) - opened, abs=1e-13)
    assert gone.steps[STEP["cash"]] == pytest.approx(gone.actual, abs=1e-15)
    assert not gone.steps[STEP["time"] :].any()
    without = explained(changes_of(positions), closing)
    assert [one.change.key.instrument_name for one in without.excluded] == [CALL]
    assert "expiry" in without.excluded[0].reason


def test_two_snapshots_of_a_portfolio_say_the_same_as_its_trades() -> None:
    positions = [replace(one, average_price=Decimal("0.04")) for one in book()]
    portfolio = opening_book(positions, event_ns=NOW)
    before = portfolio.snapshot()
    trade = fill(named(MARKET, CALL), Side.BUY, "4", "0.0431", fee="0.0012")
    portfolio.apply(trade, named(MARKET, CALL))
    funding = CashEntry(
        entry_id="f",
        holding=key_of(positions[0]),
        currency="BTC",
        kind=CashKind.FUNDING,
        amount=Decimal("-0.0003"),
        event_ns=NOW + 1,
    )
    portfolio.post(funding)
    grown = explained(changes_between(before, portfolio.snapshot()), CLOSES["calm"])
    told = explained(changes_of(positions, fills=[trade], entries=[funding]), CLOSES["calm"])
    assert grown.totals[0].actual == pytest.approx(told.totals[0].actual, abs=1e-14)
    np.testing.assert_allclose(grown.totals[0].lines, told.totals[0].lines, atol=1e-14)


def test_a_future_explains_itself_by_delta_gamma_and_basis() -> None:
    found = explained(held(MARKET, BTC_PERPETUAL=-60_000), moved(MARKET, spot=1.02, basis=1.001))
    leg = found.legs[0]
    price = INDEX * 1.02 * 1.001
    assert leg.actual == pytest.approx(-60_000 * (1 / INDEX - 1 / price), abs=1e-13)
    assert line(found, "forward", "delta") == pytest.approx(-60_000 / INDEX * 0.02, rel=1e-12)
    assert line(found, "basis", "rho") < 0


def test_opening_cash_is_translated_apart() -> None:
    found = explained(book(), CLOSES["squeeze"], opening_cash={"BTC": Decimal(2)})
    assert found.cash_translation_usd == {"BTC": pytest.approx(2 * INDEX * 0.12)}
    with pytest.raises(InvalidInput, match="DOGE"):
        explained(book(), CLOSES["squeeze"], opening_cash={"DOGE": Decimal(2)})


def test_roll_ups_add_up_and_unknown_ones_are_refused() -> None:
    found = explained(book(), CLOSES["squeeze"])
    for what in ("underlying", "expiry", "venue", "instrument"):
        assert math.fsum(one.actual for one in found.by(what)) == pytest.approx(
            found.totals[0].actual, abs=1e-13
        )
    assert len(found.by("expiry")) == 2
    with pytest.raises(InvalidInput, match="by"):
        found.by("colour")


def test_a_close_that_is_not_later_is_refused() -> None:
    with pytest.raises(InvalidInput, match="later"):
        explained(book(), unmarked(MARKET))


def test_limits_of_the_residual() -> None:
    assert [residual_limit(m) for m in (0.0, -0.02, 0.035, 0.05, -0.3)] == pytest.approx(
        [0.005, 0.005, 0.0125, 0.02, 0.02]
    )


def test_names_of_steps_and_lines_are_in_the_stated_order() -> None:
    assert STEPS[:3] == ("cash", "time", "forward")
    assert STEPS[3:7] == ("vol level", "vol skew", "vol curvature", "vol term")
    assert {"theta", "delta", "gamma", "vega", "vanna", "volga", "rho"} <= set(LINES)


@pytest.mark.skipif(not EOD.is_dir(), reason="the recorded end-of-day chains are not here")
@pytest.mark.parametrize("day", [4, 5, 8], ids=["calm +0.6 %", "fall of 7 %", "calm +0.5 %"])
def test_residuals_of_recorded_days_are_within_their_limits(day: int) -> None:
    path = EOD / "btc_eod_2022-01.csv.gz"
    opening, closing = (
        file_snapshot(path, "BTC", parse_instant(f"2022-01-{d:02d}T06:00:00Z")).market()
        for d in (day, day + 1)
    )
    listed = {one.name for one in only(closing).chain.instruments}
    rows = [one for one in only(opening).chain.instruments if one.name in listed]
    near = [one for one in rows if one.strike is not None and 35_000 < one.strike < 60_000]
    legs = [position(one, 1 + number % 3 - 4 * (number % 2)) for number, one in enumerate(near)]
    shapes = (fit_surfaces(opening).surfaces, fit_surfaces(closing).surfaces)
    found = explain_pnl(changes_of(legs), opening, closing, shapes=shapes)
    (total,) = found.totals
    assert len(found.legs) > 50
    assert math.fsum(total.steps.tolist()) == pytest.approx(total.actual, abs=1e-12)
    assert total.residual_share <= (0.02 if day == 5 else 0.005)
    assert total.lines[STEP["vol level"], LINE["vega"]] != 0.0
    assert not found.is_alarm
    assert any("no index was recorded" in note for note in found.notes)


@pytest.mark.skipif(not HOURLY.is_file(), reason="the recorded hourly chains are not here")
@pytest.mark.parametrize("hour", [2, 5, 17, 19])
def test_residuals_of_options_in_their_last_hours_are_within_their_limits(hour: int) -> None:
    opening, closing = (
        file_snapshot(HOURLY, "BTC", parse_instant(f"2026-01-23T{at:02d}:50:00Z")).market()
        for at in (hour, hour + 1)
    )
    alive = {
        one.name
        for one in only(closing).chain.instruments
        if (one.expiry_ns or 0) > only(closing).as_of_ns
    }
    rows = [one for one in only(opening).chain.instruments if one.name in alive]
    nearest = min(one.expiry_ns or 0 for one in rows)
    legs = [position(one, -2) for one in rows if one.expiry_ns == nearest]
    found = explain_pnl(changes_of(legs), opening, closing)
    assert len(found.legs) > 10
    assert not found.is_alarm
