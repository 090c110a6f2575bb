"""The opening moment of a day: taken once, kept over restarts, named where it is of no use."""

from __future__ import annotations

from dataclasses import fields, replace
from pathlib import Path

import msgspec
import numpy as np
import pytest

from quantdesk.domain.position import PositionRow
from quantdesk.domain.times import parse_instant
from quantdesk.errors import StorageError
from quantdesk.market.chain import Chain
from quantdesk.market.valuation import ChainValues
from quantdesk.runtime.pnl_opening_files import restored_market, stored_chain
from quantdesk.runtime.pnl_openings import (
    PATIENCE_NS,
    DayOpenings,
    kept_markets,
    openings_store,
    since_sentence,
)
from quantdesk.runtime.venues import parse_venues
from quantdesk.snapshot import DeskSnapshot, LinkState
from quantdesk.storage.day_openings import OpeningStore
from tests.tui.desk_samples import desk, link, recorded_desk, synthetic_chain
from tests.tui.pnl_samples import later

START = desk(recorded_desk().chains[0], synthetic_chain())
KEY = (START.chains[0].venue, START.chains[0].underlying)
SEPTEMBER_NS = parse_instant("2026-09-25T08:00Z")
HOUR_NS = 3_600_000_000_000


def taken(openings: DayOpenings, snapshot: DeskSnapshot) -> bool:
    """Do what is due on `snapshot`, as the screen's workers do; whether anything was."""
    job = openings.due(snapshot)
    if job is None:
        return False
    assert openings.due(snapshot) is None, "one at a time"
    job()
    return True


def unquoted(snapshot: DeskSnapshot) -> DeskSnapshot:
    """The same with one option of the first chain that nobody quoted yet."""
    first = snapshot.chains[0]
    event_ns = first.chain.event_ns.copy()
    event_ns[0] = 0
    chain = replace(first, chain=replace(first.chain, event_ns=event_ns))
    return replace(snapshot, chains=(chain, *snapshot.chains[1:]))


def test_the_first_complete_market_is_the_opening_and_stays_it() -> None:
    openings = DayOpenings()
    assert taken(openings, START)
    opening = openings.current.chains[KEY]
    assert opening.market.as_of_ns == START.chains[0].as_of_ns
    assert since_sentence(opening).endswith("desk start")
    assert not taken(openings, later(START, hours=3))
    assert openings.current.chains[KEY] is opening


def test_an_option_that_nobody_quoted_is_waited_for_but_not_for_ever() -> None:
    openings = DayOpenings()
    partly = unquoted(replace(START, chains=START.chains[:1]))
    assert not taken(openings, partly)
    assert not openings.current.chains
    assert taken(openings, replace(partly, ts_ns=partly.ts_ns + PATIENCE_NS))
    assert KEY in openings.current.chains


def test_a_file_is_as_complete_as_it_will_be() -> None:
    still = replace(unquoted(START), links=(link("file", state=LinkState.FILE),))
    openings = DayOpenings()
    assert taken(openings, still)
    assert KEY in openings.current.chains


@pytest.mark.parametrize(
    ("day_start_ns", "hours", "is_new"),
    [(8 * HOUR_NS, 22.0, False), (8 * HOUR_NS, 23.0, True), (0, 14.0, False), (0, 15.0, True)],
)
def test_a_new_day_opens_at_its_start(day_start_ns: int, hours: float, is_new: bool) -> None:
    """The sample is of 09:25:30."""
    openings = DayOpenings(day_start_ns=day_start_ns)
    taken(openings, START)
    assert taken(openings, later(START, hours=hours)) is is_new


def test_an_opening_near_the_days_start_is_the_days() -> None:
    start_ns = parse_instant("2026-06-28T08:00:00Z")
    hours = (start_ns + 5_000_000_000 - START.chains[0].as_of_ns) / HOUR_NS
    openings = DayOpenings()
    taken(openings, START)
    taken(openings, later(START, hours=hours))
    assert since_sentence(openings.current.chains[KEY]) == "since 2026-06-28T08:00:05Z, day start"


def test_a_restart_keeps_the_opening_value_for_value(tmp_path: Path) -> None:
    before = DayOpenings(store=OpeningStore(tmp_path))
    taken(before, START)
    after = DayOpenings(store=OpeningStore(tmp_path))
    taken(after, later(START, hours=2, spot=1.1))
    one, other = (each.current.chains[KEY] for each in (before, after))
    assert other.is_kept
    assert not one.is_kept
    assert not after.current.problems
    for kind, name in ((Chain, "chain"), (ChainValues, "values")):
        for field in fields(kind):
            first, last = (getattr(getattr(e.market, name), field.name) for e in (one, other))
            # What was doubted is no quote already.
            if field.name == "doubts":
                continue
            if isinstance(first, np.ndarray):
                np.testing.assert_array_equal(first, last, err_msg=field.name)
                assert first.dtype == last.dtype
            else:
                assert first == last
    for name in ("as_of_ns", "index_price", "index_source", "forwards", "futures"):
        assert getattr(one.market, name) == getattr(other.market, name)
    assert since_sentence(one) == since_sentence(other)


def test_an_opening_of_another_day_or_of_the_future_is_taken_anew(tmp_path: Path) -> None:
    taken(DayOpenings(store=OpeningStore(tmp_path)), later(START, hours=2))
    earlier = DayOpenings(store=OpeningStore(tmp_path))
    taken(earlier, START)
    assert earlier.current.chains[KEY].market.as_of_ns == START.chains[0].as_of_ns
    next_day = DayOpenings(store=OpeningStore(tmp_path))
    taken(next_day, later(START, hours=30))
    assert not next_day.current.chains[KEY].is_kept


def test_a_damaged_opening_is_named_and_taken_anew(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path)
    taken(DayOpenings(store=store), START)
    for path in tmp_path.iterdir():
        path.write_bytes(path.read_bytes()[:-9])
    openings = DayOpenings(store=store)
    now = later(START, hours=2)
    taken(openings, now)
    assert openings.current.chains[KEY].market.as_of_ns == now.chains[0].as_of_ns
    assert all("a new opening was taken" in one for one in openings.current.problems)
    assert any("chain-deribit-btc" in one for one in openings.current.problems)
    again = DayOpenings(store=store)
    taken(again, later(START, hours=3))
    assert again.current.chains[KEY].is_kept


def test_a_folder_that_can_not_be_written_is_said_and_the_day_opens_all_the_same(
    tmp_path: Path,
) -> None:
    (tmp_path / "file").write_text("")
    openings = DayOpenings(store=OpeningStore(tmp_path / "file"))
    taken(openings, START)
    assert KEY in openings.current.chains
    assert any("not kept, a restart begins anew" in one for one in openings.current.problems)


def test_rows_of_a_file_are_those_of_the_opening_they_are_kept_with(tmp_path: Path) -> None:
    store = OpeningStore(tmp_path)
    old, new = (
        (PositionRow(row=1, venue="deribit", instrument_name="BTC-PERPETUAL", quantity=text),)
        for text in ("10", "20")
    )
    first = DayOpenings(store=store, files={"mine.csv": old})
    taken(first, START)
    taken(first, later(START, hours=0.1))
    restarted = DayOpenings(store=store, files={"mine.csv": new})
    for hours in (1.0, 1.1):
        taken(restarted, later(START, hours=hours))
    assert restarted.current.rows["mine.csv"][1] == old
    for path in tmp_path.glob("chain-*"):
        path.unlink()
    anew = DayOpenings(store=store, files={"mine.csv": new})
    for hours in (2.0, 2.1):
        taken(anew, later(START, hours=hours))
    assert anew.current.rows["mine.csv"][1] == new


def test_worlds_keep_their_openings_apart(tmp_path: Path) -> None:
    def store(*words: str, endpoint: str = "") -> OpeningStore | None:
        return openings_store(tmp_path, parse_venues(words, [endpoint] if endpoint else []))

    assert store("deribit") is None, "a simulated venue in the desk begins anew with it"
    stores = [store("deribit:live"), store("deribit:testnet")]
    stores += [store("deribit", endpoint=f"ws://127.0.0.1:{port}/ws/api/v2") for port in (1, 2)]
    paths = {one.path("chain") for one in stores if one is not None}
    assert len(paths) == 4
    kept = stores[0]
    assert kept is not None
    taken(DayOpenings(store=kept), START)
    found = list(kept_markets(kept, [KEY, ("deribit", "DOGE")]))
    assert [(one.venue, one.underlying) for one in found] == [KEY]


def test_an_opening_from_before_forwards_had_bounds_is_read() -> None:
    kept = stored_chain(START.chains[0].market(), day_ns=0, at_start=True)
    later = ("parity_bid", "parity_ask", "bound_pairs")
    forwards = {
        expiry_ns: {name: value for name, value in one.items() if name not in later}
        for expiry_ns, one in kept.forwards.items()
    }
    back = restored_market(msgspec.structs.replace(kept, forwards=forwards))
    assert all(not one.is_bounded for one in back.forwards.values())
    assert [one.price for one in back.forwards.values()] == [
        one["price"] for one in kept.forwards.values()
    ]


def test_a_column_that_is_missing_is_no_opening(tmp_path: Path) -> None:
    market = START.chains[0].market()
    kept = stored_chain(market, day_ns=0, at_start=True)
    columns = {name: one for name, one in kept.columns.items() if name != "mark"}
    with pytest.raises(StorageError, match="mark"):
        restored_market(msgspec.structs.replace(kept, columns=columns))
    forwards: dict[int, dict[str, float | int | str | None]] = {SEPTEMBER_NS: {"price": 60_000.0}}
    with pytest.raises(StorageError, match="a forward's discount"):
        restored_market(msgspec.structs.replace(kept, forwards=forwards))
    short = {
        **kept.columns,
        "mark": msgspec.structs.replace(kept.columns["mark"], data=b"12345678"),
    }
    with pytest.raises(StorageError, match="mark has 8 bytes"):
        restored_market(msgspec.structs.replace(kept, columns=short))
