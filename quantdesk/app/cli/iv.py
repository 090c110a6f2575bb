"""`quantdesk iv`: Black-76 implied volatility of one price or of a file of them."""

from __future__ import annotations

from pathlib import Path

import click

from quantdesk import pricing
from quantdesk.app.cli.option_columns import option_arguments, parse_options, write_results


@click.command()
@option_arguments("price", "forward", "strike", "years")
@click.option(
    "--premium",
    type=click.Choice(["quote", "coin", "time_value"]),
    default="quote",
    show_default=True,
    help="What the price is: discounted in quote currency, in coin, or discounted time value.",
)
def command(
    option_type: str | None,
    price: float | None,
    forward: float | None,
    strike: float | None,
    years: float | None,
    rate: float,
    file: Path | None,
    format_: str,
    output: Path | None,
    premium: str,
) -> None:
    """Implied volatility with a status: ok, below_intrinsic, above_bound, no_information, expired,
    bad_input or not_converged. Without the status ok there is no vol.
    """
    numbers = {"price": price, "forward": forward, "strike": strike, "years": years}
    columns = parse_options(file, option_type, rate, numbers)
    n = columns.numbers
    found = pricing.implied_vol(
        n["price"],
        columns.is_call,
        n["forward"],
        n["strike"],
        n["years"],
        n["rate"],
        premium=premium,
    )
    statuses = [pricing.IvStatus(code) for code in found.status.tolist()]
    vols = found.vol.tolist()
    results: dict[str, list[float | str | None]] = {
        "iv": [
            vol if status is pricing.IvStatus.OK else None
            for vol, status in zip(vols, statuses, strict=True)
        ],
        "status": [status.name.lower() for status in statuses],
    }
    write_results(columns, results, format_, output)
