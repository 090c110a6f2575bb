"""State of a book screen in words: its worst market, what is left out, what has no margin."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quantdesk.margin.book_margin import ExcludedPosition
from quantdesk.snapshot import Environment, LinkHealth, LinkState
from quantdesk.views.book_header import book_banner, book_notes, data_age_text, net_fields
from quantdesk.views.risk_choice import (
    DeltaChoice,
    GreekChoice,
    MoneyChoice,
    ThetaChoice,
    VegaChoice,
    following,
)
from quantdesk.views.status import ScreenState
from tests.unit.risk.test_book_tree import reading
from tests.unit.runtime.test_book_reading import sample_desk

NOW = 0
SECOND_NS = 1_000_000_000


def live_links(age_s: int) -> tuple[LinkHealth, ...]:
    return tuple(
        LinkHealth(
            name=f"deribit-{coin}",
            venue="deribit",
            state=LinkState.LIVE,
            last_recv_ns=1_000 * SECOND_NS - age_s * SECOND_NS,
        )
        for coin in ("btc", "eth")
    )


def test_leg_that_has_greeks_and_no_margin_is_named() -> None:
    book = reading()
    missing = ExcludedPosition(
        venue="deribit",
        account="",
        instrument_name="BTC-PERPETUAL",
        quantity=Decimal(1),
        reason="instrument_name = 'BTC-PERPETUAL': has no rule",
        order_id=None,
    )
    banner = book_banner(
        book.report,
        (),
        sample_desk(),
        now_ns=NOW,
        margin=replace(book.margin, excluded=(missing,)),
    )
    assert banner.state is ScreenState.PARTIAL
    assert banner.sentence == ("PARTIAL. 1 without mark or margin: BTC-PERPETUAL: has no rule.")


def test_chain_that_left_the_desk_is_named() -> None:
    gone = replace(sample_desk(), chains=sample_desk().chains[:1])
    banner = book_banner(reading().report, (), gone, now_ns=NOW)
    assert banner.state is ScreenState.PARTIAL
    assert "deribit/ETH is not on the desk any more" in banner.sentence


def test_failure_of_the_desk_comes_before_what_is_left_out() -> None:
    book = reading()
    banner = book_banner(
        book.report, book.opened.refused, sample_desk(), now_ns=NOW, failure="disk full"
    )
    assert banner.state is ScreenState.FAILED
    assert "disk full" in banner.sentence


def test_prices_are_at_least_as_old_as_the_last_frame() -> None:
    now_ns = 1_000 * SECOND_NS
    silent = replace(sample_desk(), ts_ns=now_ns, links=live_links(age_s=75))
    assert data_age_text(reading().report, silent, now_ns) == "1m 15s"
    replayed = replace(silent, environment=Environment.REPLAY)
    # A replay lives by its own clock, whatever the machine's says.
    assert data_age_text(reading().report, replayed, now_ns + 10**15) == "1m 15s"


def test_notes_and_sources_are_sentences() -> None:
    book = reading()
    notes = book_notes(book.report, ("made by rule",))
    assert notes[0] == "Note: made by rule."
    assert any(note.startswith("deribit BTC index: ") for note in notes)


def test_every_convention_is_one_column_and_the_switch_comes_round() -> None:
    choice = GreekChoice()
    seen: set[str] = set()
    for delta in DeltaChoice:
        for money in MoneyChoice:
            for vega in VegaChoice:
                for theta in ThetaChoice:
                    one = GreekChoice(delta=delta, money=money, vega=vega, theta=theta)
                    assert len(set(one.fields)) == 4
                    seen.update(one.fields)
    assert seen == {
        "delta_black",
        "delta_premium_adjusted",
        "dollar_delta",
        "gamma_per_pct_coin",
        "gamma_per_pct_usd",
        "vega_per_point",
        "vega_per_point_weighted",
        "theta_per_day",
        "theta_one_day_revalued",
        "theta_venue_per_day",
    }
    for name in ("delta", "money", "vega", "theta"):
        there_and_back = choice
        for _ in type(getattr(choice, name)):
            there_and_back = there_and_back.with_next(name)
        assert there_and_back == choice
    assert following(DeltaChoice.PREMIUM_ADJUSTED) is DeltaChoice.BLACK


def test_net_sentence_carries_units_and_what_it_misses() -> None:
    fields = net_fields(reading().report, GreekChoice())
    assert [field.label for field in fields] == ["BTC", "ETH"]
    for field in fields:
        for unit in (f" {field.label} ", f"{field.label}/1%", "USD/pt", "USD/day"):
            assert unit in field.text
