"""Each example strategy runs on the shipped sample and prints figures."""

from __future__ import annotations

import runpy
from pathlib import Path

import pytest

STRATEGIES = sorted((Path(__file__).parents[3] / "strategies").glob("*.py"))


@pytest.mark.parametrize("path", STRATEGIES, ids=lambda path: path.stem)
def test_an_example_strategy_runs_on_the_sample(
    path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    runpy.run_path(str(path))["main"]([])
    lines = capsys.readouterr().out.splitlines()
    assert len(lines) > 2
    assert "nan" not in "".join(lines).lower()
