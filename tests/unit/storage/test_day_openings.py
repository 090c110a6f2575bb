"""Openings on disk: what is kept comes back, what is damaged is refused by name."""

from __future__ import annotations

import hashlib
import stat
import zlib
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantdesk.domain.account import AccountSnapshot, BalanceReport, PositionReport
from quantdesk.domain.position import PositionRow
from quantdesk.errors import StorageError
from quantdesk.storage.day_openings import (
    MAGIC,
    OpeningStore,
    StoredAccount,
    StoredChain,
    StoredRows,
)

ROWS = StoredRows(
    day_ns=8,
    path="mine.csv",
    rows=(PositionRow(row=1, venue="deribit", instrument_name="BTC-PERPETUAL", quantity="10"),),
)


def test_rows_and_accounts_come_back_as_they_were(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path / "openings")
    balance = BalanceReport(
        venue="deribit", currency="BTC", event_ns=5, recv_ns=6, cash=Decimal("1.000000010")
    )
    position = PositionReport(
        venue="deribit", instrument_name="X", event_ns=5, recv_ns=6, quantity=Decimal("-0.1")
    )
    account = AccountSnapshot(
        venue="deribit",
        account="main",
        event_ns=5,
        recv_ns=6,
        environment="live",
        is_whole=True,
        is_live=True,
        balances=(balance,),
        positions=(position,),
        open_orders=(),
        trades=(),
    )
    assert store.read("rows", StoredRows) is None
    for name, kept in (("rows", ROWS), ("account", StoredAccount(day_ns=8, account=account))):
        store.write(name, kept)
        store.write(name, kept)
        assert stat.S_IMODE(store.path(name).stat().st_mode) == 0o600
    assert store.read("rows", StoredRows) == ROWS
    assert store.read("account", StoredAccount) == StoredAccount(day_ns=8, account=account)
    assert sorted(one.name for one in (tmp_path / "openings").iterdir()) == [
        "account.opening",
        "rows.opening",
    ]


def test_what_a_killed_desk_left_beside_it_hinders_nobody(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path)
    store.write("rows", ROWS)
    draft = tmp_path / ".quantdesk-0123456789abcdef.part"
    draft.write_bytes(b"half of i")
    assert store.read("rows", StoredRows) == ROWS
    store.write("rows", ROWS)
    assert sorted(one.name for one in tmp_path.iterdir()) == [draft.name, "rows.opening"]


def test_cut_changed_and_foreign_files_are_refused_by_name(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path)
    store.write("rows", ROWS)
    path = store.path("rows")
    whole = path.read_bytes()
    path.write_bytes(whole[:-3])
    with pytest.raises(StorageError, match=r"rows\.opening: is no opening .* cut or damaged"):
        store.read("rows", StoredRows)
    path.write_bytes(whole.replace(b"opening 1", b"opening 2", 1))
    with pytest.raises(StorageError, match="does not begin with 'quantdesk opening 1'"):
        store.read("rows", StoredRows)
    path.write_bytes(whole)
    with pytest.raises(StorageError, match="is no opening"):
        store.read("rows", StoredChain)


def test_a_field_of_another_version_is_refused(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path)
    payload = zlib.compress(msgspec.msgpack.encode({"type": "rows", "day_ns": 1, "colour": 2}))
    store.path("rows").write_bytes(MAGIC + hashlib.sha256(payload).digest() + payload)
    with pytest.raises(StorageError, match="is no opening of this version"):
        store.read("rows", StoredRows)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
@given(st.binary(max_size=200), st.booleans())
def test_any_bytes_are_refused(tmp_path: Path, content: bytes, is_sealed: bool) -> None:
    store = OpeningStore(tmp_path)
    sealed = MAGIC + hashlib.sha256(content).digest() + content
    store.path("rows").write_bytes(sealed if is_sealed else content)
    with pytest.raises(StorageError):
        store.read("rows", StoredRows)


@pytest.mark.parametrize("name", ["../up", "", "a/b", "A", "x" * 200])
def test_a_name_stays_in_its_folder(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError, match="no name"):
        OpeningStore(tmp_path).path(name)


def test_a_folder_that_can_not_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can not be written"):
        OpeningStore(tmp_path / "file" / "openings").write("rows", ROWS)
