"""Checks that the settings of every venue make. Each raises ConfigError naming field and value."""

from __future__ import annotations

import math

from quantdesk.errors import ConfigError


def check_seconds(field: str, value: float) -> None:
    """A positive, finite number of seconds."""
    if not (math.isfinite(value) and value > 0):
        raise ConfigError(f"{field} = {value!r}: must be a positive number of seconds")


def check_choice(field: str, value: str, allowed: tuple[str, ...]) -> None:
    """One of the words `allowed`."""
    if value not in allowed:
        raise ConfigError(f"{field} = {value!r}: must be one of {', '.join(allowed)}")


def check_backoff(low_s: float, high_s: float) -> None:
    """Pauses that grow from `low_s` to `high_s`."""
    if high_s < low_s:
        raise ConfigError(f"backoff_high_s = {high_s!r}: at least backoff_low_s ({low_s!r})")
