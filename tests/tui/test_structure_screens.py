"""Building, drawing and comparing structures by keys, on a real chain."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

import pytest

from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.screens.builder import BuilderScreen
from quantdesk.app.tui.screens.payoff import PayoffScreen
from quantdesk.app.tui.widgets.plot import Plot
from quantdesk.app.tui.widgets.prompt import Prompt
from quantdesk.snapshot import LinkState
from quantdesk.structures.text import parse_line, parse_toml
from tests.tui.desk_samples import SECOND_NS, desk, link, synthetic_chain
from tests.tui.pilot_desk import running_desk
from tests.tui.structure_desk import (
    CALENDAR,
    CHAIN,
    CONDOR,
    SAMPLE,
    StructureDesk,
    moved_desk,
    one_sided,
    structure_desk,
    with_surface,
)


async def test_a_name_with_anchors_builds_exact_legs_and_says_what_was_bent() -> None:
    async with structure_desk(built=CONDOR) as here:
        assert here.legs == [
            "-1 BTC-31JUL26-54000-P",
            "+1 BTC-31JUL26-48000-P",
            "-1 BTC-31JUL26-67000-C",
            "+1 BTC-31JUL26-72000-C",
        ]
        assert "31JUL26 lists no 49,000 put: took 48,000 (and 1 more)" in here.note
        assert "! uneven wings: 6,000 below, 5,000 above" in here.facts


async def test_totals_name_currency_model_and_law() -> None:
    async with structure_desk(built=CONDOR) as here:
        facts = here.facts
        for words in (
            r"> at mid +credit +0\.020000 +1,205\.33",
            r"at natural +credit +0\.018600 +1,120\.96",
            r"fees, legs +pay +0\.001200",
            r"fees, combo +pay +0\.000600",
            r"BTC +0\.020000 +unlimited down +52,941",
            r"USD, premium at entry +1,205\.33 +4,794\.67",
            r"USD, premium in coin +unlimited up +6,000\.00",
            r"BTC +0\.229900 +0\.179900 +8\.7 %",
            r"deribit standard, no offsets between legs",
            r"under driftless lognormal to 31JUL26",
            r"Δ Black +-0\.0091 +-548",
            r"Δ prem-adj +0\.0109",
        ):
            assert re.search(words, facts), words
        assert here.cell("total", "vega") == "-51.82"


async def test_both_laws_stand_where_the_desk_has_a_surface() -> None:
    snapshot = desk(with_surface(CHAIN))
    async with structure_desk(snapshot=snapshot, built=CONDOR) as here:
        assert "under driftless lognormal" in here.facts
        assert "under risk-neutral density of the fitted surface, 31JUL26" in here.facts
        assert "Not known" not in here.facts


@pytest.mark.parametrize(
    ("keys", "first"),
    [
        (["plus"], "-2 BTC-31JUL26-54000-P"),
        (["minus"], "-0.9 BTC-31JUL26-54000-P"),
        (["K"], "-1 BTC-31JUL26-55000-P"),
        (["J"], "-1 BTC-31JUL26-52000-P"),
        (["right_square_bracket"], "-1 BTC-25SEP26-54000-P"),
        (["left_square_bracket"], "-1 BTC-17JUL26-54000-P"),
        (["s"], "+1 BTC-31JUL26-54000-P"),
        (["t"], "-1 BTC-31JUL26-54000-C"),
        (["d"], "+1 BTC-31JUL26-48000-P"),
        (["K", "K", "U"], "-1 BTC-31JUL26-55000-P"),
    ],
)
async def test_a_key_changes_the_leg_under_the_cursor_and_all_totals(
    keys: list[str], first: str
) -> None:
    async with structure_desk(built=CONDOR) as here:
        before = here.facts
        await here.press(*keys)
        assert here.legs[0] == first
        assert here.facts != before
        assert re.sub(r"\D", "", first.split("-")[2]) in re.sub(r"\D", "", here.text())


async def test_an_edit_takes_prices_vols_and_greeks_of_the_new_contract() -> None:
    async with structure_desk(built=CONDOR) as here:
        before = [here.cell("0", column) for column in ("entry", "iv", "delta", "vega")]
        await here.press("K")
        after = [here.cell("0", column) for column in ("entry", "iv", "delta", "vega")]
        assert all(one != other for one, other in zip(before, after, strict=True))


async def test_the_cursor_says_which_leg() -> None:
    async with structure_desk("down", "down", "K", built=CONDOR) as here:
        assert here.legs[2] == "-1 BTC-31JUL26-68000-C"
        await here.press("G", "K")
        assert here.note == "put the cursor on a leg first"


async def test_each_tick_quotes_everything_again() -> None:
    async with structure_desk(built="straddle 60000 31JUL26") as here:
        before = here.cell("0", "bid")
        net = re.search(r"at mid +debit +([\d.]+)", here.facts)
        await here.shown.bring(moved_desk(2, 2.0))
        assert float(here.cell("0", "bid")) == pytest.approx(2 * float(before))
        doubled = re.search(r"at mid +debit +([\d.]+)", here.facts)
        assert net is not None
        assert doubled is not None
        assert float(doubled[1]) == pytest.approx(2 * float(net[1]))
        assert here.legs[0] == "+1 BTC-31JUL26-60000-C"


async def test_a_burst_of_ticks_is_merged_but_an_edit_is_not_held_back() -> None:
    async with structure_desk(built="straddle 60000 31JUL26") as here:
        before = here.cell("0", "bid")
        soon = replace(moved_desk(2, 2.0), ts_ns=SAMPLE.ts_ns + 1)
        await here.shown.bring(soon)
        assert here.cell("0", "bid") == before
        await here.press("plus")
        assert float(here.cell("0", "bid")) == pytest.approx(2 * float(before))


async def test_legs_are_typed_changed_and_multiplied() -> None:
    async with structure_desk() as here:
        await here.answer("a", "-1 C 20d 31JUL26, +1 C +5000")
        assert here.legs == ["-1 BTC-31JUL26-67000-C", "+1 BTC-31JUL26-72000-C"]
        await here.press("e")
        line = here.screen.query_one(Prompt).query_one("#prompt-input").value  # type: ignore[attr-defined]
        assert line == "-1 BTC-31JUL26-67000-C"
        await here.press("escape")
        await here.answer("e", "-2 C 68000 31JUL26 @ 0.02")
        assert here.legs[0] == "-2 BTC-31JUL26-68000-C @ 0.02"
        await here.press("n", "n", "n")
        assert re.search(r"> at limit +credit +0\.03", here.facts)
        await here.answer("asterisk", "0.5")
        assert here.legs == ["-1 BTC-31JUL26-68000-C @ 0.02", "+0.5 BTC-31JUL26-72000-C"]


@pytest.mark.parametrize(
    ("key", "text", "says"),
    [
        ("colon", "irn-condor", "nearest is iron-condor"),
        ("colon", "straddle 3dec", "is not listed; listed are 28JUN26"),
        ("colon", "ic DOGE", "strike"),
        ("colon", "-1 C 999d 31JUL26", "a delta must be"),
        ("a", "-1 C 70000 3DEC26", "is not listed; nearest is 25DEC26"),
        ("a", "+1 P 54000 31JUL26", "is leg 1 too, with the other sign"),
        ("a", "-0.05 C 70000 31JUL26", "must be at least 0.1"),
        ("a", "nonsense", "leg"),
        ("e", "-1 BTC-1JAN20-1-C", "is not listed; nearest is"),
        ("asterisk", "0", "must be a number, not 0"),
        ("asterisk", "two", "must be a number: 2, 0.5 or -1"),
        ("o", "/no/such/file.toml", "can not be read: No such file"),
        ("w", "/no/such/folder/ic.toml", "can not be written"),
    ],
)
async def test_what_is_wrong_is_said_and_changes_nothing(key: str, text: str, says: str) -> None:
    async with structure_desk(built=CONDOR) as here:
        before = here.legs
        await here.answer(key, text)
        assert says in here.note
        assert here.legs == before
        assert here.shown.app.return_code is None


async def test_keys_without_a_structure_say_so() -> None:
    async with structure_desk() as here:
        for key in ("plus", "K", "right_square_bracket", "s", "t", "c", "d", "e"):
            await here.press(key)
            assert here.note == "put the cursor on a leg first", key
        for key, says in (("y", "nothing to copy"), ("w", "nothing to save"), ("m", "nothing to")):
            await here.press(key)
            assert says in here.note, key
        await here.press("U")
        assert here.note == "nothing to take back"


async def test_letters_go_into_the_prompt_and_escape_sends_nothing() -> None:
    async with structure_desk(built=CONDOR) as here:
        await here.press("colon", "d", "s", "q", "3", "escape")
        assert len(here.legs) == 4
        assert not here.screen.query_one(Prompt).is_open
        await here.press("s")
        assert here.legs[0].startswith("+1")


async def test_what_was_typed_before_is_recalled() -> None:
    async with structure_desk(built=CONDOR) as here:
        await here.press("colon", "up")
        line = here.screen.query_one(Prompt).query_one("#prompt-input").value  # type: ignore[attr-defined]
        assert line == CONDOR


async def test_a_structure_is_saved_opened_and_never_written_over_a_stranger(
    tmp_path: Path,
) -> None:
    path = tmp_path / "ic.toml"
    async with structure_desk(built=CONDOR) as here:
        await here.answer("w", str(path))
        assert here.note == f"saved to {path}"
        assert len(parse_toml(path.read_text()).legs) == 4
        kept = here.legs
        await here.press("K")
        await here.answer("w", str(path))
        assert parse_toml(path.read_text()).legs[0].name == "BTC-31JUL26-55000-P"
        await here.press("U")
        await here.answer("colon", "straddle 31JUL26")
        await here.answer("w", str(path))
        assert "is there already; end the name with !" in here.note
        await here.answer("o", str(path))
        assert here.legs[0] == "-1 BTC-31JUL26-55000-P"
        assert here.legs[1:] == kept[1:]


async def test_the_line_is_copied_as_every_verb_reads_it() -> None:
    async with structure_desk("y", built=CONDOR) as here:
        line = here.shown.app.clipboard
        assert line.startswith("deribit BTC iron condor: -1 BTC-31JUL26-54000-P, +1 ")
        assert len(parse_line(line).legs) == 4


async def test_space_on_the_chain_sells_a_bid_and_buys_an_ask() -> None:
    async with running_desk(SAMPLE) as shown:
        here = StructureDesk(shown)
        await shown.press("right_square_bracket", "right_square_bracket", "right_square_bracket")
        assert shown.grid.cursor is not None
        strike = shown.grid.cursor.key.strike
        await shown.press("space")
        assert here.legs == [f"-1 BTC-31JUL26-{strike:.0f}-C"]
        await shown.press("down", "a")
        assert here.legs[1].startswith("+1 BTC-31JUL26-")
        await shown.press("b")
        assert len(here.legs) == 2
        assert "is leg 2 already, with the other sign" in here.told
        while shown.grid.cursor.shown_column(shown.grid.view.layout) != "ask":  # type: ignore[union-attr]
            await shown.press("right")
        await shown.press("down", "space")
        assert here.legs[2].startswith("+1 BTC-31JUL26-")
        await shown.press("3")
        assert "3 legs" in shown.text()


async def test_space_on_a_strike_says_what_to_do() -> None:
    async with running_desk(SAMPLE) as shown:
        await shown.press(*["right"] * 12, "space")
        legs = StructureDesk(shown).legs
        await shown.press(*["left"] * 30)
        for _ in range(40):
            cursor, view = shown.grid.cursor, shown.grid.view
            assert cursor is not None
            assert view is not None
            if cursor.shown_column(view.layout) is None:
                break
            await shown.press("right")
        await shown.press("space")
        assert "put the cursor on a call or a put" in StructureDesk(shown).told
        assert StructureDesk(shown).legs == legs


async def test_legs_of_another_coin_are_refused_on_the_chain() -> None:
    both = desk(CHAIN, synthetic_chain())
    async with running_desk(both) as shown:
        await shown.press("space", "right_curly_bracket", "space")
        assert "legs can not be mixed" in StructureDesk(shown).told
        assert len(StructureDesk(shown).legs) == 1


async def test_a_leg_without_a_price_is_named_and_never_nought() -> None:
    async with structure_desk(
        snapshot=one_sided("BTC-31JUL26-54000-P"), built="-1 P 54000 31JUL26, +1 P 48000"
    ) as here:
        facts = here.facts
        assert here.cell("0", "leg") == "1!"
        assert here.cell("0", "entry") == "–"
        # Its vol is known, so that its Greeks are in the sums although it has no price.
        assert here.cell("total", "contract") == "total"
        assert "! totals are without leg 1: BTC-31JUL26-54000-P has no bid" in facts
        assert re.search(r"at mid +no quote +– +–", facts)
        assert "payoff: needs a price for every leg" in facts


async def test_a_chain_that_left_keeps_the_legs_and_says_so() -> None:
    async with structure_desk(built=CONDOR) as here:
        await here.shown.bring(desk(synthetic_chain(), seq=2))
        text = here.text()
        assert "not analysed: no deribit BTC chain on this desk" in text
        assert "31JUL26 54,000 P" in text


async def test_expired_legs_keep_their_place_and_say_so() -> None:
    async with structure_desk(built="straddle 60000 28JUN26") as here:
        late = replace(CHAIN, as_of_ns=CHAIN.as_of_ns + 2 * 86_400 * SECOND_NS)
        await here.shown.bring(replace(desk(late, seq=2), ts_ns=SAMPLE.ts_ns + SECOND_NS))
        assert "is past its expiry" in here.text()
        await here.press("4")
        assert "is past its expiry" in here.text()


async def test_old_prices_are_said_to_be_old() -> None:
    async with structure_desk(built=CONDOR) as here:
        cut = replace(SAMPLE, seq=2, links=(link(state=LinkState.RECONNECTING),))
        await here.shown.bring(cut)
        for key in ("3", "4", "9"):
            await here.press(key)
            assert "DISCONNECTED" in here.text()
            assert here.screen.has_class("-disconnected")


@pytest.mark.parametrize("key", ["3", "4", "9"])
async def test_screens_wait_for_a_first_chain_and_for_room(key: str) -> None:
    async with running_desk(None) as shown:
        await shown.press(key)
        assert "waiting for the first chain" in shown.text()
    async with running_desk(SAMPLE, size=(50, 10)) as shown:
        await shown.press(key)
        assert "50x10 is too small" in shown.text()


@pytest.mark.parametrize("key", ["4", "9"])
async def test_screens_without_a_structure_say_how_to_begin(key: str) -> None:
    async with structure_desk(key) as here:
        assert "build a structure" in here.text()


async def test_payoff_shows_three_dates_strikes_breakevens_and_sigmas() -> None:
    async with structure_desk("enter", built=CONDOR) as here:
        assert isinstance(here.screen, PayoffScreen)
        text = here.text()
        for words in (
            "at 31JUL26 (exact)",
            "15JUL26 08:00",
            "today",
            "^ strike",
            "x breakeven",
            "-2σ",
            "+1σ",
            "spot",
            "sticky strike: a strike keeps its vol",
            "Profit in USD, premium at the entry index, before fees",
        ):
            assert words in text, words
        view = here.screen.query_one(Plot).view
        assert view is not None
        assert sorted(view.markers[0].x.tolist()) == [48_000, 54_000, 67_000, 72_000]
        assert view.markers[1].x.tolist() == pytest.approx([52_794.67, 68_205.33], abs=0.01)


async def test_payoff_keys_move_date_vol_and_money() -> None:
    async with structure_desk("enter", built=CONDOR) as here:
        assert here.cell("spot", "last") == "+1,205.33"
        today = here.cell("spot", "today")
        await here.press("plus", "plus", "plus")
        assert "vol +3 pt" in here.text()
        shocked = here.cell("spot", "today")
        # Short vega of 51.82 a point.
        assert float(shocked) - float(today) == pytest.approx(-3 * 51.82, rel=0.05)
        assert here.cell("spot", "last") == "+1,205.33"
        await here.press("right_square_bracket")
        assert "date 17JUL26 08:00 (" in here.text()
        await here.press("v")
        assert "sticky delta: a moneyness K/F keeps its vol" in here.text()
        await here.press("u")
        assert here.cell("spot", "last") == "+0.020000"
        assert "Profit in BTC, before fees" in here.text()
        await here.press("0", "u")
        assert here.cell("spot", "today") == today
        assert "date 15JUL26 08:00 (" in here.text()


async def test_the_chosen_date_stays_between_now_and_expiry() -> None:
    async with structure_desk("enter", built=CONDOR) as here:
        await here.press(*["right_square_bracket"] * 40)
        assert "date 31JUL26 08:00 (" in here.text()
        await here.press(*["left_square_bracket"] * 60)
        assert "(+0.0d)" in here.text()


async def test_slices_are_cut_by_percent_sigma_and_strike() -> None:
    async with structure_desk("enter", built=CONDOR) as here:
        assert here.cell("-10 %", "move") == "-10.0"
        await here.press("x")
        assert here.cell("1.0 σ", "sigma") == "+1.00"
        await here.press("x")
        assert here.cell("strike 54000.0", "mark") == "strike"
        assert abs(float(here.cell("breakeven 0", "last"))) < 0.01


async def test_a_calendar_says_that_its_curve_is_a_model() -> None:
    async with structure_desk(built=CALENDAR) as here:
        assert "At 3JUL26 (model)" in here.facts
        await here.press("enter")
        assert "at 3JUL26 (model)" in here.text()


async def test_the_prompt_builds_on_the_payoff_screen_too() -> None:
    async with structure_desk("4") as here:
        await here.answer("colon", "straddle 31JUL26")
        assert "straddle" in here.text()
        assert "at 31JUL26 (exact)" in here.text()


async def test_four_structures_stand_side_by_side_and_come_back() -> None:
    async with structure_desk(built=CONDOR) as here:
        await here.press("m")
        assert here.note == "kept as 1 for comparison (9 shows it)"
        for _ in range(4):
            await here.press("K", "m")
        assert "four are kept already" in here.note
        await here.press("9")
        assert [column.key for column in here.table.columns] == [
            "figure", "1", "2", "3", "4", "built",
        ]  # fmt: skip
        assert here.cell("net at mid, coin", "1") == "0.020000 credit"
        assert here.cell("net at mid, coin", "1") != here.cell("net at mid, coin", "2")
        await here.press("right", "d")
        assert len(here.bench.slots) == 3
        await here.press("h", "enter")
        await here.shown.pilot.pause()
        assert isinstance(here.screen, BuilderScreen)
        assert here.bench.structure == here.bench.slots[0]


async def test_an_edit_can_be_taken_back_to_the_empty_builder() -> None:
    async with structure_desk(built=CONDOR) as here:
        await here.press("X")
        assert here.legs == []
        await here.press("U")
        assert len(here.legs) == 4
        await here.press("U", "U")
        assert here.note == "nothing to take back"


async def test_outside_text_in_names_is_shown_plain() -> None:
    bad = "B[/b]\x1b[2J"
    names = [replace(i, name=f"{i.name}{bad}") for i in CHAIN.chain.instruments]
    hostile = replace(CHAIN, chain=replace(CHAIN.chain, instruments=tuple(names)))
    async with structure_desk(snapshot=desk(hostile), built=CONDOR) as here:
        await here.press("m", "9", "4", "3")
        assert "\x1b" not in here.text()
        assert len(here.legs) == 4


async def test_totals_that_do_not_fit_are_scrolled_to() -> None:
    async with structure_desk(built=CONDOR, size=(80, 24)) as here:
        assert "As text" not in here.text()
        await here.press(*["ctrl+d"] * 8)
        assert "As text" in here.text()
        await here.press(*["ctrl+u"] * 8)
        assert "Net price" in here.text()


def test_the_app_offers_every_structure_key_in_its_help() -> None:
    from quantdesk.app.tui.screens.comparison import ComparisonScreen
    from quantdesk.app.tui.screens.help import help_text

    for screen in (BuilderScreen, PayoffScreen, ComparisonScreen):
        text = help_text(screen.PLACES, screen.SYMBOLS).plain
        assert "build by name or legs" in text
    assert DeskApp.BINDINGS
