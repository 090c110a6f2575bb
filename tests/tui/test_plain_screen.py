"""The screen and the chain as plain text, for what is no terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantdesk.app.render.table import chain_table_text, screen_text
from quantdesk.snapshot import Environment, LinkState
from quantdesk.views.safe_text import cell_width
from quantdesk.views.units import Units
from tests.tui.desk_samples import (
    DESK_NS,
    chain_snapshot,
    desk,
    link,
    recorded_desk,
    recorded_events,
)

RECORDED = recorded_desk()


@pytest.mark.parametrize("width", [40, 80, 120, 160, 200])
def test_screen_as_text_fits_and_says_simulated(width: int) -> None:
    text = screen_text(RECORDED, "BTC", now_ns=DESK_NS, width=width)
    assert "SIMULATED" in text.splitlines()[0]
    assert ">60,000<" in text
    assert all(cell_width(line) <= width for line in text.splitlines())
    assert not text.endswith("\n")


def test_screen_as_text_can_be_as_high_as_a_terminal() -> None:
    text = screen_text(RECORDED, "BTC", now_ns=DESK_NS, width=80, height=24)
    assert len(text.splitlines()) == 24
    assert ">60,000<" in text


def test_screen_as_text_of_a_desk_without_the_chain_says_it_waits() -> None:
    text = screen_text(desk(links=[link(state=LinkState.CONNECTING)]), "BTC", now_ns=DESK_NS)
    assert "waiting for the first chain" in text
    assert "SIMULATED" in text


def test_screen_as_text_shows_the_expiry_and_units_asked_for() -> None:
    expiry_ns = RECORDED.chains[0].expiries[1].expiry_ns
    text = screen_text(
        RECORDED, "BTC", now_ns=DESK_NS, expiry_ns=expiry_ns, units=Units.USD_CASH, columns="vol"
    )
    assert "[31JUL26 34d]" in text
    assert "in USD cash (BTC × index)" in text
    assert "v.IV" in text


def test_other_environments_are_named() -> None:
    live = replace(RECORDED, environment=Environment.LIVE)
    assert screen_text(live, "BTC", now_ns=DESK_NS).startswith("LIVE")


def test_table_has_every_option_aligned_with_units_and_a_heading_an_expiry() -> None:
    chain = RECORDED.chains[0]
    lines = chain_table_text(chain).splitlines()
    headings = [line for line in lines if line.startswith("-- ")]
    assert [line.split(":")[0] for line in headings] == ["-- 28JUN26", "-- 31JUL26", "-- 25SEP26"]
    for words in ("forward 60,245.37 USD (venue:index_price)", "left 22h 34m", "ATM IV 20.75 %"):
        assert words in headings[0]
    strikes = {(i.expiry_ns, i.strike) for i in chain.chain.instruments}
    titles = next(n for n, line in enumerate(lines) if "Strike" in line)
    units = lines[titles + 1]
    body = [line for line in lines[titles + 2 :] if not line.startswith("-- ")]
    assert len(body) == len(strikes)
    assert units.split().count("USD/day") == 4
    ends = [
        n
        for n, pair in enumerate(zip(lines[titles], f"{lines[titles]} "[1:], strict=True))
        if pair[0] != " " and pair[1] == " "
    ]
    assert len(ends) >= 2 * 19
    assert {len(line) for line in body} <= {len(max(body, key=len)), len(max(body, key=len)) - 1}


def test_table_of_one_expiry_names_its_forward_and_time_left() -> None:
    chain = RECORDED.chains[0]
    first = chain.chain.expiry_ns == chain.expiries[0].expiry_ns
    text = chain_table_text(chain.take(first), units=Units.USD_MODEL)
    assert "forward 60,245.37 USD (venue:index_price)" in text
    assert "left 22h 34m to 28JUN26" in text
    assert "in USD model (BTC × forward)" in text
    assert "\n-- " not in text


def test_hostile_names_can_not_reach_a_terminal() -> None:
    instruments, quotes = recorded_events()
    bad = "B\x1b[2J\u202e"
    chain = chain_snapshot(
        [replace(i, underlying=bad, quote_currency=bad) for i in instruments], quotes
    )
    text = screen_text(desk(chain), bad, now_ns=DESK_NS) + chain_table_text(chain)
    assert text.replace("\n", " ").isprintable()
