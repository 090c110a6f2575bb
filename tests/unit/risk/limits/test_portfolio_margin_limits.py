"""Limits on Deribit's portfolio margin: the law's figure, and no fill of what passes is over."""

from __future__ import annotations

import itertools
import random
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from functools import cache

import pytest

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.margin import MarginOrder
from quantdesk.domain.position import Position
from quantdesk.errors import ConfigError
from quantdesk.margin.book_margin import AccountOrder
from quantdesk.margin.deribit_portfolio import MarginMode
from quantdesk.margin.portfolio_statement import portfolio_statement
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Filters
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.units import MarketUnits
from quantdesk.risk.limits.use_report import OpenLeg, limit_gate
from tests.unit.risk.books import made_market, only, random_book, sample_market

SEGREGATED, CROSS = "deribit-portfolio", "deribit-portfolio-cross"
LOTS_OF_A_LARGE_BOOK = 60_000
"""Its delta is above the threshold of the delta shock."""

MODES = {SEGREGATED: MarginMode.SEGREGATED, CROSS: MarginMode.CROSS}
CONVENTIONS = pytest.mark.parametrize("convention", [SEGREGATED, CROSS])


def text(convention: str, hard: float, unit: str = "usd", scope: str = 'scope = "desk"') -> str:
    keys = f'measure = "margin_use"\nconvention = "{convention}"\nunit = "{unit}"\nhard = {hard}'
    return f"schema = 1\n[[limit]]\n{scope}\n{keys}\n"


@cache
def two_currencies() -> MarketData:
    """Options of BTC settled in BTC and settled in USDC, with a future and a perpetual."""
    coin, dollar = made_market(), made_market(inverse=False)
    linear = replace(only(dollar), underlying="BTC_USDC")
    return replace(coin, markets=(*coin.markets, linear))


def instruments(market: MarketData) -> list[Instrument]:
    found = []
    for one in market.markets:
        found += list(one.chain.instruments)
        found += [quote.instrument for quote in one.futures.values()]
    return found


def lots_of(instrument: Instrument, lots: int) -> Decimal:
    return lots * instrument.amount_step


def drawn_leg(market: MarketData, chance: random.Random, lots: int) -> TicketLeg:
    instrument = chance.choice(instruments(market))
    size = 2 * chance.randint(1, lots // 2) * chance.choice((-1, 1))
    return TicketLeg(instrument=instrument, quantity=lots_of(instrument, size))


def initial_usd(
    positions: Sequence[Position],
    market: MarketData,
    convention: str,
    orders: Sequence[AccountOrder] = (),
) -> float:
    """By the law itself, every account and currency added up in USD."""
    statement = portfolio_statement(
        positions, market, mode=MODES[convention], orders=orders, with_liquidation=False
    )
    assert statement.is_complete, statement.excluded
    index = {"BTC": market.markets[0].index_price or 0.0, "USDC": 1.0, "USD": 1.0}
    return sum(one.margin.initial * index[one.margin.currency] for one in statement.accounts)


def opened(
    market: MarketData,
    convention: str,
    hard: float,
    positions: Sequence[Position],
    orders: Sequence[tuple[str, TicketLeg]] = (),
) -> LimitGate:
    living = [
        OpenLeg(order_id=str(n), leg=leg, account=account)
        for n, (account, leg) in enumerate(orders)
    ]
    return limit_gate(
        parse_limits(text(convention, hard), "made"), positions, market, orders=living
    )


def used(gate: LimitGate) -> float:
    (use,) = gate.uses(0)
    assert use.value is not None, use.detail
    return use.value


@CONVENTIONS
@pytest.mark.parametrize("seed", range(6))
def test_use_is_the_initial_margin_of_the_law_with_open_orders(convention: str, seed: int) -> None:
    market, chance = two_currencies(), random.Random(seed)
    lots = 200 if seed % 2 else LOTS_OF_A_LARGE_BOOK
    positions = [
        Position(instrument=leg.instrument, quantity=leg.quantity, account=chance.choice("ab"))
        for leg in (drawn_leg(market, chance, lots) for _ in range(30))
    ]
    orders = [(chance.choice("ab"), drawn_leg(market, chance, lots)) for _ in range(8)]
    resting = [
        AccountOrder(
            account=account,
            order=MarginOrder(
                order_id=str(n),
                instrument=leg.instrument,
                quantity=leg.quantity,
                price=Decimal("0.05"),
            ),
        )
        for n, (account, leg) in enumerate(orders)
    ]
    gate = opened(market, convention, 1e12, positions, orders)
    expected = initial_usd(positions, market, convention, resting)
    assert used(gate) == pytest.approx(expected, rel=1e-9)


def test_on_the_recorded_market_it_is_the_laws() -> None:
    market = sample_market()
    book = random_book(market, 120)
    gate = opened(market, SEGREGATED, 1e12, book)
    assert used(gate) == pytest.approx(initial_usd(book, market, SEGREGATED), rel=1e-9)


@CONVENTIONS
@pytest.mark.parametrize("lots", [40, LOTS_OF_A_LARGE_BOOK])
@pytest.mark.parametrize("seed", range(5))
def test_no_fill_of_what_passes_is_over_and_no_lot_is_refused_for_nothing(
    convention: str, lots: int, seed: int
) -> None:
    market, chance = two_currencies(), random.Random(100 + seed)
    book = [
        Position(instrument=leg.instrument, quantity=leg.quantity)
        for leg in (drawn_leg(market, chance, lots) for _ in range(6))
    ]
    living = [drawn_leg(market, chance, lots) for _ in range(2)]
    now = used(opened(market, convention, 1e12, book, [("", leg) for leg in living]))
    hard = now * chance.choice((0.6, 1.0, 1.05, 1.3))
    gate = opened(market, convention, hard, book, [("", leg) for leg in living])
    for _ in range(4):
        legs = tuple(drawn_leg(market, chance, lots) for _ in range(chance.choice((1, 2))))
        ticket = Ticket(legs=legs)
        decision = gate.review(ticket, 0)
        if decision.largest is not None:
            assert decision.largest.is_interval
            ticket = ticket.of_lots(max(decision.largest.lots, 1))
            assert gate.review(ticket, 0).is_allowed is (decision.largest.lots > 0)
            if not decision.largest.lots:
                continue
        reached = max(
            initial_usd([*book, *filled], market, convention)
            for filled in _fills([*living, *ticket.legs])
        )
        assert reached <= max(hard, now) * (1 + 1e-9)


def _fills(legs: Sequence[TicketLeg]) -> list[list[Position]]:
    """Every leg filled not at all, by half or whole."""
    return [
        [
            Position(instrument=leg.instrument, quantity=leg.quantity * share)
            for leg, share in zip(legs, shares, strict=True)
            if share
        ]
        for shares in itertools.product((Decimal(0), Decimal("0.5"), Decimal(1)), repeat=len(legs))
    ]


@CONVENTIONS
def test_a_breach_lets_through_what_reduces_and_nothing_else(convention: str) -> None:
    market = two_currencies()
    call = next(
        one
        for one in market.markets[0].chain.instruments
        if one.strike == 60_000 and one.option_type is not None and one.name.endswith("-C")
    )
    gate = opened(market, convention, 1_000.0, [Position(instrument=call, quantity=Decimal(-10))])

    def review(quantity: int) -> str:
        leg = TicketLeg(instrument=call, quantity=Decimal(quantity))
        return str(gate.review(Ticket(legs=(leg,)), 0))

    assert review(4) == "allowed"
    assert review(10) == "allowed"
    refusal = review(-1)
    assert f"refused: margin use ({convention}) of desk: now " in refusal
    assert "hard limit 1,000 USD, worst cell spot " in refusal
    assert "unproved: no captured simulation reply with options has been matched" in refusal
    assert "no size passes" in refusal


@CONVENTIONS
@pytest.mark.parametrize(("name", "held"), [("BTC-PERPETUAL", 200_000), ("-C", -10)])
def test_a_breach_holds_the_other_side_of_a_turn_to_the_level(
    convention: str, name: str, held: int
) -> None:
    market = two_currencies()
    one = next(one for one in instruments(market) if one.name.endswith(name))

    def margin(quantity: Decimal) -> float:
        return initial_usd([Position(instrument=one, quantity=quantity)], market, convention)

    quantity = Decimal(held)
    hard = min(margin(quantity), margin(-quantity)) / 2
    gate = opened(market, convention, hard, [Position(instrument=one, quantity=quantity)])
    assert gate.review(Ticket(legs=(TicketLeg(instrument=one, quantity=-quantity),)), 0).is_allowed
    decision = gate.review(Ticket(legs=(TicketLeg(instrument=one, quantity=-2 * quantity),)), 0)
    assert not decision.is_allowed
    assert decision.largest is not None
    assert decision.largest.is_interval
    ticket = decision.largest.ticket
    assert ticket is not None
    assert abs(ticket.legs[0].quantity) > abs(quantity)
    step = one.amount_step if held < 0 else -one.amount_step
    after = quantity + ticket.legs[0].quantity
    # The largest size was looked at on all lots of the path where they are few.
    assert margin(after) <= hard * (1 + 1e-9)
    if held < 0:
        assert margin(after + step) > hard


def test_futures_alone_are_uncertain_and_not_unproved() -> None:
    market = two_currencies()
    (perpetual,) = [one for one in instruments(market) if one.name == "BTC-PERPETUAL"]
    gate = opened(market, SEGREGATED, 100.0, [])
    leg = TicketLeg(instrument=perpetual, quantity=Decimal(100_000))
    decision = gate.review(Ticket(legs=(leg,)), 0)
    (sentence,) = decision.sentences
    assert "; uncertain; largest size that passes: " in sentence
    assert decision.largest is not None
    # 16 % of a long inverse future is s/(1 − s) in coin, and 1 % is the roll shock.
    a_dollar = 0.16 / 0.84 + 0.01
    assert decision.largest.lots == int(100 / a_dollar / 10)


def test_a_share_is_of_the_equity_of_its_scope() -> None:
    market = two_currencies()
    book = random_book(made_market(), 10)
    limits = parse_limits(text(SEGREGATED, 0.8, unit="share"), "made")
    gate = limit_gate(limits, book, market)
    (use,) = gate.uses(0)
    assert use.value is None
    assert "equity" in use.detail
    leg = TicketLeg(instrument=book[0].instrument, quantity=Decimal(-1))
    assert not gate.review(Ticket(legs=(leg,)), 0).is_allowed
    usd = initial_usd(book, market, SEGREGATED)
    gate.learn(Filters(), Result(equity_usd=4 * usd))
    assert used(gate) == pytest.approx(0.25, rel=1e-9)
    assert gate.review(Ticket(legs=(leg,)), 0).is_allowed


def test_a_contract_without_parameters_lets_nothing_be_told() -> None:
    market = made_market()
    coin = replace(only(market), underlying="SOL")
    call = replace(coin.chain.instruments[0], underlying="SOL", name="SOL-25SEP26-40000-C")
    gate = opened(market, SEGREGATED, 1e9, [Position(instrument=call, quantity=Decimal(1))])
    (use,) = gate.uses(0)
    assert use.value is None
    assert call.name in use.detail


def test_accounts_are_margined_apart() -> None:
    market = made_market()
    call = only(market).chain.instruments[0]
    held = [
        Position(instrument=call, quantity=Decimal(quantity), account=account)
        for account, quantity in (("a", 5), ("b", -5))
    ]
    gate = opened(market, SEGREGATED, 1e9, held)
    assert used(gate) == pytest.approx(initial_usd(held, market, SEGREGATED), rel=1e-9)
    assert used(gate) > 0


def test_an_unknown_model_is_refused_with_those_there_are() -> None:
    with pytest.raises(ConfigError, match="deribit-portfolio-cross or binance-standard"):
        parse_limits(text("deribit-portfolios", 1.0), "made")


def test_a_model_is_of_its_own_venue() -> None:
    market = LegMarks(made_market())
    assert market.as_of_ns("deribit") is not None
    gate = limit_gate(
        parse_limits(text("binance-standard", 1e9), "made"),
        random_book(made_market(), 3),
        made_market(),
    )
    (use,) = gate.uses(0)
    assert use.value is None
    assert 'venue = "binance" would narrow the limit to it' in use.detail


@CONVENTIONS
def test_another_market_moves_the_margin_of_what_is_held(convention: str) -> None:
    before, after = made_market(), made_market(vol=0.8)
    held = [
        Position(instrument=one, quantity=Decimal(-2)) for one in only(before).chain.instruments
    ]
    gate = opened(before, convention, 1e9, held)
    assert used(gate) == pytest.approx(initial_usd(held, before, convention), rel=1e-9)
    gate.remeasure(MarketUnits(market=after, with_portfolio=True))
    assert used(gate) == pytest.approx(initial_usd(held, after, convention), rel=1e-9)
    gate.set_position(held[0].instrument, Decimal(0))
    assert used(gate) == pytest.approx(initial_usd(held[1:], after, convention), rel=1e-9)
