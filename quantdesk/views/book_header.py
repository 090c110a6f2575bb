"""What stands above every book screen, and in which state such a screen is.

The worst state of any market that the book stands on is the book's: a stale leg can not pass for
live because another coin's prices move.
"""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.domain.position import RefusedRow
from quantdesk.margin.book_margin import BookMargin, ExcludedPosition
from quantdesk.risk.exposure import Grouping, NetGreeks
from quantdesk.risk.report import RiskReport
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot, Environment, LinkState
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.risk_choice import GREEK_COLUMNS, GreekChoice, unit_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import (
    ScreenBanner,
    ScreenState,
    chain_links,
    data_age_ns,
    screen_banner,
    venue_now_ns,
)
from quantdesk.views.time_text import duration_text

WORST_FIRST = (
    ScreenState.FAILED,
    ScreenState.ENDED,
    ScreenState.DISCONNECTED,
    ScreenState.MAINTENANCE,
    ScreenState.STALE,
    ScreenState.WAITING,
    ScreenState.PARTIAL,
    ScreenState.LIVE,
    ScreenState.FILE,
)

NO_BOOK = (
    "No book is open.\n\n"
    "o   opens the shipped SAMPLE book\n\n"
    "quantdesk tui --account NAME   reads a venue account\n"
    "quantdesk tui --book FILE      reads positions: CSV, JSON or Parquet with\n"
    "venue, instrument_name, quantity[, average_price, strategy]"
)


def left_out_count(report: RiskReport, refused: Sequence[RefusedRow]) -> int:
    """Rows and positions that are in no total."""
    return len(refused) + len(report.excluded)


def book_chains(report: RiskReport, snapshot: DeskSnapshot) -> tuple[ChainSnapshot, ...]:
    """The chains of `snapshot` that positions of the report stand on."""
    used = {(market.venue, market.underlying) for market in report.book.markets}
    return tuple(one for one in snapshot.chains if (one.venue, one.underlying) in used)


def book_banner(
    report: RiskReport,
    refused: Sequence[RefusedRow],
    snapshot: DeskSnapshot,
    *,
    now_ns: int,
    failure: str = "",
    error: str = "",
    margin: BookMargin | None = None,
) -> ScreenBanner:
    """State of a screen that shows `report` and `margin`; `now_ns` is on the desk's clock.

    failure : what ended the desk;  error : why the newest snapshot could not be computed
    """
    banners = [
        screen_banner(snapshot, chain.underlying, now_ns, failure, venue=chain.venue)
        for chain in book_chains(report, snapshot)
    ] or [screen_banner(snapshot, "", now_ns, failure)]
    used = {(market.venue, market.underlying) for market in report.book.markets}
    gone = used - {(one.venue, one.underlying) for one in snapshot.chains}
    worst = min(banners, key=lambda banner: WORST_FIRST.index(banner.state))
    if error:
        sentence = f"ERROR. The newest prices gave no risk: {safe_text(error, 160)}"
        return ScreenBanner(ScreenState.FAILED, sentence)
    if WORST_FIRST.index(worst.state) < WORST_FIRST.index(ScreenState.WAITING):
        return worst
    count = left_out_count(report, refused)
    parts = []
    if count:
        total = len(report.book) + count
        why = _first_reason(report, refused)
        parts.append(f"{count} of {total} left out, totals miss {_them(count)}: {why}")
    unmarked = () if margin is None else _without_margin(report, margin)
    if unmarked:
        one = unmarked[0]
        why = _short_reason(one.instrument_name, one.reason)
        parts.append(f"{len(unmarked)} without mark or margin: {one.instrument_name}: {why}")
    cash = len(report.unpriced_cash)
    if cash:
        parts.append(f"cash in {', '.join(sorted(report.unpriced_cash))} has no price")
    if gone:
        names = ", ".join(sorted("/".join(one) for one in gone))
        parts.append(f"{safe_text(names, 60)} is not on the desk any more")
    if parts:
        return ScreenBanner(ScreenState.PARTIAL, safe_text(f"PARTIAL. {'; '.join(parts)}.", 400))
    if worst.state is ScreenState.WAITING:
        return ScreenBanner(ScreenState.LIVE, "")
    return worst


def _them(count: int) -> str:
    return "it" if count == 1 else "them"


def _first_reason(report: RiskReport, refused: Sequence[RefusedRow]) -> str:
    """Name and reason of the first that was left out; the rest stands at the end of the tables."""
    if refused:
        one = refused[0]
        row = "" if one.row is None else f"row {one.row} "
        why = _short_reason(one.instrument_name, one.reason)
        return safe_text(f"{row}{one.instrument_name}: {why}", 200)
    name, reason = report.excluded[0].position.instrument.name, report.excluded[0].reason
    return safe_text(f"{name}: {_short_reason(name, reason)}", 200)


def _short_reason(name: str, reason: str) -> str:
    """A reason without the name that stands before it already."""
    return reason.removeprefix(f"instrument_name = {name!r}: ")


def _without_margin(report: RiskReport, margin: BookMargin) -> tuple[ExcludedPosition, ...]:
    """Holdings that have Greeks and no mark or margin."""
    known = {
        (one.position.instrument.venue, one.position.instrument.name) for one in report.excluded
    }
    return tuple(one for one in margin.excluded if (one.venue, one.instrument_name) not in known)


def data_age_text(report: RiskReport, snapshot: DeskSnapshot, now_ns: int) -> str:
    """How old the prices behind the numbers are: the oldest of the book's markets.

    A market is as old as its moment on the venue's clock, and at least as old as the last frame
    that any of its links brought.
    """
    ages: list[int] = []
    for market in report.book.markets:
        chain = snapshot.chain(market.underlying, market.venue)
        if chain is None:
            continue
        ages.append(venue_now_ns(snapshot, chain, now_ns) - market.as_of_ns)
        links = chain_links(snapshot, chain)
        is_past = snapshot.environment is Environment.REPLAY
        silent = data_age_ns(links, snapshot.ts_ns if is_past else now_ns)
        if silent is not None and not any(link.state is LinkState.FILE for link in links):
            ages.append(silent)
    return duration_text(max(ages)) if ages else DASH


def book_fields(
    label: str, report: RiskReport, refused: Sequence[RefusedRow], *, age: str
) -> tuple[HeaderField, ...]:
    """The first words of a book screen: which book, how complete, how old."""
    count = left_out_count(report, refused)
    positions = f"{len(report.book)}" + (f" WITHOUT {count}" if count else "")
    return (
        HeaderField("", safe_text(label, 48)),
        HeaderField("positions", positions),
        HeaderField("prices", f"{age} old"),
    )


def cost_field(cost_ns: int) -> HeaderField:
    """How long the numbers took to compute: the last thing to know."""
    return HeaderField("computed in", f"{cost_ns / 1e6:.0f} ms")


def choice_fields(choice: GreekChoice) -> tuple[HeaderField, ...]:
    """The conventions of the Greeks, each by its name."""
    delta = "Black, USD" if choice.is_usd else f"{choice.delta.value}, coin"
    return (
        HeaderField("delta", delta),
        HeaderField("vega", choice.vega.value),
        HeaderField("theta", choice.theta.value),
    )


def net_fields(report: RiskReport, choice: GreekChoice) -> tuple[HeaderField, ...]:
    """One field a coin: its net Greeks in the chosen conventions, with units."""
    return tuple(
        HeaderField(safe_text(net.key.underlying, 16), net_sentence(net, choice))
        for net in report.greeks.net(Grouping.UNDERLYING)
    )


def net_sentence(net: NetGreeks, choice: GreekChoice) -> str:
    """ "Delta Blk +0.1310 BTC  Gamma -0.6762 BTC/1%  Vega +484.28 USD/pt …"."""
    coin = safe_text(net.key.underlying, 16)
    words = []
    for field in choice.fields:
        column = GREEK_COLUMNS[field]
        value = float(getattr(net.greeks, field))
        text = number_text(value, column.decimals)
        sign = "+" if value > 0 and text.strip("0.,") else ""
        words.append(f"{column.title} {sign}{text} {unit_text(field, coin)}")
    without = f"  WITHOUT {net.left_out}" if net.left_out else ""
    return "  ".join(words) + without


NOTES_MAX = 24
"""Sentences on notes and sources in a panel; a screen is no report."""


def book_notes(report: RiskReport, notes: Sequence[str]) -> tuple[str, ...]:
    """What is to be said of a whole book: notes of its reading, each input's source and age."""
    said = [f"Note: {safe_text(note, 300)}." for note in notes]
    for one in report.sources:
        age = "" if one.age_s is None else f", {one.age_s:,.1f} s old"
        said.append(f"{safe_text(one.what, 80)}: {safe_text(one.source, 80)}{age}.")
    return tuple(said[:NOTES_MAX])
