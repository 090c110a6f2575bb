"""The JSON of a fit tells every quote: its residual, or why it took no part."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner

from quantdesk.app.cli.surface import command
from tests.unit.surface.chains import RECORDED


def run(*args: str) -> str:
    result = CliRunner().invoke(command, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_residuals_and_reasons_are_in_the_json() -> None:
    name = "BTC-24MAY26-74000-P"
    record = json.loads(run("fit", str(RECORDED), "--exclude", name, "--format", "json"))
    assert record["filters"]["excluded"] == [name]
    assert record["filters"]["stale_after_s"] == 600.0
    assert set(record["options"]) == {"smoothing", "floor", "margin"}
    assert len(record["clock"]["day_weights"]) == 7
    for each in record["slices"]:
        rows = each["rows"]
        assert len(rows) == each["quotes"]
        assert sum(row["used"] for row in rows) == each["used"]
        assert all(row["reason"] for row in rows if not row["used"])
        scored = [row for row in rows if row["residual"] is not None]
        for row in scored:
            mid = (row["bid_iv"] + row["ask_iv"]) / 2
            assert row["residual"] == pytest.approx(row["fit_iv"] - mid, abs=1e-15)
        squares = math.fsum(row["residual"] ** 2 for row in scored)
        assert each["rmse"] == pytest.approx(math.sqrt(squares / len(scored)))
        inside = sum(row["inside"] for row in scored)
        assert each["in_spread"] == pytest.approx(inside / len(scored))


def test_kept_fits_give_their_quotes_back(tmp_path: Path) -> None:
    history = ("--history", str(tmp_path / "fits.duckdb"))
    fresh, kept, table = (tmp_path / name for name in ("a.csv", "b.csv", "c.parquet"))
    run("fit", str(RECORDED), "--save", *history, "--quotes", str(fresh))
    run("show", *history, "--quotes", str(kept))
    run("show", *history, "--quotes", str(table))
    first = list(csv.DictReader(io.StringIO(fresh.read_text())))
    second = list(csv.DictReader(io.StringIO(kept.read_text())))
    fitted = {row["expiry_years"] for row in second}
    assert second == [row for row in first if row["expiry_years"] in fitted]
    with duckdb.connect() as database:
        found = database.execute(
            f"SELECT count(*), count(residual), count(*) FILTER (used) FROM '{table}'"
        ).fetchone()
    assert found is not None
    assert found[0] == len(second)
    assert found[2] == sum(row["used"] == "1" for row in second)
    assert found[1] >= found[2]
