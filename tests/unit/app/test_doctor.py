"""`quantdesk doctor` says what works, and what to do where something does not."""

from __future__ import annotations

from pathlib import Path

import pytest
from click.testing import CliRunner

from quantdesk.app.cli.doctor import command


def doctor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *args: str) -> tuple[int, str]:
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "config.toml"))
    done = CliRunner().invoke(command, list(args))
    return done.exit_code, done.output


def test_embedded_venue_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, said = doctor(tmp_path, monkeypatch)
    assert code == 0, said
    for venue in ("deribit", "binance"):
        for what in ("connection", "BTC chain", "ETH chain", "BTC ticker", "order book", "frames"):
            assert f"ok   {venue} {what}" in said
        assert f"ok   {venue}-btc limits" in said
    assert "FAIL" not in said


def test_folder_that_can_not_be_made_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "data").write_text("a file")
    code, said = doctor(tmp_path, monkeypatch)
    assert code == 1
    assert "FAIL data folder" in said
    assert "QUANTDESK_DATA_DIR" in said


def test_endpoint_where_nobody_listens_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code, said = doctor(tmp_path, monkeypatch, "--endpoint", "ws://127.0.0.1:9/ws/api/v2")
    assert code == 1
    assert "FAIL deribit port" in said
    assert "deribit REST" not in said
    assert "127.0.0.1:9" in said
