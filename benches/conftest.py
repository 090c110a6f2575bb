"""What the benches share: their pace, put beside their figures in the saved report."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

NotePace = Callable[[int], None]


@pytest.fixture
def note_pace(benchmark: BenchmarkFixture) -> NotePace:
    """Notes median nanoseconds a row (an option, a call) where the bench was timed."""

    def note(rows: int) -> None:
        stats = benchmark.stats
        if stats is not None:
            benchmark.extra_info["ns_per_row"] = stats["median"] / rows * 1e9

    return note
