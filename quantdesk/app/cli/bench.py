"""`quantdesk bench`: throughput and error of the kernel on this machine, beside its peers."""

from __future__ import annotations

import json
import os
import platform

import click

from quantdesk import pricing
from quantdesk.app.bench.measure import KERNEL, Line, measure
from quantdesk.app.bench.peers import Missing
from quantdesk.app.cli.output import write_output

_ROWS = click.IntRange(1_000, 10_000_000)


@click.command()
@click.option(
    "--rows", default=1_000_000, show_default=True, type=click.IntRange(1_000, 10_000_000)
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 1024))
@click.option("--format", "format_", type=click.Choice(["table", "json"]), default="table")
def command(rows: int, rounds: int, threads: int, format_: str) -> None:
    """Measure price, Greeks, implied vol, chain and grid beside the peers that are installed.

    Peers are those found in this Python's environment: numpy with scipy, vollib, QuantLib, lbriv,
    pyvolr, iv-engine, py-vollib-vectorized. Times are medians; compare within one run only.
    """
    lines, missing = measure(rows, rounds=rounds, threads=threads)
    text = _json(lines, missing) if format_ == "json" else _table(lines, missing, rows, threads)
    write_output(text.encode(), None)


def _table(lines: list[Line], missing: list[Missing], rows: int, threads: int) -> str:
    ours = {line.task: line.ns for line in lines if line.package == KERNEL}
    out = [
        f"{platform.machine()}, {os.cpu_count()} cores, SIMD path {pricing.simd_path()}, "
        f"{rows:,} options, {threads} thread{'' if threads == 1 else 's'}",
        "",
        f"{'task':<28}{'package':<28}{'ns/option':>11}{'ours ×':>9}{'worst error':>13}{'wrong':>9}",
    ]
    for line in lines:
        error = "" if line.error is None else f"{line.error:.1e}"
        wrong = "" if line.wrong is None else f"{line.wrong:.2%}"
        ratio = f"{line.ns / ours[line.task]:.1f}"
        out.append(
            f"{line.task:<28}{line.package:<28}{line.ns:>11.1f}{ratio:>9}{error:>13}{wrong:>9}"
        )
    out += ["", *(f"not here: {peer.name} ({peer.reason})" for peer in missing)]
    return "\n".join(out).rstrip() + "\n"


def _json(lines: list[Line], missing: list[Missing]) -> str:
    document = {
        "schema": "quantdesk.bench/1",
        "simd_path": pricing.simd_path(),
        "machine": platform.machine(),
        "cores": os.cpu_count(),
        "lines": [
            {
                "task": line.task,
                "package": line.package,
                "ns_per_option": line.ns,
                "worst_relative_error": line.error,
                "wrong_share": line.wrong,
            }
            for line in lines
        ],
        "missing": [{"name": peer.name, "reason": peer.reason} for peer in missing],
    }
    return json.dumps(document, indent=2) + "\n"
