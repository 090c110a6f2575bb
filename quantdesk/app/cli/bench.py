"""`quantdesk bench`: throughput and error of the kernel on this machine, beside its peers."""

from __future__ import annotations

import json
import math
import os
import platform

import click

from quantdesk import pricing
from quantdesk.app.bench.measure import KERNEL, Line, measure
from quantdesk.app.bench.peers import Missing
from quantdesk.app.cli.output import write_output


@click.command()
@click.option(
    "--rows", default=1_000_000, show_default=True, type=click.IntRange(1_000, 10_000_000)
)
@click.option("--rounds", default=5, show_default=True, type=click.IntRange(1, 100))
@click.option("--threads", default=1, show_default=True, type=click.IntRange(1, 1024))
@click.option(
    "--format", "format_", type=click.Choice(["table", "json"]), default="table", show_default=True
)
def command(rows: int, rounds: int, threads: int, format_: str) -> None:
    """Measure price, Greeks, implied vol, chain and grid beside the peers that are installed.

    Peers are those found in this Python's environment: numpy with scipy, vollib, QuantLib, lbriv,
    pyvolr, iv-engine, py-vollib-vectorized. Times are the best of the rounds; compare within one
    run only. Errors are those on rows computed at 60 digits.
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
        f"{'task':<28}{'package':<28}{'ns/option':>11}{'million/s':>11}{'ours ×':>9}"
        f"{'error':>10}{'p99':>10}{'wrong':>9}",
    ]
    for line in lines:
        error, multiple, wrong = _error_cells(line)
        ratio = f"{line.ns / ours[line.task]:.1f}"
        out.append(
            f"{line.task:<28}{line.package:<28}{line.ns:>11.1f}{1e3 / line.ns:>11.2f}{ratio:>9}"
            f"{error:>10}{multiple:>10}{wrong:>9}"
        )
    out += ["", *_LEGEND, *(f"not here: {peer.name} ({peer.reason})" for peer in missing)]
    return "\n".join(out).rstrip() + "\n"


_LEGEND = (
    "error: the worst relative one over exact rows, of numbers that are not wrong.",
    "p99: of implied vols, in multiples of what the rounded price determines.",
    "wrong: share of exact rows that are missing or off by more than 1e-6.",
)


def _error_cells(line: Line) -> tuple[str, str, str]:
    if line.error is None:
        return "", "", ""
    multiple = "" if line.error.multiple is None else f"{line.error.multiple:.3g}"
    return f"{line.error.size:.1e}", multiple, f"{line.error.wrong:.1%}"


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
                "worst_relative_error": _finite(line.error.size) if line.error else None,
                "p99_of_attainable": _finite(line.error.multiple) if line.error else None,
                "wrong_share": line.error.wrong if line.error else None,
            }
            for line in lines
        ],
        "missing": [{"name": peer.name, "reason": peer.reason} for peer in missing],
    }
    return json.dumps(document, indent=2, allow_nan=False) + "\n"


def _finite(number: float | None) -> float | None:
    """None where no row was right, which JSON has no number for."""
    return number if number is not None and math.isfinite(number) else None
