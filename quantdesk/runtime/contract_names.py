"""What an instrument's name says by itself, at each venue: the reader handed to `portfolio`."""

from __future__ import annotations

from quantdesk.domain.instrument import InstrumentKind
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.importing import NamedContract
from quantdesk.storage.chain_files import FutureName, OptionName, future_by_rule, parse_name
from quantdesk.venues.binance.names import parse_symbol


def read_contract_name(venue: str, name: str) -> NamedContract | None:
    """The contract that `name` means at `venue`; None where it is no option or future of it."""
    if venue == "binance":
        return _binance(name)
    if venue == "deribit":
        return _deribit(name)
    return None


def _binance(name: str) -> NamedContract | None:
    try:
        said = parse_symbol(name)
    except InvalidInput:
        return None
    return NamedContract(kind=InstrumentKind.OPTION, chain=said.coin, expiry_ns=said.expiry_ns)


def _deribit(name: str) -> NamedContract | None:
    match parse_name(name):
        case OptionName() as option:
            return NamedContract(
                kind=InstrumentKind.OPTION, chain=option.underlying, expiry_ns=option.expiry_ns
            )
        case FutureName() as future:
            is_perpetual = future.expiry_ns is None
            return NamedContract(
                kind=InstrumentKind.PERPETUAL if is_perpetual else InstrumentKind.FUTURE,
                chain=future.underlying,
                expiry_ns=future.expiry_ns,
                instrument=future_by_rule(future),
            )
        case _:
            return None
