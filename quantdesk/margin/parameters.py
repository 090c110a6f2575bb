"""Margin parameters of both venues, as dated data: each row with its status and where it was read.

A row holds from its date until the next row of the same key. Knows no formula.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum
from functools import lru_cache
from typing import Generic, TypeVar

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.errors import OutOfDomain
from quantdesk.margin.sizes import DERIBIT

ANY = "*"
"""Row for every underlying that has none of its own."""


OPTION_UNDERLYING = "option_underlying"
"""Name of the parameter that says what U of Deribit's standard model is."""


class OptionUnderlying(Enum):
    """What U of Deribit's standard model is for an option; not established which."""

    FORWARD = "forward"
    INDEX = "index"


@dataclass(frozen=True, slots=True, kw_only=True)
class DeribitOptionRatios:
    """Standard margin of short options, as fractions of the underlying (1 coin for inverse).

    initial less the out-of-the-money part, but not below initial_floor; maintenance
    """

    initial: Decimal
    initial_floor: Decimal
    maintenance: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class DeribitFutureRatios:
    """Standard margin of futures as fractions of position value, each growing with the position.

    per_coin : added to both fractions for each coin of position
    """

    initial: Decimal
    maintenance: Decimal
    per_coin: Decimal


@dataclass(frozen=True, slots=True, kw_only=True)
class BinanceOptionRatios:
    """The four ratios of exchangeInfo: fractions of the index, each with its floor."""

    initial: Decimal
    initial_floor: Decimal
    maintenance: Decimal
    maintenance_floor: Decimal


R = TypeVar("R", DeribitOptionRatios, DeribitFutureRatios, BinanceOptionRatios)


@dataclass(frozen=True, slots=True, kw_only=True)
class MarginRow(Generic[R]):
    """Ratios of one underlying from `effective_ns` on."""

    underlying: str
    effective_ns: int
    ratios: R
    origin: RuleOrigin


def _row(underlying: str, effective_ns: int, ratios: R, origin: RuleOrigin) -> MarginRow[R]:
    """A row whose date goes with its origin into every requirement that it makes."""
    return MarginRow(
        underlying=underlying,
        effective_ns=effective_ns,
        ratios=ratios,
        origin=replace(origin, since_ns=effective_ns),
    )


_OPTION_RATIOS = DeribitOptionRatios(
    initial=Decimal("0.15"), initial_floor=Decimal("0.10"), maintenance=Decimal("0.075")
)
_OPTIONS_FROM_NS = parse_instant("2020-09-22")
"""Expiry of the contracts in the oldest test that states the rule; when it began is unknown."""

_REWORKED_NS = parse_instant("2026-08-05")
"""The venue announced a new standard-margin model; its figures are not established."""

_OPTION_SOURCE = (
    "formula as quoted by tslab's documentation and tested in a QuantConnect-Lean fork; floors and "
    "maintenance equal account captures of 2022-04-20 (BTC) and 2023-07-13 (ETH)"
)
_NO_NEW_FIGURES = "a new standard-margin model was announced on 2026-08-05; last known figures used"


def _deribit_options(
    underlying: str, status: RuleStatus, note: str
) -> tuple[MarginRow[DeribitOptionRatios], ...]:
    origin = RuleOrigin(status=status, source=_OPTION_SOURCE, note=note)
    reworked = RuleOrigin(status=RuleStatus.UNCERTAIN, source=_OPTION_SOURCE, note=_NO_NEW_FIGURES)
    return (
        _row(underlying, _OPTIONS_FROM_NS, _OPTION_RATIOS, origin),
        _row(underlying, _REWORKED_NS, _OPTION_RATIOS, reworked),
    )


_FORWARD_NOTE = (
    "whether the forward or the index is its underlying is not established: option_underlying"
)
DERIBIT_OPTIONS = (
    *_deribit_options("BTC", RuleStatus.DERIVED, _FORWARD_NOTE),
    *_deribit_options("ETH", RuleStatus.DERIVED, _FORWARD_NOTE),
    *_deribit_options(ANY, RuleStatus.UNCERTAIN, "altcoins may carry larger ratios"),
)
"""Inverse and linear options alike."""


def _future(
    underlying: str,
    since: str,
    ratios: tuple[str, str, str],
    origin: RuleOrigin,
) -> MarginRow[DeribitFutureRatios]:
    """A row from (initial, maintenance, growth per coin)."""
    initial, maintenance, per_coin = map(Decimal, ratios)
    found = DeribitFutureRatios(initial=initial, maintenance=maintenance, per_coin=per_coin)
    return _row(underlying, parse_instant(since), found, origin)


_NOTICE_2022 = "support.deribit.com, 11 January 2022"
_LEVERAGE_2022 = "max_leverage of the USDC perpetuals listed in mid-2022"
_CAPTURED_DATED = "positions captured in the last days of October 2024, 2024-11-12 and 2025-02-16"

_BEFORE_2022 = RuleOrigin(
    status=RuleStatus.DERIVED,
    source=_NOTICE_2022,
    note="the day it began is not established",
)
_SINCE_2022 = RuleOrigin(
    status=RuleStatus.VERIFIED,
    source=f"{_NOTICE_2022}; equal to positions captured on 2023-01-22 (ETH), 2023-07-15 and "
    "2024-11-12 (BTC)",
)
_SINCE_2026 = RuleOrigin(status=RuleStatus.UNCERTAIN, source=_NOTICE_2022, note=_NO_NEW_FIGURES)
_DATED_BTC = RuleOrigin(
    status=RuleStatus.VERIFIED,
    source=_CAPTURED_DATED,
    note="doubled on an unknown day after 2023-07-15, when 0.02 and 0.01 still held",
)
_DATED_ETH = RuleOrigin(
    status=RuleStatus.UNCERTAIN,
    source=_CAPTURED_DATED,
    note="captured of BTC only, taken to hold for ETH",
)
_DATED_2026 = RuleOrigin(status=RuleStatus.UNCERTAIN, source=_CAPTURED_DATED, note=_NO_NEW_FIGURES)
_BY_LEVERAGE = RuleOrigin(
    status=RuleStatus.UNCERTAIN,
    source=_LEVERAGE_2022,
    note="initial taken as 1 / max_leverage and maintenance as half of it; growth with the "
    "position known of BTC and ETH only",
)

_BTC_2022 = ("0.02", "0.01", "0.00005")
_ETH_2022 = ("0.02", "0.01", "0.000004")
_BTC_DATED = ("0.04", "0.02", "0.00005")
_ETH_DATED = ("0.04", "0.02", "0.000004")

_INVERSE_UNTIL_2026 = (
    _future("BTC", "2020-01-01", ("0.01", "0.00525", "0.00005"), _BEFORE_2022),
    _future("BTC", "2022-01-11", _BTC_2022, _SINCE_2022),
    _future("ETH", "2020-01-01", ("0.02", "0.01", "0.000002"), _BEFORE_2022),
    _future("ETH", "2022-01-11", _ETH_2022, _SINCE_2022),
)
DERIBIT_INVERSE_PERPETUALS = (
    *_INVERSE_UNTIL_2026,
    _future("BTC", "2026-08-05", _BTC_2022, _SINCE_2026),
    _future("ETH", "2026-08-05", _ETH_2022, _SINCE_2026),
)
DERIBIT_INVERSE_FUTURES = (
    *_INVERSE_UNTIL_2026,
    _future("BTC", "2024-10-31", _BTC_DATED, _DATED_BTC),
    _future("BTC", "2026-08-05", _BTC_DATED, _DATED_2026),
    _future("ETH", "2024-10-31", _ETH_DATED, _DATED_ETH),
    _future("ETH", "2026-08-05", _ETH_DATED, _DATED_2026),
)
DERIBIT_LINEAR_FUTURES = (
    _future("BTC", "2022-04-28", _BTC_2022, _BY_LEVERAGE),
    _future("ETH", "2022-04-28", _ETH_2022, _BY_LEVERAGE),
    _future(ANY, "2022-04-28", ("0.04", "0.02", "0"), _BY_LEVERAGE),
)

BINANCE_OPTIONS = (
    _row(
        ANY,
        parse_instant("2022-08-01"),
        BinanceOptionRatios(
            initial=Decimal("0.15"),
            initial_floor=Decimal("0.10"),
            maintenance=Decimal("0.075"),
            maintenance_floor=Decimal("0.05"),
        ),
        RuleOrigin(
            status=RuleStatus.UNCERTAIN,
            source="ratios captured in exchangeInfo; FAQ Options Short-Selling, 2025-07-16",
            note="the page states the order rule with an odd sign, and its position rule is built "
            "on the same pattern, not read",
        ),
    ),
)


def row_at(rows: Sequence[MarginRow[R]], underlying: str, as_of_ns: int, what: str) -> MarginRow[R]:
    """The row of `underlying` (or of any) that holds at `as_of_ns`.

    `what` names the table in messages. Raises OutOfDomain if there is none, or none so early.
    """
    own = [row for row in rows if row.underlying == underlying]
    held = own or [row for row in rows if row.underlying == ANY]
    if not held:
        known = ", ".join(sorted({row.underlying for row in rows}))
        raise OutOfDomain(f"no margin rule for {what} on {underlying}: known are {known}")
    past = [row for row in held if row.effective_ns <= as_of_ns]
    if not past:
        first = format_instant(min(row.effective_ns for row in held))
        raise OutOfDomain(
            f"no margin rule for {what} on {underlying} at {format_instant(as_of_ns)}: "
            f"the first holds from {first}"
        )
    return max(past, key=lambda row: row.effective_ns)


# A statement asks for the same few rows at each leg; a clock that moves makes new keys, hence the
# bound.
@lru_cache(maxsize=256)
def deribit_option_row(underlying: str, as_of_ns: int) -> MarginRow[DeribitOptionRatios]:
    """Ratios of Deribit options on `underlying`. Raises OutOfDomain."""
    return row_at(DERIBIT_OPTIONS, underlying, as_of_ns, f"{DERIBIT} options")


def deribit_future_row(instrument: Instrument, as_of_ns: int) -> MarginRow[DeribitFutureRatios]:
    """Ratios of a Deribit future or perpetual. Raises OutOfDomain."""
    is_perpetual = instrument.kind is InstrumentKind.PERPETUAL
    return _future_row(instrument.underlying, instrument.is_inverse, is_perpetual, as_of_ns)


@lru_cache(maxsize=256)
def _future_row(
    underlying: str, is_inverse: bool, is_perpetual: bool, as_of_ns: int
) -> MarginRow[DeribitFutureRatios]:
    if not is_inverse:
        return row_at(DERIBIT_LINEAR_FUTURES, underlying, as_of_ns, f"{DERIBIT} linear futures")
    if is_perpetual:
        what = f"{DERIBIT} inverse perpetuals"
        return row_at(DERIBIT_INVERSE_PERPETUALS, underlying, as_of_ns, what)
    return row_at(DERIBIT_INVERSE_FUTURES, underlying, as_of_ns, f"{DERIBIT} inverse futures")


@lru_cache(maxsize=256)
def binance_option_row(underlying: str, as_of_ns: int) -> MarginRow[BinanceOptionRatios]:
    """Ratios of Binance options on `underlying`. Raises OutOfDomain."""
    return row_at(BINANCE_OPTIONS, underlying, as_of_ns, "binance options")
