"""Listen keys of user data streams: one an account, valid for an hour of the machine's time."""

from __future__ import annotations

import numpy as np

VALIDITY_NS = 3_600_000_000_000
_LENGTH = 64
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SEED_SPACE = 0x15


class ListenKeys:
    """The keys that are valid now. At most one for each account, so bounded by these."""

    def __init__(self, seed: int) -> None:
        self._draws = np.random.Generator(np.random.PCG64([_SEED_SPACE, seed]))
        self._keys: dict[str, tuple[str, int]] = {}
        self._closed: list[str] = []

    def start(self, account_id: str, now_ns: int) -> tuple[str, int]:
        """The account's key, new or extended, and the nanoseconds it stays valid."""
        self.take_expired(now_ns)
        key = self._keys[account_id][0] if account_id in self._keys else self._draw()
        self._keys[account_id] = (key, now_ns + VALIDITY_NS)
        return key, VALIDITY_NS

    def extend(self, account_id: str, now_ns: int) -> bool:
        """Keep the account's key valid for another hour; False where it has none."""
        self.take_expired(now_ns)
        if account_id not in self._keys:
            return False
        self._keys[account_id] = (self._keys[account_id][0], now_ns + VALIDITY_NS)
        return True

    def close(self, account_id: str) -> str | None:
        """End the account's key; gives it, None where there was none."""
        if account_id not in self._keys:
            return None
        key, _ = self._keys.pop(account_id)
        self._closed.append(key)
        return key

    def take_closed(self) -> list[str]:
        """Keys that their accounts closed since this was last asked."""
        closed, self._closed = self._closed, []
        return closed

    def owner(self, key: str) -> str | None:
        """The account whose valid key it is."""
        return next((owner for owner, (own, _) in self._keys.items() if own == key), None)

    def take_expired(self, now_ns: int) -> list[str]:
        """Drop the keys that are over; gives them."""
        over = [(a, key) for a, (key, end_ns) in self._keys.items() if end_ns <= now_ns]
        for account_id, _ in over:
            del self._keys[account_id]
        return [key for _, key in over]

    def expire_all(self) -> list[str]:
        """End every key before its time, as a fault; gives them."""
        keys = [key for key, _ in self._keys.values()]
        self._keys.clear()
        return keys

    def _draw(self) -> str:
        return "".join(_ALPHABET[i] for i in self._draws.integers(len(_ALPHABET), size=_LENGTH))
