"""`quantdesk surface at` and `shock` as a trader or a script uses them."""

from __future__ import annotations

import csv
import io
import json
import math
from pathlib import Path
from statistics import NormalDist

import duckdb
import numpy as np
import pytest
from click.testing import CliRunner

from quantdesk.app.cli.surface import command
from quantdesk.errors import InvalidInput, QuantDeskError
from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.surface_dates import parse_surface_date
from quantdesk.market.surface_reading import read_dates
from quantdesk.runtime.surfaces import read_quotes
from tests.unit.surface.chains import AS_OF_NS, DAY_NS, RECORDED, chain


def run(*args: str) -> str:
    result = CliRunner().invoke(command, list(args), catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.stdout


def test_points_are_those_of_the_fitted_surface() -> None:
    asked = ("--strike", "80000,100000", "--delta", "-0.25", "--moneyness", "0.1")
    record = json.loads(run("at", str(RECORDED), *asked, "--date", "30d", "--format", "json"))
    fit = fit_surface(read_quotes(RECORDED, None, None))
    assert isinstance(fit, SurfaceFit)
    assert record["digest"] == fit.digest
    (date,) = record["dates"]
    strike, far, put, call = date["points"]
    instant = np.array(fit.as_of_ns + 30 * DAY_NS)
    vols = fit.implied_vol(instant, np.array([80_000.0, 100_000.0]))
    assert [strike["iv"], far["iv"]] == pytest.approx(vols.tolist(), rel=1e-12)
    assert strike["total_variance"] == pytest.approx(strike["iv"] ** 2 * date["years"])
    assert (put["option_type"], call["option_type"]) == ("put", "call")
    assert call["log_moneyness"] == 0.1
    root = math.sqrt(put["total_variance"])
    assert NormalDist().cdf(-put["log_moneyness"] / root + root / 2) - 1 == pytest.approx(-0.25)
    # Sticky strike is Black's own delta; the skew lies between it and the other two, both ways.
    assert strike["sticky_strike"]["delta"] == pytest.approx(strike["black_delta"])
    change = strike["sticky_delta"]["delta"] - strike["black_delta"]
    assert strike["surface"]["delta"] - strike["black_delta"] == pytest.approx(-change)


def test_every_date_says_what_traders_ask_of_it() -> None:
    args = ("at", str(RECORDED), "--wings", "0.1,0.25", "--format", "json")
    record = json.loads(run(*args))
    assert "not DVOL" in record["index"]["words"]
    assert len(record["dates"]) == 12
    for date in record["dates"]:
        assert [each["delta"] for each in date["wings"]] == [0.1, 0.25]
        for each in date["wings"]:
            assert each["risk_reversal"] == pytest.approx(each["call"] - each["put"])
            mean = (each["call"] + each["put"]) / 2
            assert each["butterfly"] == pytest.approx(mean - date["atm"])
        assert date["moments"]["mass"] == pytest.approx(1.0, abs=1e-9)
        assert date["moments"]["forward"] == pytest.approx(1.0, abs=1e-9)
        assert date["variance_swap"]["vol"] > date["atm"]
        (point,) = date["points"]
        assert point["iv"] == date["atm"]


def test_the_index_is_linear_in_variance_between_the_swaps_around_it() -> None:
    record = json.loads(run("at", str(RECORDED), "--index-days", "45", "--format", "json"))
    swaps = [(date["years"], date["variance_swap"]["total_variance"]) for date in record["dates"]]
    at = 45 / 365
    (near, low), (far, high) = (
        max(s for s in swaps if s[0] <= at),
        min(s for s in swaps if s[0] > at),
    )
    total = low + (high - low) * (at - near) / (far - near)
    assert record["index"]["points"] == pytest.approx(100 * (total / at) ** 0.5)


def test_a_point_says_how_it_rolls_down() -> None:
    args = ("at", str(RECORDED), "--date", "45d")
    ((point,),) = [date["points"] for date in json.loads(run(*args, "--format", "json"))["dates"]]
    roll = point["roll_down"]
    gained = roll["price_per_day"] - point["theta_per_day"]
    assert roll["beyond_theta_per_day"] == pytest.approx(gained, abs=1e-6)
    (row,) = csv.DictReader(io.StringIO(run(*args, "--format", "csv")))
    assert float(row["roll_iv_per_day"]) == roll["iv_per_day"]
    assert f"{roll['price_per_day']:,.2f}" in run(*args)


def test_svi_slices_are_told_with_their_jump_wings() -> None:
    args = ("fit", str(RECORDED), "--model", "svi")
    slices = json.loads(run(*args, "--format", "json"))["slices"]
    wings = slices[0]["jump_wings"]
    assert list(wings) == ["v", "psi", "p", "c", "v_min"]
    assert wings["v"] == pytest.approx(slices[0]["atm_iv"] ** 2)
    assert f"{wings['psi']:.5g}" in run(*args)


def test_a_shock_of_nothing_prints_the_fit() -> None:
    assert run("shock", str(RECORDED)) == run("fit", str(RECORDED))


def test_a_shocked_surface_is_not_graded_by_quotes() -> None:
    words = run("shock", str(RECORDED), "--curvature", "3")
    assert "shocked by curvature +300 vol points: grade F by what was asked" in words
    assert "nan" not in words
    assert "quotes inside" not in words


def test_all_formats_say_the_same(tmp_path: Path) -> None:
    args = ("at", str(RECORDED), "--expiry", "monthly", "--strike", "80000")
    record = json.loads(run(*args, "--format", "json"))
    iv = record["dates"][0]["points"][0]["iv"]
    (row,) = csv.DictReader(io.StringIO(run(*args, "--format", "csv")))
    assert float(row["iv"]) == iv
    assert f"{100 * iv:.2f}" in run(*args)
    assert f"{100 * iv:.2f}" in run(*args, "--format", "md")
    path = tmp_path / "at.parquet"
    run(*args, "--format", "parquet", "-o", str(path))
    with duckdb.connect() as database:
        found = database.execute(f"SELECT iv, rr_0_25 FROM '{path}'").fetchone()
    assert found == (iv, record["dates"][0]["wings"][0]["risk_reversal"])


@pytest.mark.parametrize(
    ("args", "field"),
    [
        (("--strike", "-5"), "strike"),
        (("--strike", "1,x"), "strike"),
        (("--delta", "1.5"), "delta"),
        (("--moneyness", "1e9"), "log_moneyness"),
        (("--date", "2020-01-01"), "date"),
        (("--date", "32JUN26"), "date"),
        (("--expiry", "1JAN30"), "expiry"),
        (("--wings", "0"), "delta"),
    ],
)
def test_what_makes_no_sense_is_refused_by_name(args: tuple[str, ...], field: str) -> None:
    with pytest.raises(QuantDeskError, match=f"{field} = "):
        run("at", str(RECORDED), *args)


def test_a_shock_is_printed_as_a_fit_without_arbitrage() -> None:
    before = json.loads(run("at", str(RECORDED), "--format", "json"))
    moved = json.loads(run("shock", str(RECORDED), "--level", "0.05", "--format", "json"))
    assert moved["faults"] == []
    # Nothing was quoted there, so nothing is inside.
    assert moved["in_spread"] is None
    for old, new in zip(before["dates"], moved["slices"], strict=True):
        assert new["atm_iv"] - old["atm"] == pytest.approx(0.05, abs=0.005)


def test_dates_between_expiries_are_densities_too() -> None:
    fit = fit_surface(chain())
    assert isinstance(fit, SurfaceFit)
    instants = [AS_OF_NS + days * DAY_NS for days in (1, 20, 200)]
    for each in read_dates(fit, instants):
        assert each.moments.mass == pytest.approx(1.0, abs=1e-9)
        assert each.moments.forward == pytest.approx(1.0, abs=1e-9)
        assert each.origin != "a listed expiry"
    assert parse_surface_date(fit, "20d") == instants[1]
    with pytest.raises(InvalidInput, match="date"):
        parse_surface_date(fit, "0d")
