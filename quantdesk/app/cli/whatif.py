"""`quantdesk whatif`: a structure revalued over spot, vol, time and basis."""

from __future__ import annotations

from pathlib import Path

import click

from quantdesk.app.cli.options import FiniteRange, output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.structure_options import (
    LegsCommand,
    MarketOptions,
    market_options,
    open_market,
    read_plan,
)
from quantdesk.app.render.whatif_formats import WHATIF_FORMATS, WhatIf
from quantdesk.domain.structure import Structure
from quantdesk.errors import ConfigError, StorageError
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.prepare import prepare
from quantdesk.risk.scenario import SmileRule, VolRule, VolTenor, VolUnit
from quantdesk.risk.scenarios import ScenarioAxes, ScenarioCube, run_axes
from quantdesk.risk.valuation import as_positions, value_positions
from quantdesk.structures.resolve import resolve

POINTS_MAX = 400
"""Points of one axis: more is a mistake in the step."""


def parse_axis(ctx: click.Context, param: click.Parameter, value: str) -> tuple[float, ...]:
    """Numbers apart by commas, or first:last:step, percent signs allowed; ascending, each once."""
    try:
        parts = value.split(":")
        if len(parts) == 3:
            first, last, step = (_number(part) for part in parts)
            count = round((last - first) / step) + 1
            if step <= 0 or not 1 <= count <= POINTS_MAX:
                raise ValueError
            found = [round(first + step * n, 12) for n in range(count)]
        else:
            found = [_number(part) for part in value.split(",")]
    except (ValueError, ZeroDivisionError, OverflowError):
        rule = "must be numbers apart by commas (-20%,0,20%) or first:last:step (-20%:20%:5%)"
        raise click.BadParameter(f"{value!r} {rule}", ctx=ctx, param=param) from None
    return tuple(sorted(set(found)))


def _number(text: str) -> float:
    word = text.strip()
    return float(word[:-1]) / 100 if word.endswith("%") else float(word)


@click.command("whatif", cls=LegsCommand)
@click.argument("structure")
@click.argument("underlying", default="")
@click.option(
    "--spot",
    callback=parse_axis,
    default="-20%:20%:5%",
    show_default=True,
    help="Relative moves of spot.",
)
@click.option(
    "--vol",
    callback=parse_axis,
    default="-0.10,0,0.10",
    show_default=True,
    help="Vol moves: 0.10 is ten points, or with --vol-unit relative a tenth of each vol.",
)
@click.option(
    "--days", callback=parse_axis, default="0", show_default=True, help="Days that pass, as 0,7,14."
)
@click.option(
    "--basis",
    callback=parse_axis,
    default="0",
    show_default=True,
    help="Added to the annual rate between index and each forward.",
)
@click.option(
    "--skew",
    type=FiniteRange(-10, 10),
    default=0.0,
    show_default=True,
    help="Vol added for each unit of ln(K/F) at 30 days, times the square root of 30 days over the "
    "expiry's: -0.1 lifts a strike 10 % below the forward by a point.",
)
@click.option(
    "--term",
    type=FiniteRange(-10, 10),
    default=0.0,
    show_default=True,
    help="Vol added times (the square root of 30 days over the expiry's, less 1): 0 at 30 days.",
)
@click.option(
    "--vol-unit",
    type=click.Choice([unit.value for unit in VolUnit]),
    default=VolUnit.POINTS.value,
    show_default=True,
)
@click.option(
    "--vol-tenor",
    type=click.Choice([tenor.value for tenor in VolTenor]),
    default=VolTenor.PARALLEL.value,
    show_default=True,
    help="The same for each expiry, or scaled by the square root of 30 days over its own.",
)
@click.option(
    "--smile",
    type=click.Choice([rule.value for rule in SmileRule]),
    default=SmileRule.STICKY_STRIKE.value,
    show_default=True,
    help="What keeps its vol when spot moves.",
)
@output_options(WHATIF_FORMATS)
@market_options
def command(
    structure: str,
    underlying: str,
    spot: tuple[float, ...],
    vol: tuple[float, ...],
    days: tuple[float, ...],
    basis: tuple[float, ...],
    skew: float,
    term: float,
    vol_unit: str,
    vol_tenor: str,
    smile: str,
    format_: str,
    output: Path | None,
    options: MarketOptions,
) -> None:
    """Profit of STRUCTURE against now, over spot, vol, days and basis, by full revaluation.

    In coin, and in USD as coin at the scenario's index less coin value at today's. A leg past its
    expiry settles on the scenario's index and covers nothing afterwards.
    """
    plan = read_plan(structure)
    here = open_market(options, plan, underlying)
    resolved = resolve(plan, here)
    rule = VolRule(unit=VolUnit(vol_unit), tenor=VolTenor(vol_tenor), smile=SmileRule(smile))
    axes = ScenarioAxes(spot=spot, vol=vol, days=days, basis=basis, rule=rule, skew=skew, term=term)
    cube = _cube(resolved.structure, here, axes)
    answer = WhatIf(
        structure=resolved.structure, market=here, cube=cube, warnings=resolved.warnings
    )
    write_output(WHATIF_FORMATS[format_](answer), output, is_binary=format_ == "parquet")


def _cube(structure: Structure, market: UnderlyingMarket, axes: ScenarioAxes) -> ScenarioCube:
    """The revaluation, as `risk.what_if` does it: own vols, moved along the market's surface.

    Raises StorageError where a leg can not be marked: it is never zero.
    """
    if market.index_price is None:
        raise ConfigError(f"index price of {market.underlying}: is not known in this market")
    data = MarketData(markets=(market,), source="")
    book = value_positions(as_positions(structure), data)
    if book.excluded:
        reasons = "; ".join(one.reason for one in book.excluded)
        raise StorageError(f"a leg can not be marked, and is not taken as zero: {reasons}")
    key = (market.venue, market.underlying)
    prepared = prepare(book, surfaces={} if market.surface is None else {key: market.surface})
    return run_axes(prepared, axes, index_prices={market.underlying: market.index_price})
