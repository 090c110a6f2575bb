"""The app: polling, hostile text, many rows, no colour, crashes without secrets."""

from __future__ import annotations

import io
from dataclasses import replace

import pytest
from rich.console import Console

from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.screens.chain import ChainScreen
from quantdesk.app.tui.widgets.chain_grid import ChainGrid
from quantdesk.snapshot import DeskSnapshot
from quantdesk.views.chain import ChainView
from tests.tui.desk_samples import (
    DESK_NS,
    SECOND_NS,
    OneSource,
    StillClock,
    chain_snapshot,
    desk,
    link,
    option,
    recorded_desk,
    recorded_events,
    synthetic_chain,
)
from tests.tui.pilot_desk import running_app, running_desk

RECORDED = recorded_desk()

HOSTILE = (
    "[/b]",
    "[@click=app.quit]x[/]",
    "[IMPORTANT]",
    "\x1b[2J\x1b[31m",
    "\x1b]52;c;aGVsbG8=\x07",
    "\u202eC-00006\u202c",
    "nul\x00cr\rlf\n",
    "\x9b31m\x7f",
    "\u200b\ufeff\u2066",
)


@pytest.mark.parametrize("text", HOSTILE)
async def test_outside_text_reaches_the_screen_only_as_plain_text(text: str) -> None:
    instruments, quotes = recorded_events()
    renamed = {i.name: f"{i.name[:7]}{text}{i.name[7:]}" for i in instruments}
    chain = chain_snapshot(
        [
            replace(i, name=renamed[i.name], underlying=text, quote_currency=text, venue=text)
            for i in instruments
        ],
        [
            replace(q, instrument_name=renamed[q.instrument_name], forward_index=text, venue=text)
            for q in quotes
        ],
    )
    troubled = link(f"deribit-{text}", last_problem=text, refused=1, problems=((text, 1),))
    snapshot = replace(desk(chain, links=[troubled]), source=text)
    async with running_desk(snapshot, size=(200, 60), underlying=text) as shown:
        await shown.press("i", "down", "c", "left", "left")
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        update = shown.app.screen._compositor.render_full_update()
        written = update.render_segments(console)
        screen = shown.text()
        assert not set(screen) & set("\x00\x07\r\x1b\x7f\x9b\u202e\u202c\u200b\ufeff\u2066")
        for sequence in ("\x1b]52", "\x1b[2J", "\x9b", "\x00", "\u202e"):
            assert sequence not in written
        assert shown.app.return_code is None
        if text.startswith("["):
            assert text[:12] in screen


async def test_hostile_failure_text_is_shown_plain() -> None:
    class FailedSource(OneSource):
        @property
        def error(self) -> BaseException | None:
            return ValueError("damaged [/b]\x1b[2J at byte 17")

    async with running_app(FailedSource(RECORDED)) as (app, _pilot):
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "STOPPED, nothing moves any more: damaged [/b]\\x1b[2J at byte 17" in text


async def test_app_asks_its_source_and_shows_only_what_is_new(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    shown: list[int | None] = []
    take = ChainScreen.show

    def counted(screen: ChainScreen) -> None:
        shown.append(screen.shown_seq)
        take(screen)

    source, clock = OneSource(RECORDED), StillClock()
    app = DeskApp(source, clock=clock)
    async with app.run_test(size=(80, 24)) as pilot:
        await pilot.pause()
        monkeypatch.setattr(ChainScreen, "show", counted)
        for _ in range(5):
            app._poll()
        await pilot.pause()
        assert shown == []
        source.snapshot = replace(RECORDED, seq=2)
        for _ in range(5):
            app._poll()
        await pilot.pause()
        assert shown == [2]
        clock.instant_ns = DESK_NS + SECOND_NS
        app._poll()
        app._poll()
        await pilot.pause()
        assert shown == [2, 2]


async def test_unchanged_snapshot_repaints_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    async with running_desk(RECORDED) as shown:
        painted: list[int] = []
        render = ChainGrid.render_line

        def counted(grid: ChainGrid, y: int) -> object:
            painted.append(y)
            return render(grid, y)

        monkeypatch.setattr(ChainGrid, "render_line", counted)
        await shown.bring(replace(RECORDED, seq=2))
        assert painted == []


async def test_one_changed_quote_repaints_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    instruments, quotes = recorded_events()
    moved = [
        replace(q, bid_size=q.ask_size) if q.instrument_name == "BTC-28JUN26-60500-P" else q
        for q in quotes
    ]
    assert moved != quotes or quotes[3].bid_size == quotes[3].ask_size
    moved = [
        replace(q, bid_size=q.volume) if q.instrument_name == "BTC-28JUN26-60500-P" else q
        for q in quotes
    ]
    later = desk(chain_snapshot(instruments, moved), seq=2)
    async with running_desk(RECORDED) as shown:
        painted: list[int] = []
        render = ChainGrid.render_line

        def counted(grid: ChainGrid, y: int) -> object:
            painted.append(y)
            return render(grid, y)

        monkeypatch.setattr(ChainGrid, "render_line", counted)
        await shown.bring(later)
        assert len(painted) == 1


async def test_five_thousand_rows_cost_only_what_is_visible(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    chain = synthetic_chain(expiries=1, strikes=2_500, step=1.0)
    assert len(chain.chain) == 5_000
    written: list[int] = []
    write = ChainView.line

    def counted(view: ChainView, number: int) -> object:
        written.append(number)
        return write(view, number)

    monkeypatch.setattr(ChainView, "line", counted)
    async with running_desk(desk(chain), size=(80, 24), underlying="ETH") as shown:
        written.clear()
        await shown.bring(desk(chain, seq=2))
        assert 0 < len(written) <= shown.grid.body_height
        await shown.press("G", "g", "f")
        assert ">3,000<" in shown.text()


async def test_no_color_writes_no_colour_and_still_shows_the_cursor(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    async with running_desk(RECORDED) as shown:
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        written = shown.app.screen._compositor.render_full_update().render_segments(console)
        assert "38;2;" not in written
        assert "48;2;" not in written
        assert "\x1b[38;5" not in written
        before, _, after = written.partition("0.0060")
        code = before.rpartition("\x1b[")[2].partition("m")[0]
        assert "7" in code.split(";"), f"the cursor is not reversed: {code} … {after[:20]!r}"


async def test_colour_is_there_without_no_color(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NO_COLOR", raising=False)
    async with running_desk(RECORDED) as shown:
        console = Console(file=io.StringIO(), force_terminal=True, color_system="truecolor")
        written = shown.app.screen._compositor.render_full_update().render_segments(console)
        assert "38;2;" in written


async def test_a_crash_shows_no_local_values(monkeypatch: pytest.MonkeyPatch) -> None:
    def explode(_screen: ChainScreen) -> None:
        secret_token = "canary" + "4711"
        raise RuntimeError(f"broken screen {len(secret_token)}")

    printed: list[str] = []

    def keep(app: DeskApp) -> None:
        console = Console(file=io.StringIO(), width=200)
        for renderable in app._exit_renderables:
            console.print(renderable)
        file = console.file
        assert isinstance(file, io.StringIO)
        printed.append(file.getvalue())
        app._exit_renderables.clear()

    monkeypatch.setattr(ChainScreen, "action_columns", explode)
    monkeypatch.setattr(DeskApp, "_print_error_renderables", keep)
    app = DeskApp(OneSource(RECORDED), clock=StillClock())
    with pytest.raises(RuntimeError, match="broken screen"):
        async with app.run_test() as pilot:
            await pilot.press("c")
    text = "".join(printed)
    assert "broken screen" in text
    assert "canary4711" not in text
    assert "locals" not in text


class ReplaySource(OneSource):
    """A source with a transport, as a replay is."""

    def __init__(self, snapshot: DeskSnapshot) -> None:
        super().__init__(snapshot)
        self.is_paused = False
        self.speed = 1.0

    def pause(self) -> None:
        self.is_paused = not self.is_paused

    def set_speed(self, speed: float) -> None:
        self.speed = speed


async def test_replay_has_a_transport() -> None:
    source = ReplaySource(RECORDED)
    async with running_app(source) as (app, pilot):
        text = "\n".join(strip.text for strip in app.screen._compositor.render_strips())
        assert "P pause" in text
        await pilot.press("P", "greater_than_sign", "greater_than_sign", "less_than_sign")
        assert (source.is_paused, source.speed) == (True, 2.0)
        await pilot.pause()
        status = app.screen._compositor.render_strips()[0].text
        assert "paused" in status
        await pilot.press("P", *["less_than_sign"] * 20)
        assert (source.is_paused, source.speed) == (False, 1 / 64)
        await pilot.pause()
        assert "speed ×0.015625" in app.screen._compositor.render_strips()[0].text


async def test_transport_keys_do_nothing_on_a_live_desk() -> None:
    async with running_desk(RECORDED) as shown:
        before = shown.text()
        await shown.press("P", "greater_than_sign", "less_than_sign")
        assert shown.text() == before
        assert "P pause" not in before


async def test_inverse_and_linear_of_one_strike_have_lines_of_their_own() -> None:
    instruments, quotes = recorded_events()
    first = instruments[0]
    assert first.expiry_ns is not None
    twin = replace(
        option("LINEAR", strike=60_000.0, is_call=True, expiry_ns=first.expiry_ns),
        settlement=first.settlement.LINEAR,
        quote_currency="USDC",
    )
    both = chain_snapshot([*instruments[:5], twin, *instruments[5:]], quotes)
    async with running_desk(desk(both)) as shown:
        view = shown.grid.view
        assert view is not None
        assert [key.is_inverse for key in view.keys if key.strike == 60_000.0] == [True, False]


async def test_key_lists_the_problems_and_closes_them() -> None:
    noted = replace(RECORDED, links=(link(problems=(("unknown field", 7),)),))
    async with running_desk(noted) as shown:
        await shown.press("p")
        assert "7  unknown field" in shown.text()
        await shown.press("escape")
        assert "unknown field" not in shown.text().split("Strike")[1]
