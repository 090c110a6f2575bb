"""Surfaces of a running desk: fitted off the loop, only where something changed, never lost."""

from __future__ import annotations

import asyncio
import threading
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from quantdesk.market.fitting import FitOptions
from quantdesk.market.own_vols import VolOverride
from quantdesk.market.quote_changes import dirty_expiries
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.market.surface_clock import WEEKEND_CHOICE, ClockChoice
from quantdesk.market.surface_edge import surface_edge
from quantdesk.market.valuation import ChainValues
from quantdesk.market.variance_clock import VarianceClock
from quantdesk.runtime import live as live_module
from quantdesk.runtime import live_surfaces
from quantdesk.runtime.clock import ManualClock
from quantdesk.runtime.embedded import opening_snapshot
from quantdesk.runtime.live_surfaces import (
    PAST_INTERVAL_NS,
    REFIT_INTERVAL_NS,
    TIME_SHARE,
    FitRequest,
    LiveSurfaces,
    SurfaceFitted,
    chain_quotes,
    run_fit,
    still_stands,
    with_surfaces,
)
from quantdesk.runtime.recordings import record_venues
from quantdesk.runtime.replay import ReplayPlayer, snapshots
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.sources import StillSource, live_desk
from quantdesk.runtime.surface_store import KEEP_INTERVAL_NS, FitKeeper
from quantdesk.runtime.surfaces import every_moment, read_quotes
from quantdesk.runtime.venues import parse_venues
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.storage.surface_history import SurfaceHistory
from tests.unit.runtime.chain_steps import moved, one_quote_moved

KEY = ("deribit", "BTC")


@pytest.fixture(scope="module")
def opening() -> DeskSnapshot:
    return opening_snapshot("BTC")


def broken(chain: ChainSnapshot) -> ChainSnapshot:
    """The chain without one two-sided vol."""
    nothing = np.full(len(chain.chain), np.nan)
    values: ChainValues = replace(chain.values, bid_iv=nothing, ask_iv=nothing.copy())
    return replace(chain, values=values)


def test_nothing_is_fitted_where_nothing_changed(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening)
    later = replace(opening, seq=2, ts_ns=opening.ts_ns + 60 * 10**9)
    assert surfaces.due(later) == []
    assert surfaces.fit_now(later).chains[0].fit is first.chains[0].fit


def test_a_chain_is_fitted_at_most_once_an_interval(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    surfaces.fit_now(opening)
    soon = moved(opening, REFIT_INTERVAL_NS / 1e9 - 0.1)
    assert surfaces.due(soon) == []
    assert [request.key for request in surfaces.due(moved(opening, 1.0))] == [KEY]


def test_chain_whose_vols_did_not_change_is_never_fitted_again(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening).chains[0]
    later = moved(opening, 5.0)
    chain = later.chains[0]
    raw = replace(chain.chain, open_interest=chain.chain.open_interest + 1.0)
    again = surfaces.fit_now(replace(later, chains=(replace(chain, chain=raw),))).chains[0]
    assert again.fit is first.fit
    assert again.surface is not None
    assert again.surface.based_on_seq == later.seq
    assert again.surface.quotes_ns == later.chains[0].as_of_ns
    assert again.fit is not None
    nearest_s = (again.fit.slices[0].expiry_ns - again.fit.as_of_ns) / 1e9
    soon = surfaces.fit_now(moved(opening, 0.99 * TIME_SHARE * nearest_s)).chains[0]
    assert soon.fit is first.fit


def test_time_alone_asks_for_a_fit_once_the_nearest_expiry_feels_it(
    opening: DeskSnapshot,
) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening).chains[0].fit
    assert first is not None
    nearest_s = (first.slices[0].expiry_ns - first.as_of_ns) / 1e9
    late = moved(opening, 1.01 * TIME_SHARE * nearest_s)
    # Fresh quotes with the same vols: else age alone would leave them out.
    raw = replace(late.chains[0].chain, event_ns=late.chains[0].chain.event_ns + 10**12)
    fit = (
        surfaces.fit_now(replace(late, chains=(replace(late.chains[0], chain=raw),))).chains[0].fit
    )
    assert fit is not first


def test_only_the_expiry_whose_quote_moved_is_dirty(opening: DeskSnapshot) -> None:
    fit = with_surfaces(opening).chains[0].fit
    assert fit is not None
    later = one_quote_moved(opening, fit, 3).chains[0]
    before, after = (chain_quotes(one, DEFAULT_CHOICE) for one in (opening.chains[0], later))
    assert dirty_expiries(after, before) == (fit.slices[3].expiry_ns,)


def test_a_fit_stands_no_more_where_what_quotes_say_of_others_changed(
    opening: DeskSnapshot,
) -> None:
    surfaces = LiveSurfaces()
    fit = surfaces.fit_now(opening).chains[0].fit
    assert fit is not None
    (request,) = surfaces.due(moved(opening, 1.0))
    quotes = chain_quotes(opening.chains[0], DEFAULT_CHOICE)
    assert still_stands(request, quotes)
    expiries = list(quotes.expiries)
    expiries[2] = replace(expiries[2], trust=0.9 * expiries[2].weight)
    assert not still_stands(request, replace(quotes, expiries=tuple(expiries)))


def test_a_change_moves_no_vol_of_an_expiry_that_it_does_not_reach(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening).chains[0].fit
    assert first is not None
    chain = surfaces.fit_now(one_quote_moved(opening, first, 0)).chains[0]
    again, before = chain.fit, opening.chains[0]
    assert again is not None
    assert again.refitted == 1
    assert again.as_of_ns == first.as_of_ns + 10**9
    assert again.slices[0].smile is not first.slices[0].smile
    for new, held in zip(again.slices[1:], first.slices[1:], strict=True):
        assert new.smile is held.smile
        assert np.array_equal(new.fit_iv, held.fit_iv)
    theo, theo_before = (
        surface_edge(fit, before.chain, before.values).theo for fit in (again, first)
    )
    beyond = before.chain.expiry_ns > first.slices[0].expiry_ns
    assert np.isfinite(theo_before[beyond]).any()
    assert np.array_equal(theo[beyond], theo_before[beyond], equal_nan=True)
    assert not np.array_equal(theo[~beyond], theo_before[~beyond], equal_nan=True)


def test_years_are_counted_from_one_moment_for_a_while(opening: DeskSnapshot) -> None:
    surfaces, snapshot = LiveSurfaces(), opening
    first = fit = surfaces.fit_now(opening).chains[0].fit
    assert first is not None
    assert fit is not None
    assert first.reference_ns == first.as_of_ns
    nearest_s = (first.slices[0].expiry_ns - first.as_of_ns) / 1e9
    for place in (3, 1, 5):
        snapshot = replace(one_quote_moved(snapshot, fit, place), seq=snapshot.seq + 1)
        fit = surfaces.fit_now(snapshot).chains[0].fit
        assert fit is not None
        assert fit.as_of_ns == snapshot.chains[0].as_of_ns
        assert fit.reference_ns == first.reference_ns
        assert fit.refitted is not None
        assert fit.refitted < len(fit.slices)
    late = moved(snapshot, 1.01 * TIME_SHARE * nearest_s)
    # Fresh quotes with the same vols: else age alone would leave them out.
    raw = replace(late.chains[0].chain, event_ns=late.chains[0].chain.event_ns + 10**12)
    late = replace(late, chains=(replace(late.chains[0], chain=raw),))
    anew = surfaces.fit_now(late).chains[0].fit
    assert anew is not None
    assert anew.reference_ns == anew.as_of_ns == late.chains[0].as_of_ns
    assert anew.refitted == len(anew.slices)


def test_refits_of_a_live_chain_end_where_a_first_fit_does(opening: DeskSnapshot) -> None:
    surfaces, snapshot = LiveSurfaces(), opening
    fit = surfaces.fit_now(opening).chains[0].fit
    for place in (6, 2, 4, 0, 2):
        assert fit is not None
        snapshot = one_quote_moved(snapshot, fit, place)
        fit = surfaces.fit_now(snapshot).chains[0].fit
    cold = with_surfaces(snapshot).chains[0].fit
    assert fit is not None
    assert cold is not None
    assert cold.reference_ns > fit.reference_ns
    assert fit.faults == ()
    for live, once in zip(fit.slices, cold.slices, strict=True):
        used = once.quotes.is_used
        # Five seconds lie between the moments that their years are counted from.
        assert np.abs(live.fit_iv - once.fit_iv)[used].max() < 1e-5


def test_a_stale_quote_that_grows_older_makes_nothing_dirty(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    chain = opening.chains[0].chain
    event_ns = chain.event_ns.copy()
    rows = np.flatnonzero(chain.expiry_ns == np.unique(chain.expiry_ns)[2])
    event_ns[rows[:6]] -= 3600 * 10**9
    aged = replace(opening.chains[0], chain=replace(chain, event_ns=event_ns))
    first = surfaces.fit_now(replace(opening, chains=(aged,))).chains[0].fit
    later = moved(opening, 5.0)
    older = replace(aged, chain=replace(aged.chain), as_of_ns=later.chains[0].as_of_ns)
    assert first is not None
    reasons = (reason for each in first.slices for reason in each.quotes.reasons)
    assert any(reason.startswith("stale: ") for reason in reasons)
    again = surfaces.fit_now(replace(later, chains=(older,))).chains[0].fit
    assert again is first


def test_one_changed_vol_is_fitted(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    first = surfaces.fit_now(opening).chains[0].fit
    assert first is not None
    again = surfaces.fit_now(one_quote_moved(opening, first, 3)).chains[0].fit
    assert again is not None
    assert again is not first
    assert again.digest != first.digest


def test_what_is_asked_for_is_not_asked_for_again(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    assert len(surfaces.due(opening)) == 1
    assert surfaces.due(moved(opening, 5.0)) == []


def test_result_names_the_snapshot_it_was_based_on(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    request = surfaces.due(replace(opening, seq=41))[0]
    event = run_fit(request)
    surfaces.apply(event)
    chain = surfaces.attached(opening.chains[0])
    assert event.seq == 41
    assert chain.surface is not None
    assert chain.surface.based_on_seq == 41
    assert chain.fit is not None
    assert chain.fit.as_of_ns == opening.chains[0].as_of_ns


def test_failed_fit_keeps_the_last_good_one_and_says_why(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    good = surfaces.fit_now(opening).chains[0].fit
    later = moved(opening, 2.0)
    worse = replace(later, chains=(broken(later.chains[0]),))
    chain = surfaces.fit_now(worse).chains[0]
    assert chain.surface is not None
    assert chain.fit is good
    assert chain.surface.based_on_seq == opening.seq
    assert "usable two-sided quotes" in chain.surface.problem
    assert chain.surface.problem.startswith("none of 7 expiries can be fitted")
    healed = surfaces.fit_now(moved(later, 2.0)).chains[0].surface
    assert healed is not None
    assert healed.problem == ""
    assert healed.based_on_seq > later.seq


def test_first_fit_that_fails_leaves_a_reason_and_no_surface(opening: DeskSnapshot) -> None:
    worse = replace(opening, chains=(broken(opening.chains[0]),))
    chain = with_surfaces(worse).chains[0]
    assert chain.fit is None
    assert chain.surface is not None
    assert chain.surface.problem
    assert chain.edge() is None
    assert chain.market().surface is None


def test_chain_of_which_nothing_was_quoted_yet_is_not_fitted(opening: DeskSnapshot) -> None:
    chain = opening.chains[0]
    never = replace(chain.chain, event_ns=np.zeros(len(chain.chain), dtype=np.int64))
    waiting = replace(opening, chains=(replace(chain, chain=never),))
    assert LiveSurfaces().due(waiting) == []
    assert LiveSurfaces().fit_now(waiting).chains[0].surface is None


def test_older_result_never_replaces_a_newer_one(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    newer = run_fit(surfaces.due(replace(opening, seq=9))[0])
    surfaces.apply(newer)
    older = replace(newer, seq=8, fit=None, problem="late")
    surfaces.apply(older)
    chain = surfaces.attached(opening.chains[0])
    assert chain.fit is newer.fit
    assert chain.surface is not None
    assert chain.surface.problem == ""


def test_result_of_a_choice_that_was_given_up_is_dropped(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    event = run_fit(surfaces.due(opening)[0])
    surfaces.choose(KEY, SurfaceChoice(options=FitOptions(model="svi")))
    surfaces.apply(event)
    assert surfaces.attached(opening.chains[0]).surface is None
    assert surfaces.fit_now(opening).chains[0].fit is not None


def test_another_model_is_fitted_at_once(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    surfaces.fit_now(opening)
    surfaces.choose(KEY, SurfaceChoice(options=FitOptions(model="svi")))
    fit = surfaces.fit_now(replace(opening, seq=2)).chains[0].fit
    assert fit is not None
    assert fit.options.model == "svi"
    assert {each.model for each in fit.slices} <= {"svi", "ssvi"}


def test_another_clock_is_taken_at_once_and_changes_no_listed_vol(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    calendar = surfaces.fit_now(opening).chains[0].fit
    clock = VarianceClock(day_weights=(1, 1, 1, 1, 1, 0.4, 0.6))
    surfaces.choose(KEY, SurfaceChoice(clock=ClockChoice(name="mine.toml", clock=clock)))
    own = surfaces.fit_now(replace(opening, seq=2)).chains[0].fit
    assert calendar is not None
    assert own is not None
    assert own.clock == clock
    assert own.digest != calendar.digest
    for new, held in zip(own.slices, calendar.slices, strict=True):
        used = held.quotes.is_used
        assert np.abs(new.fit_iv - held.fit_iv)[used].max() < 1e-7
    between = (calendar.slices[0].expiry_ns + calendar.slices[1].expiry_ns) // 2
    at = np.array([calendar.slices[1].forward])
    vols = [fit.implied_vol(np.array([between]), at)[0] for fit in (calendar, own)]
    assert abs(vols[0] - vols[1]) > 1e-3


def test_chain_that_suggests_no_weekend_keeps_the_calendar(opening: DeskSnapshot) -> None:
    fit = with_surfaces(opening, [(KEY, SurfaceChoice(clock=WEEKEND_CHOICE))]).chains[0].fit
    assert fit is not None
    assert fit.clock.is_calendar


def test_standard_choice_is_that_of_every_chain_until_another_is_made(
    opening: DeskSnapshot,
) -> None:
    clock = VarianceClock(day_weights=(1, 1, 1, 1, 1, 0.5, 0.5))
    mine = SurfaceChoice(clock=ClockChoice(name="mine.toml", clock=clock))
    surfaces = LiveSurfaces(mine)
    fit = surfaces.fit_now(opening).chains[0].fit
    assert fit is not None
    assert fit.clock == clock
    assert surfaces.choice(("binance", "ETH")) == mine


def test_excluded_option_takes_no_part_and_says_so(opening: DeskSnapshot) -> None:
    fit = with_surfaces(opening).chains[0].fit
    assert fit is not None
    quotes = fit.slices[2].quotes
    name = quotes.names[int(np.flatnonzero(quotes.is_used)[0])]
    without = with_surfaces(opening, [(KEY, SurfaceChoice(excluded=(name,)))]).chains[0].fit
    assert without is not None
    rows = without.slices[2].quotes
    assert rows.reasons[rows.names.index(name)] == "excluded by hand"


def test_own_vols_change_no_fit_and_need_none(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    before = surfaces.fit_now(opening).chains[0].fit
    assert before is not None
    own = VolOverride(expiry_ns=before.slices[1].expiry_ns, shift=0.02)
    surfaces.choose(KEY, SurfaceChoice(overrides=(own,)))
    assert surfaces.due(opening) == []
    chain = surfaces.attached(opening.chains[0])
    assert chain.fit is before
    assert chain.surface is not None
    assert chain.surface.own is not None


def test_market_of_a_fitted_chain_values_on_the_surface(opening: DeskSnapshot) -> None:
    chain = with_surfaces(opening).chains[0]
    surface = chain.market().surface
    assert surface is not None
    expiry = chain.expiries[3]
    assert expiry.forward.price is not None
    vol = surface.implied_vol(np.array([expiry.expiry_ns]), np.array([expiry.forward.price]))[0]
    assert expiry.atm_iv is not None
    assert vol == pytest.approx(expiry.atm_iv, abs=0.01)
    assert opening.chains[0].market().surface is None


def test_live_desk_fits_off_its_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    threads: list[int] = []

    def noted(request: FitRequest) -> SurfaceFitted:
        threads.append(threading.get_ident())
        return run_fit(request)

    monkeypatch.setattr(live_module, "run_fit", noted)

    async def run() -> ChainSnapshot:
        async with live_desk(
            parse_venues(["deribit"]), ("BTC",), settings=Settings(), fits_surfaces=True
        ) as live:
            await live.quoted(("BTC",), 30)
            async with asyncio.timeout(20):
                while True:
                    latest = live.latest()
                    if latest is not None and latest.chains and latest.chains[0].fit is not None:
                        return latest.chains[0]
                    await asyncio.sleep(0)

    chain = asyncio.run(run())
    assert chain.fit is not None
    assert chain.surface is not None
    assert chain.surface.based_on_seq > 0
    assert threading.get_ident() not in threads


@pytest.fixture(scope="module")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("recording") / "btc"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("QUANTDESK_DATA_DIR", str(folder.parent / "data"))
        asyncio.run(
            record_venues(
                parse_venues(["deribit"]),
                ("BTC",),
                folder,
                settings=Settings(),
                run_id="test",
                seconds=8.0,  # on a loaded machine the first whole chain takes some
                stop=asyncio.Event(),
            )
        )
    return folder


def theos(folder: Path) -> list[tuple[str, int, bytes]]:
    found = []
    for snapshot in snapshots(folder, every_s=0.5, fits_surfaces=True):
        for chain in snapshot.chains:
            edge = chain.edge()
            if edge is not None and chain.fit is not None and chain.surface is not None:
                row = (chain.fit.digest, chain.surface.based_on_seq, edge.theo_iv.tobytes())
                found.append(row)
    return found


def test_replay_twice_gives_the_same_theos(recording: Path) -> None:
    first = theos(recording)
    assert len({digest for digest, _, _ in first}) >= 2
    assert first == theos(recording)


def test_a_recording_is_graded_through_and_not_at_its_end_only(recording: Path) -> None:
    moments = [quotes.as_of_ns for quotes in every_moment(recording, None, every_s=1.0)]
    assert len(moments) >= 3
    assert moments == sorted(set(moments))
    end = read_quotes(recording, None, None)
    assert moments[-1] == end.as_of_ns
    # An interval longer than the recording leaves its end.
    assert [each.as_of_ns for each in every_moment(recording, "BTC", every_s=3600.0)] == [
        end.as_of_ns
    ]


def test_replayed_fit_never_knows_a_later_quote(recording: Path) -> None:
    for snapshot in snapshots(recording, every_s=0.5, fits_surfaces=True):
        for chain in snapshot.chains:
            assert chain.fit is None or chain.fit.as_of_ns <= chain.as_of_ns


def test_choice_is_taken_at_the_end_of_a_tape(recording: Path) -> None:
    clock = ManualClock(0)
    player = ReplayPlayer(recording, clock=clock)
    player.start()
    # No further than the tape: later on its quotes would be stale and carry no surface.
    clock.advance_to(10 * 10**9)
    player.wait()
    player.choose_surface(KEY, SurfaceChoice(options=FitOptions(model="svi")))
    latest = player.latest()
    player.close()
    assert latest is not None
    fit = latest.chains[0].fit
    assert fit is not None
    assert fit.options.model == "svi"


def test_still_source_fits_by_another_choice(opening: DeskSnapshot) -> None:
    source = StillSource(opening)
    before = source.latest()
    source.choose_surface(KEY, SurfaceChoice(options=FitOptions(model="ssvi")))
    after = source.latest()
    assert after.seq == before.seq + 1
    assert after.chains[0].fit is not None
    assert after.chains[0].fit.options.model == "ssvi"


def test_earlier_fits_are_at_hand_apart_and_bounded(
    opening: DeskSnapshot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(live_surfaces, "TIME_SHARE", 0)
    surfaces, snapshot = LiveSurfaces(), opening
    for _ in range(4):
        snapshot = moved(snapshot, 10.0)
        chain = surfaces.fit_now(snapshot).chains[0]
    assert chain.surface is not None
    moments = [fit.as_of_ns for fit in chain.surface.past]
    assert len(moments) == 2
    assert moments[1] - moments[0] >= PAST_INTERVAL_NS


def test_recalled_fits_are_never_ahead(opening: DeskSnapshot) -> None:
    surfaces = LiveSurfaces()
    fit = surfaces.fit_now(opening).chains[0].fit
    assert fit is not None
    earlier = replace(fit, as_of_ns=fit.as_of_ns - 60 * 10**9)
    later = replace(fit, as_of_ns=fit.as_of_ns + 1)
    surfaces.recall(KEY, [earlier, fit, later])
    held = surfaces.attached(opening.chains[0]).surface
    assert held is not None
    assert held.past == (earlier, fit)


def test_keeper_keeps_one_a_minute_and_recalls_once(opening: DeskSnapshot, tmp_path: Path) -> None:
    fit = with_surfaces(opening).chains[0].fit
    assert fit is not None
    history = SurfaceHistory(tmp_path / "h.duckdb")
    first = FitKeeper(history, origin="simulated")
    assert first.take(KEY, fit, 0) == []
    next_fit = replace(fit, as_of_ns=fit.as_of_ns + 10**9, digest="later")
    first.take(KEY, next_fit, KEEP_INTERVAL_NS - 1)
    assert len(history.summaries()) == 1
    first.take(KEY, next_fit, KEEP_INTERVAL_NS)
    assert len(history.summaries()) == 2
    again = FitKeeper(history, origin="simulated")
    assert [each.digest for each in again.take(KEY, next_fit, 0)] == [fit.digest]
    assert again.take(KEY, next_fit, KEEP_INTERVAL_NS) == []
    assert FitKeeper(history, origin="live").take(KEY, next_fit, 0) == []


def test_history_that_can_not_be_used_is_said_and_harms_nothing(
    opening: DeskSnapshot, tmp_path: Path
) -> None:
    fit = with_surfaces(opening).chains[0].fit
    assert fit is not None
    path = tmp_path / "h.duckdb"
    path.write_bytes(b"something else" * 1000)
    keeper = FitKeeper(SurfaceHistory(path), origin="simulated")
    assert keeper.take(KEY, fit, 0) == []
    assert keeper.problem.startswith("not keeping surfaces: ")
    path.unlink()
    keeper.take(KEY, fit, KEEP_INTERVAL_NS)
    assert keeper.problem == ""
