"""That `make bench` finds every bench: a pattern that names none of them runs nothing."""

from __future__ import annotations

from fnmatch import fnmatch
from pathlib import Path

import pytest

BENCHES = Path(__file__).parents[2] / "benches"


def test_every_bench_is_collected(pytestconfig: pytest.Config) -> None:
    patterns = pytestconfig.getini("python_files")
    benches = sorted(path.name for path in BENCHES.glob("bench_*.py"))
    assert benches
    assert [name for name in benches if not any(fnmatch(name, one) for one in patterns)] == []
