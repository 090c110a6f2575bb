"""Deribit's spelling of instruments: names to facts and back. Knows no record and no price.

Names are read from the right, since a coin's own name may hold anything. Where an instrument
record is at hand its fields say more than the name; a ticker has the name alone.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal
from functools import lru_cache

from quantdesk.domain.instrument import InstrumentKind, OptionType
from quantdesk.errors import InvalidInput

NS_PER_S = 1_000_000_000
EXPIRY_HOUR_UTC = 8
NAME_LENGTH_MAX = 64
NAMES_KEPT = 16_384
"""Names whose reading is remembered: several times what the venue lists."""

MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
FUTURE_SPREAD = "FS"

_COIN = re.compile(r"[A-Z0-9]{1,12}(_[A-Z0-9]{1,12})?")
_DATE = re.compile(r"([1-9]|[12][0-9]|3[01])([A-Z]{3})([0-9]{2})")
_STRIKE = re.compile(r"(0|[1-9][0-9]{0,11})(d[0-9]{1,12})?")
_COMBO_CODE = re.compile(r"[A-Z]{1,8}[0-9]{0,8}")
_OPTION_TYPES = {"C": OptionType.CALL, "P": OptionType.PUT}


@dataclass(frozen=True, slots=True, kw_only=True)
class InstrumentName:
    """What a name says.

    `underlying` is how the desk calls the chain: "BTC" coin-settled, "BTC_USDC" linear. `expiry_ns`
    is 08:00 UTC of the date in the name; None for perpetual, spot and combos.
    """

    text: str
    kind: InstrumentKind
    underlying: str
    expiry_ns: int | None = None
    strike: Decimal | None = None
    option_type: OptionType | None = None

    @property
    def coin(self) -> str:
        """The coin alone, "BTC"."""
        return self.underlying.partition("_")[0]


@lru_cache(maxsize=NAMES_KEPT)
def parse_instrument_name(text: str) -> InstrumentName:
    """What the instrument name `text` says. Raises InvalidInput if it is none that is known."""
    if not 0 < len(text) <= NAME_LENGTH_MAX:
        raise InvalidInput(
            "instrument_name", text[:NAME_LENGTH_MAX], "must have 1 to 64 characters"
        )
    parts = text.split("-")
    if not _COIN.fullmatch(parts[0]):
        raise InvalidInput("instrument_name", text, "must begin with a coin, like BTC or BTC_USDC")
    found = _parse_parts(text, parts)
    if found is None:
        raise InvalidInput("instrument_name", text, "is no option, future, spot pair or combo")
    return found


def _parse_parts(text: str, parts: list[str]) -> InstrumentName | None:
    underlying = parts[0]
    kind: InstrumentKind | None = None
    expiry_ns: int | None = None
    match parts[1:]:
        case [day, strike, side] if side in _OPTION_TYPES and _STRIKE.fullmatch(strike):
            return _parse_option(text, underlying, day, strike, side)
        case ["PERPETUAL"]:
            kind = InstrumentKind.PERPETUAL
        case [day] if (expiry_ns := _parse_expiry(day)) is not None:
            kind = InstrumentKind.FUTURE
        case [] if "_" in underlying:
            kind = InstrumentKind.SPOT
        case [code, _, *_] if _COMBO_CODE.fullmatch(code):
            is_future = code == FUTURE_SPREAD
            kind = InstrumentKind.FUTURE_COMBO if is_future else InstrumentKind.OPTION_COMBO
    if kind is None:
        return None
    return InstrumentName(text=text, kind=kind, underlying=underlying, expiry_ns=expiry_ns)


def _parse_option(
    text: str, underlying: str, day: str, strike: str, side: str
) -> InstrumentName | None:
    expiry_ns = _parse_expiry(day)
    if expiry_ns is None:
        return None
    return InstrumentName(
        text=text,
        kind=InstrumentKind.OPTION,
        underlying=underlying,
        expiry_ns=expiry_ns,
        strike=Decimal(strike.replace("d", ".")),
        option_type=_OPTION_TYPES[side],
    )


def _parse_expiry(text: str) -> int | None:
    """08:00 UTC of a day like "5AUG23" in nanoseconds; None where it is no day."""
    found = _DATE.fullmatch(text)
    if found is None or found[2] not in MONTHS:
        return None
    year, month, day = 2000 + int(found[3]), MONTHS.index(found[2]) + 1, int(found[1])
    try:
        moment = datetime(year, month, day, EXPIRY_HOUR_UTC, tzinfo=UTC)
    except ValueError:
        return None
    return int(moment.timestamp()) * NS_PER_S


def expiry_text(expiry_ns: int) -> str:
    """The day of an expiry as Deribit writes it, "5AUG23"."""
    day: date = datetime.fromtimestamp(expiry_ns // NS_PER_S, tz=UTC).date()
    return f"{day.day}{MONTHS[day.month - 1]}{day.year % 100:02d}"


def option_name(
    underlying: str, *, expiry_ns: int, strike: Decimal, option_type: OptionType
) -> str:
    """The name of an option: `option_name("XRP_USDC", …)` is "XRP_USDC-30JUN23-0d625-C"."""
    amount = format(strike.normalize(), "f").replace(".", "d")
    side = "C" if option_type is OptionType.CALL else "P"
    return f"{underlying}-{expiry_text(expiry_ns)}-{amount}-{side}"
