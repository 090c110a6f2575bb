"""Years between instants."""

from __future__ import annotations

import numpy as np

from quantdesk.pricing import years_between
from quantdesk.pricing.daycount import NS_PER_YEAR

NOW = 1_782_518_400_000_000_000


def test_a_year_of_365_days_is_one() -> None:
    assert years_between(NOW, NOW + NS_PER_YEAR) == 1.0


def test_one_nanosecond_counts() -> None:
    assert years_between(NOW, NOW + 1) == 1 / NS_PER_YEAR
    assert years_between(NOW + 1, NOW) == -1 / NS_PER_YEAR


def test_arrays_broadcast() -> None:
    expiries = np.array([NOW, NOW + NS_PER_YEAR // 2, NOW - NS_PER_YEAR])
    assert years_between(NOW, expiries).tolist() == [0.0, 0.5, -1.0]
