"""One contract of everything that a recorded chain lists, through every verb that takes a book.

Nothing is left out, nothing crashes, no number is a NaN: the 15 options whose mark the venue rounds
to 0.0000 are there as the others are.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from quantdesk import simulator
from quantdesk.app.cli.main import cli
from quantdesk.runtime.sources import file_snapshot

MARKET = Path(simulator.__file__).with_name("samples") / "btc-2026-06-27.json.gz"
ROUNDED = 15
LIMITS = """
schema = 1
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"
hard = 1e9
[[limit]]
scope = "desk"
measure = "var"
convention = "filtered"
hard = 1e9
[[limit]]
scope = "desk"
measure = "margin_use"
convention = "deribit-portfolio"
unit = "usd"
hard = 1e9
"""


@pytest.fixture(scope="module")
def names() -> list[str]:
    """Everything that the recorded chain lists."""
    (market,) = file_snapshot(MARKET, None, None).market().markets
    assert int((market.chain.mark == 0).sum()) == ROUNDED
    return [one.name for one in market.chain.instruments]


@pytest.fixture(scope="module", params=["1", "-1"], ids=["long", "short"])
def book(
    request: pytest.FixtureRequest, names: list[str], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """One contract of each, all long or all short."""
    path: Path = tmp_path_factory.mktemp("books") / "all.csv"
    rows = [f"deribit,{name},{request.param},0.0001" for name in names]
    path.write_text("\n".join(["venue,instrument_name,quantity,average_price", *rows]), "utf-8")
    return path


def said(*words: str, book: Path) -> Any:
    """What a verb prints, as strict JSON."""
    command = [*words, "--book", str(book), "--market", str(MARKET), "--format", "json"]
    done = CliRunner().invoke(cli, command)
    assert done.exit_code == 0, done.stderr
    assert "left out" not in done.stderr

    def refuse(word: str) -> None:
        pytest.fail(f"{' '.join(words)} prints {word}")

    return json.loads(done.stdout, parse_constant=refuse)


def test_risk_report_has_every_leg(book: Path, names: list[str]) -> None:
    report = said("risk", "report", book=book)
    assert [one["instrument_name"] for one in report["positions"]] == names
    assert report["excluded"] == []
    rounded = [one for one in report["positions"] if one["venue_mark"] == 0]
    assert len(rounded) == ROUNDED
    assert {one["iv_source"] for one in rounded} == {"venue mark IV"}
    assert all(one["vega_per_point"] != 0 for one in rounded)


@pytest.mark.parametrize(
    "verb",
    [
        ("risk", "ladder"),
        ("risk", "scenario"),
        ("risk", "var"),
        ("positions",),
        ("margin",),
        ("margin", "--model", "portfolio"),
    ],
    ids=" ".join,
)
def test_every_verb_takes_the_whole_chain(verb: tuple[str, ...], book: Path) -> None:
    record = said(*verb, book=book)
    assert not record.get("excluded")
    assert not record.get("refused")


def test_every_limit_is_known(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "limits.toml"
    path.write_text(LIMITS, encoding="utf-8")
    record = said("limits", "show", "--limits", str(path), book=book)
    assert [one["state"] for one in record["limits"]] == ["ok", "ok", "ok"]
    assert all(one["use"] > 0 for one in record["limits"])
