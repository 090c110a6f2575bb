"""build, payoff, whatif and compare as a user types them, on the shipped chain in a file."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

import quantdesk as qd
from quantdesk.app.cli.main import cli
from quantdesk.app.render.chain_formats import chain_json
from quantdesk.errors import QuantDeskError

CONDOR = ("build", "iron-condor", "BTC", "--expiry", "monthly", "--short", "20d", "--wing", "5000")


@pytest.fixture(scope="module")
def market(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("market") / "btc.json"
    path.write_bytes(chain_json(qd.sample("deribit-2026-06-27").chain("BTC")))
    return path


def run(market: Path, *args: str, text: str | None = None) -> Result:
    return CliRunner().invoke(cli, [*args, "--market", str(market)], input=text)


def json_of(market: Path, *args: str, text: str | None = None) -> Any:
    done = run(market, *args, "--format", "json", text=text)
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_build_answers_with_every_promised_field(market: Path) -> None:
    answer = json_of(market, *CONDOR)
    for leg in answer["legs"]:
        assert {"instrument_name", "quantity", "price", "currency", "iv", "greeks"} <= set(leg)
    assert [leg["quantity"] for leg in answer["legs"]] == [-1, 1, -1, 1]
    net = answer["net_mid"]
    assert net["currency"] == "BTC"
    assert net["word"] == "credit"
    assert net["amount"] == pytest.approx(
        sum(leg["quantity"] * leg["price"] for leg in answer["legs"]), abs=1e-15
    )
    assert net["amount"] < 0
    assert answer["net_natural"]["amount"] > net["amount"]
    assert answer["fees"]["currency"] == "BTC"
    assert answer["max_loss"]["coin"] is None
    assert answer["max_loss"]["unbounded"] == {"coin": "down"}
    assert answer["max_loss"]["usd"] > 0
    assert answer["max_profit"]["coin"] == pytest.approx(-net["amount"])
    assert len(answer["breakevens"]["usd"]) == 2
    for chance in answer["probability_of_profit"]:
        assert set(chance) == {"law", "coin", "usd"}
        assert 0 < chance["usd"] < 1
    for name, total in answer["greeks"].items():
        assert total == pytest.approx(sum(leg["greeks"][name] for leg in answer["legs"]))
    assert answer["margin"]["totals"][0]["currency"] == "BTC"
    assert any("49,000" in warning for warning in answer["warnings"])


def test_the_output_of_build_is_read_by_every_verb(market: Path) -> None:
    for format_ in ("toml", "line", "json"):
        built = run(market, *CONDOR, "--format", format_)
        assert built.exit_code == 0
        legs = json_of(market, "build", "-", text=built.stdout)["legs"]
        assert legs[0]["instrument_name"] == "BTC-31JUL26-54000-P"
        for verb in ("payoff", "whatif", "compare"):
            assert run(market, verb, "-", text=built.stdout).exit_code == 0


@pytest.mark.parametrize("verb", ["build", "payoff", "whatif", "compare"])
@pytest.mark.parametrize("format_", ["table", "json", "ndjson", "csv", "parquet", "md"])
def test_every_format_is_written(verb: str, format_: str, market: Path, tmp_path: Path) -> None:
    path = tmp_path / "out"
    done = run(
        market, verb, "deribit BTC: -1 C 66000 31JUL26", "--format", format_, "-o", str(path)
    )
    assert done.exit_code == 0, done.output
    content = path.read_bytes()
    if format_ == "parquet":
        assert content[:4] == b"PAR1"
    elif format_ == "csv":
        rows = list(csv.reader(io.StringIO(content.decode())))
        assert len({len(row) for row in rows}) == 1
        assert len(rows) > 1
    elif format_ == "json":
        assert json.loads(content)["schema"].startswith("quantdesk.")
    elif format_ == "ndjson":
        assert all(json.loads(line)["schema"] for line in content.splitlines())
    else:
        assert b"66000" in content or b"66,000" in content


def test_a_sold_leg_may_begin_the_argument(market: Path) -> None:
    answer = json_of(market, "build", "-1 C 20d 31JUL26, +1 C +5000", "BTC")
    assert [leg["quantity"] for leg in answer["legs"]] == [-1, 1]
    reversed_ = json_of(market, "build", "straddle", "BTC", "--quantity", "-1")
    assert [leg["quantity"] for leg in reversed_["legs"]] == [-1, -1]


def test_payoff_curves_hold_today_dates_and_expiry(market: Path) -> None:
    answer = json_of(
        market, "payoff", "+1 C 60000 31JUL26", "BTC", "--date", "2026-07-15T08:00:00Z"
    )
    assert [curve["at"] for curve in answer["curves"]][1:] == [
        "2026-07-15T08:00:00Z",
        "2026-07-31T08:00:00Z",
    ]
    assert [curve["method"] == "exact" for curve in answer["curves"]] == [False, False, True]
    at = answer["prices"].index(60000)
    cost = answer["net_mid"]["amount"]
    assert answer["curves"][2]["coin"][at] == pytest.approx(-cost, abs=1e-12)
    today, later = answer["curves"][0]["coin"][at], answer["curves"][1]["coin"][at]
    assert today > later > -cost, "a long option loses time value"


@pytest.mark.parametrize("suffix", ["svg", "png"])
def test_a_payoff_is_drawn_the_same_each_time(suffix: str, market: Path, tmp_path: Path) -> None:
    pictures = []
    for number in range(2):
        path = tmp_path / f"{number}.{suffix}"
        done = run(market, "payoff", "-1 C 66000 31JUL26", "BTC", "--plot", str(path))
        assert done.exit_code == 0, done.output
        pictures.append(path.read_bytes())
    assert pictures[0] == pictures[1]
    assert pictures[0].startswith(b"\x89PNG" if suffix == "png" else b"<?xml")


def test_whatif_is_zero_where_nothing_moves_and_settles_after_expiry(market: Path) -> None:
    answer = json_of(
        market, "whatif", "+1 C 60000 31JUL26", "BTC", "--spot", "-50%,0,50%", "--days", "0,60"
    )
    spot, vol = answer["axes"]["spot"].index(0), answer["axes"]["vol"].index(0)
    assert answer["pnl_coin"][spot][vol][0][0] == 0
    index = answer["index_price"]
    settled = {
        move: answer["pnl_coin"][n][vol][1][0] for n, move in enumerate(answer["axes"]["spot"])
    }
    up = 1.5 * index
    assert settled[0.5] - settled[-0.5] == pytest.approx((up - 60_000) / up, abs=1e-12)


def test_compare_puts_up_to_four_side_by_side(market: Path) -> None:
    legs = [f"+1 C {strike} 31JUL26" for strike in (58000, 60000, 62000, 64000)]
    done = run(market, "compare", *legs, "--underlying", "BTC", "--format", "csv")
    rows = list(csv.reader(io.StringIO(done.stdout)))
    assert len(rows[0]) == 5
    too_many = run(market, "compare", *legs, legs[0], "--underlying", "BTC")
    assert too_many.exit_code == 2
    assert "at most 4" in too_many.output


@pytest.mark.parametrize(
    ("args", "says"),
    [
        (("build", "iron-condr", "BTC"), "nearest is iron-condor"),
        (("build", "iron-condor"), "underlying"),
        (("build", "iron-condor", "BTC", "--low", "5"), "not an anchor"),
        (("build", "iron-condor", "BTC", "--expiry", "27MAR20"), "nearest is 28JUN26"),
        (("build", "+1 C 60000 31JUL26", "BTC", "--wing", "5000"), "legs say it themselves"),
        (("build", "+1 C 60000 31JUL26", "BTC", "--view", "x"), "drift and vol"),
        (("build", "missing.toml", "BTC"), "neither legs"),
        (("build", "deribit ETH: +1 C 60000 31JUL26", "BTC"), "the structure is on ETH"),
        (("payoff", "+1 C 60000 31JUL26", "BTC", "--date", "2030-01-01"), "must be from"),
        (("payoff", "+1 C 60000 31JUL26", "BTC", "--plot", "x.pdf"), "must end in"),
        (("whatif", "+1 C 60000 31JUL26", "BTC", "--spot", "-100%"), "above -1"),
        (("whatif", "+1 C 60000 31JUL26", "BTC", "--vol", "nan"), "vol"),
        (("whatif", "+1 C 60000 31JUL26", "BTC", "--spot", "0:1:0"), "first:last:step"),
    ],
)
def test_bad_input_is_one_sentence(args: tuple[str, ...], says: str, market: Path) -> None:
    done = run(market, *args)
    assert done.exit_code != 0
    text = str(done.exception) if isinstance(done.exception, QuantDeskError) else done.output
    assert says in text
    assert done.stdout == "" or "Usage" in done.output


def test_the_script_of_the_style_document_builds_its_legs() -> None:
    desk = qd.sample("deribit-2026-06-27")
    chain = desk.chain("BTC", expiry="2026-09-25")
    condor = qd.iron_condor(chain, put_deltas=(0.10, 0.25), call_deltas=(0.25, 0.10), quantity=5)
    custom = chain.call(70_000).buy(2) + chain.put(50_000).sell(1)
    hedge = desk.perpetual("BTC").sell("0.8")
    assert [leg.quantity for leg in condor.legs] == [-5, 5, -5, 5]
    assert str(custom) == "+2 BTC-25SEP26-70000-C, -1 BTC-25SEP26-50000-P"
    assert str(hedge).endswith("BTC-PERPETUAL")
    assert hedge.quantity < -40_000, "0.8 coins of an inverse perpetual are counted in USD"
    analysis = qd.analyse(condor, desk.market())
    assert analysis.chances
    assert qd.build("-5 P 25d, +5 P 10d, -5 C 25d, +5 C 10d", chain).legs == condor.legs


@pytest.mark.parametrize("delta", [0, 1, -0.1, 25])
def test_a_delta_outside_0_to_1_is_refused_in_a_script(delta: float) -> None:
    chain = qd.sample("deribit-2026-06-27").chain("BTC", expiry="2026-09-25")
    with pytest.raises(QuantDeskError, match="between 0 and 1"):
        qd.iron_condor(chain, put_deltas=(delta, 0.25))
