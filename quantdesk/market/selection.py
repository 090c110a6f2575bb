"""Which part of a chain is meant: expiries by date, days or name, and strikes by window.

Pure: everything is measured at the chain's own moment, never at the machine's.
"""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np

from quantdesk.domain.times import EPOCH, NS_PER_S, expiry_code, parse_expiry_date
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, Chain
from quantdesk.market.valuation import ChainValues

NS_PER_DAY = 86_400 * NS_PER_S
FRIDAY = 4
MONTHLY_MIN_DAYS = 7
"""A monthly (or quarterly) less than this far off is skipped: it trades like a weekly."""

EXPIRY_WORDS = (
    "a date (27MAR26 or 2026-03-27), days (30d), nearest (front), weekly, monthly, quarterly, all"
)
WINDOW_WORDS = "strikes each side (5), percent (20%), delta (10d) or standard deviations (2s)"


def select_expiries(expiries_ns: Sequence[int], text: str, as_of_ns: int) -> tuple[int, ...]:
    """The listed expiries that `text` means at `as_of_ns`: `EXPIRY_WORDS`, comma-separated.

    Raises InvalidInput naming the nearest listed expiry where a date is not listed.
    """
    chosen: list[int] = []
    for word in text.split(","):
        for expiry_ns in _select_one(expiries_ns, word.strip(), as_of_ns):
            if expiry_ns not in chosen:
                chosen.append(expiry_ns)
    return tuple(sorted(chosen))


def _select_one(expiries_ns: Sequence[int], word: str, as_of_ns: int) -> tuple[int, ...]:
    ahead = [expiry_ns for expiry_ns in sorted(expiries_ns) if expiry_ns > as_of_ns]
    if not ahead:
        raise InvalidInput("expiry", word, "must be a listed expiry, and none is left")
    name = word.lower()
    if name == "all":
        return tuple(ahead)
    if name in ("nearest", "front"):
        return (ahead[0],)
    if name in ("weekly", "monthly", "quarterly"):
        return (_by_name(ahead, name, as_of_ns),)
    if days := re.fullmatch(r"(\d{1,4}(?:\.\d+)?)d", name):
        target = as_of_ns + round(float(days[1]) * NS_PER_DAY)
        return (min(ahead, key=lambda expiry_ns: (abs(expiry_ns - target), -expiry_ns)),)
    day = parse_expiry_date(word)
    if day is None:
        raise InvalidInput("expiry", word, f"must be {EXPIRY_WORDS}")
    return (_by_date(ahead, word, day),)


def _by_date(ahead: Sequence[int], word: str, day: tuple[int, int, int]) -> int:
    for expiry_ns in ahead:
        listed = _day_of(expiry_ns)
        if (listed.year, listed.month, listed.day) == day:
            return expiry_ns
    try:
        wanted = date(*day)
    except ValueError:
        raise InvalidInput("expiry", word, f"must be {EXPIRY_WORDS}") from None
    nearest = min(ahead, key=lambda expiry_ns: abs(_day_of(expiry_ns) - wanted))
    listed_codes = ", ".join(expiry_code(expiry_ns) for expiry_ns in ahead)
    rule = f"is not listed; nearest is {expiry_code(nearest)}; listed are {listed_codes}"
    raise InvalidInput("expiry", word, rule)


def _by_name(ahead: Sequence[int], name: str, as_of_ns: int) -> int:
    for expiry_ns in ahead:
        day = _day_of(expiry_ns)
        if day.weekday() != FRIDAY:
            continue
        if name == "weekly":
            return expiry_ns
        is_last_friday = (day + timedelta(days=7)).month != day.month
        is_far = expiry_ns - as_of_ns >= MONTHLY_MIN_DAYS * NS_PER_DAY
        is_quarter = name == "monthly" or day.month % 3 == 0
        if is_last_friday and is_far and is_quarter:
            return expiry_ns
    raise InvalidInput("expiry", name, "no listed expiry is one")


def _day_of(expiry_ns: int) -> date:
    return (EPOCH + timedelta(seconds=expiry_ns // NS_PER_S)).date()


@dataclass(frozen=True, slots=True, kw_only=True)
class StrikeWindow:
    """Strikes around the forward: `kind` is "strikes", "percent", "delta" or "sigma"."""

    kind: str
    size: float


def parse_window(text: str) -> StrikeWindow:
    """A window from "5", "20%", "10d" or "2s". Raises InvalidInput."""
    match = re.fullmatch(r"(\d{1,6}(?:\.\d+)?)(%|d|s)?", text.strip())
    rule = f"must be {WINDOW_WORDS}"
    if match is None:
        raise InvalidInput("window", text, rule)
    size = float(match[1])
    kind = {"%": "percent", "d": "delta", "s": "sigma", None: "strikes"}[match[2]]
    if size <= 0 or (kind == "strikes" and size != int(size)):
        raise InvalidInput("window", text, rule)
    if kind == "delta" and size > 50:
        raise InvalidInput("window", text, "delta must be at most 50")
    return StrikeWindow(kind=kind, size=size)


def window_rows(
    chain: Chain,
    values: ChainValues,
    rows: tuple[int, int],
    window: StrikeWindow,
    *,
    forward: float | None,
    total_vol: float | None,
) -> BoolArray:
    """Which rows of `rows` (first, one past last) lie in the window.

    Both sides of a strike go together, and the strike nearest the forward is always kept: a window
    narrower than the ladder must not be empty.
    `total_vol` is ATM IV × √years. Percent and sigma are measured as |ln(K/F)| against
    ln(1 + p) and n·σ√T; delta keeps strikes whose out-of-the-money |delta| is at least that many
    hundredths. Without a forward (or a vol, for sigma) everything is kept.
    """
    part = slice(*rows)
    strike = chain.strike[part]
    if strike.size == 0 or forward is None or (window.kind == "sigma" and not total_vol):
        return np.ones(strike.size, dtype=np.bool_)
    moneyness = np.abs(np.log(strike / forward))
    nearest: BoolArray = strike == strike[np.argmin(np.abs(strike - forward))]
    if window.kind == "percent":
        return nearest | (moneyness <= math.log1p(window.size / 100))
    if window.kind == "sigma":
        return nearest | (moneyness <= window.size * float(total_vol or 0.0))
    if window.kind == "delta":
        is_otm = np.where(chain.is_call[part], strike >= forward, strike <= forward)
        with np.errstate(invalid="ignore"):
            near = is_otm & (np.abs(values.delta[part]) >= window.size / 100)
        return nearest | np.isin(strike, strike[near])
    ladder = np.unique(strike)
    centre = int(np.argmin(np.abs(ladder - forward)))
    each = int(window.size)
    kept = ladder[max(0, centre - each) : centre + each + 1]
    return np.isin(strike, kept)
