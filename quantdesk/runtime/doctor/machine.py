"""What works on this machine: the kernel, the settings, the data folder."""

from __future__ import annotations

import os

from quantdesk import pricing
from quantdesk.runtime.doctor.step import Step
from quantdesk.runtime.settings import config_file, data_folder

KNOWN_PRICE = 7.965567455405804
"""Black-76 call, forward = strike = 100, a year, vol 20 %: 100·(2Φ(0.1) − 1)."""


def kernel_step() -> Step:
    """Whether the kernel gives a known price."""
    price = float(pricing.price(True, 100.0, 100.0, 1.0, 0.2))
    is_ok = abs(price / KNOWN_PRICE - 1) < 1e-14
    return Step(
        name="kernel",
        is_ok=is_ok,
        found=f"a known price comes out {'right' if is_ok else f'as {price!r}'}",
        advice="build the kernel again: make clean desk",
    )


def config_step() -> Step:
    """Which settings hold."""
    path = config_file()
    found = f"{path} read" if path.exists() else f"no {path}; defaults hold"
    return Step(name="settings", is_ok=True, found=found)


def folder_step() -> Step:
    """Whether the data folder can be written to."""
    folder = data_folder()
    nearest = folder
    while not nearest.exists() and nearest != nearest.parent:
        nearest = nearest.parent
    is_ok = nearest.is_dir() and os.access(nearest, os.W_OK)
    return Step(
        name="data folder",
        is_ok=is_ok,
        found=f"{folder} {'can' if is_ok else 'can not'} be written",
        advice="set QUANTDESK_DATA_DIR to a folder of yours",
    )
