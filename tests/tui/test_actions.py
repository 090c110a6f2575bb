"""One table of keys: all of it is bound, works, and is documented."""

from __future__ import annotations

import importlib
from itertools import combinations

import pytest
from textual.binding import Binding

from quantdesk.app.tui.actions import (
    ACTIONS,
    bindings,
    footer_actions,
    footer_text,
    palette_actions,
)
from quantdesk.app.tui.app import DeskApp
from quantdesk.app.tui.screens.chain import ChainScreen
from quantdesk.app.tui.screens.desk_screen import DeskScreen
from quantdesk.app.tui.screens.help import help_text
from quantdesk.app.tui.screens.registry import SCREENS, ScreenEntry
from quantdesk.app.tui.where import Where
from tests.tui.desk_samples import OneSource, StillClock, recorded_desk
from tests.tui.pilot_desk import running_desk

PLACES = tuple(Where)
APP_PLACES = (Where.APP, Where.REPLAY)


def screen_type(entry: ScreenEntry) -> type[DeskScreen]:
    found: type[DeskScreen] = getattr(importlib.import_module(entry.module), entry.type_name)
    assert issubclass(found, DeskScreen)
    return found


SCREEN_TYPES = [screen_type(entry) for entry in SCREENS]


def bound(owner: type[DeskApp] | type[DeskScreen]) -> set[tuple[str, str]]:
    return {(each.key, each.action) for each in owner.BINDINGS if isinstance(each, Binding)}


def table(*places: Where) -> set[tuple[str, str]]:
    return {(key, a.action) for a in ACTIONS if a.where in places for key in a.keys}


def test_every_action_of_the_table_is_bound_and_nothing_else_is() -> None:
    assert bound(DeskApp) == table(*APP_PLACES)
    for screen in SCREEN_TYPES:
        assert bound(screen) == table(*screen.PLACES), screen.__name__
    assert {place for screen in SCREEN_TYPES for place in screen.PLACES} == (
        set(Where) - set(APP_PLACES)
    )


def test_running_app_knows_no_key_that_is_not_in_the_table() -> None:
    app = DeskApp(OneSource(), clock=StillClock())
    keys = {key for action in ACTIONS for key in action.keys}
    assert set(app._bindings.key_to_bindings) <= keys
    for screen in SCREEN_TYPES:
        assert set(screen(app.context)._bindings.key_to_bindings) <= keys


@pytest.mark.parametrize("screen", SCREEN_TYPES, ids=lambda screen: screen.__name__)
def test_no_key_does_two_things_on_a_screen(screen: type[DeskScreen]) -> None:
    here = [action for action in ACTIONS if action.where in {*screen.PLACES, *APP_PLACES}]
    for one, other in combinations(here, 2):
        assert not set(one.keys) & set(other.keys), (one.action, other.action)


def test_each_screen_has_a_key_and_a_name_of_its_own() -> None:
    assert len({entry.key for entry in SCREENS}) == len(SCREENS)
    assert len({entry.name for entry in SCREENS}) == len(SCREENS)


@pytest.mark.parametrize("action", ACTIONS, ids=lambda action: action.action)
def test_every_action_has_a_method_and_words(action: object) -> None:
    entry = next(each for each in ACTIONS if each is action)
    owners: list[type[object]] = [
        screen for screen in SCREEN_TYPES if entry.where in screen.PLACES
    ] or [DeskApp]
    name = entry.action.partition("(")[0]
    for owner in owners:
        assert callable(getattr(owner, f"action_{name}"))
    assert entry.description
    assert entry.shown in help_text(PLACES).plain
    assert entry.description in help_text(PLACES).plain


@pytest.mark.parametrize(
    ("key", "method"),
    [
        (key, f"action_{action.action.partition('(')[0]}")
        for action in ACTIONS
        if action.where in ChainScreen.PLACES
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
        expected = palette_actions((Where.CHAIN, Where.TABLE, Where.APP))
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
