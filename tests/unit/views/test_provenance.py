"""Every cell can say what it is, in which unit, from where, how old."""

from __future__ import annotations

from dataclasses import replace

import pytest

from quantdesk.market.valuation import IV_NO_QUOTE, GreeksSource, IvStatus
from quantdesk.views.chain import chain_view
from quantdesk.views.chain_columns import COLUMNS
from quantdesk.views.provenance import explain_cell, explain_strike, sentences_text
from quantdesk.views.strike_grid import LineKey
from quantdesk.views.units import Units
from tests.tui.desk_samples import SECOND_NS, VENUE_NS, chain_snapshot, recorded_events

NEAR = 1_782_633_600 * SECOND_NS
RECORDED = chain_snapshot(*recorded_events())
NAMES = [instrument.name for instrument in RECORDED.chain.instruments]


def explained(name: str, column: str, units: Units = Units.COIN, now_ns: int = VENUE_NS) -> str:
    view = chain_view(RECORDED, expiry_ns=NEAR, columns="all", units=units, now_ns=now_ns)
    return sentences_text(explain_cell(view, NAMES.index(name), column))


@pytest.mark.parametrize("column", sorted(COLUMNS))
@pytest.mark.parametrize("units", list(Units))
def test_every_column_names_instrument_and_time(column: str, units: Units) -> None:
    text = explained("BTC-28JUN26-60000-C", column, units)
    assert text.startswith("BTC-28JUN26-60000-C " + COLUMNS[column].says)
    assert "2026-06-27 09:24:57.563 UTC on the venue's clock, 32s old" in text
    assert "nan" not in text


def test_a_quote_comes_from_the_venue() -> None:
    text = explained("BTC-28JUN26-60000-C", "bid")
    assert "0.006 BTC, as deribit (simulated) published it." in text
    assert "Size at this price: 20.1." in text


def test_a_quote_in_cash_shows_its_factor() -> None:
    text = explained("BTC-28JUN26-60000-C", "bid", Units.USD_CASH)
    assert "USD: price × index" in text
    assert "forward" in explained("BTC-28JUN26-60000-C", "bid", Units.USD_MODEL)


def test_a_computed_vol_names_model_inputs_and_the_venues_view() -> None:
    text = explained("BTC-28JUN26-60000-C", "mark_iv")
    assert "computed by the desk with Black-76 from the mark 0.0067 BTC; status ok" in text
    assert "Forward 60,245.57 USD, this quote's own (the venue's index_price)." in text
    assert "Strike 60,000" in text
    assert "2026-06-28 08:00:00.000 UTC" in text
    assert "The venue says 21.01 %" in text


def test_a_vol_that_is_missing_says_why() -> None:
    text = explained("BTC-28JUN26-62500-C", "bid_iv")
    assert "none: there is no price to invert" in text


@pytest.mark.parametrize("status", [*map(int, IvStatus), IV_NO_QUOTE, 77])
def test_every_status_has_words(status: int) -> None:
    row = NAMES.index("BTC-28JUN26-60000-C")
    codes = RECORDED.values.mark_iv_status.copy()
    codes[row] = status
    changed = replace(RECORDED, values=replace(RECORDED.values, mark_iv_status=codes))
    view = chain_view(changed, expiry_ns=NEAR, now_ns=VENUE_NS)
    text = sentences_text(explain_cell(view, row, "mark_iv"))
    assert ("unknown status 77" if status == 77 else "status ") in text


@pytest.mark.parametrize("source", list(GreeksSource))
def test_every_source_of_greeks_has_words(source: GreeksSource) -> None:
    row = NAMES.index("BTC-28JUN26-60000-C")
    codes = RECORDED.values.greeks_source.copy()
    codes[row] = source
    changed = replace(RECORDED, values=replace(RECORDED.values, greeks_source=codes))
    view = chain_view(changed, expiry_ns=NEAR, now_ns=VENUE_NS)
    text = sentences_text(explain_cell(view, row, "delta"))
    assert "unknown" not in text
    assert "vol" in text
    assert "The venue says 0.6511" in text


def test_flags_are_explained() -> None:
    stale = explained("BTC-28JUN26-62500-C", "flags", now_ns=VENUE_NS + 300 * SECOND_NS)
    assert "S: stale" in stale
    assert "1: one-sided" in stale
    assert "not crossed, not stale" in explained("BTC-28JUN26-60000-C", "flags")


def test_a_strike_explains_forward_and_atm_vol() -> None:
    view = chain_view(RECORDED, expiry_ns=NEAR, now_ns=VENUE_NS)
    text = sentences_text(explain_strike(view, LineKey(NEAR, 60_000.0, True)))
    assert "venue:index_price" in text
    assert "Put-call parity on 10 pairs" in text
    assert "ATM vol 20.7" in text
    assert "-0.41 % from the forward" in text
    assert "no longer listed" in sentences_text(explain_strike(view, LineKey(1, 5.0, True)))


def test_a_strike_tells_the_bounds_of_its_forward_and_where_the_surface_stands() -> None:
    at = next(place for place, each in enumerate(RECORDED.expiries) if each.expiry_ns == NEAR)
    expiry = RECORDED.expiries[at]
    forward = replace(expiry.forward, parity_bid=60_100.0, parity_ask=60_200.0, bound_pairs=10)
    shown = replace(
        RECORDED,
        expiries=(
            *RECORDED.expiries[:at],
            replace(expiry, forward=forward),
            *RECORDED.expiries[at + 1 :],
        ),
    )
    texts = [
        sentences_text(
            explain_strike(
                chain_view(each, expiry_ns=NEAR, now_ns=VENUE_NS), LineKey(NEAR, 60_000.0, True)
            )
        )
        for each in (RECORDED, shown)
    ]
    assert "The pairs bound it by 60,174.95 and 60,312.93 USD." in texts[0]
    assert "the surface stands on" not in texts[0]
    assert (
        "The pairs bound it by 60,100.00 and 60,200.00 USD; the surface stands on 60,200 USD."
        in texts[1]
    )


def test_a_side_that_is_not_listed_says_so() -> None:
    view = chain_view(RECORDED, expiry_ns=NEAR, now_ns=VENUE_NS)
    assert "does not list" in sentences_text(explain_cell(view, None, "bid"))


def test_hostile_names_stay_harmless() -> None:
    hostile = "[/b]\x1b]52;c;aGk=\x07\u202e"
    row = NAMES.index("BTC-28JUN26-60000-C")
    instruments = list(RECORDED.chain.instruments)
    instruments[row] = replace(instruments[row], name=hostile, quote_currency="\x1b[2J")
    index = list(RECORDED.chain.forward_index)
    index[row] = hostile
    chain = replace(RECORDED.chain, instruments=tuple(instruments), forward_index=tuple(index))
    view = chain_view(replace(RECORDED, chain=chain), expiry_ns=NEAR, now_ns=VENUE_NS)
    for column in COLUMNS:
        text = sentences_text(explain_cell(view, row, column))
        assert text.replace("\n", " ").isprintable()
