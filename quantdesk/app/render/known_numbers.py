"""Numbers as a record holds them: JSON has neither NaN nor infinity."""

from __future__ import annotations

import math


def known(value: float) -> float | None:
    """A number for JSON: None where there is none, or no bound."""
    return value if math.isfinite(value) else None
