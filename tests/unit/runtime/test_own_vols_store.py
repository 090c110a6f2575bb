"""Own vols survive a restart; what can not be understood is kept aside and said."""

from __future__ import annotations

import asyncio
import json
import os
from pathlib import Path

import pytest

from quantdesk.errors import ConfigError
from quantdesk.market.own_vols import VolOverride
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.runtime.own_vols_store import OwnVolsKeeper, own_vols_path
from quantdesk.runtime.recordings import screen_desk
from quantdesk.runtime.settings import RecordingSettings, Settings
from quantdesk.runtime.venues import parse_venues
from quantdesk.storage.own_vols import SCHEMA, OwnVolsFile

BTC, ETH = ("deribit", "BTC"), ("deribit", "ETH")
NEAR = VolOverride(expiry_ns=2_000, shift=0.01, tilt=-0.0025, pins=((60_000.0, 0.5),))
FAR = VolOverride(expiry_ns=9_000, shift=-0.02)


def keeper(path: Path, origin: str = "live") -> OwnVolsKeeper:
    return OwnVolsKeeper(OwnVolsFile(path), origin=origin)


def kept(path: Path, *overrides: VolOverride, origin: str = "live") -> None:
    first = keeper(path, origin)
    first.note(BTC, overrides)
    first.write()
    assert first.problem == ""


def test_own_vols_come_back_value_for_value(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path / "data")
    kept(path, FAR, NEAR)
    assert keeper(path).restored(0) == {BTC: (NEAR, FAR)}


def test_without_a_file_there_are_none_and_none_is_made(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    quiet = keeper(path)
    assert quiet.restored(0) == {}
    quiet.write()
    assert not path.exists()
    assert quiet.problem == ""


def test_other_environments_and_chains_are_left_alone(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    kept(path, NEAR, origin="simulated")
    kept(path, FAR)
    second = keeper(path)
    second.note(ETH, (NEAR,))
    second.write()
    assert keeper(path).restored(0) == {BTC: (FAR,), ETH: (NEAR,)}
    assert keeper(path, "simulated").restored(0) == {BTC: (NEAR,)}


def test_own_vols_taken_away_are_gone_after_a_restart(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    kept(path, NEAR)
    kept(path)
    assert keeper(path).restored(0) == {}


def test_expired_own_vols_do_not_come_back(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    kept(path, NEAR, FAR)
    assert keeper(path).restored(5_000) == {BTC: (FAR,)}
    assert keeper(path).restored(None) == {BTC: (NEAR, FAR)}


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\x00\xff", "no file of own vols"),
        (b"", "no file of own vols"),
        (b'{"schema": "quantdesk.own_vols/2", "vols": []}', "'quantdesk.own_vols/1' is read"),
        (b'{"schema": "quantdesk.own_vols/1", "vols": [], "more": 1}', "no file of own vols"),
        (b'{"schema": "quantdesk.own_vols/1", "vols": [{"shift": 1}]}', "no file of own vols"),
    ],
)
def test_unreadable_file_is_kept_aside_and_named(tmp_path: Path, content: bytes, why: str) -> None:
    path = own_vols_path(tmp_path)
    path.write_bytes(content)
    first = keeper(path)
    assert first.restored(0) == {}
    assert why in first.problem
    assert "own_vols.unreadable-1.json" in first.problem
    assert (tmp_path / "own_vols.unreadable-1.json").read_bytes() == content
    first.note(BTC, (NEAR,))
    first.write()
    assert first.problem == ""
    path.write_bytes(content)
    keeper(path).restored(0)
    assert (tmp_path / "own_vols.unreadable-2.json").read_bytes() == content


@pytest.mark.parametrize(
    ("field", "value"), [("shift", 3.0), ("tilt", -2.0), ("pins", [[60_000.0, 9.0]])]
)
def test_vols_beyond_their_bounds_are_no_own_vols(
    tmp_path: Path, field: str, value: object
) -> None:
    path = own_vols_path(tmp_path)
    kept(path, NEAR)
    document = json.loads(path.read_bytes())
    document["vols"][0][field] = value
    path.write_text(json.dumps(document), encoding="utf-8")
    first = keeper(path)
    assert first.restored(0) == {}
    assert field in first.problem
    assert (tmp_path / "own_vols.unreadable-1.json").exists()


def test_an_expiry_named_twice_is_refused(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    kept(path, NEAR)
    document = json.loads(path.read_bytes())
    document["vols"] *= 2
    path.write_text(json.dumps(document), encoding="utf-8")
    first = keeper(path)
    assert first.restored(0) == {}
    assert "an expiry stands there twice" in first.problem


def test_what_can_not_be_written_is_said_and_written_later(tmp_path: Path) -> None:
    folder = tmp_path / "data"
    folder.write_text("a file where the folder should be", encoding="utf-8")
    first = keeper(own_vols_path(folder))
    first.note(BTC, (NEAR,))
    first.write()
    assert first.problem.startswith("own vols not kept: ")
    assert not first.is_due
    folder.unlink()
    first.write()
    assert first.problem == ""
    assert keeper(own_vols_path(folder)).restored(0) == {BTC: (NEAR,)}


def test_a_write_leaves_one_whole_file(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    kept(path, NEAR)
    kept(path, FAR)
    assert [each.name for each in tmp_path.iterdir()] == [path.name]
    assert json.loads(path.read_bytes())["schema"] == SCHEMA


def test_file_too_large_to_be_ours_is_refused(tmp_path: Path) -> None:
    path = own_vols_path(tmp_path)
    with path.open("wb") as file:
        os.truncate(file.fileno(), 5_000_000)
    with pytest.raises(ConfigError, match="larger than"):
        OwnVolsFile(path).read()


def test_desk_on_screen_has_its_own_vols_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path))
    own = VolOverride(expiry_ns=1_790_000_000_000_000_000, shift=0.01)
    quiet = Settings(recording=RecordingSettings(max_bytes=0))

    async def open_desk(overrides: tuple[VolOverride, ...]) -> tuple[VolOverride, ...]:
        async with screen_desk(
            parse_venues(["deribit"]), ("BTC",), settings=quiet, run_id="test"
        ) as live:
            before = live.desk.surfaces.choice(BTC).overrides
            live.choose_surface(BTC, SurfaceChoice(overrides=overrides))
            return before

    assert asyncio.run(open_desk((own,))) == ()
    assert asyncio.run(open_desk(())) == (own,)
    assert asyncio.run(open_desk(())) == ()
