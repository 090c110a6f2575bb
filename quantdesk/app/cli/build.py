"""`quantdesk build`: from an idea to exact legs, exact numbers and a text that can be kept."""

from __future__ import annotations

from pathlib import Path
from typing import Any

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
    structure_margin,
    structure_portfolio_margin,
)
from quantdesk.app.render.structure_formats import STRUCTURE_FORMATS
from quantdesk.structures.anchors import ANCHOR_WORDS
from quantdesk.structures.catalogue import ALIASES, CATALOGUE, plan_structure
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.hedging import HEDGED, HedgeDelta, hedged
from quantdesk.structures.plan import StructurePlan
from quantdesk.structures.resolve import resolve

ANCHORS = {
    "expiry": "Expiry: a date, days (30d), weekly, monthly, quarterly.",
    "far": "Second expiry, of calendars and diagonals.",
    "strike": f"Strike: {ANCHOR_WORDS}.",
    "short": "Strike of what is sold.",
    "long": "Strike of what is bought.",
    "wing": "Distance of the wings (5000), or an anchor of their own (10d).",
    "far_wing": "The wider wing of a broken wing.",
    "width": "Distance between the strikes of a spread.",
    "put_strike": "Strike of the put.",
    "call_strike": "Strike of the call.",
    "short_put": "Strike of the put sold.",
    "short_call": "Strike of the call sold.",
    "long_put": "Strike or distance of the put bought.",
    "long_call": "Strike or distance of the call bought.",
    "low": "Lower inner strike of a condor.",
    "high": "Upper inner strike of a condor.",
    "kind": "call or put.",
    "ratio": "Options sold (or bought) for one of the other.",
    "quantity": "How many, in coins (Binance: contracts); negative reverses. 1 if left out.",
    "held_as": "spot, perpetual or future: what stands for the coin.",
}
"""Options of `build`, by the anchor of `structures` that each one is."""


def _anchor_options(function: Any) -> Any:
    for name, says in reversed(ANCHORS.items()):
        option = f"--{name.replace('_', '-')}"
        function = click.option(option, name, metavar="ANCHOR", help=says)(function)
    return function


@click.command("build", cls=LegsCommand)
@click.argument("structure")
@click.argument("underlying", default="")
@_anchor_options
@click.option(
    "--hedge",
    type=click.Choice(["perpetual", "future", "spot"]),
    help="Add the leg that brings the structure's delta to nothing.",
)
@click.option(
    "--hedge-delta",
    type=click.Choice([delta.value for delta in HedgeDelta]),
    help="Which delta: premium-adjusted holds the value in coin still, black that in USD. "
    "Premium-adjusted for coin-settled options where it is left out.",
)
@analysis_options
@output_options(STRUCTURE_FORMATS)
@market_options
def command(
    structure: str,
    underlying: str,
    hedge: str | None,
    hedge_delta: str | None,
    price_at: str,
    view: str | None,
    format_: str,
    output: Path | None,
    options: MarketOptions,
    **anchors: str | None,
) -> None:
    """Build STRUCTURE on UNDERLYING: legs, net price, payoff, chances, Greeks, fees, margin.

    STRUCTURE is a name (iron-condor, straddle, calendar …), a line of legs
    ("-1 C 20d monthly, +1 C +5000"), a structure file, or - for standard input. The formats toml
    and line keep the exact legs for the other verbs; json is read by them too.
    """
    if structure == HEDGED:
        # A delta-hedged option is a single one with its hedge.
        structure, hedge = "long-call", hedge or "perpetual"
    plan = _plan(structure, {name: value for name, value in anchors.items() if value is not None})
    here = open_market(options, plan, underlying)
    warnings: tuple[str, ...] = ()
    if hedge is not None:
        delta = None if hedge_delta is None else HedgeDelta(hedge_delta)
        bare = resolve(plan, here)
        plan = exact_plan(hedged(bare.structure, here, held_as=hedge, delta=delta))
        warnings = bare.warnings
    analysis = analysed(plan, here, price_at=price_at, view=view, warnings=warnings)
    margin = structure_margin(analysis.structure, here)
    portfolio = structure_portfolio_margin(analysis.structure, here)
    data = STRUCTURE_FORMATS[format_](analysis, margin, portfolio)
    write_output(data, output, is_binary=format_ == "parquet")


def _plan(structure: str, anchors: dict[str, str]) -> StructurePlan:
    """The plan of a name with anchors, or of a text that needs none. Raises InvalidInput."""
    word = structure.lower().replace("_", "-")
    is_named = word in CATALOGUE or word in ALIASES
    is_word = word.replace("-", "").isalpha() and not Path(structure).is_file()
    if is_named or is_word:
        return plan_structure(structure, **anchors)
    if anchors:
        given = ", ".join(f"--{name.replace('_', '-')}" for name in anchors)
        raise click.UsageError(f"{given}: go with the name of a structure; legs say it themselves")
    return read_plan(structure)
