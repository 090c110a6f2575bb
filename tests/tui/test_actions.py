"""One table of keys: all of it is bound, works, and is documented."""

from __future__ import annotations

import pytest
from textual.binding import Binding

from quantdesk.app.tui.actions import (
    ACTIONS,
    Where,
    bindings,
    footer_actions,
    footer_text,
    palette_actions,
)
from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.screens.chain import ChainScreen
from quantdesk.app.tui.screens.help import help_text
from tests.tui.desk_samples import OneSource, StillClock, recorded_desk
from tests.tui.pilot_desk import running_desk

PLACES = (Where.CHAIN, Where.REPLAY, Where.APP)


def bound(owner: type[DeskApp] | type[ChainScreen]) -> list[Binding]:
    return [binding for binding in owner.BINDINGS if isinstance(binding, Binding)]


def test_every_action_of_the_table_is_bound_and_nothing_else_is() -> None:
    on_app = {(b.key, b.action) for b in bound(DeskApp)}
    on_screen = {(b.key, b.action) for b in bound(ChainScreen)}
    table = {(key, action.action) for action in ACTIONS for key in action.keys}
    assert on_app | on_screen == table
    assert not on_app & on_screen


def test_running_app_knows_no_key_that_is_not_in_the_table() -> None:
    app = DeskApp(OneSource(), clock=StillClock())
    table = {key for action in ACTIONS for key in action.keys}
    assert set(app._bindings.key_to_bindings) <= table
    screen = ChainScreen(StillClock(), "BTC", PLACES)
    assert set(screen._bindings.key_to_bindings) <= table


def test_no_key_does_two_things() -> None:
    keys = [key for action in ACTIONS for key in action.keys]
    assert len(keys) == len(set(keys))


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.action)
def test_every_action_has_a_method_and_words(action: object) -> None:
    entry = next(each for each in ACTIONS if each is action)
    owner = ChainScreen if entry.where is Where.CHAIN else DeskApp
    name = entry.action.partition("(")[0]
    assert callable(getattr(owner, f"action_{name}"))
    assert entry.description
    assert entry.shown in help_text(PLACES).plain
    assert entry.description in help_text(PLACES).plain


@pytest.mark.parametrize(
    ("key", "method"),
    [
        (key, f"action_{action.action.partition('(')[0]}")
        for action in ACTIONS
        if action.where is Where.CHAIN
        for key in action.keys
    ],
)
async def test_every_key_of_the_chain_reaches_its_method(
    key: str, method: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    called: list[tuple[object, ...]] = []

    def note(_screen: ChainScreen, *arguments: object) -> None:
        called.append(arguments)

    monkeypatch.setattr(ChainScreen, method, note)
    async with running_desk(recorded_desk(), size=(80, 24)) as shown:
        await shown.press(key)
    assert len(called) == 1


@pytest.mark.parametrize("key", ["q", "ctrl+c", "ctrl+q"])
async def test_every_way_out_leads_out(key: str) -> None:
    async with running_desk(recorded_desk(), size=(80, 24)) as shown:
        await shown.press(key)
        assert shown.app.return_code == 0


async def test_palette_offers_the_actions_of_the_table() -> None:
    async with running_desk(recorded_desk()) as shown:
        commands = [c.title for c in shown.app.get_system_commands(shown.app.screen)]
        expected = palette_actions((Where.CHAIN, Where.APP))
        assert commands == [f"{a.description} ({a.shown})" for a in expected]
        await shown.press("ctrl+p")
        await shown.press(*"next expiry")
        await shown.pilot.pause()
        await shown.press("enter")
        await shown.pilot.pause()
        await shown.pilot.pause()
        assert "[31JUL26 34d]" in shown.text()


async def test_palette_reaches_actions_of_the_app_too() -> None:
    async with running_desk(recorded_desk()) as shown:
        await shown.press("ctrl+p")
        await shown.press(*"leave the desk")
        await shown.pilot.pause()
        await shown.press("enter")
        await shown.pilot.pause()
        assert shown.app.return_code == 0


@pytest.mark.parametrize("width", [0, 5, 20, 60, 80, 200])
def test_footer_shows_what_fits_and_quit_last_of_all_to_go(width: int) -> None:
    shown = footer_actions(PLACES, width)
    assert sum(len(footer_text(action)) + 2 for action in shown) <= width
    if width >= 20:
        assert "quit" in [action.short for action in shown]
        assert "help" in [action.short for action in shown]


def test_bindings_are_of_the_places_asked_for() -> None:
    assert {b.action for b in bindings(Where.REPLAY)} == {"pause", "slower", "faster"}
