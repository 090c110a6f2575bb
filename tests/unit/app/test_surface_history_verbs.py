"""surface show, history, diff and plot as a user types them."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner, Result

import quantdesk as qd
from quantdesk.app.cli.main import cli
from quantdesk.app.render.chain_formats import chain_json
from quantdesk.domain.times import format_instant
from quantdesk.errors import ConfigError, OutOfDomain, QuantDeskError, StorageError
from quantdesk.storage.surface_history import SurfaceHistory


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "btc.json"
    path.write_bytes(chain_json(qd.sample("deribit-2026-06-27").chain("BTC")))
    return path


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path / "data"))
    return tmp_path / "data"


def run(*args: str | Path) -> Result:
    return CliRunner().invoke(cli, ["surface", *map(str, args)])


def good(*args: str | Path) -> Result:
    done = run(*args)
    assert done.exit_code == 0, (done.output, done.exception)
    return done


def failed(*args: str | Path) -> QuantDeskError:
    done = run(*args)
    assert isinstance(done.exception, QuantDeskError), done.output
    return done.exception


def test_saved_fit_is_shown_as_it_was_fitted(market: Path, own_folder: Path) -> None:
    fitted = good("fit", market, "--save", "--format", "json")
    assert (own_folder / "surfaces.duckdb").is_file()
    assert "kept: fit" in fitted.stderr
    shown = good("show", "--format", "json")
    kept, fresh = json.loads(shown.stdout), json.loads(fitted.stdout)
    # The history keeps the rows of fitted expiries; what was left out before has no fit to go with.
    assert fresh.pop("notes") == []
    assert fresh["filters"].pop("stale_after_s") == 600.0
    assert kept["filters"].pop("stale_after_s") is None
    for each in fresh["refused"]:
        assert len(each.pop("rows")) > 0
    assert all(each["forward_evidence"]["venue"] > 0 for each in kept["slices"])
    assert all(each["forward_evidence"]["low"] > 0 for each in kept["slices"])
    assert kept == fresh
    assert good("show").stdout == good("fit", market).stdout
    assert "kept already" in good("fit", market, "--save").stderr
    assert good("show", "--format", "csv", "--grid").stdout == (
        good("fit", market, "--format", "csv", "--grid").stdout
    )


def test_show_never_looks_ahead(market: Path) -> None:
    good("fit", market, "--save")
    assert "2026-06-27" in good("show", "--at", "2026-06-27T23:00:00Z").stdout
    error = failed("show", "--at", "2026-06-27T09:00:00Z")
    assert isinstance(error, StorageError)
    assert "no surface of BTC up to 2026-06-27T09:00:00Z" in str(error)


def test_now_is_the_newest_kept_fit_for_every_verb(market: Path, tmp_path: Path) -> None:
    good("fit", market, "--save")
    assert good("show", "--at", "now").stdout == good("show").stdout
    assert "ATM" in good("diff", "now", "now").stdout
    good("plot", "--at", "now", "-o", tmp_path / "now.svg")
    assert (tmp_path / "now.svg").is_file()
    assert failed("show", "--at", "soon").exit_code == 2


def test_a_chain_on_standard_input_is_one_side_of_a_difference(market: Path) -> None:
    words = ["surface", "diff", "-", str(market)]
    done = CliRunner().invoke(cli, words, input=market.read_bytes())
    assert done.exit_code == 0, (done.output, done.exception)
    assert done.stdout == good("diff", market, market).stdout
    assert run("diff", "-", "-").exit_code == 2


def test_empty_history_says_how_to_fill_it() -> None:
    assert "surface fit FILE --save" in str(failed("show"))
    empty = good("history", "--format", "csv")
    assert empty.stdout.startswith("as_of,venue,underlying,")
    assert empty.stdout.count("\n") == 1
    assert "no surface is kept" in empty.stderr


def test_history_lists_models_oldest_first_in_every_format(market: Path, tmp_path: Path) -> None:
    for model in ("spline", "svi"):
        good("fit", market, "--model", model, "--save")
    rows = list(csv.DictReader(io.StringIO(good("history", "--format", "csv").stdout)))
    assert [row["model"] for row in rows] == ["spline", "svi"]
    record = json.loads(good("history", "--format", "json").stdout)
    assert record["schema"] == "quantdesk.surface-history/1"
    assert [fit["digest"] for fit in record["fits"]] == [row["digest"] for row in rows]
    path = tmp_path / "h.parquet"
    good("history", "--format", "parquet", "-o", path)
    with duckdb.connect() as connection:
        found = connection.execute(f"SELECT model FROM '{path}'").fetchall()
    assert found == [("spline",), ("svi",)]
    assert good("history", "--limit", "1").stdout.count("btc.json") == 1
    assert "no surface" in good("history", "--underlying", "eth").stderr


def test_history_file_of_ones_own(market: Path, tmp_path: Path, own_folder: Path) -> None:
    path = tmp_path / "mine.duckdb"
    good("fit", market, "--save", "--history", path)
    assert not (own_folder / "surfaces.duckdb").exists()
    assert "grade" in good("show", "--history", path).stdout
    assert run("fit", market, "--history", path).exit_code == 2


def test_two_underlyings_must_be_told_apart(market: Path, tmp_path: Path) -> None:
    eth = tmp_path / "eth.json"
    eth.write_bytes(chain_json(qd.sample("deribit-2026-01-31").chain("ETH")))
    good("fit", market, "--save")
    good("fit", eth, "--save")
    error = failed("show")
    assert isinstance(error, ConfigError)
    assert "BTC and ETH" in str(error)
    assert good("show", "--underlying", "eth").stdout.startswith("ETH at deribit")
    assert "no two moments of one chain" in str(failed("diff", market, eth))


def test_two_venues_must_be_told_apart(market: Path, own_folder: Path, tmp_path: Path) -> None:
    good("fit", market, "--save")
    history = SurfaceHistory(own_folder / "surfaces.duckdb")
    kept = history.fit(history.summaries()[0])
    hour_ns = 3_600_000_000_000
    other = replace(
        kept.summary, venue="binance", digest="other", as_of_ns=kept.summary.as_of_ns + hour_ns
    )
    assert history.append(replace(kept, summary=other))
    words = "--venue: is missing; the history holds BTC of binance and deribit"
    picture = tmp_path / "x.svg"
    for asked in (
        ("show",),
        ("show", "--underlying", "BTC"),
        ("diff", market, "now"),
        ("plot", "-o", picture),
    ):
        error = failed(*asked)
        assert isinstance(error, ConfigError)
        assert str(error) == words
    for named in (("--venue", "binance"), ("--underlying", "btc@binance")):
        assert good("show", *named).stdout.startswith("BTC at binance")
        assert good("history", *named).stdout.count("BTC binance") == 1
    assert good("plot", "--venue", "deribit", "-o", picture).exit_code == 0
    assert good("diff", market, "now", "--venue", "deribit").exit_code == 0
    assert "BTC deribit" in good("history").stdout
    # Before the other venue's first fit there is one chain only.
    until = format_instant(kept.summary.as_of_ns)
    assert good("show", "--at", until).stdout.startswith("BTC at deribit")
    contradiction = failed("show", "--underlying", "BTC@deribit", "--venue", "binance")
    assert "--venue: binance contradicts --underlying BTC@deribit" in str(contradiction)
    assert "no surface of ETH at binance" in str(failed("show", "--underlying", "ETH@binance"))
    assert "no BTC@binance chain in it" in str(
        failed("diff", market, "now", "--underlying", "BTC@binance")
    )


def test_two_venues_are_no_moments_of_one_chain(market: Path, own_folder: Path) -> None:
    good("fit", market, "--save")
    history = SurfaceHistory(own_folder / "surfaces.duckdb")
    kept = history.fit(history.summaries()[0])
    other = SurfaceHistory(own_folder / "other.duckdb")
    assert other.append(replace(kept, summary=replace(kept.summary, venue="binance")))
    error = failed("diff", market, "now", "--history", own_folder / "other.duckdb")
    assert "BTC at deribit and BTC at binance are no two moments of one chain" in str(error)


def test_diff_with_itself_is_nothing(market: Path) -> None:
    record = json.loads(good("diff", market, market, "--format", "json").stdout)
    assert len(record["changes"]) == 7
    for change in record["changes"]:
        assert change["forward_return"] == 0
        assert change["atm_change"] == change["rr25_change"] == change["bf25_change"] == 0
        assert len(change["by_strike"]) == change["strikes"] > 3
        assert all(each["change_in_half_spreads"] == 0 for each in change["by_strike"])


def test_diff_tells_what_changed(market: Path, tmp_path: Path) -> None:
    document = json.loads(market.read_bytes())
    kept = [row for row in document["rows"] if "26MAR27" not in row["instrument_name"]]
    shorter = tmp_path / "shorter.json"
    shorter.write_text(json.dumps(document | {"rows": kept}))
    good("fit", market, "--save")
    done = good("diff", "now", shorter)
    assert "26MAR27: only before." in done.stdout
    rows = list(csv.DictReader(io.StringIO(good("diff", "now", shorter, "--format", "csv").stdout)))
    assert len(rows) == 6
    assert all(abs(float(row["atm_change"])) < 0.005 for row in rows)


def test_diff_at_fixed_strikes_counts_in_half_spreads() -> None:
    fixtures = Path(__file__).parents[2] / "fixtures" / "surface"
    files = [fixtures / f"btc_2026-{day}_quotes.csv.gz" for day in ("04-27", "05-21")]
    record = json.loads(good("diff", *files, "--format", "json").stdout)
    june = next(one for one in record["changes"] if one["expiry"].startswith("2026-06-26"))
    for each in june["by_strike"]:
        assert each["change"] == pytest.approx(each["iv_after"] - each["iv_before"])
        assert each["change_in_half_spreads"] == pytest.approx(each["change"] / each["half_spread"])
    furthest = max(june["by_strike"], key=lambda each: abs(each["change_in_half_spreads"]))
    assert june["furthest_strike"] == furthest["strike"]
    assert june["furthest_half_spreads"] == furthest["change_in_half_spreads"]
    strikes = [each["strike"] for each in june["by_strike"]]
    assert strikes == sorted(set(strikes))
    # A file may be named with its moment.
    dated = f"{files[1]}@2026-05-22"
    again = good("diff", files[0], dated, "--format", "json").stdout
    assert json.loads(again) == record
    with_past = failed("diff", files[0], f"{files[1]}@2026-05-20")
    assert "begins at 2026-05-21" in str(with_past)


def test_diff_of_neither_file_nor_moment_is_refused() -> None:
    assert "is neither a file nor a moment" in str(failed("diff", "yesterday", "now"))


@pytest.mark.parametrize("kind", ["smile", "term", "heatmap"])
def test_pictures_are_the_same_each_time(market: Path, tmp_path: Path, kind: str) -> None:
    first, second = tmp_path / "1.svg", tmp_path / "2.svg"
    for path in (first, second):
        good("plot", market, "--kind", kind, "-o", path)
    assert first.read_bytes() == second.read_bytes()
    assert b"<svg" in first.read_bytes()
    good("fit", market, "--save")
    png = tmp_path / "kept.png"
    good("plot", "--kind", kind, "-o", png)
    assert png.read_bytes().startswith(b"\x89PNG")


def test_one_smile_may_be_asked_for(market: Path, tmp_path: Path) -> None:
    path = tmp_path / "one.svg"
    good("plot", market, "--expiry", "25SEP26", "-o", path)
    several = tmp_path / "all.svg"
    good("plot", market, "-o", several)
    assert len(path.read_bytes()) < len(several.read_bytes()) / 3
    term = run("plot", market, "--kind", "term", "--expiry", "25SEP26", "-o", path)
    assert term.exit_code == 2


def test_pictures_of_another_kind_are_refused(market: Path, tmp_path: Path) -> None:
    assert "must end in .svg or .png" in str(failed("plot", market, "-o", tmp_path / "x.pdf"))
    assert not (tmp_path / "x.pdf").exists()


def test_desk_gives_its_surface_to_scripts() -> None:
    desk = qd.sample("deribit-2026-06-27")
    surface = desk.surface("btc")
    assert surface.grade.value == "A"
    report = qd.risk_report(
        [desk.chain("BTC", expiry="monthly").call(60_000).buy(1)],
        market=desk.market(),
        surface=surface,
    )
    assert not report.excluded
    with pytest.raises(ConfigError, match="BTC at deribit"):
        desk.surface("SOL")
    with pytest.raises(QuantDeskError, match="must be one of spline"):
        desk.surface("BTC", model="sabr")


def test_chain_that_carries_no_surface_is_refused_in_words(tmp_path: Path) -> None:
    document = json.loads(chain_json(qd.sample("deribit-2026-06-27").chain("BTC")))
    for row in document["rows"]:
        row["bid"] = None
    path = tmp_path / "bidless.json"
    path.write_text(json.dumps(document))
    error = failed("plot", path, "-o", tmp_path / "x.svg")
    assert isinstance(error, OutOfDomain)
    assert "no surface" in str(error)
