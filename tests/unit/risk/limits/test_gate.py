"""What the gate answers: worst case by side, breaches, refusals and the largest size."""

from __future__ import annotations

import math
from decimal import Decimal

import pytest

from quantdesk.domain.order import (
    OrderAccepted,
    OrderCancelled,
    OrderEdited,
    OrderFilled,
    OrderUnanswered,
)
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.findings import Level
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Filters, LimitSet
from quantdesk.risk.limits.size import largest_size
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.units import unmarked_unit
from tests.unit.risk.limits.units import CALL, NOW, PUT, STRESS_NAMES, WING, MadeUnits, unit

DELTA = 'scope = "underlying"\nname = "BTC"\nmeasure = "net_delta"\nconvention = "black"\n'


def gate(*limits: str) -> LimitGate:
    text = "schema = 1\n" + "\n".join(f"[[limit]]\n{one}" for one in limits)
    return LimitGate(parse_limits(text, "made"), made(), stress_names=STRESS_NAMES)


def made() -> MadeUnits:
    return MadeUnits(
        {
            CALL.name: unit(delta=1.0, vega=2.0, stress=(-8.0, 4.0, 0.0)),
            PUT.name: unit(delta=-0.5, vega=2.0, stress=(6.0, -2.0, 0.0)),
            WING.name: unit(delta=0.25, vega=1.0, stress=(-1.0, 1.0, 0.0)),
        }
    )


def leg(instrument: object, lots: int | str, price: str | None = "0.05") -> TicketLeg:
    named = {"CALL": CALL, "PUT": PUT, "WING": WING}[str(instrument)]
    return TicketLeg(
        instrument=named,
        quantity=Decimal(lots),
        price=None if price is None else Decimal(price),
    )


def ticket(*legs: TicketLeg, account: str = "", strategy: str = "") -> Ticket:
    return Ticket(legs=legs, account=account, strategy=strategy)


def holds(desk: LimitGate, instrument: str, lots: int, **tags: str) -> None:
    named = {"CALL": CALL, "PUT": PUT, "WING": WING}[instrument]
    desk.set_position(named, Decimal(lots), **tags)


def test_a_refusal_says_measure_convention_now_after_limit_and_largest_size() -> None:
    desk = gate(DELTA + "hard = 50")
    holds(desk, "CALL", 42)
    decision = desk.review(ticket(leg("CALL", 20)), NOW)
    assert not decision.is_allowed
    (sentence,) = decision.sentences
    assert sentence == (
        "net delta (black) of underlying BTC: now 42, after 62, hard limit 50 BTC; "
        "largest size that passes: 8"
    )
    assert desk.review(ticket(leg("CALL", 8)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 9)), NOW).is_allowed


def test_soft_warns_and_lets_through() -> None:
    desk = gate(DELTA + "soft = 10\nhard = 50")
    decision = desk.review(ticket(leg("CALL", 20)), NOW)
    assert decision.is_allowed
    (warning,) = decision.warnings
    assert warning.level is Level.SOFT
    assert "soft limit 10 BTC" in warning.sentence


def test_open_buys_alone_and_open_sells_alone_both_count() -> None:
    desk = gate(DELTA + "hard = 50")
    assert desk.reserve(ticket(leg("CALL", 30)), ["a"], NOW).is_allowed
    assert desk.reserve(ticket(leg("CALL", -40)), ["b"], NOW).is_allowed
    # The sells do not make room for buys, nor the buys for sells.
    assert not desk.review(ticket(leg("CALL", 21)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", -11)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", 20)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", -10)), NOW).is_allowed


def test_a_bought_put_counts_on_the_side_where_it_lowers_delta() -> None:
    desk = gate(DELTA + "hard = 50")
    assert desk.reserve(ticket(leg("PUT", 100)), ["a"], NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", -1)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", 50)), NOW).is_allowed


def test_legs_of_one_ticket_do_not_make_room_for_each_other() -> None:
    desk = gate(DELTA + "hard = 50")
    assert not desk.review(ticket(leg("CALL", 60), leg("PUT", 60)), NOW).is_allowed


@pytest.mark.parametrize("event", [OrderUnanswered(), OrderAccepted(venue_order_id="7")])
def test_an_order_counts_in_flight_unknown_and_open_until_it_is_over(event: object) -> None:
    desk = gate(DELTA + "hard = 50")
    desk.reserve(ticket(leg("CALL", 50)), ["a"], NOW)
    assert not desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    desk.apply("a", event)  # type: ignore[arg-type]
    assert not desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    desk.apply("a", OrderCancelled(reason="asked"))
    assert desk.review(ticket(leg("CALL", 50)), NOW).is_allowed


def test_a_fill_moves_from_order_to_position_once_and_a_late_one_still_counts() -> None:
    desk = gate(DELTA + "hard = 50")
    desk.reserve(ticket(leg("CALL", 50)), ["a"], NOW)
    fill = OrderFilled(trade_id="t", amount=Decimal(20), price=Decimal("0.05"))
    desk.apply("a", fill)
    desk.apply("a", fill)
    assert desk.position(CALL) == 20
    assert not desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    desk.apply("a", OrderCancelled(reason="asked"))
    assert desk.review(ticket(leg("CALL", 30)), NOW).is_allowed
    desk.apply("a", OrderFilled(trade_id="late", amount=Decimal(5), price=Decimal("0.05")))
    assert desk.position(CALL) == 25
    assert not desk.review(ticket(leg("CALL", 26)), NOW).is_allowed


def test_an_edit_in_flight_counts_with_the_larger_size() -> None:
    desk = gate(DELTA + "hard = 50")
    desk.reserve(ticket(leg("CALL", 20)), ["a"], NOW)
    assert not desk.reserve_edit("a", Decimal(51), Decimal("0.05"), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", 30)), NOW).is_allowed
    assert desk.reserve_edit("a", Decimal(40), Decimal("0.05"), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 11)), NOW).is_allowed
    desk.edit_refused("a", Decimal(40))
    assert desk.review(ticket(leg("CALL", 30)), NOW).is_allowed
    assert desk.reserve_edit("a", Decimal(10), Decimal("0.05"), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 31)), NOW).is_allowed
    desk.apply("a", OrderEdited(amount=Decimal(10), price=Decimal("0.05")))
    assert desk.review(ticket(leg("CALL", 40)), NOW).is_allowed


def test_a_breach_lets_reducing_orders_through_and_none_that_overshoots() -> None:
    desk = gate(DELTA + "hard = 50")
    holds(desk, "CALL", 60)
    assert not desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", -1)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", -110)), NOW).is_allowed
    decision = desk.review(ticket(leg("CALL", -111)), NOW)
    assert not decision.is_allowed
    assert decision.largest is not None
    assert decision.largest.lots == 110


def test_a_breach_by_the_market_cancels_nothing_and_permits_reducing_only() -> None:
    desk = gate(DELTA + "hard = 50")
    holds(desk, "CALL", 40)
    desk.reserve(ticket(leg("CALL", 5)), ["a"], NOW)
    moved = made()
    moved = MadeUnits(
        {
            name: unit(delta=2.0, vega=2.0, stress=(0.0, 0.0, 0.0))
            for name in (CALL.name, PUT.name, WING.name)
        }
    )
    desk.remeasure(moved)
    assert not desk.orders["a"].state.status.is_final
    assert [use.state for use in desk.uses(NOW)] == ["breached"]
    assert not desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", -10)), NOW).is_allowed


def test_gross_measures_add_sizes_of_instruments_without_their_signs() -> None:
    desk = gate('scope = "desk"\nmeasure = "gross_vega"\nconvention = "usd-per-point"\nhard = 100')
    holds(desk, "CALL", 20)
    holds(desk, "PUT", -20)
    assert desk.review(ticket(leg("WING", 20)), NOW).is_allowed
    assert not desk.review(ticket(leg("WING", -21)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", -20)), NOW).is_allowed


GROSS = 'scope = "desk"\nmeasure = "gross_contracts"\nhard = 8'


@pytest.mark.parametrize(("lots", "passes"), [(-10, True), (-18, True), (-19, False), (-20, False)])
def test_a_breached_gross_limit_holds_the_other_side_of_a_turn_to_the_level(
    lots: int, passes: bool
) -> None:
    desk = gate(GROSS)
    holds(desk, "CALL", 10)
    decision = desk.review(ticket(leg("CALL", lots)), NOW)
    assert decision.is_allowed is passes
    if not passes:
        assert decision.largest is not None
        assert decision.largest.lots == 18


def test_a_turn_is_no_reduction_where_the_rest_of_the_book_keeps_the_sum_over() -> None:
    desk = gate(GROSS)
    holds(desk, "CALL", 5)
    holds(desk, "PUT", -20)
    assert desk.review(ticket(leg("CALL", -5)), NOW).is_allowed
    decision = desk.review(ticket(leg("CALL", -6)), NOW)
    assert not decision.is_allowed
    assert decision.largest is not None
    assert decision.largest.lots == 5


def test_a_breached_var_limit_holds_the_other_side_of_a_turn_to_the_level() -> None:
    limit = 'scope = "desk"\nmeasure = "var"\nconvention = "historical"\nconfidence = 0.95'
    text = f"schema = 1\n[[limit]]\n{limit}\nhard = 100"
    # A lot loses 9 at 95 % and short 18, as calls do: short ones lose more than bought ones.
    history = [float(-n if n < 100 else 2 * (n - 99)) / 10 for n in range(200)]
    units = MadeUnits({CALL.name: unit(delta=1.0, vega=2.0, stress=(0, 0, 0), history=history)})
    desk = LimitGate(parse_limits(text, "made"), units, stress_names=STRESS_NAMES)
    holds(desk, "CALL", -20)
    (use,) = desk.uses(NOW)
    assert use.state == "breached"
    assert desk.review(ticket(leg("CALL", 20)), NOW).is_allowed
    decision = desk.review(ticket(leg("CALL", 40)), NOW)
    assert not decision.is_allowed
    assert "fills past the turn raise it again" in str(decision)
    assert decision.largest is not None
    assert (decision.largest.lots, decision.largest.is_interval) == (31, True)
    assert desk.review(ticket(leg("CALL", 31)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 32)), NOW).is_allowed


def test_stress_fills_each_open_order_only_where_it_hurts() -> None:
    desk = gate('scope = "desk"\nmeasure = "stress_loss"\nhard = 100')
    assert desk.reserve(ticket(leg("CALL", 10)), ["a"], NOW).is_allowed  # loses 80 down
    # A put would gain 60 down if it filled; it need not, so that it makes no room there.
    assert desk.reserve(ticket(leg("PUT", 10)), ["b"], NOW).is_allowed
    decision = desk.review(ticket(leg("CALL", 3)), NOW)
    assert not decision.is_allowed
    assert "now 80, after 104, hard limit 100 USD, in the stress down" in decision.sentences[0]
    assert decision.largest is not None
    assert decision.largest.lots == 2


def test_a_stress_limit_may_name_its_stresses_and_only_those_there_are() -> None:
    named = gate('scope = "desk"\nmeasure = "stress_loss"\nhard = 10\nscenarios = ["up"]')
    assert named.review(ticket(leg("CALL", 50)), NOW).is_allowed
    with pytest.raises(InvalidInput, match="crash"):
        gate('scope = "desk"\nmeasure = "stress_loss"\nhard = 10\nscenarios = ["crash"]')


def test_without_limits_nothing_is_traded_and_the_sentence_says_that_cancels_are() -> None:
    for none in (None, LimitSet(limits=(), source="empty")):
        desk = LimitGate(none, made())
        decision = desk.review(ticket(leg("CALL", 1)), NOW)
        assert not decision.is_allowed
        assert decision.sentences == ("no limits are loaded; no trading, cancels stay allowed",)


def test_what_no_limit_looks_at_is_not_traded() -> None:
    desk = gate(DELTA.replace("BTC", "ETH") + "hard = 50")
    assert "no limit looks at" in desk.review(ticket(leg("CALL", 1)), NOW).sentences[0]


def test_an_instrument_without_a_mark_closes_the_limits_that_look_at_it() -> None:
    units = {CALL.name: unmarked_unit(CALL, "it has no mark", 3)}
    units[PUT.name] = unit(delta=1.0, vega=1.0, stress=(0.0, 0.0, 0.0))
    text = f"schema = 1\n[[limit]]\n{DELTA}hard = 50"
    desk = LimitGate(parse_limits(text, "made"), MadeUnits(units), stress_names=STRESS_NAMES)
    decision = desk.review(ticket(leg("CALL", 1)), NOW)
    assert not decision.is_allowed
    assert "it has no mark" in decision.sentences[0]
    assert desk.review(ticket(leg("PUT", 1)), NOW).is_allowed
    holds(desk, "CALL", 1)
    assert not desk.review(ticket(leg("PUT", 1)), NOW).is_allowed
    assert [use.state for use in desk.uses(NOW)] == ["unknown"]


BLIND_LIMITS = (
    f"{DELTA}hard = 50",
    'scope = "desk"\nmeasure = "gross_vega"\nconvention = "usd-per-point"\nhard = 50',
    'scope = "desk"\nmeasure = "stress_loss"\nhard = 50',
    'scope = "desk"\nmeasure = "margin_use"\nconvention = "deribit-standard"\nunit = "usd"\n'
    "hard = 50",
    'scope = "desk"\nmeasure = "margin_use"\nconvention = "deribit-portfolio"\nunit = "usd"\n'
    "hard = 50",
)


@pytest.mark.parametrize("limit", BLIND_LIMITS)
def test_what_only_closes_a_leg_without_a_mark_passes_and_nothing_else_does(limit: str) -> None:
    units = {CALL.name: unmarked_unit(CALL, "it has no mark", 3)}
    units[PUT.name] = unit(delta=1.0, vega=1.0, stress=(0.0, 0.0, 0.0))
    text = f"schema = 1\n[[limit]]\n{limit}"
    desk = LimitGate(parse_limits(text, "made"), MadeUnits(units), stress_names=STRESS_NAMES)
    holds(desk, "CALL", -5)
    assert desk.review(ticket(leg("CALL", 5)), NOW).is_allowed
    # One lot more opens; so does one beside an order that may close them all already.
    assert not desk.review(ticket(leg("CALL", 6)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", -1)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 5), leg("PUT", 1)), NOW).is_allowed
    assert desk.reserve(ticket(leg("CALL", 3)), ["a"], NOW).is_allowed
    assert desk.review(ticket(leg("CALL", 2)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 3)), NOW).is_allowed


@pytest.mark.parametrize("limit", BLIND_LIMITS)
def test_another_accounts_order_closes_nothing_of_a_margin(limit: str) -> None:
    units = {CALL.name: unmarked_unit(CALL, "it has no mark", 3)}
    text = f"schema = 1\n[[limit]]\n{limit}"
    desk = LimitGate(parse_limits(text, "made"), MadeUnits(units), stress_names=STRESS_NAMES)
    holds(desk, "CALL", 10, account="a")
    assert desk.review(ticket(leg("CALL", -5), account="a"), NOW).is_allowed
    # What the desk holds is netted in a Greek or a loss, but a venue margins each account alone.
    is_netted = "margin_use" not in limit
    assert desk.review(ticket(leg("CALL", -5), account="b"), NOW).is_allowed is is_netted


@pytest.mark.parametrize("limit", BLIND_LIMITS)
def test_a_desk_that_holds_nothing_uses_nothing(limit: str) -> None:
    (use,) = gate(limit).uses(NOW)
    assert (use.value, use.state) == (0.0, "ok")
    assert str(use.value) == "0.0"


def test_each_strategy_has_the_limit_for_itself_where_the_name_is_a_star() -> None:
    desk = gate('scope = "strategy"\nname = "*"\nmeasure = "net_contracts"\nhard = 10')
    holds(desk, "CALL", 10, strategy="one")
    assert not desk.review(ticket(leg("CALL", 1), strategy="one"), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", 10), strategy="two"), NOW).is_allowed
    labels = {use.cell.label: use.value for use in desk.uses(NOW)}
    assert labels["strategy one"] == 10.0


def test_filters_narrow_a_scope() -> None:
    desk = gate(
        'scope = "account"\nname = "main"\nstrategy = "s"\nmeasure = "order_size"\nhard = 5'
    )
    big = leg("CALL", 6)
    assert not desk.review(ticket(big, account="main", strategy="s"), NOW).is_allowed
    closed = desk.review(ticket(big, account="main", strategy="other"), NOW)
    assert "no limit looks at" in closed.sentences[0]


def test_orders_are_limited_in_size_value_number_and_rate() -> None:
    size = gate('scope = "desk"\nmeasure = "order_size"\nhard = 5')
    decision = size.review(ticket(leg("CALL", 12)), NOW)
    assert decision.largest is not None
    assert decision.largest.lots == 5
    value = gate('scope = "desk"\nmeasure = "order_value"\nhard = 32')  # 0.05 × 64 USD a lot
    assert value.review(ticket(leg("CALL", 10)), NOW).is_allowed
    assert not value.review(ticket(leg("CALL", 11)), NOW).is_allowed
    count = gate('scope = "desk"\nmeasure = "open_orders"\nhard = 2')
    assert count.reserve(ticket(leg("CALL", 1)), ["a"], NOW).is_allowed
    assert not count.review(ticket(leg("CALL", 1), leg("PUT", 1)), NOW).is_allowed
    assert count.reserve(ticket(leg("CALL", 1)), ["b"], NOW).is_allowed
    assert not count.review(ticket(leg("CALL", 1)), NOW).is_allowed
    count.apply("a", OrderCancelled(reason=""))
    assert count.review(ticket(leg("CALL", 1)), NOW).is_allowed
    rate = gate('scope = "desk"\nmeasure = "order_rate"\nper_s = 10\nhard = 2')
    second = 1_000_000_000
    for number, order_id in enumerate("ab"):
        assert rate.reserve(ticket(leg("CALL", 1)), [order_id], NOW + number * second).is_allowed
    assert not rate.review(ticket(leg("CALL", 1)), NOW + 9 * second).is_allowed
    assert rate.review(ticket(leg("CALL", 1)), NOW + 10 * second).is_allowed


def test_prices_stay_within_bands_of_price_and_of_vol() -> None:
    price = gate('scope = "desk"\nmeasure = "price_band"\nhard = 0.1')
    assert price.review(ticket(leg("CALL", 1, "0.055")), NOW).is_allowed
    assert not price.review(ticket(leg("CALL", 1, "0.056")), NOW).is_allowed
    assert not price.review(ticket(leg("CALL", 1, "0.044")), NOW).is_allowed
    market = price.review(ticket(leg("CALL", 1, None)), NOW)
    assert "no limit price" in market.sentences[0]
    assert market.largest is not None
    assert market.largest.lots == 0
    vol = gate('scope = "desk"\nmeasure = "vol_band"\nhard = 5')
    assert vol.review(ticket(leg("CALL", 1, "0.05")), NOW).is_allowed
    assert vol.review(ticket(leg("CALL", 1, "0.058")), NOW).is_allowed
    wide = vol.review(ticket(leg("CALL", 1, "0.09")), NOW)
    assert not wide.is_allowed
    assert wide.refusals[0].after == pytest.approx(20.1, abs=0.2)  # 0.04 of 0.002 a vol point


def test_nothing_is_sent_on_a_stale_quote() -> None:
    desk = gate('scope = "desk"\nmeasure = "staleness"\nhard = 5')
    assert desk.review(ticket(leg("CALL", 1)), NOW + 5_000_000_000).is_allowed
    assert not desk.review(ticket(leg("CALL", -1)), NOW + 5_100_000_000).is_allowed


def test_an_allow_list_names_what_may_be_traded() -> None:
    desk = gate('scope = "desk"\nmeasure = "allow_list"\nallow = ["BTC-*-C"]')
    assert desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    decision = desk.review(ticket(leg("PUT", 1)), NOW)
    assert "is not on it" in decision.sentences[0]
    assert "no size passes" in decision.sentences[0]


def test_after_a_loss_only_reducing_orders_pass_and_an_untold_loss_is_one() -> None:
    desk = gate('scope = "desk"\nmeasure = "day_loss"\nhard = 1000')
    holds(desk, "CALL", 10)
    assert "nobody told its day's P&L" in desk.review(ticket(leg("CALL", 1)), NOW).sentences[0]
    desk.learn(Filters(), Result(day_pnl_usd=-900.0))
    assert desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    desk.learn(Filters(), Result(day_pnl_usd=-1001.0))
    assert not desk.review(ticket(leg("CALL", 1)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", -10)), NOW).is_allowed
    decision = desk.review(ticket(leg("CALL", -12)), NOW)
    assert decision.largest is not None
    assert decision.largest.lots == 10


def test_a_day_without_profit_or_loss_uses_nothing_without_a_sign() -> None:
    desk = gate('scope = "desk"\nmeasure = "day_loss"\nhard = 1000')
    desk.learn(Filters(), Result(day_pnl_usd=0.0))
    (use,) = desk.uses(NOW)
    assert str(use.value) == str(use.share) == "0.0"


def test_a_share_of_an_unknown_equity_lets_nothing_be_margined() -> None:
    desk = gate(
        'scope = "desk"\nmeasure = "margin_use"\nconvention = "deribit-standard"\nhard = 0.5'
    )
    decision = desk.review(ticket(leg("CALL", -1)), NOW)
    assert "equity" in decision.sentences[0]
    desk.learn(Filters(), Result(equity_usd=100.0))
    assert desk.review(ticket(leg("CALL", -25)), NOW).is_allowed  # 2 USD a short lot
    assert not desk.review(ticket(leg("CALL", -26)), NOW).is_allowed
    assert desk.review(ticket(leg("CALL", 1_000)), NOW).is_allowed  # long options need none


def test_lots_that_reach_a_level_exactly_pass_in_floating_point() -> None:
    desk = gate(DELTA + "hard = 0.3")
    tenth = MadeUnits({CALL.name: unit(delta=0.1, vega=0.0, stress=(0.0, 0.0, 0.0))})
    desk.remeasure(tenth)
    assert desk.review(ticket(leg("CALL", 3)), NOW).is_allowed
    assert not desk.review(ticket(leg("CALL", 4)), NOW).is_allowed


def test_a_ticket_of_several_legs_is_cut_in_its_ratios() -> None:
    desk = gate('scope = "desk"\nmeasure = "gross_contracts"\nhard = 10')
    decision = desk.review(ticket(leg("CALL", 8), leg("WING", -16)), NOW)
    assert decision.largest is not None
    assert decision.largest.ticket is not None
    assert [one.quantity for one in decision.largest.ticket.legs] == [3, -6]
    assert "3 of 8 lots" in decision.sentences[0]


@pytest.mark.parametrize(
    ("asked", "hard", "largest"), [("5.5", 3, 3), ("-5.5", 3, -3), ("5.5", 5.2, 5), ("0.5", 0.2, 0)]
)
def test_a_size_off_the_grid_is_cut_to_one_of_the_grid(
    asked: str, hard: float, largest: int
) -> None:
    decision = gate(f"{DELTA}hard = {hard}").review(ticket(leg("CALL", asked)), NOW)
    assert not decision.is_allowed
    assert decision.largest is not None
    assert decision.largest.is_interval
    found = decision.largest.ticket
    assert (0 if found is None else found.legs[0].quantity) == largest


def test_sizes_that_are_no_interval_are_said_to_be_none() -> None:
    asked = ticket(leg("CALL", 20))

    def odd(other: Ticket) -> bool:
        lots = int(other.legs[0].quantity)
        return lots <= 4 or 8 <= lots <= 10

    largest = largest_size(asked, odd)
    assert not largest.is_interval
    assert largest.lots == 4
    assert "not an interval" in largest.sentence


def test_few_sizes_of_a_huge_ticket_are_asked_about() -> None:
    asked: list[int] = []

    def odd(other: Ticket) -> bool:
        asked.append(int(other.legs[0].quantity))
        return asked[-1] <= 500_000_000 or asked[-1] >= 700_000_000

    largest = largest_size(ticket(leg("CALL", 999_999_999)), odd)
    assert (largest.lots, largest.is_interval) == (500_000_000, False)
    assert len(asked) < 300


@pytest.mark.parametrize("quantity", ["NaN", "Infinity", "1e16", "-1e400"])
def test_a_quantity_that_can_not_be_counted_is_refused(quantity: str) -> None:
    desk = gate(DELTA + "hard = 50")
    with pytest.raises(InvalidInput, match="at most 1000000000000000 in size"):
        desk.set_position(CALL, Decimal(quantity))
    with pytest.raises(InvalidInput, match="at most 1000000000000000 in size"):
        leg("CALL", quantity)
    assert [use.value for use in desk.uses(NOW)] == [0.0]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("day_pnl_usd", math.nan),
        ("day_pnl_usd", -math.inf),
        ("drawdown_usd", -1.0),
        ("equity_usd", math.nan),
        ("equity_usd", -1.0),
    ],
)
def test_a_result_that_is_no_number_is_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=name):
        Result(**{name: value})


def test_ids_are_one_a_leg_and_unique_for_ever() -> None:
    desk = gate(DELTA + "hard = 50")
    desk.reserve(ticket(leg("CALL", 1)), ["a"], NOW)
    with pytest.raises(InvalidInput, match="taken"):
        desk.reserve(ticket(leg("CALL", 1)), ["a"], NOW)
    with pytest.raises(InvalidInput, match="one id a leg"):
        desk.reserve(ticket(leg("CALL", 1)), [], NOW)
    with pytest.raises(InvalidInput, match="taken"):
        desk.adopt("a", leg("CALL", 1))
    assert [use.value for use in desk.uses(NOW)] == [1.0]
    with pytest.raises(InvalidInput, match="reserved"):
        desk.apply("z", OrderUnanswered())
    with pytest.raises(InvalidInput, match="over"):
        desk.forget("a")
    desk.apply("a", OrderCancelled(reason=""))
    desk.forget("a")
    assert not desk.orders


def test_loaded_positions_add_up() -> None:
    desk = gate(DELTA + "hard = 50")
    desk.load([Position(instrument=CALL, quantity=Decimal(n)) for n in (20, 25)])
    assert desk.position(CALL) == 45
    assert not desk.review(ticket(leg("CALL", 6)), NOW).is_allowed
