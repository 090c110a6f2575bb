"""Request weight: what each question costs, and how much of a minute's allowance is left.

The venue counts by address over everything that runs there, and says in each answer how much was
used; our own count is only a floor under what it says. Given the time, nothing here reads it.
"""

from __future__ import annotations

WINDOW_S = 60.0

_WEIGHTS = {
    "GET time": 1,
    "GET exchangeInfo": 1,
    "GET ticker": 40,  # 1 with a symbol; the documents say 5, the official client 40
    "GET mark": 5,
    "GET index": 1,
    "GET depth": 20,
    "GET marginAccount": 3,
    "GET position": 5,
    "GET openOrders": 40,
    "GET userTrades": 5,
    "GET commission": 5,
    "POST listenKey": 1,
    "PUT listenKey": 1,
    "DELETE listenKey": 1,
}
UNKNOWN_WEIGHT = 50
"""Of a question that has no figure above: more than the dearest known."""


def weight_of(method: str, path: str) -> int:
    """Weight of a request, the higher figure where sources differ."""
    return _WEIGHTS.get(f"{method} {path.rpartition('/')[2]}", UNKNOWN_WEIGHT)


class WeightBudget:
    """The allowance of the present minute.

    Parameters
    ----------
    limit : weight a minute; the venue may lower or raise it (`note_limit`)
    reserve : weight that is never spent here, for whoever must act under pressure
    """

    def __init__(self, *, limit: int, reserve: int) -> None:
        self._limit = limit
        self._reserve = reserve
        self._used = 0
        self._opened_s = float("-inf")

    @property
    def used(self) -> int:
        """Weight spent in the present minute, as far as known."""
        return self._used

    def pause_s(self, weight: int, now_s: float) -> float:
        """Spend `weight` and give 0, or give the seconds until it may be asked for again.

        A request heavier than a whole minute's allowance goes out alone in its minute.
        `now_s` is monotonic.
        """
        if now_s - self._opened_s >= WINDOW_S:
            self._used, self._opened_s = 0, now_s
        if self._used and self._used + weight > self._limit - self._reserve:
            return WINDOW_S - (now_s - self._opened_s)
        self._used += weight
        return 0.0

    def note_used(self, used: int, now_s: float) -> None:
        """What the venue says was used in its present minute.

        Much less than we counted means that the venue's minute began anew; ours then does too.
        """
        if used < self._used // 2:
            self._opened_s = now_s
            self._used = used
        else:
            self._used = max(self._used, used)

    def note_limit(self, limit: int) -> None:
        """The venue's own limit, from its rules."""
        self._limit = max(limit, self._reserve + 1)

    def words(self, now_s: float) -> str:
        """What is left of the present minute's allowance, for people."""
        used = self._used if now_s - self._opened_s < WINDOW_S else 0
        return (
            f"request weight: {used:,} of {self._limit:,} used this minute,"
            f" {self._reserve:,} kept back"
        )
