"""`quantdesk price`: Black-76 price of one option or of a file of them."""

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


@click.command()
@option_arguments("forward", "strike", "years", "vol")
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
) -> None:
    """Discounted Black-76 price in quote currency. Vol 0.65 is 65 %; years are ACT/365.

    A row of a file that is outside the domain has no price; a single option is refused.
    """
    numbers = {"forward": forward, "strike": strike, "years": years, "vol": vol}
    columns = parse_options(file, option_type, rate, numbers)
    n = columns.numbers
    arguments = (n["forward"], n["strike"], n["years"], n["vol"], n["rate"])
    if file is None:
        pricing.price_one(bool(columns.is_call[0]), *(float(column[0]) for column in arguments))
    found = pricing.greeks(columns.is_call, *arguments, which=("price",)).price
    assert found is not None  # asked for by name
    tell_left_out(found)
    results = {"price": found.tolist()}
    write_results(columns, results, format_, output)
