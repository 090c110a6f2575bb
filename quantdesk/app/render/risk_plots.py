"""Pictures of a risk report as SVG, drawn by matplotlib, which is an extra (`quantdesk[plots]`)."""

from __future__ import annotations

import io
from typing import Any

from quantdesk.errors import ConfigError
from quantdesk.risk.exposure import Grouping
from quantdesk.risk.report import RiskReport
from quantdesk.views.scenario import vol_move_text
from quantdesk.views.time_text import expiry_text

BARS = (
    ("delta_premium_adjusted", "premium-adjusted delta, coin"),
    ("vega_per_point", "vega, USD per vol point"),
    ("theta_per_day", "theta, USD per day"),
)

_SETTINGS: dict[Any, Any] = {"svg.hashsalt": "quantdesk", "svg.fonttype": "path", "font.size": 9.0}


def has_plots() -> bool:
    """Whether matplotlib is installed."""
    from importlib.util import find_spec  # noqa: PLC0415

    return find_spec("matplotlib") is not None


def report_figures(report: RiskReport) -> list[tuple[str, str]]:
    """(caption, SVG) pairs: P&L by spot for each vol move, and Greeks by expiry.

    The same report gives the same bytes. Raises ConfigError where matplotlib is not installed.
    """
    try:
        import matplotlib as mpl  # noqa: PLC0415
        from matplotlib.figure import Figure  # noqa: PLC0415
    except ImportError:
        raise ConfigError(
            "plots need matplotlib: install quantdesk[plots], or give --no-plots"
        ) from None
    with mpl.rc_context(_SETTINGS):
        return [*_scenario_figures(report, Figure), *_ladder_figures(report, Figure)]


def _scenario_figures(report: RiskReport, figure_type: Any) -> list[tuple[str, str]]:
    cube = report.cube
    axes = cube.axes
    if len(axes.spot) < 2:
        return []
    found = []
    spots = [100 * spot for spot in axes.spot]
    for number, coin in enumerate(cube.results.underlyings):
        usd = cube.pnl_usd()[number]
        figure = figure_type(figsize=(8.0, 3.6), layout="constrained")
        plot = figure.subplots()
        for v, vol in enumerate(axes.vol):
            label = f"vol {vol_move_text(vol, axes.rule.unit)}"
            plot.plot(spots, usd[:, v, 0, 0], marker="o", markersize=3, label=label)
        plot.axhline(0.0, color="black", linewidth=0.6)
        plot.set_xlabel("spot move, %")
        plot.set_ylabel("P&L, USD")
        plot.legend(fontsize="small")
        caption = f"{coin}: P&L by spot, {axes.days[0]:g} days on, without collateral"
        found.append((caption, _svg(figure)))
    return found


def _ladder_figures(report: RiskReport, figure_type: Any) -> list[tuple[str, str]]:
    found = []
    nets = report.exposures.net(Grouping.EXPIRY)
    for coin in report.exposures.book.underlyings:
        own = [net for net in nets if net.key.underlying == coin]
        figure = figure_type(figsize=(8.0, 2.6), layout="constrained")
        for plot, (field, title) in zip(figure.subplots(1, len(BARS)), BARS, strict=True):
            labels = [
                "none" if net.key.expiry_ns is None else expiry_text(net.key.expiry_ns)
                for net in own
            ]
            plot.bar(range(len(own)), [getattr(net.greeks, field) for net in own])
            plot.set_xticks(range(len(own)), labels, rotation=90, fontsize="x-small")
            plot.axhline(0.0, color="black", linewidth=0.6)
            plot.set_title(title, fontsize="small")
        found.append((f"{coin}: Greeks by expiry", _svg(figure)))
    return found


def _svg(figure: Any) -> str:
    out = io.StringIO()
    figure.savefig(out, format="svg", metadata={"Date": None, "Creator": "quantdesk"})
    text = out.getvalue()
    return text[text.index("<svg") :]
