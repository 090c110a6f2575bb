"""The limits screen: use, room, trend and state; and what it says without limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quantdesk.app.tui.screens.limits import LimitsScreen
from tests.tui.book_samples import TWO_COINS, book_of, desk_of, running_book
from tests.tui.pnl_samples import later

LIMITS = """
schema = 1
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"
soft = 0.01
hard = 500
[[limit]]
scope = "desk"
measure = "gross_contracts"
hard = 1
[[limit]]
scope = "desk"
measure = "day_loss"
hard = 1000
"""


async def test_limits_show_use_room_trend_and_state(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(LIMITS, encoding="utf-8")
    book = desk_of(book_of())
    book.limits_file = path
    async with running_book(book, screen="L") as shown:
        assert isinstance(shown.screen, LimitsScreen)
        delta, contracts, loss = (line.key for line in shown.table.lines)
        assert shown.cell(delta, "state") == "SOFT"
        assert shown.cell(contracts, "state") == "BREACH"
        assert shown.cell(contracts, "room").startswith("-")
        assert shown.cell(loss, "state") == "UNKNOWN"
        assert shown.cell(delta, "trend") == ""
        assert "1 breached, 1 over soft, 1 unknown" in shown.text()
        await shown.bring(replace(TWO_COINS, seq=TWO_COINS.seq + 1), after_s=60.0)
        assert shown.cell(delta, "trend") == "= steady"
        await shown.press("i")
        assert "all open orders that raise it" in " ".join(shown.text().split())


async def test_the_days_loss_is_the_explained_one_by_scope(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    loss = '[[limit]]\nscope = "underlying"\nname = "*"\nmeasure = "day_loss"\nhard = 1e9\n'
    path.write_text(f"schema = 1\n{loss}", encoding="utf-8")
    book = desk_of(book_of())
    book.limits_file = path
    async with running_book(book, screen="L", snapshot=TWO_COINS) as shown:
        assert all(shown.cell(line.key, "state") == "UNKNOWN" for line in shown.table.lines)
        await shown.bring(later(TWO_COINS, hours=3, spot=0.97), after_s=3 * 3600)
        assert book.reading is not None
        assert book.reading.day is not None
        explained = book.reading.day.explained
        assert explained is not None
        assert book.reading.report.limits is not None
        by_coin = {row.use.cell.limit.name: row.use for row in book.reading.report.limits.rows}
        assert set(by_coin) == {"BTC", "ETH"}
        for coin, use in by_coin.items():
            legs = [one for one in explained.legs if one.instrument.underlying == coin]
            missed = [one for one in explained.excluded if one.change.instrument.underlying == coin]
            usd = sum(one.actual * one.index_after + one.translation_usd for one in legs)
            expected = None if missed else max(-usd, 0.0)
            assert use.value == pytest.approx(expected)
        assert any(use.value is not None for use in by_coin.values())


async def test_without_limits_the_screen_says_that_nothing_is_traded(tmp_path: Path) -> None:
    book = desk_of(book_of())
    book.limits_file = tmp_path / "none.toml"
    async with running_book(book, screen="L") as shown:
        assert "none: no trading" in shown.text()
        assert "there is no such limits file" in shown.text()
        assert "limits show --example" in shown.text()


async def test_a_limits_file_that_breaks_costs_the_limits_only(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("schema = 1\n[[limit]]\nhrad = 1", encoding="utf-8")
    book = desk_of(book_of())
    book.limits_file = path
    async with running_book(book, screen="L") as shown:
        assert "did you mean hard?" in shown.text()
        assert book.reading is not None
