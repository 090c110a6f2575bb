"""Funding in an account's day: the venue's session, what it can not tell, and a simulated venue."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal

import aiohttp
import pytest

from quantdesk.domain.account import AccountSnapshot, PositionReport, TradeReport
from quantdesk.domain.instrument import Side
from quantdesk.risk.pnl_explain_steps import LINE, STEP
from quantdesk.risk.pnl_explain_totals import LegExplain
from quantdesk.risk.scenario import SmileRule
from quantdesk.runtime.pnl_day import DayExplain, explain_day
from quantdesk.runtime.pnl_funding import session_start
from quantdesk.runtime.pnl_openings import DayOpenings, Openings
from quantdesk.runtime.screen_books import AccountBook
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import live_desk
from quantdesk.snapshot import DeskSnapshot
from tests.tui.book_samples import account_desk
from tests.tui.desk_samples import DESK_NS, SECOND_NS, VENUE_NS, StillClock
from tests.tui.pnl_samples import later
from tests.unit.runtime.test_live_accounts import exchange, until

PERPETUAL = "BTC-PERPETUAL"
HOURS = 3
HOUR_NS = 3600 * SECOND_NS


def held(
    funding: str | None, *, after_h: float = 0.0, quantity: int = -20_000, name: str = PERPETUAL
) -> PositionReport:
    return PositionReport(
        venue="deribit",
        instrument_name=name,
        event_ns=VENUE_NS + int(after_h * 3600) * SECOND_NS,
        recv_ns=DESK_NS,
        quantity=Decimal(quantity),
        average_price=Decimal(60_410),
        session_funding=None if funding is None else Decimal(funding),
    )


def traded(after_s: int, *, side: Side = Side.SELL, amount: int = 20_000) -> TradeReport:
    return TradeReport(
        venue="deribit",
        instrument_name=PERPETUAL,
        event_ns=VENUE_NS + after_s * SECOND_NS,
        recv_ns=DESK_NS,
        trade_id=f"{after_s}",
        order_id="o",
        client_order_id=None,
        side=side,
        price=Decimal(60_410),
        amount=Decimal(amount),
        fee=Decimal(0),
        fee_currency="BTC",
    )


def desk_with(
    positions: Sequence[PositionReport], trades: Sequence[TradeReport] = (), *, hours: float = 0.0
) -> DeskSnapshot:
    """The account's desk, holding `positions` of the venue `hours` on."""
    start = account_desk()
    now = later(start, hours=hours, spot=1.01) if hours else start
    account = replace(start.accounts[0], positions=tuple(positions), trades=tuple(trades))
    return replace(now, accounts=(account,))


def opened(snapshot: DeskSnapshot) -> Openings:
    openings = DayOpenings()
    while (job := openings.due(snapshot)) is not None:
        job()
    return openings.current


def explain(before: DeskSnapshot, now: DeskSnapshot, *, name: str = "main") -> DayExplain:
    book = AccountBook(names=(name,))
    rule = SmileRule.STICKY_STRIKE
    return explain_day(book, book.open(now), now, opened(before), rule=rule, clock=StillClock())


def leg(day: DayExplain) -> LegExplain:
    assert day.explained is not None, day.waits
    (found,) = (one for one in day.explained.legs if one.key.instrument_name == PERPETUAL)
    return found


def said(day: DayExplain) -> str:
    """Why the funding is in no number."""
    (note,) = (one for one in day.notes if one.startswith(f"{PERPETUAL}: its funding"))
    return note


def test_funding_is_what_the_session_brought_since_the_opening() -> None:
    before = desk_with([held("0.00040")])
    with_it, without = (
        explain(before, desk_with([held(funding, after_h=HOURS)], hours=HOURS))
        for funding in ("0.00015", "0.00040")
    )
    found, bare = leg(with_it), leg(without)
    assert found.change.funding == Decimal("-0.00025")
    assert found.lines[STEP["cash"], LINE["funding"]] == -0.00025
    assert bare.change.funding == 0
    # It is in the whole to the last digit, and leaves no residual.
    assert found.actual == pytest.approx(bare.actual - 0.00025, abs=1e-15)
    assert found.steps[STEP["cash"]] == pytest.approx(found.lines[STEP["cash"]].sum(), abs=1e-18)
    assert not [note for note in with_it.notes if "its funding" in note]


def test_a_position_opened_since_has_all_its_funding() -> None:
    now = desk_with([held("-0.00007", after_h=HOURS)], [traded(60)], hours=HOURS)
    found = leg(explain(desk_with([]), now))
    assert found.change.quantity_before == 0
    assert found.change.funding == Decimal("-0.00007")


@pytest.mark.parametrize(
    ("first", "last", "trades", "reason"),
    [
        (held("0.1"), held(None, after_h=HOURS), (), "its venue does not say it"),
        (held(None), held("0.1", after_h=HOURS), (), "did not say it at the opening"),
        (held("0.1"), held("0.1", after_h=24), (), "not of the session"),
        (held("0.1", after_h=-24), held("0.1", after_h=HOURS), (), "last read in the session"),
        (held("0.1"), None, (traded(60, side=Side.BUY),), "it is closed"),
        (
            None,
            held("0.1", after_h=HOURS),
            (traded(-120), traded(-60, side=Side.BUY), traded(60)),
            "held earlier in the session",
        ),
    ],
    ids=["now silent", "silent before", "next session", "old reading", "closed", "held earlier"],
)
def test_funding_that_is_not_known_is_in_no_number_and_said(
    first: PositionReport | None,
    last: PositionReport | None,
    trades: Sequence[TradeReport],
    reason: str,
) -> None:
    before = desk_with([] if first is None else [first])
    day = explain(before, desk_with([] if last is None else [last], trades, hours=HOURS))
    assert reason in said(day)
    assert leg(day).change.funding == 0


def test_an_opening_at_the_sessions_start_needs_no_reading_in_it() -> None:
    """The account was last read in the session before, a minute before 08:00."""
    started = session_start(VENUE_NS)
    hours = (started - VENUE_NS) / (3600 * SECOND_NS)
    before = later(account_desk(), hours=hours + 1 / 3600)
    account = replace(account_desk().accounts[0], positions=(held("0.5", after_h=hours - 1 / 60),))
    now = desk_with([held("0.00003", after_h=1)], hours=1)
    found = leg(explain(replace(before, accounts=(account,)), now))
    assert found.change.funding == Decimal("0.00003")


def test_a_perpetual_that_was_closed_before_the_opening_is_not_spoken_of() -> None:
    trades = (traded(-120), traded(-60, side=Side.BUY))
    option = held(None, quantity=5, name="BTC-31JUL26-52000-P")
    day = explain(desk_with([option], trades), desk_with([option], trades, hours=HOURS))
    assert not [note for note in day.notes if "its funding" in note]


async def log_lines(ready: dict[str, object], environ: dict[str, str]) -> list[dict[str, object]]:
    """The account's transaction log, as a client that is none of ours reads it."""
    key = f"{environ['QUANTDESK_DERIBIT_KEY']}:{environ['QUANTDESK_DERIBIT_SECRET']}"
    headers = {"Authorization": f"Basic {base64.b64encode(key.encode()).decode()}"}
    query = {"currency": "BTC", "start_timestamp": "0", "end_timestamp": str(2**52), "count": "100"}
    url = f"{ready['deribit']['http']}/private/get_transaction_log"  # type: ignore[index]
    async with (
        aiohttp.ClientSession() as client,
        client.get(url, params=query, headers=headers) as answer,
    ):
        lines: list[dict[str, object]] = (await answer.json())["result"]["logs"]
        return lines


async def test_a_simulated_venues_funding_is_in_the_day_as_its_log_has_it() -> None:
    """A perpetual is bought, an hour passes on the venue's clock, a little more is bought."""
    async with (
        exchange(speed=600.0) as venue,
        live_desk(
            venue.venues[:1], ("BTC",), settings=Settings(), accounts=venue.accounts("deribit")
        ) as live,
    ):
        await live.accounts_read(30)
        await live.quoted(("BTC",), 30)
        await venue.buy(PERPETUAL, 1_000_000)
        first = await until(live, lambda now: holds(now, 1_000_000))
        openings = opened(first)
        paid_ns = position(first.accounts[0]).event_ns + HOUR_NS
        await until(live, lambda now: now.chains[0].as_of_ns > paid_ns)
        await venue.buy(PERPETUAL, 10)
        last = await until(live, lambda now: holds(now, 1_000_010))
        lines = await log_lines(venue.ready, venue.environ)
    book = AccountBook(names=("deribit",))
    rule = SmileRule.STICKY_STRIKE
    day = explain_day(book, book.open(last), last, openings, rule=rule, clock=StillClock())
    reported = [position(one.accounts[0]).event_ns // 1_000_000 for one in (first, last)]
    posted = [
        Decimal(repr(line["interest_pl"]))
        for line in lines
        if line["type"] == "settlement" and reported[0] < int(str(line["timestamp"])) <= reported[1]
    ]
    assert posted
    found = leg(day)
    assert found.change.funding == sum(posted)
    assert found.change.funding != 0
    assert found.actual == pytest.approx(float(found.steps.sum()), abs=1e-12)


def position(account: AccountSnapshot) -> PositionReport:
    found = account.position(PERPETUAL)
    assert found is not None
    return found


def holds(snapshot: DeskSnapshot, quantity: int) -> bool:
    found = snapshot.accounts[0].position(PERPETUAL)
    return found is not None and found.quantity == quantity
