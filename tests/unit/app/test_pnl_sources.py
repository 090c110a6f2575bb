"""Moments of `pnl explain`: times, files, recordings, venues, the kept opening; and nonsense."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

import quantdesk as qd
from quantdesk.app.cli.pnl import command
from quantdesk.app.cli.pnl_sources import pnl_sources
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError, StorageError
from quantdesk.runtime.pnl_openings import DayOpenings, kept_markets, openings_store
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.venues import parse_venues

SAMPLE = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"


@pytest.fixture
def book(tmp_path: Path) -> Path:
    path = tmp_path / "book.csv"
    path.write_text(
        "venue,instrument_name,quantity\n"
        "deribit,BTC-28JUN26-60000-P,-2\nderibit,BTC-PERPETUAL,10000\n"
    )
    return path


def test_each_moment_is_a_time_a_file_a_recording_or_a_venue(tmp_path: Path) -> None:
    settings = Settings()
    opening, closing = pnl_sources(
        settings, from_=["2026-06-27T09:00Z"], to=["2026-06-27T10:00Z"], market=[SAMPLE]
    )
    assert opening is not None
    assert (opening.markets, closing.markets) == ((SAMPLE,), (SAMPLE,))
    assert opening.at_ns == parse_instant("2026-06-27T09:00Z")
    assert closing.at_ns == parse_instant("2026-06-27T10:00Z")
    opening, closing = pnl_sources(settings, from_=[str(SAMPLE)], to=["deribit:live"])
    assert opening is not None
    assert opening.markets == (SAMPLE,)
    assert [each.environment.value for each in closing.venues] == ["live"]
    _, closing = pnl_sources(settings, from_=[str(tmp_path)], to=[str(SAMPLE)])
    assert closing.markets == (SAMPLE,)
    address = "ws://127.0.0.1:1/ws/api/v2"
    opening, closing = pnl_sources(settings, from_=["day"], to=["deribit"], endpoint=[address])
    assert opening is None
    assert closing.venues[0].endpoint == address


@pytest.mark.parametrize(
    ("from_", "to", "said"),
    [
        ([], [], "give one opening"),
        (["yesterday"], ["deribit"], "is no time like"),
        (["deribit"], ["deribit"], "a venue only has now"),
        ([str(SAMPLE)], [], "--from TIME: is missing"),
        ([str(SAMPLE)], ["deribit", str(SAMPLE)], "give one close"),
        ([str(SAMPLE)], ["deribit", "2026-06-27T10:00Z"], "a venue only has now"),
        (["day"], [str(SAMPLE)], "goes with --to VENUE"),
        ([str(SAMPLE), "2026-06-27T10:00Z"], ["2026-06-27T10:00Z"], "must be later"),
        (["2026-06-27T10:00Z", "2026-06-27T11:00Z", str(SAMPLE)], [], "give one time"),
    ],
)
def test_moments_that_contradict_or_mean_nothing_are_refused(
    from_: list[str], to: list[str], said: str
) -> None:
    with pytest.raises(ConfigError, match=said):
        pnl_sources(Settings(), from_=from_, to=to)


def test_two_recordings_of_the_opening_are_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="is one recording, --replay another"):
        pnl_sources(Settings(), from_=[str(tmp_path), "2026-06-27T10:00Z"], replay=tmp_path / "b")


def test_a_recording_that_is_named_twice_is_one(tmp_path: Path) -> None:
    opening, closing = pnl_sources(
        Settings(),
        from_=[str(tmp_path), "2026-06-27T10:00Z"],
        to=["2026-06-27T11:00Z"],
        replay=tmp_path,
    )
    assert opening is not None
    assert opening.replay == closing.replay == tmp_path


def test_what_is_refused_is_named_as_the_user_wrote_it() -> None:
    names, late, early = ("--since", "--at"), ["2026-06-27T11:00Z"], ["2026-06-27T10:00Z"]
    with pytest.raises(ConfigError, match=r"^--at: must be later than --since$"):
        pnl_sources(Settings(), from_=late, to=early, market=[SAMPLE], options=names)
    with pytest.raises(ConfigError, match=r"^--since 'yesterday': is no time"):
        pnl_sources(Settings(), from_=["yesterday"], market=[SAMPLE], options=names)


def test_from_a_file_to_a_venue_now(book: Path, tmp_path: Path) -> None:
    words = ["explain", "--book", str(book), "--from", str(SAMPLE), "--to", "deribit"]
    env = {"QUANTDESK_DATA_DIR": str(tmp_path / "data")}
    done = CliRunner().invoke(command, [*words, "--format", "json"], env=env)
    assert done.exit_code == 0, done.output
    record = json.loads(done.stdout)
    assert "simulated" in record["sources"]["closing"]
    assert {leg["instrument_name"] for leg in record["legs"]} == {
        "BTC-28JUN26-60000-P",
        "BTC-PERPETUAL",
    }
    (total,) = record["totals"]
    assert sum(step["amount"] for step in total["steps"]) == pytest.approx(
        total["actual"], abs=1e-12
    )


def test_from_the_opening_that_no_desk_kept(book: Path, tmp_path: Path) -> None:
    words = ["explain", "--book", str(book), "--from", "day", "--to", "deribit:live"]
    done = CliRunner().invoke(command, words, env={"QUANTDESK_DATA_DIR": str(tmp_path / "data")})
    assert isinstance(done.exception, StorageError)
    assert "no opening of the book's chains at deribit:live is kept" in str(done.exception)


def test_the_kept_opening_is_that_of_the_screens_desk(tmp_path: Path) -> None:
    venues = parse_venues(["deribit"], ["ws://127.0.0.1:1/ws/api/v2"])
    store = openings_store(tmp_path, venues)
    assert store is not None
    snapshot = qd.sample("deribit-2026-06-27").snapshot
    job = DayOpenings(store=store).due(snapshot)
    assert job is not None
    job()
    (found,) = kept_markets(store, [("deribit", "BTC")])
    assert found.as_of_ns == snapshot.chains[0].as_of_ns
