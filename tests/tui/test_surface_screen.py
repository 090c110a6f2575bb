"""The surface screen: what it says of a fit, and what the keyboard makes of it."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.screens.surface import SurfaceScreen
from quantdesk.app.tui.source import SnapshotSource
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.market.clock_edits import edited_clock
from quantdesk.market.own_vols import VolOverride
from quantdesk.market.surface_choice import SMOOTHING_CHOICES, SurfaceChoice
from quantdesk.market.surface_clock import ClockChoice, clock_words
from quantdesk.market.variance_clock import CALENDAR
from quantdesk.runtime.edited_clock import keep_clock, kept_clock
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import LiveSurfaces
from quantdesk.runtime.sources import StillSource
from quantdesk.runtime.surfaces import read_clock
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from tests.tui.desk_samples import OneSource, StillClock, desk, recorded_desk

OPENING = opening_snapshot("BTC")
SMILE_EXPIRY = 3


class Shown:
    """The app with the surface screen in front."""

    def __init__(self, app: DeskApp, pilot: object, source: SnapshotSource) -> None:
        self.app, self.pilot, self.source = app, pilot, source

    @property
    def screen(self) -> SurfaceScreen:
        screen = self.app.front
        assert isinstance(screen, SurfaceScreen)
        return screen

    @property
    def chain(self) -> ChainSnapshot:
        snapshot = self.source.latest()
        assert snapshot is not None
        return snapshot.chains[0]

    @property
    def choice(self) -> SurfaceChoice:
        assert self.chain.surface is not None
        return self.chain.surface.choice

    def text(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def press(self, *keys: str) -> None:
        for key in keys:
            await self.pilot.press(key)  # type: ignore[attr-defined]
        self.app._poll()
        await self.pilot.pause()  # type: ignore[attr-defined]


@asynccontextmanager
async def surface_screen(
    source: SnapshotSource | None = None, *, size: tuple[int, int] = (120, 40)
) -> AsyncIterator[Shown]:
    shown_source = StillSource(OPENING) if source is None else source
    app = DeskApp(shown_source, clock=StillClock(OPENING.ts_ns))
    async with app.run_test(size=size, notifications=True) as pilot:
        await pilot.press("2")
        await pilot.pause()
        yield Shown(app, pilot, shown_source)


async def test_smile_says_grade_fit_and_parameters() -> None:
    async with surface_screen() as shown:
        await shown.press(*["right_square_bracket"] * SMILE_EXPIRY)
        text, fit = shown.text(), shown.chain.fit
        assert fit is not None
        each = fit.slices[SMILE_EXPIRY]
        assert "Smile 31JUL26" in text
        assert "surface spline, grade A" in text
        assert f"min g {each.g_min:.4f}" in text
        assert f"ATM {100 * each.atm_iv:.2f} %" in text
        assert "venue's mark IV" in text
        evidence = each.quotes.evidence
        assert evidence is not None
        assert evidence.pairs > 1
        assert f"parity {evidence.bounds_words}" in text
        assert f"spline, {each.smile.knots} knots" in text


async def test_every_quote_stands_in_the_table_with_its_reason() -> None:
    async with surface_screen() as shown:
        view = shown.screen.query_one("#points", TableGrid).view
        fit = shown.chain.fit
        assert view is not None
        assert fit is not None
        quotes = fit.slices[0].quotes
        assert {line.key for line in view.lines} == set(quotes.names)
        reasons = {line.key: line.cells[-1].text for line in view.lines}
        for name, reason in zip(quotes.names, quotes.reasons, strict=True):
            assert reasons[name][:30] == reason[:30]


async def test_excluded_point_leaves_the_fit_and_comes_back() -> None:
    async with surface_screen() as shown:
        await shown.press(*["right_square_bracket"] * SMILE_EXPIRY, "down", "down", "x")
        name = shown.screen.query_one("#points", TableGrid).cursor_key
        fit = shown.chain.fit
        assert name is not None
        assert fit is not None
        quotes = fit.slices[SMILE_EXPIRY].quotes
        assert quotes.reasons[quotes.names.index(name)] == "excluded by hand"
        assert "excluded by hand 1" in shown.text()
        await shown.press("X")
        assert shown.choice.excluded == ()
        fit = shown.chain.fit
        assert fit is not None
        quotes = fit.slices[SMILE_EXPIRY].quotes
        assert quotes.is_used[quotes.names.index(name)]


async def test_model_weights_and_filter_go_round() -> None:
    async with surface_screen() as shown:
        await shown.press("m")
        assert shown.chain.fit is not None
        assert shown.chain.fit.options.model == "svi"
        assert "surface svi, grade" in shown.text()
        assert "svi: a " in shown.text()
        assert "jump wings: v " in shown.text()
        await shown.press("w", "W", "f")
        assert shown.choice.options.smoothing == SMOOTHING_CHOICES[1]
        assert shown.choice.options.floor == 0.005
        assert shown.choice.stale_after_s == 60.0
        assert f"roughness {SMOOTHING_CHOICES[1]:g}, floor 0.5 pts" in shown.text()
        await shown.press("m", "m", "m")
        assert shown.choice.options.model == "spline"


async def test_own_vols_stand_beside_the_market() -> None:
    async with surface_screen() as shown:
        await shown.press(*["right_square_bracket"] * SMILE_EXPIRY)
        before = shown.chain.fit
        await shown.press("plus", "plus", "minus", "t")
        own = shown.choice.overrides[0]
        assert (own.shift, own.tilt) == (0.0025, 0.0025)
        assert "own vols shift +0.25, tilt +0.25" in shown.text()
        assert "⠤⠠ own vols" in shown.text()
        assert shown.chain.fit is before
        await shown.press("o")
        assert shown.choice.overrides == ()
        assert "own vols shift" not in shown.text()


async def test_pin_holds_the_strike_under_the_cursor() -> None:
    async with surface_screen() as shown:
        await shown.press(*["right_square_bracket"] * SMILE_EXPIRY, "down", "n", "n")
        (own,) = shown.choice.overrides
        ((strike, vol),) = own.pins
        fit = shown.chain.fit
        assert fit is not None
        market = fit.implied_vol(np.array([own.expiry_ns]), np.array([strike]))[0]
        assert vol == pytest.approx(market + 0.005)
        view = shown.screen.query_one("#points", TableGrid).view
        assert view is not None
        line = view.lines[1]
        assert line.cells[7].text == f"{100 * vol:.2f}"
        await shown.press("N", "u")
        assert shown.choice.overrides == ()


async def test_term_structure_and_heatmap_follow_tab() -> None:
    async with surface_screen(size=(160, 50)) as shown:
        await shown.press("tab")
        text = shown.text()
        assert "RR25 (call − put) and BF25" in text
        assert "Fwd vol" in text
        await shown.press("tab")
        assert "P 25" in shown.text()
        assert "Smile" not in shown.text()
        await shown.press("tab")
        assert "Smile 28JUN26" in shown.text()


def past_desk(steps: int = 3) -> DeskSnapshot:
    """A desk whose surface was fitted several times, a minute and a shade of each bid apart."""
    surfaces, snapshot = LiveSurfaces(), OPENING
    for _ in range(steps):
        snapshot = surfaces.fit_now(snapshot)
        chain = snapshot.chains[0]
        rows = np.ones(len(chain.chain), dtype=np.bool_)
        after_ns = 61 * 10**9
        later = replace(
            chain,
            chain=chain.chain.take(rows),
            values=replace(chain.values, bid_iv=0.9999 * chain.values.bid_iv),
            as_of_ns=chain.as_of_ns + after_ns,
        )
        snapshot = replace(
            snapshot, seq=snapshot.seq + 1, ts_ns=snapshot.ts_ns + after_ns, chains=(later,)
        )
    return surfaces.fit_now(snapshot)


class NotedSource(OneSource):
    """A still source that only notes what it is asked for."""

    def __init__(self, snapshot: DeskSnapshot) -> None:
        super().__init__(snapshot)
        self.wishes: list[SurfaceChoice] = []

    def choose_surface(self, _key: tuple[str, str], choice: SurfaceChoice) -> None:
        self.wishes.append(choice)


async def test_scrubber_goes_back_and_returns() -> None:
    source = NotedSource(past_desk())
    async with surface_screen(source) as shown:
        assert "EARLIER FIT" not in shown.text()
        await shown.press("comma", "comma")
        assert "EARLIER FIT" in shown.text()
        assert "of 4; esc: now" in shown.text()
        assert "⠄⠄ now" in shown.text()
        await shown.press("plus")
        assert source.wishes == []
        await shown.press("full_stop", "full_stop", "full_stop")
        assert "EARLIER FIT" not in shown.text()
        await shown.press("plus")
        assert len(source.wishes) == 1
        await shown.press("comma", "escape")
        assert "EARLIER FIT" not in shown.text()


async def test_earlier_fit_is_told_as_it_was_and_not_by_the_wishes_of_now() -> None:
    desk_now = past_desk()
    chain = desk_now.chains[0]
    assert chain.surface is not None
    assert chain.fit is not None
    each = chain.fit.slices[SMILE_EXPIRY]
    used = int(np.flatnonzero(each.quotes.is_used)[0])
    wish = SurfaceChoice(
        options=replace(chain.surface.choice.options, smoothing=2.0),
        stale_after_s=60.0,
        excluded=(each.quotes.names[used],),
        overrides=(VolOverride(expiry_ns=each.expiry_ns, shift=0.02),),
    )
    surface = replace(chain.surface, choice=wish)
    source = NotedSource(replace(desk_now, chains=(replace(chain, surface=surface),)))
    async with surface_screen(source) as shown:
        await shown.press(*["right_square_bracket"] * SMILE_EXPIRY)
        assert "⠤⠠ own vols" in shown.text()
        assert "clock calendar" in shown.text()
        assert "roughness 2," in shown.text()
        await shown.press("comma", "comma")
        text = shown.text()
        assert "EARLIER FIT" in text
        assert "⠤⠠ own vols" not in text
        assert "own vols shift" not in text
        assert "Own vols of then are not kept: none are drawn over an earlier fit." in text
        assert "clock calendar" in text
        assert "roughness 0.7," in text
        assert "stale after" not in text
        view = shown.screen.query_one("#points", TableGrid).view
        assert view is not None
        assert {line.cells[7].text for line in view.lines} == {"–"}
        assert "excluded by hand" not in {line.cells[-1].text for line in view.lines}
        await shown.press("escape")
        assert "⠤⠠ own vols" in shown.text()


async def test_clock_of_an_earlier_fit_has_the_words_of_the_same_clock_now() -> None:
    clock = edited_clock(CALENDAR, "sat 0.5 sun 0.9")
    surfaces = LiveSurfaces()
    chosen = SurfaceChoice(clock=ClockChoice(name="edited", clock=clock))
    surfaces.choose((OPENING.chains[0].venue, OPENING.chains[0].underlying), chosen)
    fitted = surfaces.fit_now(OPENING)
    chain = fitted.chains[0]
    assert chain.surface is not None
    async with surface_screen(NotedSource(fitted)) as shown:
        assert "clock edited (Sat 0.50, Sun 0.90)" in shown.text()
        await shown.press("comma")
        assert "EARLIER FIT" in shown.text()
        assert "clock edited (Sat 0.50, Sun 0.90)" in shown.text()
    other = replace(chain, surface=replace(chain.surface, choice=SurfaceChoice()))
    async with surface_screen(NotedSource(replace(fitted, chains=(other,)))) as shown:
        await shown.press("comma")
        assert "clock Sat 0.50, Sun 0.90" in shown.text()


async def test_failed_attempt_is_said_while_the_last_good_fit_stays() -> None:
    fitted = StillSource(OPENING).latest()
    chain = fitted.chains[0]
    assert chain.surface is not None
    failed = replace(chain, surface=replace(chain.surface, problem="no two-sided quotes"))
    async with surface_screen(OneSource(replace(fitted, chains=(failed,)))) as shown:
        assert "LAST ATTEMPT FAILED no two-sided quotes" in shown.text()
        assert "surface spline, grade A" in shown.text()


async def test_before_the_first_fit_the_screen_says_so() -> None:
    async with surface_screen(OneSource(recorded_desk())) as shown:
        assert "The surface is being fitted." in shown.text()
        await shown.press("m")
        assert "this desk fits no surfaces" in shown.text()


async def test_no_surface_at_all_says_why() -> None:
    fitted = StillSource(OPENING).latest()
    chain = fitted.chains[0]
    assert chain.surface is not None
    surface = replace(chain.surface, fit=None, problem="none of 7 expiries can be fitted", past=())
    async with surface_screen(
        OneSource(replace(fitted, chains=(replace(chain, surface=surface),)))
    ) as shown:
        assert "No surface: none of 7 expiries can be fitted." in shown.text()
        for _ in range(2):
            await shown.press("tab")
            assert "No surface: none of 7 expiries can be fitted." in shown.text()


async def test_waiting_desk_shows_no_surface() -> None:
    async with surface_screen(OneSource(desk())) as shown:
        assert "Smile" not in shown.text()


@pytest.mark.parametrize("size", [(60, 12), (80, 24), (200, 60)])
async def test_every_part_fits_every_size(size: tuple[int, int]) -> None:
    async with surface_screen(size=size) as shown:
        for _ in range(3):
            lines = shown.text().split("\n")
            assert len(lines) == size[1]
            assert "quit" in lines[-1]
            await shown.press("tab")


async def test_clock_is_named_and_changed_by_its_key() -> None:
    async with surface_screen(StillSource(OPENING)) as shown:
        assert "clock calendar" in shown.text()
        await shown.press("c")
        assert "clock weekend" in shown.text()
        await shown.press("c")
        assert "clock calendar" in shown.text()


async def test_fit_that_still_stands_says_that_nothing_changed() -> None:
    fitted = StillSource(OPENING).latest()
    chain = fitted.chains[0]
    assert chain.surface is not None
    later = replace(chain.surface, quotes_ns=chain.as_of_ns + 90 * 10**9)
    source = OneSource(replace(fitted, chains=(replace(chain, surface=later),)))
    async with surface_screen(source) as shown:
        assert "ago, no vol changed since" in shown.text()


async def test_fit_of_which_a_part_was_kept_says_how_much_is_new() -> None:
    fitted = StillSource(OPENING).latest()
    chain = fitted.chains[0]
    assert chain.surface is not None
    assert chain.fit is not None
    part = replace(chain.surface, fit=replace(chain.fit, refitted=2))
    source = OneSource(replace(fitted, chains=(replace(chain, surface=part),)))
    async with surface_screen(source) as shown:
        assert "ago, 2 of 7 expiries anew" in shown.text()


async def test_each_part_says_what_it_shows() -> None:
    async with surface_screen(StillSource(OPENING)) as shown:
        assert "28JUN26 A: " in shown.text()
        await shown.press("tab")
        assert "7 expiries fitted, no butterfly, calendar or Lee violation." in shown.text()
        assert "not DVOL" in shown.text()
        await shown.press("tab")
        assert "Theo (the fit) less mid, mean by delta" in shown.text()
        assert "No quote can be crossed at an edge." in shown.text()
        await shown.press("tab")
        # Own vols two points up: many asks lie below them.
        await shown.press("]", "]", *["plus"] * 8, "tab", "tab")
        assert "Theo (own vols and the fit) less mid" in shown.text()
        assert "buy BTC-17JUL26-" in shown.text()


async def test_a_clock_is_typed_kept_and_taken_back(tmp_path: Path) -> None:
    source, path = StillSource(OPENING), tmp_path / "own" / "clock-edited.toml"
    app = DeskApp(source, clock=StillClock(OPENING.ts_ns), keep_clock=partial(keep_clock, path))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("2")
        await pilot.pause()
        shown = Shown(app, pilot, source)
        await shown.press("C", *"sat 0.5 sun 0.9", "enter")
        assert "clock edited (Sat 0.50, Sun 0.90)" in shown.text()
        await shown.press("C", *"event 2026-07-01 1d 3.0 vote", "enter")
        assert shown.choice.clock.clock == edited_clock(
            CALENDAR, "sat 0.5 sun 0.9, event 2026-07-01 1d 3.0 vote"
        )
        assert read_clock(str(path)).clock == shown.choice.clock.clock
        await shown.press("C", *"sat much", "enter")
        assert "must be a number" in shown.text()
        await shown.press("C", *"drop vote", "enter")
        kept = kept_clock(path)
        assert kept is not None
        assert clock_words(kept.clock or CALENDAR) == "Sat 0.50, Sun 0.90"
        await shown.press("c")
        assert shown.choice.clock.name == "calendar"


async def test_a_clock_typed_over_an_earlier_fit_is_neither_taken_nor_kept(tmp_path: Path) -> None:
    source, path = StillSource(OPENING), tmp_path / "clock-edited.toml"
    app = DeskApp(source, clock=StillClock(OPENING.ts_ns), keep_clock=partial(keep_clock, path))
    async with app.run_test(size=(120, 40), notifications=True) as pilot:
        await pilot.press("2")
        await pilot.pause()
        shown = Shown(app, pilot, source)
        await shown.press("comma", "C", *"sat 0.5", "enter")
        assert "an earlier fit is shown" in shown.text()
        assert "runs on" not in shown.text()
        assert shown.choice.clock.name == "calendar"
        assert not path.exists()


async def test_residuals_stand_in_place_of_the_table_on_a_small_screen() -> None:
    async with surface_screen(size=(80, 24)) as shown:
        await shown.press("right_square_bracket", "right_square_bracket")
        assert "Residuals" not in shown.text()
        await shown.press("r")
        assert "Residuals: fit − mid within bid to ask" in shown.text()
        assert "Left out because" not in shown.text()
        assert "vol points; wide spreads are cut" in shown.text()
        labels = [line.split("┤")[0].strip() for line in shown.text().splitlines() if "┤" in line]
        assert len(labels) >= 6
        await shown.press("r")
        assert "Left out because" in shown.text()


async def test_wings_of_the_term_structure_stand_in_place_of_the_table_on_a_small_screen() -> None:
    async with surface_screen(size=(80, 24)) as shown:
        await shown.press("tab")
        assert "Term structure: ATM" in shown.text()
        assert "RR25 (call − put)" not in shown.text()
        await shown.press("r")
        text = shown.text()
        assert "Term structure: ATM" in text
        assert "Term structure: RR25 (call − put) and BF25" in text
        assert "⠤⠤ RR25  ⠤⠠ BF25" in text
        assert "Fwd vol" not in text
        # A key of this part only: the smile keeps its table.
        await shown.press("tab", "tab")
        assert "Left out because" in shown.text()
        await shown.press("tab", "r")
        assert "Fwd vol" in shown.text()
