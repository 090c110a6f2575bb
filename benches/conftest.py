"""What the benches share: their pace, side by side with the kernel's at the end of a run.

On a busy machine `--benchmark-timer=time.process_time` counts this process alone (threads then add
up, so not for the questions of threads).
"""

from __future__ import annotations

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from quantdesk.app.bench.measure import KERNEL
from quantdesk.app.bench.pace import NotePace, Pace, pace_tables

_PACES = pytest.StashKey[list[Pace]]()


@pytest.fixture
def note_pace(benchmark: BenchmarkFixture, request: pytest.FixtureRequest) -> NotePace:
    """Notes nanoseconds a row (an option, a call): the median in the saved report, the best in the
    tables at the end of the run.
    """

    def note(rows: int, package: str = KERNEL) -> None:
        stats = benchmark.stats
        if stats is None:
            return
        benchmark.extra_info["ns_per_row"] = stats["median"] / rows * 1e9
        pace = Pace(benchmark.group or "", package, stats["min"] / rows * 1e9)
        request.config.stash.setdefault(_PACES, []).append(pace)

    return note


def pytest_terminal_summary(
    terminalreporter: pytest.TerminalReporter, config: pytest.Config
) -> None:
    """For each question, how many times the kernel's best time each package takes."""
    none: list[Pace] = []
    paces = config.stash.get(_PACES, none)
    for question, lines in pace_tables(paces).items():
        terminalreporter.write_sep("-", f"{question}: best ns a row, times ours")
        for line in lines:
            terminalreporter.write_line(line)
