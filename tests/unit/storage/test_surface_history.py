"""The history of fits: whole, once, never ahead of the moment asked for, and readable for ever."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import duckdb
import numpy as np
import pytest

from quantdesk.errors import StorageError
from quantdesk.market.fitting import FitOptions, SurfaceFit, fit_surface
from quantdesk.pricing.smile import slice_jets
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.surface_store import restored_fit, stored_fit
from quantdesk.runtime.surfaces import quotes_of
from quantdesk.storage.history_schema import MIGRATIONS, SCHEMA_VERSION
from quantdesk.storage.surface_history import StoredFit, SurfaceHistory

CHAIN = opening_snapshot("BTC").chains[0]
OLD_FILES = Path(__file__).parents[2] / "fixtures" / "surface_history"


def fitted(model: str = "spline") -> SurfaceFit:
    fit = fit_surface(quotes_of(CHAIN), options=FitOptions(model=model))
    assert isinstance(fit, SurfaceFit)
    return fit


FIT = fitted()
STORED = stored_fit(FIT, origin="test", saved_ns=7)


def at(as_of_ns: int, digest: str = "", *, underlying: str = "BTC") -> StoredFit:
    """The fit under another moment and digest."""
    summary = replace(
        STORED.summary,
        as_of_ns=as_of_ns,
        digest=digest or f"d{as_of_ns}",
        underlying=underlying,
        saved_ns=as_of_ns,
    )
    return replace(STORED, summary=summary)


@pytest.fixture
def history(tmp_path: Path) -> SurfaceHistory:
    return SurfaceHistory(tmp_path / "deep" / "surfaces.duckdb")


@pytest.mark.parametrize("model", ["spline", "svi", "ssvi"])
def test_fit_comes_back_bit_for_bit(history: SurfaceHistory, model: str) -> None:
    fit = fitted(model)
    assert history.append(stored_fit(fit, origin="test", saved_ns=7))
    found = history.as_of("BTC")
    assert found is not None
    back = restored_fit(found)
    assert (back.digest, back.options, back.grade) == (fit.digest, fit.options, fit.grade)
    assert back.refused == fit.refused
    assert len(back.slices) == len(fit.slices)
    k = np.linspace(-3, 3, 61)
    for old, new in zip(fit.slices, back.slices, strict=True):
        assert np.array_equal(slice_jets(old.smile, k).w, slice_jets(new.smile, k).w)
        assert np.array_equal(old.fit_iv, new.fit_iv)
        assert np.array_equal(old.residual, new.residual, equal_nan=True)
        assert np.array_equal(old.is_inside, new.is_inside)
        assert old.quotes.names == new.quotes.names
        assert old.quotes.reasons == new.quotes.reasons
        assert old.flags == new.flags
        assert old.quotes.trust is not None
        assert new.quotes.trust is not None
        assert np.array_equal(old.quotes.trust, new.quotes.trust)
        assert np.array_equal(old.quotes.weight, new.quotes.weight)
        assert old.quotes.evidence is not None
        assert new.quotes.evidence == old.quotes.evidence
    between = np.array([(fit.slices[0].expiry_ns + fit.slices[1].expiry_ns) // 2])
    strikes = np.array([50_000.0, 60_000.0])
    assert np.array_equal(back.implied_vol(between, strikes), fit.implied_vol(between, strikes))


def test_words_on_dates_between_expiries_survive(history: SurfaceHistory) -> None:
    fit = replace(FIT, between=("g falls below 0 between two expiries.",))
    history.append(stored_fit(fit, origin="test", saved_ns=7))
    found = history.as_of("BTC")
    assert found is not None
    assert restored_fit(found).between == fit.between


def test_infinite_slack_of_the_longest_slice_survives(history: SurfaceHistory) -> None:
    history.append(STORED)
    found = history.as_of("BTC")
    assert found is not None
    assert np.isinf(found.slices[-1].calendar_slack)


def test_same_inputs_are_kept_once(history: SurfaceHistory) -> None:
    assert history.append(STORED)
    assert not history.append(STORED)
    assert len(history.summaries()) == 1


def test_as_of_never_looks_ahead(history: SurfaceHistory) -> None:
    for moment in (300, 100, 200):
        history.append(at(moment))
    found = {
        moment: None if stored is None else stored.summary.as_of_ns
        for moment in (99, 100, 150, 299, 300, 10**18)
        for stored in [history.as_of("BTC", at_ns=moment)]
    }
    assert found == {99: None, 100: 100, 150: 100, 299: 200, 300: 300, 10**18: 300}


def test_questions_narrow_the_list(history: SurfaceHistory) -> None:
    for moment in range(100, 600, 100):
        history.append(at(moment))
    history.append(at(250, underlying="ETH"))
    assert [each.as_of_ns for each in history.summaries("BTC", start_ns=200, end_ns=400)] == [
        200,
        300,
        400,
    ]
    assert [each.as_of_ns for each in history.summaries("BTC", limit=2)] == [400, 500]
    assert [each.underlying for each in history.summaries(end_ns=250)] == ["BTC", "BTC", "ETH"]
    assert history.summaries("BTC", venue="binance") == []
    assert history.as_of("BTC", origin="elsewhere") is None


def test_chains_are_listed_as_of_a_moment(history: SurfaceHistory) -> None:
    assert history.chains() == []
    history.append(at(100))
    history.append(at(300, underlying="ETH"))
    assert history.chains() == [("deribit", "BTC"), ("deribit", "ETH")]
    assert history.chains(end_ns=299) == [("deribit", "BTC")]
    assert history.chains("ETH", venue="deribit", origin="test") == [("deribit", "ETH")]
    assert history.chains(venue="binance") == history.chains(origin="elsewhere") == []


def test_many_fits_are_read_at_once_in_the_order_asked(history: SurfaceHistory) -> None:
    other = replace(STORED.slices[0], expiry_ns=5)
    for moment in (30, 10, 20):
        kept = at(moment)
        history.append(replace(kept, slices=(other, *kept.slices[moment // 10 :])))
    found = history.summaries("BTC")
    whole = history.whole_fits(found[::-1])
    assert [each.summary.as_of_ns for each in whole] == [30, 20, 10]
    counts = [len(STORED.slices) - moment // 10 + 1 for moment in (30, 20, 10)]
    assert [len(each.slices) for each in whole] == counts
    assert all(each.slices[0].expiry_ns == 5 for each in whole)
    assert history.whole_fits([]) == []
    with pytest.raises(StorageError, match="no longer kept"):
        history.whole_fits([found[0], replace(found[0], digest="gone")])


def test_oldest_make_room(tmp_path: Path) -> None:
    history = SurfaceHistory(tmp_path / "h.duckdb", fits_max=2)
    for moment in (100, 200, 300):
        history.append(at(moment))
    assert [each.as_of_ns for each in history.summaries()] == [200, 300]
    with duckdb.connect(str(tmp_path / "h.duckdb"), read_only=True) as connection:
        row = connection.execute("SELECT count(DISTINCT fit_id) FROM slices").fetchone()
    assert row == (2,)


def test_no_file_is_an_empty_history(tmp_path: Path) -> None:
    history = SurfaceHistory(tmp_path / "none.duckdb")
    assert history.summaries() == []
    assert history.as_of("BTC") is None
    assert not (tmp_path / "none.duckdb").exists()


def old_file(path: Path, version: int) -> SurfaceHistory:
    """A history file as that version wrote it."""
    text = (OLD_FILES / f"version_{version}.sql").read_text(encoding="utf-8")
    with duckdb.connect(str(path)) as connection:
        for statement in text.split(";"):
            if statement.strip():
                connection.execute(statement)
    return SurfaceHistory(path)


@pytest.mark.parametrize(
    ("version", "between"), [(1, ()), (2, ("g falls below 0 between two expiries.",))]
)
def test_files_of_earlier_versions_still_open(
    tmp_path: Path, version: int, between: tuple[str, ...]
) -> None:
    history = old_file(tmp_path / "old.duckdb", version)
    for is_written in (False, True):
        # Once as it is, once brought up to date by a fit that is kept beside it.
        if is_written:
            assert history.append(STORED)
        old = history.as_of("BTC", origin="by hand")
        assert old is not None
        back = restored_fit(old)
        # w(0) = a + b(ρ(0 − m) + √(m² + s²)) = 0.01 + 0.1·0.2, by hand.
        vol = back.implied_vol(np.array([back.slices[0].expiry_ns]), np.array([60_000.0]))
        assert vol[0] == pytest.approx((0.03 / 0.25) ** 0.5, rel=1e-12)
        assert back.between == between
        quotes = back.slices[0].quotes
        assert (quotes.trust, quotes.evidence) == (None, None)
        assert quotes.weight.tolist() == [1.0]
    assert [each.between_dates for each in history.summaries()] == [between, ()]
    assert [each.digest[:3] for each in history.summaries()] == ["abc", STORED.summary.digest[:3]]
    new = history.as_of("BTC")
    assert new is not None
    assert restored_fit(new).slices[0].quotes.evidence == FIT.slices[0].quotes.evidence


def test_file_of_a_newer_program_is_refused(tmp_path: Path, history: SurfaceHistory) -> None:
    path = tmp_path / "new.duckdb"
    with duckdb.connect(str(path)) as connection:
        for statement in MIGRATIONS[0]:
            connection.execute(statement)
        connection.execute(f"INSERT INTO quantdesk_history VALUES ({SCHEMA_VERSION + 1})")
    with pytest.raises(StorageError, match="a newer one wrote it"):
        SurfaceHistory(path).summaries()
    with pytest.raises(StorageError, match="a newer one wrote it"):
        SurfaceHistory(path).append(STORED)


def test_strange_files_are_refused_and_left_alone(tmp_path: Path) -> None:
    text = tmp_path / "text.duckdb"
    text.write_bytes(b"no database" * 2000)
    with pytest.raises(StorageError, match="is no surface history"):
        SurfaceHistory(text).append(STORED)
    assert text.read_bytes() == b"no database" * 2000
    other = tmp_path / "other.duckdb"
    with duckdb.connect(str(other)) as connection:
        connection.execute("CREATE TABLE mine (a INTEGER)")
    with pytest.raises(StorageError, match="something else"):
        SurfaceHistory(other).append(STORED)
    with pytest.raises(StorageError, match="something else"):
        SurfaceHistory(other).summaries()


def test_folder_that_can_not_be_made_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StorageError, match="can not be written"):
        SurfaceHistory(tmp_path / "file" / "h.duckdb").append(STORED)


def test_file_held_by_another_program_is_said(tmp_path: Path) -> None:
    path = tmp_path / "held.duckdb"
    SurfaceHistory(path).append(STORED)
    holder = subprocess.Popen(
        [
            sys.executable,
            "-c",
            "import duckdb, sys; c = duckdb.connect(sys.argv[1]); print('held', flush=True);"
            "sys.stdin.read()",
            str(path),
        ],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )
    assert holder.stdin is not None
    assert holder.stdout is not None
    try:
        assert holder.stdout.readline() == b"held\n"
        with pytest.raises(StorageError, match="held open by another program"):
            SurfaceHistory(path).summaries()
    finally:
        holder.stdin.close()
        holder.wait(10)
        holder.stdout.close()
    assert len(SurfaceHistory(path).summaries()) == 1
