"""The instruction set is chosen once and can be overridden."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

from quantdesk import pricing
from quantdesk.errors import InvalidInput


def test_the_best_path_is_in_use_unless_told_otherwise() -> None:
    pricing.set_simd_path(None)
    expected = os.environ.get("QUANTDESK_SIMD", pricing.simd_paths()[-1])
    assert pricing.simd_path() == expected


def test_an_unknown_path_is_refused_and_changes_nothing() -> None:
    before = pricing.simd_path()
    with pytest.raises(InvalidInput, match="portable"):
        pricing.set_simd_path("sse9")
    assert pricing.simd_path() == before


@pytest.mark.parametrize("path", pricing.simd_paths())
def test_the_environment_names_a_path(path: str) -> None:
    code = "from quantdesk import pricing; print(pricing.simd_path())"
    environment = os.environ | {"QUANTDESK_SIMD": path, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True
    )
    assert done.stdout.strip() == path
