"""Deribit's instrument names as recorded files hold them: options and futures.

Recorded years apart by many hands; this reads the names alone and knows nothing of the live venue.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from quantdesk.domain.instrument import OptionType
from quantdesk.domain.times import NS_PER_S, expiry_code, parse_expiry_date

EXPIRY_HOUR_UTC = 8
_OPTION = re.compile(
    r"([A-Z0-9]{1,12}(?:_[A-Z0-9]{1,12})?)-(\d{1,2}[A-Z]{3}\d{2})-(\d{1,12}(?:d\d{1,12})?)-([CP])",
    re.ASCII,
)
_FUTURE = re.compile(
    r"([A-Z0-9]{1,12}(?:_[A-Z0-9]{1,12})?)-(\d{1,2}[A-Z]{3}\d{2}|PERPETUAL)", re.ASCII
)
_UNDERLYING = re.compile(r"[A-Z0-9]{1,12}(?:_[A-Z0-9]{1,12})?", re.ASCII)
_NAMES_KEPT = 4_096


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionName:
    """What an option's name says; `underlying` is "BTC" or, linear, "BTC_USDC"."""

    text: str
    underlying: str
    expiry_ns: int
    strike: Decimal
    option_type: OptionType


@dataclass(frozen=True, slots=True, kw_only=True)
class FutureName:
    """What a future's name says; `expiry_ns` is None for a perpetual."""

    text: str
    underlying: str
    expiry_ns: int | None


@lru_cache(maxsize=_NAMES_KEPT)
def parse_name(text: str) -> OptionName | FutureName | None:
    """What `text` names; None where that is neither an option nor a future."""
    option = _OPTION.fullmatch(text)
    if option is not None:
        expiry_ns = _expiry_ns(option[2])
        strike = Decimal(option[3].replace("d", "."))
        if expiry_ns is None or strike == 0:
            return None
        return OptionName(
            text=text,
            underlying=option[1],
            expiry_ns=expiry_ns,
            strike=strike,
            option_type=OptionType.CALL if option[4] == "C" else OptionType.PUT,
        )
    future = _FUTURE.fullmatch(text)
    if future is None:
        return None
    if future[2] == "PERPETUAL":
        return FutureName(text=text, underlying=future[1], expiry_ns=None)
    expiry_ns = _expiry_ns(future[2])
    if expiry_ns is None:
        return None
    return FutureName(text=text, underlying=future[1], expiry_ns=expiry_ns)


def is_underlying(text: str) -> bool:
    """Whether `text` is formed like the name of a chain, "BTC" or "BTC_USDC"."""
    return _UNDERLYING.fullmatch(text) is not None


def option_text(underlying: str, expiry_ns: int, strike: Decimal, option_type: OptionType) -> str:
    """The name of an option, "BTC-14JUL23-20000-C"."""
    amount = format(strike.normalize(), "f").replace(".", "d")
    side = "C" if option_type is OptionType.CALL else "P"
    return f"{underlying}-{expiry_code(expiry_ns)}-{amount}-{side}"


def future_text(underlying: str, expiry_ns: int) -> str:
    """The name of a dated future, "BTC-14JUL23"."""
    return f"{underlying}-{expiry_code(expiry_ns)}"


def _expiry_ns(code: str) -> int | None:
    date = parse_expiry_date(code)
    if date is None:
        return None
    try:
        expiry = datetime(*date, EXPIRY_HOUR_UTC, tzinfo=UTC)
    except ValueError:
        return None
    return int(expiry.timestamp()) * NS_PER_S
