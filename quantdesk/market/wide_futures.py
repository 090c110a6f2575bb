"""The forward that a dated future states, also where it is quoted wide.

Between the sides of a future that nobody trades the forward may be anywhere, and its middle is
nobody's price: on 2026-05-21 that of a future 48 basis points wide lay 20 below the forward of the
options. What the futures beside it say is better known, and counts within its sides.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

from quantdesk.domain.events import FutureUpdate

WIDE_HALF = 5e-4
"""Half the width, of the middle, up to which the middle is the forward: five basis points. What it
is wider by is room for what others say, so that no tick decides."""

BY_NEIGHBOURS = "by its neighbours"
"""End of the source of a forward that is the neighbours' line between the sides of a future."""


def future_forward(
    futures: Mapping[int, FutureUpdate], expiry_ns: int, index_price: float | None
) -> tuple[float | None, str]:
    """The forward that the future of `expiry_ns` states, quote currency per coin, and the source.

    The middle of bid and ask; of a wide one what the venue marks it at, else the line, ln F in
    time, through the nearest futures on both sides that are not wide (`index_price` is the one of
    now), within the future's sides. Without neighbours on both sides the middle, without two sides
    the mark; None and "none" without a future or any price of it.
    """
    future = futures.get(expiry_ns)
    middle = None if future is None else _middle(future)
    if future is None or (middle is None and future.mark is None):
        return None, "none"
    price, half = middle or (math.nan, math.inf)
    room = half - WIDE_HALF
    said, by = _said_of(future, futures, expiry_ns, index_price)
    if room <= 0 or said is None:
        return price, f"future:{future.instrument_name} mid"
    if middle is not None:
        said = min(max(said, price * (1.0 - room)), price * (1.0 + room))
    return said, f"future:{future.instrument_name} {by}"


def future_cost(futures: Mapping[int, FutureUpdate], expiry_ns: int) -> float | None:
    """What the future of `expiry_ns` costs: its middle, else its mark; None without either."""
    future = futures.get(expiry_ns)
    if future is None:
        return None
    middle = _middle(future)
    if middle is not None:
        return middle[0]
    return None if future.mark is None else float(future.mark)


def _said_of(
    future: FutureUpdate,
    futures: Mapping[int, FutureUpdate],
    expiry_ns: int,
    index_price: float | None,
) -> tuple[float | None, str]:
    """What others than its own sides say of `future`, and who: the venue, or its neighbours."""
    if future.mark is not None:
        return float(future.mark), "mark"
    return _line(futures, future, expiry_ns, index_price), BY_NEIGHBOURS


def _middle(future: FutureUpdate) -> tuple[float, float] | None:
    """Middle of both sides and half the width as a share of it; None without both."""
    if future.bid is None or future.ask is None:
        return None
    middle = float((future.bid + future.ask) / 2)
    if not middle > 0:
        return None
    return middle, float(future.ask - future.bid) / 2 / middle


def _line(
    futures: Mapping[int, FutureUpdate],
    future: FutureUpdate,
    expiry_ns: int,
    index_price: float | None,
) -> float | None:
    """The neighbours' forward at `expiry_ns`; None where they are not on both sides."""
    known: dict[int, float] = {}
    if index_price is not None and index_price > 0:
        known[future.event_ns] = index_price
    for at_ns, each in futures.items():
        middle = _middle(each)
        if middle is not None and middle[1] <= WIDE_HALF:
            known[at_ns] = middle[0]
    before = max((at_ns for at_ns in known if at_ns < expiry_ns), default=None)
    after = min((at_ns for at_ns in known if at_ns > expiry_ns), default=None)
    if before is None or after is None:
        return None
    share = (expiry_ns - before) / (after - before)
    return math.exp((1.0 - share) * math.log(known[before]) + share * math.log(known[after]))
