"""A recording gives what was seen, and the same bytes each time."""

from __future__ import annotations

import asyncio
import os
import subprocess
import sys
from pathlib import Path

import pytest

from quantdesk.app.render.chain_record import chain_rows, to_json
from quantdesk.app.render.snapshot_record import snapshot_record
from quantdesk.errors import RecordingDamaged, StorageError
from quantdesk.runtime.clock import NS_PER_S, ManualClock
from quantdesk.runtime.recordings import prune, record_venues
from quantdesk.runtime.replay import ReplayPlayer, snapshot_at, snapshots
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import Source, read_snapshot
from quantdesk.runtime.venues import parse_venues
from quantdesk.snapshot import DeskSnapshot, Environment
from quantdesk.storage.recording import read_recording


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the embedded ETH venue, recorded over a real socket."""
    return recorded(tmp_path_factory.mktemp("recording") / "eth", "deribit", seconds=2.0)


@pytest.fixture(scope="module")
def both_venues(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Both embedded ETH venues; Binance's list comes first, and its name by the alphabet."""
    folder = tmp_path_factory.mktemp("recording") / "both"
    return recorded(folder, "deribit,binance", seconds=4.0)


def recorded(folder: Path, venues: str, *, seconds: float) -> Path:
    os.environ["QUANTDESK_DATA_DIR"] = str(folder.parent / "data")

    async def run() -> None:
        await record_venues(
            parse_venues([venues]),
            ("ETH",),
            folder,
            settings=Settings(),
            run_id="test",
            seconds=seconds,
            stop=asyncio.Event(),
        )

    asyncio.run(run())
    return folder


def interval_s(folder: Path) -> float:
    """A quarter of what was recorded: a slow machine records less of its two seconds."""
    received = [frame.recv_ns for frame in read_recording(folder).frames()]
    return (max(received) - min(received)) / (4 * NS_PER_S)


def written(folder: Path) -> bytes:
    seen = snapshots(folder, every_s=interval_s(folder), fits_surfaces=True)
    return b"\n".join(to_json(snapshot_record(each)) for each in seen)


def test_replay_twice_gives_the_same_bytes(recording: Path) -> None:
    first = written(recording)
    assert first.count(b"\n") >= 1
    assert first == written(recording)


@pytest.mark.parametrize("change", [{"PYTHONHASHSEED": "1"}, {"TZ": "Asia/Tokyo"}])
def test_replay_elsewhere_gives_the_same_bytes(recording: Path, change: dict[str, str]) -> None:
    command = [sys.executable, "-c", "from quantdesk.app.cli.main import main; main()"]
    done = subprocess.run(
        [*command, "replay", str(recording), "--every", str(interval_s(recording))],
        env=os.environ | change,
        capture_output=True,
        check=True,
    )
    assert done.stdout.rstrip(b"\n") == written(recording)


def test_replay_is_labelled_and_complete(recording: Path) -> None:
    last = list(snapshots(recording, every_s=0.5))[-1]
    assert last.environment is Environment.REPLAY
    chain = last.chain("ETH")
    assert chain is not None
    assert len(chain.chain) == 429
    assert (chain.chain.event_ns > 0).all()


def test_last_moment_is_the_end_of_the_replay(recording: Path) -> None:
    end = snapshot_at(recording, "ETH", None).chain("ETH")
    last = list(snapshots(recording, every_s=0.5))[-1].chain("ETH")
    assert end is not None
    assert last is not None
    assert chain_rows(end) == chain_rows(last)


def test_moment_in_the_middle_shows_nothing_later(recording: Path) -> None:
    end = snapshot_at(recording, "ETH", None).chain("ETH")
    assert end is not None
    # The moment before the last quote: a quiet market may not move for seconds.
    middle_ns = int(end.chain.event_ns.max()) - 1
    middle = snapshot_at(recording, "ETH", middle_ns).chain("ETH")
    assert middle is not None
    assert middle.as_of_ns == middle_ns
    assert middle.chain.event_ns.max() <= middle_ns
    assert middle.chain.event_ns.max() < end.chain.event_ns.max()


def test_moment_outside_is_refused_with_the_range(recording: Path) -> None:
    with pytest.raises(StorageError, match=r"ends at 2026-01-31T12:25:\d\d"):
        snapshot_at(recording, "ETH", 1_900_000_000 * 10**9)
    with pytest.raises(StorageError, match="no ETH chain in it before 2026-01-31"):
        snapshot_at(recording, "ETH", 10**18)


def test_underlying_that_was_not_recorded_is_named(recording: Path) -> None:
    with pytest.raises(StorageError, match="no BTC chain"):
        snapshot_at(recording, "BTC", None)


def test_damaged_recording_stops_at_a_named_offset(recording: Path, tmp_path: Path) -> None:
    source = sorted(recording.glob("*.qdrec"))[0]
    data = bytearray(source.read_bytes())
    data[len(data) // 3] ^= 0xFF
    (tmp_path / source.name).write_bytes(data)
    with pytest.raises(RecordingDamaged) as caught:
        list(snapshots(tmp_path, every_s=0.5))
    assert 0 < caught.value.offset <= len(data)
    assert source.name in str(caught.value)


def test_player_reaches_the_end_at_its_own_pace(recording: Path) -> None:
    clock = ManualClock(0)
    player = ReplayPlayer(recording, clock=clock, speed=2.0)
    player.start()
    clock.advance_to(10**12)
    player.wait()
    latest = player.latest()
    assert latest is not None
    assert latest.ts_ns >= (read_recording(recording).last_recv_ns or 0)
    player.close()


def venues_of(snapshot: DeskSnapshot | None) -> list[str]:
    assert snapshot is not None
    return [chain.venue for chain in snapshot.chains]


def test_a_recording_of_both_venues_opens_on_deribit(both_venues: Path) -> None:
    assert list(read_recording(both_venues).links) == ["binance-eth", "deribit-eth"]
    *_, last = snapshots(both_venues, every_s=1.0)
    assert venues_of(last) == ["deribit", "binance"]
    assert venues_of(snapshot_at(both_venues, "ETH", None)) == ["deribit", "binance"]


@pytest.mark.parametrize(
    ("venue", "order"),
    [
        (Settings().venue, ["deribit", "binance"]),
        ("binance", ["binance", "deribit"]),
        ("binance:live, deribit:live", ["binance", "deribit"]),
    ],
)
def test_a_replay_opens_on_the_first_venue_of_the_settings(
    both_venues: Path, venue: str, order: list[str]
) -> None:
    settings = Settings(venue=venue)
    still = read_snapshot(Source(replay=both_venues), "ETH", settings)
    assert venues_of(still) == order
    clock = ManualClock(0)
    player = ReplayPlayer(both_venues, clock=clock, venues=settings.venue_names)
    player.start()
    clock.advance_to(10**12)
    player.wait()
    assert venues_of(player.latest()) == order
    player.close()


def test_oldest_sessions_make_room(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "000001.qdrec").write_bytes(bytes(100))
    assert [path.name for path in prune(tmp_path, 250)] == ["a"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "c"]
    assert prune(tmp_path / "none", 0) == []
