"""The whole surface as values for a screen: term structure, and the heatmap of edge."""

from __future__ import annotations

import math

import numpy as np

from quantdesk.errors import PricingError
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.surface_clock import clock_words
from quantdesk.market.surface_density import thirty_day_index
from quantdesk.market.surface_diff import term_points
from quantdesk.market.surface_edge import SurfaceEdge
from quantdesk.market.surface_points import TermPoint, forward_vol
from quantdesk.snapshot import ChainSnapshot
from quantdesk.views.cells import Cell, Role
from quantdesk.views.number_text import DASH, number_text, percent_text
from quantdesk.views.plot import Axis, Guide, Markers, PlotRole, PlotView, Series, Stroke
from quantdesk.views.safe_text import safe_text
from quantdesk.views.surface import SurfaceLook
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import expiry_text

TERM_COLUMNS = (
    TableColumn(key="expiry", title="Expiry", says="expiry", align=Align.LEFT),
    TableColumn(key="days", title="Days", unit="ACT", says="days left"),
    TableColumn(key="grade", title="Gr", says="grade"),
    TableColumn(key="atm", title="ATM", unit="%", says="vol at the forward"),
    TableColumn(key="rr", title="RR25", unit="vol pts", says="25-delta call less put"),
    TableColumn(key="bf", title="BF25", unit="vol pts", says="25-delta wings less ATM"),
    TableColumn(key="fwd", title="Fwd vol", unit="%", says="vol from the expiry before"),
    TableColumn(key="forward", title="Forward", unit="USD", says="forward"),
    TableColumn(key="inside", title="Inside", unit="%", says="share inside the spread"),
    TableColumn(key="rmse", title="RMSE", unit="vol pts", says="RMSE to mid"),
    TableColumn(key="quotes", title="Used", unit="of", says="quotes used"),
    TableColumn(key="flags", title="To know", says="flags", align=Align.LEFT),
)


EDGES_SHOWN = 4
"""Edges told one by one above the heatmap, the largest in ticks first."""


def term_words(look: SurfaceLook) -> tuple[str, ...]:
    """What to know of the surface as a whole, worst first, and its index."""
    fit = look.fit
    if fit is None:
        return (look.missing,)
    sentences = [f"Arbitrage: {safe_text(fault, 100)}" for fault in fit.faults]
    sentences += [safe_text(sentence, 110) for sentence in fit.between]
    index = thirty_day_index(fit)
    counts = f"{len(fit.slices)} expiries fitted"
    if fit.refused:
        counts += f", {len(fit.refused)} refused"
    if not fit.faults:
        counts += ", no butterfly, calendar or Lee violation"
    clock = "" if fit.clock.is_calendar else f" Clock: {safe_text(clock_words(fit.clock), 60)}."
    return (*sentences, f"{counts}.{clock}", f"{index.points:.2f}: {safe_text(index.words, 220)}.")


def edge_words(look: SurfaceLook) -> tuple[str, ...]:
    """What the heatmap counts, and the largest edges that can be had at once."""
    edge = None if look.is_past else look.chain.edge()
    if edge is None or look.fit is None:
        return (look.missing,) if look.missing else ()
    against = "own vols and the fit" if look.choice.overrides else "the fit"
    found = _best_edges(look.chain, edge)
    head = f"Theo ({against}) less mid, mean by delta; b: an ask below theo, s: a bid above it."
    return (head, *found) if found else (head, "No quote can be crossed at an edge.")


def _best_edges(chain: ChainSnapshot, edge: SurfaceEdge) -> list[str]:
    lines = []
    for verb, side, price, vols, ticks in (
        ("buy", "ask", chain.chain.ask, edge.buy_edge_vol, edge.buy_edge_ticks),
        ("sell", "bid", chain.chain.bid, edge.sell_edge_vol, edge.sell_edge_ticks),
    ):
        with np.errstate(invalid="ignore"):
            rows = np.flatnonzero((vols > 0) & (ticks > 0) & ~chain.is_stale)
        for row in rows.tolist():
            name = safe_text(chain.chain.instruments[row].name, 32)
            words = (
                f"{verb} {name} at the {side} {price[row]:g}: theo {edge.theo[row]:.5g}, "
                f"{ticks[row]:+.1f} ticks, {100 * vols[row]:+.2f} vol points"
            )
            lines.append((float(ticks[row]), words))
    lines.sort(key=lambda line: -line[0])
    return [words for _, words in lines[:EDGES_SHOWN]]


def term_table(look: SurfaceLook) -> TableView:
    """A line an expiry, those without a slice with the reason."""
    fit = look.fit
    if fit is None:
        return table_view(TERM_COLUMNS, (), empty=look.missing)
    points = term_points(fit)
    lines = []
    before_ns = fit.as_of_ns
    for each in fit.slices:
        lines.append((each.expiry_ns, _term_line(fit, each, points[each.expiry_ns], before_ns)))
        before_ns = each.expiry_ns
    for expiry_ns, reason in fit.refused:
        cells = [Cell(DASH, Role.MISSING)] * len(TERM_COLUMNS)
        cells[0] = Cell(expiry_text(expiry_ns), Role.STRIKE)
        cells[-1] = Cell(safe_text(f"not fitted: {reason}", 40), Role.WARNING)
        lines.append((expiry_ns, TableLine(f"{expiry_ns}", tuple(cells))))
    chosen = [
        line._replace(kind=LineKind.CHOSEN) if expiry_ns == look.expiry_ns else line
        for expiry_ns, line in sorted(lines)
    ]
    return table_view(TERM_COLUMNS, chosen)


def _term_line(
    fit: SurfaceFit, each: SliceFit, point: TermPoint | None, before_ns: int
) -> TableLine:
    try:
        between = percent_text(forward_vol(fit, before_ns, each.expiry_ns))
    except PricingError:
        between = DASH
    used, count = int(each.quotes.is_used.sum()), len(each.fit_iv)
    flags = " ".join(each.flags)
    cells = (
        Cell(expiry_text(each.expiry_ns), Role.STRIKE),
        Cell(number_text(365 * each.years, 1), Role.LABEL),
        Cell(each.grade.value, Role.WARNING if each.grade.value in "DF" else Role.LABEL),
        Cell(percent_text(each.atm_iv), Role.IV),
        _points(None if point is None else point.risk_reversal),
        _points(None if point is None else point.butterfly),
        Cell(between, Role.IV),
        Cell(number_text(each.forward, 2), Role.MARK),
        Cell(percent_text(each.in_spread, 1), Role.VALUE),
        Cell(percent_text(each.rmse, 3), Role.VALUE),
        Cell(f"{used}/{count}", Role.SIZE),
        Cell(safe_text(flags, 40), Role.WARNING),
    )
    return TableLine(f"{each.expiry_ns}", cells)


def _points(value: float | None) -> Cell:
    if value is None or math.isnan(value):
        return Cell(DASH, Role.MISSING)
    return Cell(f"{100 * value:+.2f}", Role.VALUE)


def atm_plot(look: SurfaceLook) -> PlotView:
    """ATM vol over days."""
    title = "Term structure: ATM, IV in %"
    x_axis, y_axis = Axis(name="√ days to expiry"), Axis(name="IV, %")
    fit = look.fit
    if fit is None:
        return PlotView(title=title, x_axis=x_axis, y_axis=y_axis, empty=look.missing)
    roots = np.sqrt([365 * each.years for each in fit.slices])
    vols = np.array([100 * each.atm_iv for each in fit.slices])
    return PlotView(
        title=title,
        x_axis=x_axis,
        y_axis=y_axis,
        series=(Series(name="ATM", x=roots, y=vols),),
        markers=(Markers(name="expiry", x=roots, y=vols, symbol="●"),),
    )


def wings_plot(look: SurfaceLook) -> PlotView:
    """Risk reversal and butterfly of 25 delta over days."""
    title = "Term structure: RR25 (call − put) and BF25, vol points"
    x_axis, y_axis = Axis(name="√ days to expiry"), Axis(name="vol points")
    fit = look.fit
    points = [] if fit is None else [p for p in term_points(fit).values() if p is not None]
    if not points:
        words = look.missing or "No expiry has options of 25 delta on both sides."
        return PlotView(title=title, x_axis=x_axis, y_axis=y_axis, empty=words)
    roots = np.sqrt([365 * point.years for point in points])
    reversal = np.array([100 * point.risk_reversal for point in points])
    butterfly = np.array([100 * point.butterfly for point in points])
    return PlotView(
        title=title,
        x_axis=x_axis,
        y_axis=y_axis,
        guides=(Guide(name="0", value=0.0, is_vertical=False),),
        series=(
            Series(name="RR25", x=roots, y=reversal),
            Series(name="BF25", x=roots, y=butterfly, role=PlotRole.SECOND, stroke=Stroke.DASHED),
        ),
    )


BUCKETS = (
    ("p5", "P <7", -0.0, -0.07),
    ("p10", "P 10", -0.07, -0.175),
    ("p25", "P 25", -0.175, -0.325),
    ("p40", "P 40", -0.325, -0.45),
    ("atm", "ATM", -0.45, 0.45),
    ("c40", "C 40", 0.45, 0.325),
    ("c25", "C 25", 0.325, 0.175),
    ("c10", "C 10", 0.175, 0.07),
    ("c5", "C <7", 0.07, 0.0),
)
"""Columns of the heatmap: key, title, and the Black deltas between which an option is in it."""

HEAT_SYMBOLS = (
    ("+0.12", "theo above mid: the options are cheap by so many vol points"),
    ("-0.12", "theo below mid: they are rich"),
    ("b s", "an option can be bought from the ask, sold to the bid, at an edge"),
)


def edge_heatmap(look: SurfaceLook) -> TableView:
    """Theo less mid by expiry and delta in vol points, and where an edge can be had at once."""
    columns = (
        TableColumn(key="expiry", title="Expiry", says="expiry", align=Align.LEFT),
        *(
            TableColumn(key=key, title=title, unit="vol pts", says=f"{title} delta", width=8)
            for key, title, _, _ in BUCKETS
        ),
    )
    edge = None if look.is_past else look.chain.edge()
    if edge is None or look.fit is None:
        words = "Edges are of the chain now: press esc." if look.is_past else look.missing
        return table_view(columns, (), empty=words)
    lines = [
        TableLine(
            f"{summary.expiry_ns}",
            (
                Cell(expiry_text(summary.expiry_ns), Role.STRIKE),
                *_heat_cells(look.chain, edge, summary.rows),
            ),
            LineKind.CHOSEN if summary.expiry_ns == look.expiry_ns else LineKind.PLAIN,
        )
        for summary in look.chain.expiries
    ]
    return table_view(columns, lines)


def _heat_cells(chain: ChainSnapshot, edge: SurfaceEdge, rows: tuple[int, int]) -> list[Cell]:
    part = slice(*rows)
    delta, is_call = chain.values.delta[part], chain.chain.is_call[part]
    mid_edge = (edge.buy_edge_vol[part] - edge.sell_edge_vol[part]) / 2
    buy, sell = edge.buy_edge_vol[part] > 0, edge.sell_edge_vol[part] > 0
    cells = []
    for key, _, low, high in BUCKETS:
        with np.errstate(invalid="ignore"):
            if key == "atm":
                inside = (np.abs(delta) >= 0.45) & (np.abs(delta) <= 0.55)
            elif key.startswith("p"):
                inside = ~is_call & (delta > high) & (delta <= low)
            else:
                inside = is_call & (delta < low) & (delta >= high)
        inside &= ~np.isnan(mid_edge)
        if not inside.any():
            cells.append(Cell(DASH, Role.MISSING))
            continue
        value = 100 * float(np.mean(mid_edge[inside]))
        marks = ("b" if (buy & inside).any() else "") + ("s" if (sell & inside).any() else "")
        role = Role.WARNING if marks else (Role.GAIN if value >= 0 else Role.LOSS)
        cells.append(Cell(f"{value:+.2f}{marks}", role))
    return cells
