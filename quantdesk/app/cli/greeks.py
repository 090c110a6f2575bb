"""`quantdesk greeks`: price and raw partial derivatives of one option or of a file of them."""

from __future__ import annotations

from pathlib import Path

import click

from quantdesk import pricing
from quantdesk.app.cli.option_columns import (
    option_arguments,
    parse_options,
    tell_left_out,
    write_results,
)
from quantdesk.errors import ConfigError

_DEFAULT = "price,delta,gamma,vega,theta,rho"


@click.command()
@option_arguments("forward", "strike", "years", "vol")
@click.option(
    "--which",
    default=_DEFAULT,
    show_default=True,
    help=f"Comma-separated names of {', '.join(pricing.OUTPUTS)}.",
)
def command(
    option_type: str | None,
    forward: float | None,
    strike: float | None,
    years: float | None,
    vol: float | None,
    rate: float,
    file: Path | None,
    format_: str,
    output: Path | None,
    which: str,
) -> None:
    """Black-76 price and raw partials: vega per 1.00 of vol, theta per year, delta on the forward.

    A row of a file that is outside the domain has none; a single option is refused.
    """
    names = [name.strip() for name in which.split(",")]
    unknown = [name for name in names if name not in pricing.OUTPUTS]
    if unknown:
        raise ConfigError(f"--which {','.join(unknown)}: must be of {', '.join(pricing.OUTPUTS)}")
    numbers = {"forward": forward, "strike": strike, "years": years, "vol": vol}
    columns = parse_options(file, option_type, rate, numbers)
    n = columns.numbers
    arguments = (n["forward"], n["strike"], n["years"], n["vol"], n["rate"])
    if file is None:
        pricing.price_one(bool(columns.is_call[0]), *(float(column[0]) for column in arguments))
    found = pricing.greeks(columns.is_call, *arguments, which=names)._asdict()
    tell_left_out(found[names[0]])
    results = {name: found[name].tolist() for name in names}
    write_results(columns, results, format_, output)
