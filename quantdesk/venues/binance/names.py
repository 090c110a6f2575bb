"""Binance's spelling of options and of streams: text to facts and back. Knows no message.

A symbol is `BTC-260626-60000-C`: coin, day as YYMMDD, strike with a real dot, C or P. Streams write
it in lower case. Everything expires at 08:00 UTC.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal
from functools import lru_cache

from quantdesk.domain.instrument import OptionType
from quantdesk.errors import InvalidInput, ProtocolError

VENUE = "binance"

NS_PER_S = 1_000_000_000
EXPIRY_HOUR_UTC = 8
NAME_LENGTH_MAX = 64
NAMES_KEPT = 16_384
"""Names whose reading is remembered: several times what the venue lists."""

_COIN = r"[A-Z0-9]{1,16}"
_SYMBOL = re.compile(
    rf"({_COIN})-([0-9]{{2}})([0-9]{{2}})([0-9]{{2}})"
    r"-((?:0|[1-9][0-9]{0,11})(?:\.[0-9]{1,12})?)-([CP])"
)
_UNDERLYING = re.compile(r"[A-Z0-9]{2,24}")
_OPTION_TYPES = {"C": OptionType.CALL, "P": OptionType.PUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionSymbol:
    """What a symbol says. `day` is its date as written, "260626"."""

    text: str
    coin: str
    day: str
    expiry_ns: int
    strike: Decimal
    option_type: OptionType


@lru_cache(maxsize=NAMES_KEPT)
def parse_symbol(text: str) -> OptionSymbol:
    """What the option symbol `text` says. Raises InvalidInput for any other text."""
    found = _SYMBOL.fullmatch(text) if len(text) <= NAME_LENGTH_MAX else None
    if found is None:
        shown = text[:NAME_LENGTH_MAX]
        raise InvalidInput("symbol", shown, "must look like BTC-260626-60000-C")
    coin, year, month, day, strike, side = found.groups()
    try:
        moment = datetime(2000 + int(year), int(month), int(day), EXPIRY_HOUR_UTC, tzinfo=UTC)
    except ValueError:
        raise InvalidInput("symbol", text, "must hold a day as YYMMDD") from None
    amount = Decimal(strike)
    if amount <= 0:
        raise InvalidInput("symbol", text, "must have a strike above 0")
    return OptionSymbol(
        text=text,
        coin=coin,
        day=year + month + day,
        expiry_ns=int(moment.timestamp()) * NS_PER_S,
        strike=amount,
        option_type=_OPTION_TYPES[side],
    )


def expiry_day(expiry_ns: int) -> str:
    """The day of an expiry as Binance writes it: "260626"."""
    return datetime.fromtimestamp(expiry_ns // NS_PER_S, tz=UTC).strftime("%y%m%d")


def option_symbol(coin: str, *, expiry_ns: int, strike: Decimal, option_type: OptionType) -> str:
    """The symbol of an option. Raises InvalidInput where the parts make none."""
    side = "C" if option_type is OptionType.CALL else "P"
    text = f"{coin}-{expiry_day(expiry_ns)}-{format(strike.normalize(), 'f')}-{side}"
    parse_symbol(text)
    return text


def is_underlying(text: str) -> bool:
    """Whether `text` can be the name of an underlying, like BTCUSDT."""
    return _UNDERLYING.fullmatch(text) is not None


def checked_symbol(text: str) -> str:
    """`text` if it is an option's symbol. Raises ProtocolError "unknown_kind"."""
    try:
        parse_symbol(text)
    except InvalidInput as error:
        raise ProtocolError("unknown_kind", str(error)) from error
    return text
