"""What stands above every book screen, and in which state such a screen is.

The worst state of any market that the book stands on is the book's: a stale leg can not pass for
live because another coin's prices move.
"""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.domain.position import RefusedRow
from quantdesk.risk.exposure import Grouping, NetGreeks
from quantdesk.risk.report import RiskReport
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.risk_choice import GREEK_COLUMNS, GreekChoice, unit_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import ScreenBanner, ScreenState, screen_banner, venue_now_ns
from quantdesk.views.time_text import clock_text, duration_text

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
    "no book is open.\n\n"
    "quantdesk tui --book FILE      positions as CSV, JSON or Parquet:\n"
    "                               venue, instrument_name, quantity[, average_price, strategy]\n"
    "quantdesk tui --account NAME   a venue account, read-only\n\n"
    "o   opens the shipped SAMPLE book"
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
) -> ScreenBanner:
    """State of a screen that shows `report`; `now_ns` is on the desk's clock.

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
        parts.append(f"{count} of {total} positions left out, totals miss them (see the end)")
    cash = len(report.unpriced_cash)
    if cash:
        parts.append(f"cash in {', '.join(sorted(report.unpriced_cash))} has no price")
    if gone:
        names = ", ".join(sorted("/".join(one) for one in gone))
        parts.append(f"{safe_text(names, 60)} is not on the desk any more")
    if parts:
        return ScreenBanner(ScreenState.PARTIAL, f"PARTIAL. {'; '.join(parts)}.")
    if worst.state is ScreenState.WAITING:
        return ScreenBanner(ScreenState.LIVE, "")
    return worst


def data_age_text(report: RiskReport, snapshot: DeskSnapshot, now_ns: int) -> str:
    """How old the prices behind the numbers are: the oldest of the book's markets."""
    ages = []
    for market in report.book.markets:
        chain = snapshot.chain(market.underlying, market.venue)
        if chain is not None:
            ages.append(venue_now_ns(snapshot, chain, now_ns) - market.as_of_ns)
    return duration_text(max(ages)) if ages else DASH


def book_fields(
    label: str,
    report: RiskReport,
    refused: Sequence[RefusedRow],
    *,
    age: str,
    cost_ns: int,
    words: str,
) -> tuple[HeaderField, ...]:
    """The first lines of a book screen: which book, how complete, how old, in which conventions."""
    count = left_out_count(report, refused)
    positions = f"{len(report.book)}" + (f" WITHOUT {count}" if count else "")
    moments = sorted({market.as_of_ns for market in report.book.markets})
    venue = clock_text(moments[-1]) if moments else DASH
    return (
        HeaderField("", safe_text(label, 48)),
        HeaderField("positions", positions),
        HeaderField("prices", f"{age} old"),
        HeaderField("venue time", venue),
        HeaderField("shown", words),
        HeaderField("computed in", f"{cost_ns / 1e6:.0f} ms"),
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
