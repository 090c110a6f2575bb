"""The clock that is edited on the screen: where it is kept, and what is never written over."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantdesk.errors import StorageError
from quantdesk.market.clock_edits import edited_clock
from quantdesk.market.variance_clock import CALENDAR
from quantdesk.runtime.edited_clock import edited_clock_path, keep_clock, kept_clock

CLOCK = edited_clock(CALENDAR, "sat 0.5")


def test_clock_is_kept_beside_what_the_desk_was_opened_with(tmp_path: Path) -> None:
    assert edited_clock_path("weekend", tmp_path) == tmp_path / "clock-edited.toml"
    own = edited_clock_path("own.toml", tmp_path)
    assert own == tmp_path / "own-edited.toml"
    assert edited_clock_path(str(own), Path()) == own
    assert kept_clock(own) is None
    assert keep_clock(own, CLOCK) == own
    kept = kept_clock(own)
    assert kept is not None
    assert kept.clock == CLOCK


def test_a_file_that_can_not_be_read_is_not_written_over(tmp_path: Path) -> None:
    path, slip = tmp_path / "clock-edited.toml", "[weights]\nSat = half\n"
    path.write_text(slip, encoding="utf-8")
    with pytest.raises(StorageError, match=r"not kept: clock .*must be TOML"):
        keep_clock(path, CLOCK)
    assert path.read_text(encoding="utf-8") == slip
