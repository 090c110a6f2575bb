"""Request weight by address and orders by account, as the venue counts, warns and bans.

Counts in the machine's time, whatever the venue clock's speed: the limits protect the server.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace

from quantdesk.simulator.binance.refusals import TEAPOT, TOO_MANY, TOO_MUCH_WEIGHT, ApiRefusal

WEIGHT_PER_MINUTE = 2_400
ORDERS_PER_MINUTE = 1_200
ORDERS_PER_10_S = 300

VIOLATIONS_MAX = 10
"""Requests after a 429 within the same minute that turn it into a ban. Our choice: the venue says
"repeatedly"."""
BAN_FIRST_S = 120
BAN_MAX_S = 3 * 86_400
ADDRESSES_MAX = 1_024

_NS_PER_S = 1_000_000_000
_NS_PER_MS = 1_000_000


class Window:
    """A counter that begins again at each multiple of its length."""

    def __init__(self, length_s: int) -> None:
        self._length_ns = length_s * _NS_PER_S
        self._window = -1
        self.count = 0

    def at(self, now_ns: int) -> int:
        """The count in the window that `now_ns` is in."""
        window = now_ns // self._length_ns
        if window != self._window:
            self._window, self.count = window, 0
        return self.count

    def left_s(self, now_ns: int) -> int:
        """Whole seconds until it begins again, at least 1."""
        return max(1, -(-(self._length_ns - now_ns % self._length_ns) // _NS_PER_S))


class _Address:
    __slots__ = ("ban_s", "banned_until_ns", "violations", "weight")

    def __init__(self) -> None:
        self.weight = Window(60)
        self.violations = 0
        self.banned_until_ns = 0
        self.ban_s = BAN_FIRST_S


class _Orders:
    __slots__ = ("minute", "ten_seconds")

    def __init__(self) -> None:
        self.minute = Window(60)
        self.ten_seconds = Window(10)


class Limits:
    """All counters of the server. The least recently seen address makes room for a new one."""

    def __init__(self, weight_per_minute: int = WEIGHT_PER_MINUTE) -> None:
        self._weight_max = weight_per_minute
        self._addresses: OrderedDict[str, _Address] = OrderedDict()
        self._orders: dict[str, _Orders] = {}

    def spend(self, address: str, weight: int, now_ns: int) -> ApiRefusal | None:
        """Count a request; the refusal where it is over the limit or the address is banned."""
        entry = self._addresses.pop(address, None) or _Address()
        self._addresses[address] = entry
        if len(self._addresses) > ADDRESSES_MAX:
            self._addresses.popitem(last=False)
        if now_ns < entry.banned_until_ns:
            return self._banned(address, entry, now_ns)
        if entry.weight.at(now_ns) == 0:
            entry.violations = 0
        entry.weight.count += weight
        if entry.weight.count <= self._weight_max:
            return None
        entry.violations += 1
        if entry.violations > VIOLATIONS_MAX:
            entry.banned_until_ns = now_ns + entry.ban_s * _NS_PER_S
            entry.ban_s = min(entry.ban_s * 2, BAN_MAX_S)
            return self._banned(address, entry, now_ns)
        return replace(
            TOO_MUCH_WEIGHT,
            msg=TOO_MUCH_WEIGHT.msg.replace(str(WEIGHT_PER_MINUTE), str(self._weight_max)),
            retry_after_s=entry.weight.left_s(now_ns),
        )

    def ban(self, address: str, seconds: int, now_ns: int) -> None:
        """Ban an address at once, as the venue does where its patience ends."""
        entry = self._addresses.setdefault(address, _Address())
        entry.banned_until_ns = now_ns + seconds * _NS_PER_S

    def spend_orders(self, account_id: str, count: int, now_ns: int) -> ApiRefusal | None:
        """Count `count` new orders of an account; the refusal where there are too many."""
        entry = self._orders.setdefault(account_id, _Orders())
        over = (
            entry.minute.at(now_ns) + count > ORDERS_PER_MINUTE
            or entry.ten_seconds.at(now_ns) + count > ORDERS_PER_10_S
        )
        if over:
            window = entry.ten_seconds
            if entry.minute.count + count > ORDERS_PER_MINUTE:
                window = entry.minute
            return ApiRefusal(
                code=-1015,
                msg="Too many new orders; current limit is 300 orders per TEN_SECONDS.",
                status=TOO_MANY,
                retry_after_s=window.left_s(now_ns),
            )
        entry.minute.count += count
        entry.ten_seconds.count += count
        return None

    def headers(self, address: str, account_id: str | None, now_ns: int) -> dict[str, str]:
        """Headers of an answer: the weight used, and an account's orders where one is given."""
        entry = self._addresses.get(address)
        used = entry.weight.at(now_ns) if entry is not None else 0
        headers = {"X-MBX-USED-WEIGHT-1M": str(used)}
        orders = self._orders.get(account_id) if account_id is not None else None
        if orders is not None:
            headers["X-MBX-ORDER-COUNT-1M"] = str(orders.minute.at(now_ns))
            headers["X-MBX-ORDER-COUNT-10S"] = str(orders.ten_seconds.at(now_ns))
        return headers

    @staticmethod
    def _banned(address: str, entry: _Address, now_ns: int) -> ApiRefusal:
        until_ms = entry.banned_until_ns // _NS_PER_MS
        return ApiRefusal(
            # The options list names no code for a ban; this is that of the venue's other APIs.
            code=-1003,
            msg=f"Way too many requests; IP({address}) banned until {until_ms}.",
            status=TEAPOT,
            retry_after_s=max(1, -(-(entry.banned_until_ns - now_ns) // _NS_PER_S)),
        )
