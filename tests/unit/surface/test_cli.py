"""`quantdesk surface` as a checker uses it: exact columns, bad input in words."""

from __future__ import annotations

import csv
import gzip
from pathlib import Path

import pytest
import zstandard
from click.testing import CliRunner

from quantdesk.app.cli.surface import command
from quantdesk.errors import InvalidInput, OutOfDomain, QuantDeskError
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.bad_chains import quote_rows, write_rows
from tests.unit.surface.chains import FIXTURES, RECORDED


def run(*args: str) -> str:
    result = CliRunner().invoke(command, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def test_grid_and_quotes_can_be_judged_by_others(tmp_path: Path) -> None:
    grid, quotes = tmp_path / "grid.csv", tmp_path / "quotes.csv"
    run("fit", str(RECORDED), "--format", "csv", "--grid", "-o", str(grid), "--quotes", str(quotes))
    points = rows_of(grid)
    assert list(points[0]) == ["expiry_years", "log_moneyness", "total_variance", "dw", "d2w"]
    slices = {row["expiry_years"] for row in points}
    assert len(points) == 1201 * len(slices)
    assert float(points[0]["log_moneyness"]) == -3.0
    assert float(points[1200]["log_moneyness"]) == 3.0
    for row in points[::97]:
        k, w = float(row["log_moneyness"]), float(row["total_variance"])
        dw, d2w = float(row["dw"]), float(row["d2w"])
        g = (1 - k * dw / (2 * w)) ** 2 - dw * dw / 4 * (1 / w + 0.25) + d2w / 2
        assert g >= 0
    rows = rows_of(quotes)
    assert list(rows[0]) == [
        *("expiry_years", "log_moneyness", "bid_iv", "ask_iv", "fit_iv", "used", "reason"),
    ]
    used = [row for row in rows if row["used"] == "1"]
    assert {row["expiry_years"] for row in used} == slices
    inside = [float(r["bid_iv"]) <= float(r["fit_iv"]) <= float(r["ask_iv"]) for r in used]
    assert sum(inside) / len(inside) >= 0.99
    assert all(row["reason"] for row in rows if row["used"] == "0")


def test_other_layouts_and_formats_are_read_and_written() -> None:
    assert '"schema":"quantdesk.surface/1"' in run("fit", str(RECORDED), "--format", "json")
    assert "grade" in run("fit", str(FIXTURES / "eth_2026-01-31_quotes.csv"))
    assert "No violation" in run("check", str(FIXTURES / "btc_2026-06-27_tickers.json"))


def test_grade_puts_models_side_by_side() -> None:
    text = run(
        "grade", str(RECORDED), "--model", "spline", "--model", "svi-free", "--hold-out", "4"
    )
    head, *lines = text.splitlines()
    assert head.split()[-2:] == ["spline", "svi-free"]
    figures = {line[:34].strip(): line.split()[-2:] for line in lines}
    assert figures["butterfly: points with g < 0"][0] == "0"
    assert any("held out, inside" in line for line in lines)


def test_a_chain_that_carries_nothing_is_refused_in_words(tmp_path: Path) -> None:
    lines = gzip.decompress(RECORDED.read_bytes()).decode().splitlines()
    head, options = lines[0], [line for line in lines[1:] if ",option," in line]
    others = [line for line in lines[1:] if ",option," not in line]
    bad = tmp_path / "btc_two.csv"
    bad.write_text("\n".join([head, *others, *options[:2]]) + "\n")
    with pytest.raises(OutOfDomain, match="two-sided quotes"):
        CliRunner().invoke(command, ["fit", str(bad)], catch_exceptions=False)


def test_grid_without_csv_is_a_usage_error() -> None:
    result = CliRunner().invoke(command, ["fit", str(RECORDED), "--grid"])
    assert result.exit_code == 2


def test_a_clock_of_ones_own_changes_no_listed_vol(tmp_path: Path) -> None:
    own = tmp_path / "clock.toml"
    own.write_text("[weights]\nSat = 0.3\nSun = 0.5\n", encoding="utf-8")
    plain = run("fit", str(RECORDED), "--format", "csv", "--grid")
    assert run("fit", str(RECORDED), "--format", "csv", "--grid", "--clock", str(own)) == plain
    assert run("fit", str(RECORDED), "--format", "csv", "--grid", "--clock", "weekend") == plain
    assert "No violation" in run("check", str(RECORDED), "--clock", str(own))
    assert "spline" in run("grade", str(RECORDED), "--model", "spline", "--clock", str(own))


def test_clock_of_a_fit_is_told() -> None:
    assert "runs on a clock: Sat" in run("fit", str(RECORDED), "--clock", "weekend")
    assert "runs on a clock" not in run("fit", str(RECORDED))


def test_a_clock_that_is_none_is_refused(tmp_path: Path) -> None:
    with pytest.raises(QuantDeskError, match="neither calendar nor weekend nor a file"):
        run("fit", str(RECORDED), "--clock", str(tmp_path / "none.toml"))
    own = tmp_path / "clock.toml"
    own.write_text("[weights]\nSaturday = 0.3\n", encoding="utf-8")
    with pytest.raises(QuantDeskError, match="weights"):
        run("fit", str(RECORDED), "--clock", str(own))


def test_every_packing_and_standard_input_are_read_alike(tmp_path: Path) -> None:
    plain = gzip.decompress(RECORDED.read_bytes())
    packed = tmp_path / "btc_chain.csv.zst"
    packed.write_bytes(zstandard.compress(plain))
    unpacked = tmp_path / "btc_chain.csv"
    unpacked.write_bytes(plain)
    wanted = run("fit", str(RECORDED), "--format", "csv")
    assert run("fit", str(packed), "--format", "csv") == wanted
    assert run("fit", str(unpacked), "--format", "csv") == wanted
    for content in (plain, RECORDED.read_bytes(), packed.read_bytes()):
        words = ["fit", "-", "--underlying", "BTC", "--format", "csv"]
        result = CliRunner().invoke(command, words, input=content, catch_exceptions=False)
        assert result.exit_code == 0
        assert result.stdout == wanted


@pytest.mark.parametrize("verb", ["fit", "check", "grade", "at", "shock", "clock"])
def test_bad_standard_input_is_named_so(verb: str) -> None:
    words = [verb, "-", *{"at": ["--date", "30d"], "shock": ["--level", "0.01"]}.get(verb, [])]
    for content in (b"", b"no market at all\n", b"\x1f\x8b\x08\x00cut"):
        result = CliRunner().invoke(command, words, input=content)
        assert isinstance(result.exception, QuantDeskError), result.output
        assert "standard input: " in f"{result.exception}"
        assert "quantdesk-" not in f"{result.exception}"
        assert "standard-input" not in f"{result.exception}"


def test_quotes_of_standard_input_that_carry_no_surface_are_named_so(tmp_path: Path) -> None:
    bare = write_rows(tmp_path, quote_rows(strikes=(75_000, 85_000)))
    for verb in ("fit", "check"):
        words = [verb, "-", "--underlying", "BTC"]
        result = CliRunner().invoke(command, words, input=bare.read_bytes())
        assert isinstance(result.exception, OutOfDomain), result.output
        assert f"{result.exception}".startswith("standard input: no surface: ")
        assert result.exception.exit_code == 3


def test_standard_input_is_graded_once_only() -> None:
    refused = CliRunner().invoke(command, ["grade", "-", "-"], input=b"")
    assert refused.exit_code == 2
    assert "can be read once" in refused.output


def test_grade_disturbs_the_fit_as_often_as_asked() -> None:
    table = run("grade", str(RECORDED), "--model", "spline", "--stability", "12", "--outliers", "1")
    lines = {line.rsplit(maxsplit=1)[0].strip(): line.split()[-1] for line in table.splitlines()}
    assert lines["quotes moved by a tick"] == "12"
    assert float(lines["… furthest, % of its half-spread"]) < 50
    assert lines["draws of 5 % wrong quotes"] == "4"
    assert float(lines["… inside lost by others, worst %"]) <= 1.0
    plain = run("grade", str(RECORDED), "--model", "spline")
    assert "moved by a tick" not in plain
    assert "wrong quotes" not in plain


def test_the_forward_that_was_not_taken_is_told() -> None:
    told = run("fit", str(FIXTURES / "eth_2026-01-31_quotes.csv"), "--format", "json")
    assert '"forward_evidence"' in told
    assert "within the bounds of parity" in told


def test_an_exclusion_that_names_no_option_is_refused_with_near_names() -> None:
    option = read_quotes(RECORDED, None, None).expiries[0].names[0]
    mistyped = option.replace("-", "-1", 1)
    with pytest.raises(InvalidInput, match=f"exclude = '{mistyped}'.*near it: .*{option}"):
        run("fit", str(RECORDED), "--exclude", option, "--exclude", mistyped)
    with pytest.raises(InvalidInput, match=r"exclude = 'NOPE'.*BTC chain at deribit, such as BTC-"):
        run("fit", str(RECORDED), "--exclude", "NOPE")
