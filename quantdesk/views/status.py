"""State of the desk in words: mode, links, age of data, frames set aside, clocks.

Also decides in which state a screen is, so that stale data can not pass for live.
"""

from __future__ import annotations

from enum import StrEnum
from typing import NamedTuple

from quantdesk.snapshot import ChainSnapshot, DeskSnapshot, Environment, LinkHealth, LinkState
from quantdesk.views.number_text import DASH
from quantdesk.views.safe_text import cell_width, safe_text
from quantdesk.views.time_text import (
    SECOND_NS,
    age_text,
    clock_text,
    date_clock_text,
    duration_text,
)

STALE_AFTER_NS = 10 * SECOND_NS
"""A link silent for longer is not believed to be live whatever it calls itself: hundreds of tickers
are sent every 100 ms, and the venue's heartbeat comes at least that often."""

_UNREACHED = frozenset({LinkState.CONNECTING, LinkState.RECONNECTING, LinkState.CLOSED})


class ScreenState(StrEnum):
    """What a market screen may claim about what it shows."""

    WAITING = "waiting"
    LIVE = "live"
    FILE = "file"
    PARTIAL = "partial"
    STALE = "stale"
    MAINTENANCE = "maintenance"
    DISCONNECTED = "disconnected"
    ENDED = "ended"
    FAILED = "failed"


class StatusRole(StrEnum):
    """What a piece of the status line is, for whoever gives it a look."""

    MODE = "mode"
    GOOD = "good"
    PLAIN = "plain"
    WARNING = "warning"
    BAD = "bad"


class StatusItem(NamedTuple):
    """A piece of the status line: in full, in short, and how soon it gives way (0: never)."""

    text: str
    short: str
    role: StatusRole
    yields: int


class ScreenBanner(NamedTuple):
    """State of a screen and a sentence that says it; the sentence is "" when all is well."""

    state: ScreenState
    sentence: str


def venue_now_ns(snapshot: DeskSnapshot, chain: ChainSnapshot, now_ns: int) -> int:
    """The venue's clock at `now_ns` of the desk's: its time at the snapshot plus what passed since.

    A file has no running clock, and a replay's moves with its snapshots only.
    """
    return chain.as_of_ns + max(_desk_now_ns(snapshot, now_ns) - snapshot.ts_ns, 0)


def _desk_now_ns(snapshot: DeskSnapshot, now_ns: int) -> int:
    """The clock that `snapshot` lives by: a replayed desk's stands in the recorded past."""
    is_past = snapshot.environment is Environment.REPLAY or any(
        link.state is LinkState.FILE for link in snapshot.links
    )
    return snapshot.ts_ns if is_past else now_ns


def chain_links(snapshot: DeskSnapshot, chain: ChainSnapshot) -> tuple[LinkHealth, ...]:
    """The links this chain comes by: those named after its coin, else all of its venue."""
    of_venue = tuple(
        link for link in snapshot.links if link.venue == chain.venue and not link.account
    )
    suffix = f"-{chain.underlying.lower()}"
    return tuple(link for link in of_venue if link.name.endswith(suffix)) or of_venue


def data_age_ns(links: tuple[LinkHealth, ...], now_ns: int) -> int | None:
    """Time since any of `links` last brought a frame; None before the first."""
    newest = max((link.last_recv_ns for link in links), default=0)
    return None if newest == 0 else max(now_ns - newest, 0)


def screen_banner(
    snapshot: DeskSnapshot | None,
    underlying: str,
    now_ns: int,
    failure: str = "",
    *,
    venue: str | None = None,
) -> ScreenBanner:
    """State of a screen on `underlying` (at `venue`, if given); `now_ns` is on the desk's clock.

    `failure` says what ended the desk behind the screen, "" while it runs.
    """
    standstill = _standstill(snapshot, failure)
    if standstill is not None:
        return standstill
    chain = None if snapshot is None else snapshot.chain(underlying, venue)
    if snapshot is None or chain is None or len(chain.chain) == 0:
        return ScreenBanner(ScreenState.WAITING, _waiting_sentence(snapshot))
    if _is_file(snapshot, chain):
        return ScreenBanner(ScreenState.FILE, "")
    banner = _link_banner(chain_links(snapshot, chain), _desk_now_ns(snapshot, now_ns))
    if banner is not None:
        return banner
    unquoted = int((chain.chain.event_ns == 0).sum())
    if not unquoted:
        return ScreenBanner(ScreenState.LIVE, "")
    listed = len(chain.chain)
    return ScreenBanner(
        ScreenState.PARTIAL, f"PARTIAL. {listed - unquoted} of {listed} options quoted so far."
    )


def has_ended(snapshot: DeskSnapshot) -> bool:
    """Whether a recording was played to its end: every link says so."""
    return bool(snapshot.links) and all(link.state is LinkState.ENDED for link in snapshot.links)


def _standstill(snapshot: DeskSnapshot | None, failure: str) -> ScreenBanner | None:
    """That nothing comes any more, and why; None while something may."""
    if failure:
        return ScreenBanner(
            ScreenState.FAILED, f"STOPPED, nothing moves any more: {safe_text(failure, 200)}"
        )
    if snapshot is None or not has_ended(snapshot):
        return None
    at = date_clock_text(snapshot.ts_ns)
    why = next((link.last_problem for link in snapshot.links if link.last_problem), "")
    reason = f" ({safe_text(why, 120)})" if why else ""
    return ScreenBanner(
        ScreenState.ENDED, f"END of the recording at {at} UTC{reason}; nothing moves any more."
    )


def _link_banner(links: tuple[LinkHealth, ...], now_ns: int) -> ScreenBanner | None:
    """What the links say against the prices, worst first; None where nothing does."""
    states = {link.state for link in links}
    age_ns = data_age_ns(links, now_ns)
    age = DASH if age_ns is None else duration_text(age_ns)
    if LinkState.MAINTENANCE in states:
        sentence = f"MAINTENANCE at the venue. Last data {age} ago; prices are old."
        return ScreenBanner(ScreenState.MAINTENANCE, sentence)
    if links and states <= _UNREACHED:
        sentence = f"DISCONNECTED, trying again. Last data {age} ago; prices are old."
        return ScreenBanner(ScreenState.DISCONNECTED, sentence)
    if states == {LinkState.STALE} or (age_ns is not None and age_ns > STALE_AFTER_NS):
        return ScreenBanner(ScreenState.STALE, f"STALE. No data for {age}; prices are old.")
    if states & (_UNREACHED | {LinkState.STALE}):
        down = ", ".join(
            f"{safe_text(link.name, 24)} {link.state.value}"
            for link in links
            if link.state is not LinkState.LIVE
        )
        return ScreenBanner(ScreenState.PARTIAL, f"PARTIAL. {down}; some prices may be old.")
    return None


def _is_file(snapshot: DeskSnapshot, chain: ChainSnapshot) -> bool:
    links = chain_links(snapshot, chain)
    return bool(links) and all(link.state is LinkState.FILE for link in links)


def _waiting_sentence(snapshot: DeskSnapshot | None) -> str:
    if snapshot is None or not snapshot.links:
        return "waiting for the first chain…"
    links = ", ".join(f"{safe_text(link.name, 24)} {link.state.value}" for link in snapshot.links)
    why = next((link.last_problem for link in snapshot.links if link.last_problem), "")
    reason = f": {safe_text(why, 160)}" if why else ""
    return f"waiting for the first chain… ({links}){reason}"


def status_items(
    snapshot: DeskSnapshot | None,
    underlying: str,
    *,
    now_ns: int,
    venue: str | None = None,
    frames_per_s: float | None = None,
    skipped: int = 0,
    pace: str = "",
    failure: str = "",
) -> tuple[StatusItem, ...]:
    """The status line from left to right. `now_ns` is on the desk's clock.

    `frames_per_s` and `skipped` (snapshots that came faster than they were shown) are the screen's
    own counters; `pace` says how fast a replay plays, `failure` what ended the desk behind it.
    """
    desk = date_clock_text(now_ns)
    clock = StatusItem(f"UTC {desk}", f"UTC {clock_text(now_ns)}", StatusRole.PLAIN, 2)
    if snapshot is None:
        return (StatusItem("STARTING", "STARTING", StatusRole.MODE, 0), clock)
    chain = snapshot.chain(underlying, venue)
    items = [_mode_item(snapshot)]
    if failure or has_ended(snapshot):
        # What stands still is neither live nor "0 s old", whatever its last snapshot says.
        word = "STOPPED" if failure else "ENDED"
        items.append(StatusItem(word, word, StatusRole.BAD, 0))
    else:
        if pace:
            items.append(StatusItem(pace, pace, StatusRole.WARNING, 1))
        items += _link_items(snapshot)
        items.append(_data_item(snapshot, chain, now_ns))
    items.append(_set_aside_item(snapshot))
    rate = f"{frames_per_s:.0f} fps" if frames_per_s is not None else ""
    if rate or skipped:
        parts = [rate, f"{skipped:,} skipped" if skipped else ""]
        text = ", ".join(part for part in parts if part)
        items.append(StatusItem(text, rate, StatusRole.PLAIN, 6))
    if chain is not None:
        venue_ns = venue_now_ns(snapshot, chain, now_ns)
        text, short = date_clock_text(venue_ns), clock_text(venue_ns)
        items.append(StatusItem(f"venue {text}", f"venue {short}", StatusRole.PLAIN, 3))
    return (*items, clock)


def mode_words(snapshot: DeskSnapshot) -> str:
    """Which world the numbers are from: "LIVE", "SIMULATED", "REPLAY of SIMULATED"."""
    word = snapshot.environment.value.upper()
    if snapshot.is_simulated and snapshot.environment is not Environment.SIMULATED:
        return f"{word} of {Environment.SIMULATED.value.upper()}"
    return word


def _mode_item(snapshot: DeskSnapshot) -> StatusItem:
    word = mode_words(snapshot)
    return StatusItem(word, word, StatusRole.MODE, 0)


def _link_items(snapshot: DeskSnapshot) -> list[StatusItem]:
    if not snapshot.links:
        return [StatusItem("no links", "no links", StatusRole.WARNING, 4)]
    texts = [f"{safe_text(link.name, 24)} {link.state.value}" for link in snapshot.links]
    up = sum(link.state in {LinkState.LIVE, LinkState.FILE} for link in snapshot.links)
    short = f"{up}/{len(snapshot.links)} links"
    if up == len(snapshot.links):
        return [StatusItem(", ".join(texts), short, StatusRole.GOOD, 5)]
    role = StatusRole.WARNING if up else StatusRole.BAD
    return [StatusItem(", ".join(texts), short, role, 1)]


def _data_item(snapshot: DeskSnapshot, chain: ChainSnapshot | None, now_ns: int) -> StatusItem:
    if chain is None:
        return StatusItem(f"data {DASH}", f"data {DASH}", StatusRole.PLAIN, 4)
    if _is_file(snapshot, chain):
        source = safe_text(snapshot.source, 40)
        return StatusItem(f"file {source}", "file", StatusRole.PLAIN, 4)
    age_ns = data_age_ns(chain_links(snapshot, chain), _desk_now_ns(snapshot, now_ns))
    if age_ns is None:
        return StatusItem(f"data {DASH}", f"data {DASH}", StatusRole.WARNING, 1)
    text = f"data {age_text(age_ns)}"
    role = StatusRole.BAD if age_ns > STALE_AFTER_NS else StatusRole.GOOD
    return StatusItem(f"{text} old", text, role, 1)


def _set_aside_item(snapshot: DeskSnapshot) -> StatusItem:
    """Frames that made no sense: counted, never silent."""
    refused = sum(link.refused for link in snapshot.links)
    noted = sum(count for link in snapshot.links for _, count in link.problems)
    last = next((link.last_problem for link in snapshot.links if link.last_problem), "")
    if last.startswith("not recording"):
        return StatusItem(safe_text(last, 80).upper(), "NOT RECORDING", StatusRole.BAD, 2)
    if not refused and not noted:
        return StatusItem("health ok", "ok", StatusRole.GOOD, 6)
    detail = f" ({safe_text(last, 60)})" if last else ""
    text = f"{refused:,} frames set aside, {noted:,} problems"
    role = StatusRole.WARNING
    return StatusItem(f"{text}{detail}", f"{max(refused, noted):,} set aside", role, 3)


def problem_lines(snapshot: DeskSnapshot | None) -> tuple[str, ...]:
    """Each connection with every kind of problem it met and how often, as lines of safe text."""
    if snapshot is None or not snapshot.links:
        return ("No connection yet.",)
    lines: list[str] = []
    for link in snapshot.links:
        lines.append(
            f"{safe_text(link.name, 32)} ({safe_text(link.venue, 16)}, {link.state.value}): "
            f"{link.frames:,} frames, {link.refused:,} set aside, {link.reconnects:,} reconnects"
        )
        lines += [f"  {count:>9,}  {safe_text(kind, 60)}" for kind, count in link.problems]
        if not link.problems:
            lines.append("             no problems")
        if link.last_problem:
            lines.append(f"  last: {safe_text(link.last_problem, 160)}")
    return tuple(lines)


def fitted_items(items: tuple[StatusItem, ...], width: int, gap: int) -> tuple[StatusItem, ...]:
    """`items` shortened, then dropped, until they fit into `width` cells with `gap` between two.

    What yields most goes first; mode (0) is never dropped, however narrow the terminal is.
    """
    shown = list(items)
    by_yield = sorted(range(len(items)), key=lambda place: -items[place].yields)
    for place in by_yield:
        if _total(shown, gap) <= width:
            return tuple(shown)
        item = shown[place]
        shown[place] = item._replace(text=item.short)
    for place in by_yield:
        left = [item for item in shown if item.text]
        if _total(left, gap) <= width or items[place].yields == 0:
            break
        shown[place] = shown[place]._replace(text="")
    return tuple(item for item in shown if item.text)


def _total(items: list[StatusItem], gap: int) -> int:
    return sum(cell_width(item.text) for item in items) + gap * max(len(items) - 1, 0)
