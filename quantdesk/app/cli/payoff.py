"""`quantdesk payoff`: profit by price of the underlying, at expiry and at earlier dates."""

from __future__ import annotations

from pathlib import Path

import click

from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.structure_options import (
    LegsCommand,
    MarketOptions,
    analysed,
    analysis_options,
    market_options,
    open_market,
    read_plan,
)
from quantdesk.app.render.payoff_formats import PAYOFF_FORMATS, Payoff, payoff_plot
from quantdesk.domain.times import parse_instant
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.curves import Curve, curve_prices, date_curve, horizon_curve


@click.command("payoff", cls=LegsCommand)
@click.argument("structure")
@click.argument("underlying", default="")
@click.option(
    "--date",
    "dates",
    metavar="TIME",
    multiple=True,
    help="An earlier date, ISO-8601 UTC, as a curve of its own by revaluation; may be repeated.",
)
@click.option(
    "--plot",
    metavar="FILE",
    type=click.Path(path_type=Path),
    help="Write the curves as a picture, .svg or .png (needs the extra `plots`).",
)
@analysis_options
@output_options(PAYOFF_FORMATS)
@market_options
def command(
    structure: str,
    underlying: str,
    dates: tuple[str, ...],
    plot: Path | None,
    price_at: str,
    view: str | None,
    format_: str,
    output: Path | None,
    options: MarketOptions,
) -> None:
    """Profit of STRUCTURE by price of the underlying: today, at dates, at expiry.

    STRUCTURE is a line of legs, a structure file, or - for standard input. At expiry it is exact;
    with several expiries, and before, legs are revalued at unchanged vols by strike.
    """
    plan = read_plan(structure)
    here = open_market(options, plan, underlying)
    analysis = analysed(plan, here, price_at=price_at, view=view)
    prices = curve_prices(analysis)
    curves = _curves(analysis, here, [parse_instant(date) for date in dates], prices)
    payoff = Payoff(analysis=analysis, prices=prices, curves=curves)
    if plot is not None:
        write_output(payoff_plot(payoff, plot.suffix), plot)
    write_output(PAYOFF_FORMATS[format_](payoff), output, is_binary=format_ == "parquet")


def _curves(
    analysis: StructureAnalysis,
    market: UnderlyingMarket,
    dates: list[int],
    prices: FloatArray,
) -> tuple[Curve, ...]:
    """Today, each date in order, and the horizon. Raises InvalidInput for a date outside."""
    moments = sorted({analysis.as_of_ns, *dates})
    before = [date_curve(analysis, market, prices, at_ns) for at_ns in moments]
    return (*before, horizon_curve(analysis, market, prices))
