"""The header above a chain and the expiry tabs."""

from __future__ import annotations

from dataclasses import replace

from quantdesk.market.forwards import ExpiryForward
from quantdesk.snapshot import ChainSnapshot, ExpirySummary
from quantdesk.views.chain_header import expiry_tabs, header_fields
from quantdesk.views.number_text import DASH
from quantdesk.views.units import Units
from tests.tui.desk_samples import (
    DAY_NS,
    VENUE_NS,
    chain_snapshot,
    recorded_events,
    synthetic_chain,
)
from tests.unit.views.test_venue_pair import dollar_venue

RECORDED = chain_snapshot(*recorded_events())


def header(
    snapshot: ChainSnapshot = RECORDED,
    expiry: ExpirySummary | None = RECORDED.expiries[0],
    units: Units = Units.COIN,
) -> dict[str, str]:
    return dict(header_fields(snapshot, expiry, units=units, now_ns=VENUE_NS))


def test_header_says_what_is_looked_at_and_how_it_was_found() -> None:
    fields = header()
    assert fields[""] == "BTC deribit SIMULATED"
    assert fields["index"].endswith(" USD")
    assert fields["forward"] == "60,245.37 USD (venue:index_price)"
    assert fields["left"] == "22h 34m to 28JUN26"
    assert fields["ATM IV"] == "20.75 %"
    assert fields["straddle"] == "0.0089 BTC (mid, 60,000)"
    assert fields["1 sd move"] == "±635 USD (±1.05 %)"
    assert fields["put/call"] == "0.74 OI, 0.86 volume"
    assert fields["quoted"] == "50 of 50"


def test_header_names_the_units() -> None:
    assert header()["prices"] == "in BTC, as quoted"
    assert header(units=Units.USD_CASH)["prices"] == "in USD cash (BTC × index)"
    assert header(units=Units.USD_MODEL)["prices"] == "in USD model (BTC × forward)"
    assert header(units=Units.IV)["prices"] == "in implied vol, %"


def test_what_is_not_known_is_a_dash() -> None:
    bare = replace(
        RECORDED.expiries[0],
        forward=ExpiryForward(price=None, source="none"),
        atm_iv=None,
        atm_iv_source="no forward",
    )
    fields = header(replace(RECORDED, index_price=None, expiries=(bare,)), bare)
    for label in ("index", "forward", "ATM IV", "straddle", "1 sd move", "parity forward"):
        assert fields[label] == DASH


def test_header_of_a_whole_chain_has_no_expiry() -> None:
    assert set(header(expiry=None)) == {"", "index", "prices"}


def test_names_from_outside_are_made_safe() -> None:
    hostile = replace(RECORDED, underlying="B\x1b[2J\u202e", venue="[/b]\x00")
    title = header(hostile)[""]
    assert "\x1b" not in title
    assert "\u202e" not in title
    assert title.endswith("SIMULATED")


def test_tabs_have_days_left_on_the_venues_clock() -> None:
    tabs = expiry_tabs(RECORDED, VENUE_NS)
    assert [(tab.label, tab.days) for tab in tabs] == [
        ("28JUN26", "0.9d"),
        ("31JUL26", "34d"),
        ("25SEP26", "90d"),
    ]
    assert expiry_tabs(RECORDED, VENUE_NS + DAY_NS)[0].days == "exp"


def test_part_of_an_expiry_is_not_read_as_the_whole() -> None:
    strikes = RECORDED.chain.strike
    part = RECORDED.take((strikes >= 59_000) & (strikes <= 61_000))
    fields = dict(header_fields(part, part.expiries[0], units=Units.COIN, now_ns=part.as_of_ns))
    assert "put/call" not in fields
    assert "put/call of these strikes" in fields
    listed = RECORDED.expiries[0].rows[1] - RECORDED.expiries[0].rows[0]
    assert fields["quoted"].endswith(f"shown ({listed} listed)")


def test_whole_expiry_keeps_its_plain_words() -> None:
    first = RECORDED.expiries[0].expiry_ns
    whole = RECORDED.take(RECORDED.chain.expiry_ns == first)
    fields = dict(header_fields(whole, whole.expiries[0], units=Units.COIN, now_ns=first))
    assert "put/call" in fields
    assert "listed" not in fields["quoted"]


def test_dollar_prices_are_not_called_coin() -> None:
    dollars = dollar_venue(synthetic_chain())
    fields = dict(header_fields(dollars, None, units=Units.COIN, now_ns=dollars.as_of_ns))
    assert fields["prices"] == "in USDT, as quoted"
