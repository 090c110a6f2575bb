"""The limits screen: use, room, trend and state; and what it says without limits."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from quantdesk.app.tui.screens.limits import LimitsScreen
from tests.tui.book_samples import TWO_COINS, book_of, desk_of, running_book

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


async def test_without_limits_the_screen_says_that_nothing_is_traded(tmp_path: Path) -> None:
    book = desk_of(book_of())
    book.limits_file = tmp_path / "none.toml"
    async with running_book(book, screen="L") as shown:
        assert "none: no trading" in shown.text()
        assert "there is no such limits file" in shown.text()


async def test_a_limits_file_that_breaks_costs_the_limits_only(tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text("schema = 1\n[[limit]]\nhrad = 1", encoding="utf-8")
    book = desk_of(book_of())
    book.limits_file = path
    async with running_book(book, screen="L") as shown:
        assert "did you mean hard?" in shown.text()
        assert book.reading is not None
