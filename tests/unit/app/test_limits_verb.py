"""`quantdesk limits` and the limits of `risk report` as a user types them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from quantdesk.app.cli.main import cli
from quantdesk.errors import ConfigError

MARKET = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"
ETH_MARKET = MARKET.parent / "eth_2026-01-31_quotes.csv"
CALL = "BTC-26MAR27-84000-C"
LIMITS = """
schema = 1
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "premium-adjusted"
hard = 5
[[limit]]
scope = "desk"
measure = "var"
convention = "filtered"
hard = 1e7
[[limit]]
scope = "expiry"
underlying = "BTC"
name = "*"
measure = "gross_vega"
convention = "usd-per-point"
soft = 100
hard = 1e6
"""


@pytest.fixture(autouse=True)
def user_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A user's empty folders."""
    monkeypatch.setenv("QUANTDESK_DATA_DIR", str(tmp_path / "data"))
    monkeypatch.setenv("QUANTDESK_CONFIG", str(tmp_path / "config.toml"))
    monkeypatch.delenv("QUANTDESK_LIMITS", raising=False)


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    rows = ("deribit,BTC-28JUN26-60000-C,-1.5", f"deribit,{CALL},2")
    path.write_text("venue,instrument_name,quantity\n" + "\n".join(rows) + "\n", encoding="utf-8")
    return path


@pytest.fixture
def limits(tmp_path: Path) -> Path:
    path = tmp_path / "my-limits.toml"
    path.write_text(LIMITS, encoding="utf-8")
    return path


def run(*words: object) -> Result:
    return CliRunner().invoke(cli, [str(word) for word in words])


def on(book: Path) -> tuple[object, ...]:
    return ("--book", book, "--market", MARKET)


def test_show_lists_use_room_and_state(book: Path, limits: Path) -> None:
    result = run("limits", "show", "--limits", limits, *on(book), "--format", "json")
    assert result.exit_code == 0, result.output
    record = json.loads(result.stdout)
    assert record["schema"] == "quantdesk.limits/1"
    assert [one["number"] for one in record["limits"]] == [1, 2, 3, 3]
    delta = record["limits"][0]
    assert delta["unit"] == "BTC"
    assert delta["use"] + delta["room"] == pytest.approx(5.0)
    assert {one["state"] for one in record["limits"]} == {"ok", "soft"}
    assert delta["trend"] is None


@pytest.mark.parametrize("format_", ["table", "csv", "md"])
def test_show_names_every_limit_in_every_format(format_: str, book: Path, limits: Path) -> None:
    result = run("limits", "show", "--limits", limits, *on(book), "--format", format_)
    assert result.exit_code == 0, result.output
    assert "net delta (premium-adjusted)" in result.stdout
    assert "expiry BTC 26MAR27" in result.stdout


def test_a_ticket_within_the_limits_is_allowed(book: Path, limits: Path) -> None:
    result = run("limits", "test", "+1 C 84000 26MAR27", "--limits", limits, *on(book))
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith(f"ALLOWED: +1 {CALL}\n")
    assert "warning: gross vega" in result.stdout
    less = run("limits", "test", "-1 C 84000 26MAR27", "--limits", limits, *on(book))
    assert less.stdout == f"ALLOWED: -1 {CALL}\n"  # what reduces warns of nothing


def test_a_refusal_ends_with_5_and_the_size_that_it_names_passes(book: Path, limits: Path) -> None:
    asked = ("--limits", limits, *on(book), "--format", "json")
    result = run("limits", "test", "-50 C 84000 26MAR27", *asked)
    assert result.exit_code == 5
    record = json.loads(result.stdout)
    assert record["allowed"] is False
    assert "largest size that passes: " in record["sentences"][0]
    (quantity,) = record["largest"]["quantities"]
    assert run("limits", "test", f"{quantity} C 84000 26MAR27", *asked).exit_code == 0
    more = float(quantity) - 0.1
    assert run("limits", "test", f"{more:.1f} C 84000 26MAR27", *asked).exit_code == 5


def test_without_a_limits_file_nothing_is_traded(book: Path, tmp_path: Path) -> None:
    for words in (("show",), ("test", "-1 C 84000 26MAR27")):
        result = run("limits", *words, *on(book))
        assert result.exit_code == 5
        assert "no trading, cancels stay allowed" in result.output
        assert str(tmp_path / "limits.toml") in result.output


def test_limits_are_found_beside_the_config_file_and_by_the_environment(
    book: Path, limits: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("QUANTDESK_LIMITS", str(limits))
    assert run("limits", "show", *on(book)).exit_code == 0
    monkeypatch.delenv("QUANTDESK_LIMITS")
    (tmp_path / "limits.toml").write_text(LIMITS, encoding="utf-8")
    assert run("limits", "show", *on(book)).exit_code == 0


@pytest.mark.parametrize(
    "content", [b"\xff\xfe", b"schema = 1", LIMITS.replace("hard = 5", "hrad = 5").encode()]
)
def test_a_file_that_can_not_be_read_stops_trading(
    content: bytes, book: Path, limits: Path
) -> None:
    limits.write_bytes(content)
    result = run("limits", "show", "--limits", limits, *on(book))
    assert isinstance(result.exception, ConfigError)
    assert "no trading until it can be read, cancels stay allowed" in str(result.exception)


def test_a_position_that_can_not_be_read_closes_the_limits(book: Path, limits: Path) -> None:
    with book.open("a", encoding="utf-8") as file:
        file.write("deribit,BTC-28JUN26-1-C,5\n")
    result = run("limits", "test", "-0.1 C 84000 26MAR27", "--limits", limits, *on(book))
    assert result.exit_code == 5
    assert "1 positions or orders could not be read" in result.stdout


def test_a_breach_ends_show_with_5(book: Path, limits: Path) -> None:
    limits.write_text(LIMITS.replace("hard = 5\n", "hard = 0.01\n"), encoding="utf-8")
    result = run("limits", "show", "--limits", limits, *on(book))
    assert result.exit_code == 5
    assert "only reducing orders pass" in result.stdout


def test_the_risk_report_carries_the_limits(book: Path, limits: Path) -> None:
    asked = ("risk", "report", *on(book), "--format", "json")
    without = json.loads(run(*asked).stdout)
    assert without["limits"] is None
    assert "limits" in without["reasons"]
    result = run(*asked, "--limits", limits)
    record = json.loads(result.stdout)
    assert "limits" not in record["reasons"]
    shown = json.loads(
        run("limits", "show", "--limits", limits, *on(book), "--format", "json").stdout
    )
    assert record["limits"] == shown
    assert (
        "net delta (premium-adjusted)"
        in run("risk", "report", *on(book), "--limits", limits).stdout
    )


SCOPED = """
schema = 1
[[limit]]
scope = "account"
name = "main"
measure = "day_loss"
hard = 1000
[[limit]]
scope = "expiry"
underlying = "BTC"
name = "26MAR27"
measure = "drawdown"
hard = 500
[[limit]]
scope = "account"
name = "main"
venue = "deribit"
measure = "margin_use"
convention = "deribit-portfolio"
hard = 0.9
"""


def test_losses_and_equity_are_told_by_scope(tmp_path: Path, limits: Path) -> None:
    limits.write_text(SCOPED, encoding="utf-8")
    book = tmp_path / "accounts.csv"
    book.write_text(
        f"venue,instrument_name,quantity,account\nderibit,{CALL},-2,main\n", encoding="utf-8"
    )
    asked = ("limits", "show", "--limits", limits, *on(book), "--format", "json")
    untold = json.loads(run(*asked).stdout)["limits"]
    assert [one["state"] for one in untold] == ["unknown"] * 3
    told = (
        "--day-pnl",
        "account=main:-1500",
        "--drawdown",
        "underlying=BTC,expiry=26mar27:100",
        "--equity",
        "account=main,venue=deribit:200000",
    )
    result = run(*asked, *told)
    assert result.exit_code == 5
    rows = json.loads(result.stdout)["limits"]
    assert [one["state"] for one in rows] == ["breached", "ok", "ok"]
    assert [one["use"] for one in rows[:2]] == [1500.0, 100.0]
    assert 0.05 < rows[2]["use"] < 0.5
    assert "unproved" in rows[2]["detail"]


def test_what_no_limit_looks_at_is_said(book: Path, limits: Path) -> None:
    limits.write_text(SCOPED, encoding="utf-8")
    result = run("limits", "show", "--limits", limits, *on(book), "--day-pnl", "-5")
    assert "no limit looks at that; there are limits of account main" in result.stderr


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--day-pnl", "acount=main:-5"), "did you mean account?"),
        (("--day-pnl", "much"), "must be USD, -5000, or USD of a scope"),
        (("--day-pnl", "nan"), "must be USD"),
        (("--equity", "-4"), "must be from 0 up"),
        (("--drawdown", "expiry=99ZZZ26:4"), "27MAR26"),
        (("--equity", "account=a:1", "--equity", "account=a:2"), "given twice"),
        (("--equity", "account=a,account=b:1"), "must be given once"),
    ],
)
def test_a_scope_that_means_nothing_is_refused(
    words: tuple[str, ...], message: str, book: Path, limits: Path
) -> None:
    result = run("limits", "show", "--limits", limits, *on(book), *words)
    assert isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_the_example_is_a_file_that_show_takes(book: Path, tmp_path: Path) -> None:
    example = run("limits", "show", "--example")
    assert example.exit_code == 0
    path = tmp_path / "example.toml"
    path.write_text(example.stdout, encoding="utf-8")
    shown = run("limits", "show", "--limits", path, *on(book), "--format", "csv")
    # Day loss, drawdown and equity that nobody told: their hard limits refuse until somebody does.
    assert shown.exit_code == 3, shown.output
    assert "margin use (deribit-portfolio-cross)" in shown.stdout


def test_every_name_of_the_example_is_borne_in_the_packaged_chains(tmp_path: Path) -> None:
    path = tmp_path / "example.toml"
    path.write_text(run("limits", "show", "--example").stdout, encoding="utf-8")
    # Accounts and strategies are the desk's own: a book without any leaves them open.
    held = tmp_path / "book.csv"
    held.write_text(
        "venue,instrument_name,quantity\nderibit,BTC-PERPETUAL,10\nbinance,BTC-260925-60000-C,1\n",
        encoding="utf-8",
    )
    shown = run(
        *("limits", "show", "--limits", path, "--book", held),
        *("--venue", "deribit", "--venue", "binance"),
    )
    assert "nothing in this book" not in shown.stderr
    assert "10 USD" in shown.stdout


def test_without_market_and_book_no_name_is_said_to_be_of_nothing(tmp_path: Path) -> None:
    path = tmp_path / "example.toml"
    path.write_text(run("limits", "show", "--example").stdout, encoding="utf-8")
    shown = run("limits", "show", "--limits", path)
    assert "no book is given" in shown.stderr
    assert "nothing in this book" not in shown.stderr


def test_without_a_book_nothing_is_held(limits: Path) -> None:
    shown = run("limits", "show", "--limits", limits, "--market", MARKET, "--format", "json")
    assert shown.exit_code == 0, shown.output
    record = json.loads(shown.stdout)
    assert {one["use"] for one in record["limits"]} == {0.0}
    assert "nothing is held" in shown.stderr
    assert record["vols"].startswith("each option's own: the venue's mark IV")
    asked = ("--limits", limits, "--market", MARKET)
    assert run("limits", "test", "+1 C 84000 26MAR27", *asked).exit_code == 0
    assert run("limits", "test", "+1000 C 84000 26MAR27", *asked).exit_code == 5


def test_ticket_says_on_which_chain_by_itself_or_is_asked(limits: Path, book: Path) -> None:
    asked = ("limits", "test", "--limits", limits)
    assert run(*asked, "+1 C 20d monthly", "BTC").exit_code == 0
    assert run(*asked, "+1 BTC-25SEP26-60000-C").exit_code == 0
    # A book of bitcoin is asked about ether too.
    beside = run(*asked, "+1 C 20d monthly", "ETH", "--book", book, "--format", "json")
    assert "ETH-" in beside.stdout, beside.output
    nowhere = run(*asked, "+1 C 20d monthly").exception
    assert isinstance(nowhere, ConfigError)
    assert "structure '+1 C 20d monthly': say on which chain" in str(nowhere)
    other = run(*asked, "BTC: +1 C 20d monthly", "ETH").exception
    assert isinstance(other, ConfigError)
    assert "underlying ETH: the structure is on BTC" in str(other)


def test_ticket_on_several_chains_is_asked_for_one(limits: Path) -> None:
    asked = ("limits", "test", "--limits", limits, "--market", MARKET, "--market", ETH_MARKET)
    error = run(*asked, "-1 C 2600 6FEB26").exception
    assert isinstance(error, ConfigError)
    assert "here are deribit BTC, deribit ETH" in str(error)
    assert "ETH-6FEB26-2600-C" in run(*asked, "-1 C 2600 6FEB26", "ETH").output


def test_stress_that_is_not_there_is_named_with_its_limit_and_file(
    book: Path, tmp_path: Path
) -> None:
    path = tmp_path / "stress.toml"
    limit = 'scope = "desk"\nmeasure = "stress_loss"\nscenarios = ["crsh"]\nhard = 1'
    path.write_text(f"schema = 1\n[[limit]]\n{limit}\n", encoding="utf-8")
    error = run("limits", "show", "--limits", path, *on(book)).exception
    assert isinstance(error, ConfigError)
    assert f"{path}: limit 1: scenarios = 'crsh'" in str(error)
    assert "did you mean crash?; no trading" in str(error)


def test_a_hard_limit_that_is_unknown_is_missing_data(book: Path, tmp_path: Path) -> None:
    path = tmp_path / "loss.toml"
    limit = 'scope = "desk"\nmeasure = "day_loss"\n'
    path.write_text(f"schema = 1\n[[limit]]\n{limit}hard = 10\n", encoding="utf-8")
    shown = run("limits", "show", "--limits", path, *on(book))
    assert shown.exit_code == 3
    assert "1 hard limit is UNKNOWN" in shown.stderr
    path.write_text(f"schema = 1\n[[limit]]\n{limit}soft = 10\n", encoding="utf-8")
    assert run("limits", "show", "--limits", path, *on(book)).exit_code == 0


@pytest.mark.parametrize("method", ["historical", "filtered"])
def test_a_coin_without_a_vol_index_has_a_var_with_its_vols_unchanged(
    method: str, tmp_path: Path
) -> None:
    held, path = tmp_path / "eth.csv", tmp_path / "var.toml"
    rows = "venue,instrument_name,quantity\nderibit,ETH-6FEB26-2600-C,-5\n"
    held.write_text(rows, encoding="utf-8")
    limit = f'scope = "desk"\nmeasure = "var"\nhard = 1e6\nconvention = "{method}'
    asked = ("--limits", path, "--book", held, "--market", ETH_MARKET)
    path.write_text(f'schema = 1\n[[limit]]\n{limit}"\n', encoding="utf-8")
    assert run("limits", "show", *asked).exit_code == 3
    refused = run("limits", "test", "-1 C 2600 6FEB26", *asked)
    assert refused.exit_code == 5
    assert f"{method}-vols-unchanged needs no record of a vol index" in refused.stdout
    path.write_text(f'schema = 1\n[[limit]]\n{limit}-vols-unchanged"\n', encoding="utf-8")
    shown = run("limits", "show", *asked, "--format", "json")
    assert shown.exit_code == 0, shown.output
    (row,) = json.loads(shown.stdout)["limits"]
    assert row["convention"] == f"{method}-vols-unchanged"
    assert row["use"] > 0
    assert run("limits", "test", "-1 C 2600 6FEB26", *asked).exit_code == 0
