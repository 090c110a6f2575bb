"""A surface as pictures: smiles with whiskers, term structure, heatmap of edge. SVG or PNG.

Drawn by matplotlib, which is an extra (`quantdesk[plots]`). The same surface gives the same bytes.
"""

from __future__ import annotations

import io
from typing import Any

import numpy as np

from quantdesk.domain.times import expiry_code, format_instant
from quantdesk.errors import ConfigError
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.surface_diff import term_points
from quantdesk.pricing.smile import slice_jets

PLOT_SUFFIXES = (".svg", ".png")
PLOT_KINDS = ("smile", "term", "heatmap")

_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "quantdesk", "svg.fonttype": "path", "font.size": 9.0}

CURVE_POINTS = 301
EDGE_RANGE_POINTS = 1.0
"""Vol points at which the heatmap's colours end."""


def surface_plot(
    fit: SurfaceFit, kind: str, suffix: str, *, expiries_ns: tuple[int, ...] = ()
) -> bytes:
    """A picture of `fit`: "smile" (of `expiries_ns`, else of all), "term" or "heatmap".

    Raises ConfigError for another suffix, and where matplotlib is not installed.
    """
    if suffix not in PLOT_SUFFIXES:
        raise ConfigError(
            f"--plot: the file ends in {suffix or 'nothing'}; must end in "
            f"{' or '.join(PLOT_SUFFIXES)}"
        )
    try:
        import matplotlib as mpl  # noqa: PLC0415  (an extra, here only)
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "--plot: needs matplotlib; install it with: pip install 'quantdesk[plots]'"
        ) from None
    with mpl.rc_context(_SETTINGS):
        if kind == "smile":
            wanted = [s for s in fit.slices if not expiries_ns or s.expiry_ns in expiries_ns]
            figure = _smiles(fit, wanted, Figure)
        elif kind == "term":
            figure = _term(fit, Figure)
        else:
            figure = _heatmap(fit, Figure)
        out = io.BytesIO()
        metadata = {"Date": None, "Creator": "quantdesk"} if suffix == ".svg" else None
        figure.savefig(out, format=suffix[1:], metadata=metadata)
    return out.getvalue()


def _title(fit: SurfaceFit) -> str:
    return (
        f"{fit.underlying} at {fit.venue}, {format_instant(fit.as_of_ns)}, "
        f"model {fit.options.model}, grade {fit.grade.value}"
    )


def _smiles(fit: SurfaceFit, slices: list[SliceFit], figure_type: Any) -> Any:
    columns = 1 if len(slices) == 1 else 2
    rows = -(-len(slices) // columns)
    figure = figure_type(figsize=(5.2 * columns, 3.4 * rows), layout="constrained")
    axes = np.atleast_1d(figure.subplots(rows, columns)).ravel()
    for axis, each in zip(axes, slices, strict=False):
        _smile(axis, each)
    for axis in axes[len(slices) :]:
        axis.axis("off")
    figure.suptitle(_title(fit), fontsize=9)
    return figure


def _smile(axis: Any, each: SliceFit) -> None:
    quotes = each.quotes
    both = quotes.is_two_sided
    used, left_out = both & quotes.is_used, both & ~quotes.is_used
    k = quotes.log_moneyness
    shown = k[both] if both.any() else k
    grid = np.linspace(float(shown.min()), float(shown.max()), CURVE_POINTS)
    vol = np.sqrt(slice_jets(each.smile, grid).w / each.years)
    for rows, colour, name in ((used, "0.35", "bid to ask"), (left_out, "tab:red", "left out")):
        if rows.any():
            mid = 100 * quotes.mid_iv[rows]
            half = 50 * (quotes.ask_iv[rows] - quotes.bid_iv[rows])
            axis.errorbar(k[rows], mid, yerr=half, fmt="none", ecolor=colour, capsize=2, label=name)
    axis.plot(grid, 100 * vol, color="tab:blue", linewidth=1.2, label=each.model)
    axis.set_title(
        f"{expiry_code(each.expiry_ns)}, {365 * each.years:.1f} days, grade {each.grade.value}",
        fontsize=9,
    )
    axis.set_xlabel("ln(K/F)")
    axis.set_ylabel("IV, %")
    axis.legend(fontsize=7)


def _term(fit: SurfaceFit, figure_type: Any) -> Any:
    points = [point for point in term_points(fit).values() if point is not None]
    days = [365 * point.years for point in points]
    figure = figure_type(figsize=(8.0, 5.0), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True)
    above.plot(days, [100 * p.atm for p in points], "o-", label="ATM")
    above.set_ylabel("IV, %")
    below.plot(days, [100 * p.risk_reversal for p in points], "s-", label="RR25, call − put")
    below.plot(days, [100 * p.butterfly for p in points], "^-", label="BF25")
    below.axhline(0.0, color="black", linewidth=0.6)
    below.set_ylabel("vol points")
    below.set_xlabel("days to expiry")
    below.set_xscale("log")
    for axis in (above, below):
        axis.legend(fontsize=8)
    figure.suptitle(_title(fit), fontsize=9)
    return figure


def _heatmap(fit: SurfaceFit, figure_type: Any) -> Any:
    """Fit less mid of each quote: above 0 the market's mid is cheap against the surface."""
    figure = figure_type(figsize=(9.0, 0.5 * len(fit.slices) + 2.0), layout="constrained")
    axis = figure.subplots()
    shown = None
    for line, each in enumerate(fit.slices):
        known = np.isfinite(each.residual)
        width = each.atm_iv * each.years**0.5
        shown = axis.scatter(
            each.quotes.log_moneyness[known] / width,
            np.full(int(known.sum()), line),
            c=100 * each.residual[known],
            cmap="RdBu",
            vmin=-EDGE_RANGE_POINTS,
            vmax=EDGE_RANGE_POINTS,
            marker="s",
            edgecolors="0.6",
            linewidths=0.3,
        )
    axis.set_yticks(range(len(fit.slices)), [expiry_code(s.expiry_ns) for s in fit.slices])
    axis.set_xlabel("ln(K/F), standard deviations at the money")
    axis.invert_yaxis()
    if shown is not None:
        figure.colorbar(shown, ax=axis, label="surface − mid, vol points")
    figure.suptitle(_title(fit), fontsize=9)
    return figure
