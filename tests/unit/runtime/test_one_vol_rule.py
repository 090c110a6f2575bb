"""Screens and command line give one book on one market the same numbers, to the digit.

The desk's snapshot carries a fitted surface and the command line's market none: risk, limits and
margin stand on the options' own vols in both.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quantdesk import simulator
from quantdesk.app.cli.main import cli
from quantdesk.app.render.limits_formats import limits_bytes
from quantdesk.app.render.risk_formats import ladder_bytes, risk_report_bytes
from quantdesk.risk.exposure import Grouping
from quantdesk.runtime.book_reading import BookReading, BookWishes, read_book
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.screen_books import file_book
from quantdesk.runtime.sources import StillSource, file_snapshot

MARKET = Path(simulator.__file__).with_name("samples") / "btc-2026-06-27.json.gz"
ROWS = """venue,instrument_name,quantity,average_price
deribit,BTC-26MAR27-35000-P,-10,0.02
deribit,BTC-28JUN26-52000-P,-5,0.0001
deribit,BTC-28JUN26-60000-C,3,0.006
deribit,BTC-25SEP26-70000-C,7,0.03
deribit,BTC-PERPETUAL,-20000,60000
"""
LIMIT_KEYS = (
    'scope = "underlying"\nname = "BTC"\nmeasure = "net_delta"\nconvention = "black"',
    'scope = "underlying"\nname = "BTC"\nmeasure = "net_delta"\nconvention = "premium-adjusted"',
    'scope = "desk"\nmeasure = "gross_vega"\nconvention = "usd-per-point"',
    'scope = "desk"\nmeasure = "net_theta"',
    'scope = "desk"\nmeasure = "stress_loss"',
    'scope = "desk"\nmeasure = "var"\nconvention = "filtered"',
    'scope = "desk"\nmeasure = "margin_use"\nconvention = "deribit-standard"\nunit = "usd"',
    'scope = "desk"\nmeasure = "margin_use"\nconvention = "deribit-portfolio"\nunit = "usd"',
)


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    """A book and limits."""
    folder = tmp_path_factory.mktemp("desk")
    book, limits = folder / "book.csv", folder / "limits.toml"
    book.write_text(ROWS, encoding="utf-8")
    text = "\n".join(f"[[limit]]\n{one}\nhard = 1e9" for one in LIMIT_KEYS)
    limits.write_text(f"schema = 1\n{text}\n", encoding="utf-8")
    return book, limits


@pytest.fixture(scope="module")
def reading(files: tuple[Path, Path]) -> BookReading:
    """What screens 5 to 8 and L show of the book."""
    book, limits = files
    snapshot = StillSource(file_snapshot(MARKET, None, None)).latest()
    assert snapshot.chains[0].fit is not None, "the desk holds a surface of the chain"
    read = read_book(
        file_book(book), snapshot, BookWishes(), limits_file=limits, clock=SystemClock()
    )
    assert isinstance(read, BookReading)
    return read


def said(*command: str, book: Path) -> Any:
    """The JSON that a verb prints."""
    named = [*command, "--book", str(book), "--market", str(MARKET), "--format", "json"]
    done = CliRunner().invoke(cli, named)
    assert done.exit_code == 0, done.stderr
    return json.loads(done.stdout)


def test_limits_screen_and_verb_agree_to_the_digit(
    files: tuple[Path, Path], reading: BookReading
) -> None:
    book, limits = files
    shown = reading.report.limits
    assert shown is not None
    typed = said("limits", "show", "--limits", str(limits), book=book)
    assert typed == json.loads(limits_bytes(shown, "json"))
    assert all(row["use"] is not None for row in typed["limits"])


def test_greeks_stresses_and_limits_of_the_report_are_those_of_the_screens(
    files: tuple[Path, Path], reading: BookReading
) -> None:
    book, limits = files
    report = said("risk", "report", "--limits", str(limits), book=book)
    screen = json.loads(risk_report_bytes(reading.report, "json", ()))
    for part in ("positions", "greeks", "limits", "excluded"):
        assert report[part] == screen[part], part
    assert report["scenarios"]["stresses"] == screen["scenarios"]["stresses"]
    assert report["margin"] == screen["margin"]
    sources = {one["iv_source"] for one in report["positions"] if one["iv_source"]}
    assert sources == {"venue mark IV"}


def test_ladder_of_the_screen_is_that_of_the_verb(
    files: tuple[Path, Path], reading: BookReading
) -> None:
    typed = said("risk", "ladder", book=files[0])
    assert typed == json.loads(ladder_bytes(reading.report, Grouping.EXPIRY_STRIKE, "json", ()))


def test_a_chosen_surface_is_named_and_moves_the_numbers(files: tuple[Path, Path]) -> None:
    marks = said("risk", "report", book=files[0])
    fitted = said("risk", "report", "--surface", "fit", book=files[0])
    assert {one["iv_source"] for one in fitted["positions"] if one["iv_source"]} == {"surface"}
    assert fitted["greeks"] != marks["greeks"]
