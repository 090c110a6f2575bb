"""What chain and snapshot records say of the surface: theo, edge, grade, age, digests."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner

from quantdesk.app.cli.chain import command
from quantdesk.app.render.chain_record import EDGE_FIELDS, chain_record, to_json
from quantdesk.app.render.snapshot_record import snapshot_record
from quantdesk.app.render.surface_record import parameters_digest
from quantdesk.market.own_vols import VolOverride
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import LiveSurfaces, with_surfaces
from quantdesk.runtime.sources import file_snapshot
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot

RECORDED = Path(__file__).parents[2] / "fixtures/chain_files/btc_2026-04-27_quotes.csv"
KEY = ("deribit", "BTC")


@pytest.fixture(scope="module")
def opening() -> DeskSnapshot:
    return opening_snapshot("BTC")


@pytest.fixture(scope="module")
def fitted(opening: DeskSnapshot) -> ChainSnapshot:
    return with_surfaces(opening).chains[0]


def surface_of(chain: ChainSnapshot) -> dict[str, Any]:
    record: dict[str, Any] = json.loads(to_json(chain_record(chain)))
    surface: dict[str, Any] = record["surface"]
    return surface


def test_rows_carry_the_edge_that_the_desk_shows(fitted: ChainSnapshot) -> None:
    edge = fitted.edge()
    assert edge is not None
    rows = chain_record(fitted)["rows"]
    for name in EDGE_FIELDS:
        column = np.array([np.nan if row[name] is None else row[name] for row in rows])
        np.testing.assert_array_equal(column, getattr(edge, name))
    assert sum(row["theo"] is not None for row in rows) == len(rows)


def test_surface_says_grade_age_and_digests(fitted: ChainSnapshot) -> None:
    later = replace(fitted, as_of_ns=fitted.as_of_ns + 2_500_000_000)
    surface = surface_of(later)
    fit = fitted.fit
    assert fit is not None
    assert surface["problem"] is None
    assert surface["fit"]["grade"] == "A"
    assert surface["fit"]["age_s"] == 2.5
    assert surface["fit"]["digest"] == fit.digest
    assert surface["fit"]["parameters_digest"] == parameters_digest(fit)
    assert surface["fit"]["expiries"][0]["expiry"] == "2026-06-28T08:00:00Z"
    assert surface["choice"]["model"] == "spline"


def test_parameters_digest_is_of_the_slices_alone(fitted: ChainSnapshot) -> None:
    fit = fitted.fit
    assert fit is not None
    assert parameters_digest(replace(fit, digest="other")) == parameters_digest(fit)
    assert parameters_digest(replace(fit, slices=fit.slices[1:])) != parameters_digest(fit)


def test_chain_of_which_no_surface_was_asked_has_none(opening: DeskSnapshot) -> None:
    record = chain_record(opening.chains[0])
    assert record["surface"] is None
    assert all(record["rows"][0][name] is None for name in EDGE_FIELDS)


def test_own_vols_are_the_theo_and_are_written_beside_it(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    market = surfaces.fit_now(opening).chains[0]
    assert market.fit is not None
    expiry_ns = market.fit.slices[2].expiry_ns
    own = VolOverride(expiry_ns=expiry_ns, shift=0.02, pins=((60_000.0, 0.6),))
    surfaces.choose(KEY, SurfaceChoice(overrides=(own,)))
    chain = surfaces.attached(opening.chains[0])
    said = surface_of(chain)["own_vols"]
    assert said == [
        {
            "expiry": "2026-07-17T08:00:00Z",
            "shift": 0.02,
            "tilt": 0.0,
            "pins": [{"strike": 60_000.0, "iv": 0.6}],
        }
    ]
    row = next(
        row
        for row in chain_record(chain)["rows"]
        if row["expiry"] == "2026-07-17T08:00:00Z" and row["strike"] == 60_000.0
    )
    # At the row's own forward, which is not quite that of the surface's moment.
    assert row["theo_iv"] == pytest.approx(0.6, abs=1e-3)


def test_chain_without_quotes_says_why_it_has_no_surface(opening: DeskSnapshot) -> None:
    chain = opening.chains[0]
    nothing = np.full(len(chain.chain), np.nan)
    empty = replace(chain, values=replace(chain.values, bid_iv=nothing, ask_iv=nothing.copy()))
    surface = surface_of(with_surfaces(replace(opening, chains=(empty,))).chains[0])
    assert surface["fit"] is None
    assert "usable two-sided quotes" in surface["problem"]


def test_snapshot_record_carries_the_surface_of_each_chain(opening: DeskSnapshot) -> None:
    record = snapshot_record(with_surfaces(opening))
    assert [chain["surface"]["fit"]["grade"] for chain in record["chains"]] == ["A"]
    assert to_json(record) == to_json(snapshot_record(with_surfaces(opening)))


def test_chain_verb_writes_the_surface(tmp_path: Path) -> None:
    out = tmp_path / "chain.json"
    words = ["BTC", "--market", str(RECORDED), "--format", "json", "-o", str(out)]
    assert CliRunner().invoke(command, words, catch_exceptions=False).exit_code == 0
    record = json.loads(out.read_bytes())
    assert record["surface"]["fit"]["model"] == "spline"
    assert any(row["buy_edge_vol"] is not None for row in record["rows"])


def test_printed_chain_is_fitted_again_to_the_same_surface(tmp_path: Path) -> None:
    first = with_surfaces(file_snapshot(RECORDED, "BTC", None))
    path = tmp_path / "chain.json"
    path.write_bytes(to_json(chain_record(first.chains[0])))
    again = with_surfaces(file_snapshot(path, "BTC", None))
    assert first.chains[0].fit is not None
    assert again.chains[0].fit is not None
    assert parameters_digest(again.chains[0].fit) == parameters_digest(first.chains[0].fit)
