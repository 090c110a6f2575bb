"""When each channel was heard last. Given the time, it never reads it."""

from __future__ import annotations

from collections.abc import Iterable

STEADY = ("deribit_price_index.", "deribit_volatility_index.", "markprice.")
"""Channels that speak about once a second whatever the market does; others speak when it moves."""


class ChannelClocks:
    """The moment at which each channel brought something, or was subscribed. Seconds, monotonic."""

    def __init__(self) -> None:
        self._heard_s: dict[bytes, float] = {}
        self._unheard: set[bytes] = set()

    def note(self, channel: bytes, now_s: float) -> None:
        """`channel` brought something."""
        self._heard_s[channel] = now_s
        if self._unheard:
            self._unheard.discard(channel)

    def start(self, channels: Iterable[bytes], now_s: float) -> None:
        """`channels` were subscribed: where they were never heard, silence counts from now."""
        for channel in channels:
            self._heard_s.setdefault(channel, now_s)

    def restart(self, channels: Iterable[bytes], now_s: float) -> None:
        """`channels` that fell silent were subscribed anew: silence counts from now."""
        for channel in channels:
            self._heard_s[channel] = now_s
            self._unheard.add(channel)

    def is_unheard(self, channel: bytes) -> bool:
        """Whether `channel` brought nothing since `restart`."""
        return channel in self._unheard

    def keep_only(self, channels: Iterable[bytes]) -> None:
        """Forget all but `channels`."""
        kept = frozenset(channels)
        self._heard_s = {c: at for c, at in self._heard_s.items() if c in kept}
        self._unheard &= kept

    def silent_for(self, limit_s: float, now_s: float) -> tuple[bytes, ...]:
        """Channels that were silent for longer than `limit_s`, sorted."""
        return tuple(sorted(c for c, at in self._heard_s.items() if now_s - at > limit_s))
