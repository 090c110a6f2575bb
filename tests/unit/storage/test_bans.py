"""Bans kept in a file."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest

from quantdesk.errors import StorageError
from quantdesk.storage.bans import BANS_MAX, FILE_BYTES_MAX, JsonBanStore

HOST = "eapi.example.com"


def test_ban_survives_a_restart(tmp_path: Path) -> None:
    path = tmp_path / "state" / "bans.json"
    assert JsonBanStore(path).banned_until_ns(HOST) is None
    JsonBanStore(path).note_ban(HOST, 1_700_000_000_000_000_000)
    store = JsonBanStore(path)
    store.note_ban("other", 5)
    assert JsonBanStore(path).banned_until_ns(HOST) == 1_700_000_000_000_000_000
    assert JsonBanStore(path).banned_until_ns("other") == 5


def test_later_ban_replaces_the_earlier(tmp_path: Path) -> None:
    store = JsonBanStore(tmp_path / "bans.json")
    store.note_ban(HOST, 7)
    store.note_ban(HOST, 3)
    assert store.banned_until_ns(HOST) == 3


def test_file_is_its_owners_only_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "bans.json"
    JsonBanStore(path).note_ban(HOST, 7)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert list(tmp_path.iterdir()) == [path]


def test_only_so_many_bans_are_kept(tmp_path: Path) -> None:
    store = JsonBanStore(tmp_path / "bans.json")
    for number in range(BANS_MAX + 5):
        store.note_ban(f"host{number}", number)
    kept = JsonBanStore(tmp_path / "bans.json")
    assert kept.banned_until_ns("host4") is None
    assert kept.banned_until_ns("host5") == 5


@pytest.mark.parametrize(
    "text",
    [
        b"",
        b"{",
        b"[]",
        b"\xff",
        b'{"format":2,"bans":{}}',
        b'{"format":1,"bans":{"h":"x"}}',
        b'{"format":1,"bans":{},"more":1}',
        b" " * (FILE_BYTES_MAX + 1),
        b"[" * 50_000,
    ],
)
def test_file_of_another_make_is_refused_and_left_alone(tmp_path: Path, text: bytes) -> None:
    path = tmp_path / "bans.json"
    path.write_bytes(text)
    with pytest.raises(StorageError, match="delete the file"):
        JsonBanStore(path).banned_until_ns(HOST)
    with pytest.raises(StorageError, match="delete the file"):
        JsonBanStore(path).note_ban(HOST, 7)
    assert path.read_bytes() == text


def test_place_that_can_not_be_written_is_told(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StorageError, match="can not be written"):
        JsonBanStore(tmp_path / "data" / "bans.json").note_ban(HOST, 7)


def test_folder_in_place_of_the_file_is_told(tmp_path: Path) -> None:
    (tmp_path / "bans.json").mkdir()
    with pytest.raises(StorageError, match="can not be read"):
        JsonBanStore(tmp_path / "bans.json").banned_until_ns(HOST)


def test_ban_that_another_desk_noted_is_known_and_kept(tmp_path: Path) -> None:
    mine, theirs = JsonBanStore(tmp_path / "bans.json"), JsonBanStore(tmp_path / "bans.json")
    assert mine.banned_until_ns("a.example") is None
    theirs.note_ban("a.example", 5)
    assert mine.banned_until_ns("a.example") == 5
    mine.note_ban("b.example", 7)
    assert theirs.banned_until_ns("b.example") == 7
    assert JsonBanStore(tmp_path / "bans.json").banned_until_ns("a.example") == 5


def test_folder_that_is_a_file_holds_no_bans(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    assert JsonBanStore(tmp_path / "data" / "bans.json").banned_until_ns("a.example") is None
