"""`quantdesk replay`: a recording played back through the desk, one snapshot a line."""

from __future__ import annotations

from pathlib import Path

import click

from quantdesk.app.cli.options import FiniteRange
from quantdesk.app.cli.output import write_output
from quantdesk.app.render.chain_record import to_json
from quantdesk.app.render.snapshot_record import snapshot_record
from quantdesk.runtime.replay import snapshots


@click.command("replay")
@click.argument("directory", type=click.Path(path_type=Path))
@click.option("--format", "format_", type=click.Choice(["ndjson"]), default="ndjson")
@click.option(
    "--every",
    type=FiniteRange(min=0.001),
    default=1.0,
    show_default=True,
    help="Seconds of recorded time between snapshots.",
)
@click.option(
    "--surfaces/--no-surfaces",
    default=True,
    show_default=True,
    help="Fit each chain's surface as the desk does: theo and edge of each row, grade and age.",
)
def command(directory: Path, format_: str, every: float, *, surfaces: bool) -> None:
    """Play the recording in DIRECTORY back, as fast as it goes, and print the snapshots.

    The same recording gives the same bytes each time.
    """
    assert format_ == "ndjson"
    for snapshot in snapshots(directory, every_s=every, fits_surfaces=surfaces):
        write_output(to_json(snapshot_record(snapshot)) + b"\n", None)
