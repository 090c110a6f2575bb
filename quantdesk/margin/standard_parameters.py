"""What the standard models take of a book: the choice that is not established, and the ratios."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.venue_rule import RuleOrigin, RuleStatus
from quantdesk.margin.book_margin import BookMargin
from quantdesk.margin.parameters import (
    OPTION_UNDERLYING,
    BinanceOptionRatios,
    DeribitFutureRatios,
    DeribitOptionRatios,
    MarginRow,
    OptionUnderlying,
    binance_option_row,
    deribit_future_row,
    deribit_option_row,
)
from quantdesk.margin.portfolio_parameters import HANDED_IN, StatedParameter
from quantdesk.margin.sizes import BINANCE, DERIBIT

_NOT_ESTABLISHED = RuleOrigin(
    status=RuleStatus.UNCERTAIN,
    source="desk rule",
    note="whether the forward of the option's expiry or the index is U is not established",
)
_CHOSEN = RuleOrigin(
    status=RuleStatus.UNCERTAIN,
    source=HANDED_IN,
    note=f"{OptionUnderlying.FORWARD.value} without it",
)

Row = (
    MarginRow[DeribitOptionRatios] | MarginRow[DeribitFutureRatios] | MarginRow[BinanceOptionRatios]
)


def standard_parameters(margin: BookMargin) -> tuple[StatedParameter, ...]:
    """Every parameter of the legs of `margin`, once, with its status.

    A ratio is named venue.underlying.kind.ratio, as in "deribit.BTC.option.initial".
    """
    found: dict[str, StatedParameter] = {}
    if any(_has_choice(leg.instrument) for leg in margin.legs):
        is_plain = margin.option_underlying is OptionUnderlying.FORWARD
        found[OPTION_UNDERLYING] = StatedParameter(
            name=OPTION_UNDERLYING,
            value=margin.option_underlying.value,
            unit="choice",
            origin=_NOT_ESTABLISHED if is_plain else _CHOSEN,
        )
    for account in margin.accounts:
        for leg in account.legs:
            for one in _ratios(leg.instrument, account.statement.as_of_ns):
                found.setdefault(one.name, one)
    return tuple(found.values())


def _has_choice(instrument: Instrument) -> bool:
    return instrument.venue == DERIBIT and instrument.kind is InstrumentKind.OPTION


def _ratios(instrument: Instrument, as_of_ns: int) -> Iterator[StatedParameter]:
    row = _row(instrument, as_of_ns)
    if row is None:
        return
    whose = f"{instrument.venue}.{instrument.underlying}.{instrument.kind.value}"
    for one in fields(row.ratios):
        yield StatedParameter(
            name=f"{whose}.{one.name}",
            value=f"{getattr(row.ratios, one.name):f}",
            unit="fraction a coin" if one.name == "per_coin" else "fraction",
            origin=row.origin,
        )


def _row(instrument: Instrument, as_of_ns: int) -> Row | None:
    """The row of a leg's ratios; a held coin has none."""
    is_option = instrument.kind is InstrumentKind.OPTION
    if instrument.kind is InstrumentKind.SPOT:
        return None
    if instrument.venue == BINANCE:
        return binance_option_row(instrument.underlying, as_of_ns) if is_option else None
    if is_option:
        return deribit_option_row(instrument.underlying, as_of_ns)
    return deribit_future_row(instrument, as_of_ns)
