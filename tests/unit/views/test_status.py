"""States of a screen and the status line: stale must not pass for live."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.snapshot import DeskSnapshot, Environment, LinkHealth, LinkState
from quantdesk.views.safe_text import cell_width
from quantdesk.views.status import (
    STALE_AFTER_NS,
    ScreenState,
    StatusRole,
    fitted_items,
    mode_words,
    problem_lines,
    screen_banner,
    status_items,
    venue_now_ns,
)
from tests.tui.desk_samples import (
    DESK_NS,
    SECOND_NS,
    VENUE_NS,
    chain_snapshot,
    desk,
    link,
    option,
    recorded_desk,
    synthetic_chain,
)

DESK = recorded_desk()


def with_links(*links: LinkHealth) -> DeskSnapshot:
    return replace(DESK, links=links)


@pytest.mark.parametrize(
    ("snapshot", "now_ns", "state", "words"),
    [
        (None, DESK_NS, ScreenState.WAITING, "waiting for the first chain"),
        (
            desk(links=[link(state=LinkState.CONNECTING)]),
            DESK_NS,
            ScreenState.WAITING,
            "connecting",
        ),
        (DESK, DESK_NS, ScreenState.LIVE, ""),
        (DESK, DESK_NS + STALE_AFTER_NS, ScreenState.STALE, "STALE. No data for 10s"),
        (with_links(link(state=LinkState.STALE)), DESK_NS, ScreenState.STALE, "STALE"),
        (
            with_links(link(state=LinkState.RECONNECTING)),
            DESK_NS + 90 * SECOND_NS,
            ScreenState.DISCONNECTED,
            "DISCONNECTED, trying again. Last data 1m 30s ago",
        ),
        (with_links(link(state=LinkState.CLOSED)), DESK_NS, ScreenState.DISCONNECTED, "prices are"),
        (
            with_links(link(state=LinkState.MAINTENANCE)),
            DESK_NS,
            ScreenState.MAINTENANCE,
            "MAINTEN",
        ),
        (
            with_links(link("deribit-a"), link("deribit-b", LinkState.RECONNECTING)),
            DESK_NS,
            ScreenState.PARTIAL,
            "deribit-b reconnecting",
        ),
        (with_links(link(state=LinkState.FILE)), DESK_NS + 10**15, ScreenState.FILE, ""),
    ],
)
def test_state_of_the_screen(
    snapshot: DeskSnapshot | None, now_ns: int, state: ScreenState, words: str
) -> None:
    banner = screen_banner(snapshot, "BTC", now_ns)
    assert banner.state is state
    assert words in banner.sentence


def test_an_ended_desk_says_why_whatever_its_links_claim() -> None:
    banner = screen_banner(DESK, "BTC", DESK_NS, "a\x1b[0m damaged at byte 17")
    assert banner.state is ScreenState.FAILED
    assert "damaged at byte 17" in banner.sentence
    assert "\x1b" not in banner.sentence


def test_unquoted_options_make_the_chain_partial() -> None:
    expiry_ns = VENUE_NS + 86_400 * SECOND_NS
    call = option("C", strike=100.0, is_call=True, expiry_ns=expiry_ns)
    banner = screen_banner(desk(chain_snapshot([call], [])), "BTC", DESK_NS)
    assert banner.state is ScreenState.PARTIAL
    assert "0 of 1 options quoted" in banner.sentence


def test_a_chain_is_judged_by_its_own_link() -> None:
    both = desk(DESK.chains[0], synthetic_chain())
    one_down = replace(
        both, links=(link("deribit-btc"), link("deribit-eth", LinkState.RECONNECTING))
    )
    assert screen_banner(one_down, "BTC", DESK_NS).state is ScreenState.LIVE
    assert screen_banner(one_down, "ETH", DESK_NS).state is ScreenState.DISCONNECTED


def test_venues_clock_runs_on_between_snapshots() -> None:
    chain = DESK.chains[0]
    assert venue_now_ns(DESK, chain, DESK_NS + 5 * SECOND_NS) == VENUE_NS + 5 * SECOND_NS
    assert venue_now_ns(DESK, chain, DESK_NS - SECOND_NS) == VENUE_NS


def test_a_replay_lives_by_its_own_clock() -> None:
    replayed = replace(DESK, environment=Environment.REPLAY)
    later_ns = DESK_NS + 10**18
    assert venue_now_ns(replayed, replayed.chains[0], later_ns) == VENUE_NS
    assert screen_banner(replayed, "BTC", later_ns).state is ScreenState.LIVE


def texts(snapshot: DeskSnapshot | None, now_ns: int = DESK_NS) -> list[str]:
    return [item.text for item in status_items(snapshot, "BTC", now_ns=now_ns)]


def test_status_line_tells_mode_links_age_and_both_clocks() -> None:
    assert texts(DESK) == [
        "SIMULATED",
        "deribit-btc live",
        "data 0s old",
        "health ok",
        "venue 2026-06-27 09:25:30",
        "UTC 2025-12-01 10:00:00",
    ]


@pytest.mark.parametrize("environment", list(Environment))
def test_mode_is_a_word_and_never_gives_way(environment: Environment) -> None:
    items = status_items(replace(DESK, environment=environment), "BTC", now_ns=DESK_NS)
    assert items[0].text == environment.value.upper()
    assert fitted_items(items, 1, 3) == (items[0],)


def test_frames_set_aside_are_counted_and_shown() -> None:
    troubled = link(
        refused=3, problems=(("not_json", 3), ("unknown_field", 9)), last_problem="not_json: \x1b["
    )
    text = next(text for text in texts(with_links(troubled)) if "set aside" in text)
    assert text == "3 frames set aside, 12 problems (not_json: \\x1b[)"


def test_counters_of_the_screen_are_shown() -> None:
    items = status_items(DESK, "BTC", now_ns=DESK_NS, frames_per_s=9.8, skipped=1_204)
    assert "10 fps, 1,204 skipped" in [item.text for item in items]


def test_before_the_first_snapshot_it_is_starting() -> None:
    assert texts(None) == ["STARTING", "UTC 2025-12-01 10:00:00"]


def test_old_data_is_bad_news() -> None:
    items = status_items(DESK, "BTC", now_ns=DESK_NS + 60 * SECOND_NS)
    assert next(item for item in items if "data" in item.text).role is StatusRole.BAD


@given(st.integers(0, 250))
def test_status_line_fits_or_is_only_the_mode(width: int) -> None:
    items = status_items(DESK, "BTC", now_ns=DESK_NS, frames_per_s=10.0, skipped=5)
    shown = fitted_items(items, width, 3)
    total = sum(cell_width(item.text) for item in shown) + 3 * (len(shown) - 1)
    assert total <= width or [item.text for item in shown] == ["SIMULATED"]


RECORDED = recorded_desk()


def test_end_of_a_recording_is_said_and_does_not_look_alive() -> None:
    ended = replace(RECORDED, links=(link(state=LinkState.ENDED),), environment=Environment.REPLAY)
    banner = screen_banner(ended, "BTC", DESK_NS)
    assert banner.state is ScreenState.ENDED
    assert banner.sentence.startswith("END of the recording at 2025-12-01 10:00:00 UTC")
    texts = [item.text for item in status_items(ended, "BTC", now_ns=DESK_NS, pace="speed ×1")]
    assert texts[:2] == ["REPLAY", "ENDED"]
    assert not any("old" in text or "speed" in text for text in texts)


def test_end_of_a_torn_recording_says_why() -> None:
    torn = link(state=LinkState.ENDED, last_problem="the recording was cut off: \x1b[2J")
    banner = screen_banner(replace(RECORDED, links=(torn,)), "BTC", DESK_NS)
    assert "(the recording was cut off: \\x1b[2J)" in banner.sentence


def test_stopped_desk_does_not_look_alive() -> None:
    items = status_items(RECORDED, "BTC", now_ns=DESK_NS, failure="damaged at byte 17")
    texts = [item.text for item in items]
    assert texts[:2] == ["SIMULATED", "STOPPED"]
    assert not any("live" in text or "old" in text for text in texts)


def test_replay_of_a_simulated_venue_says_both() -> None:
    replayed = replace(RECORDED, environment=Environment.REPLAY, is_simulated=True)
    assert status_items(replayed, "BTC", now_ns=DESK_NS)[0].text == "REPLAY of SIMULATED"
    assert mode_words(replace(replayed, is_simulated=False)) == "REPLAY"
    assert mode_words(replace(RECORDED, is_simulated=True)) == "SIMULATED"


def test_every_kind_of_problem_is_listed_with_its_count() -> None:
    bad = link(problems=(("not json", 3), ("\x1b[2Jkind", 1_200)), last_problem="not json: x")
    text = "\n".join(problem_lines(replace(RECORDED, links=(bad, link("deribit-eth")))))
    assert "3  not json" in text
    assert "1,200  \\x1b[2Jkind" in text
    assert "last: not json: x" in text
    assert "no problems" in text
    assert problem_lines(None) == ("No connection yet.",)
