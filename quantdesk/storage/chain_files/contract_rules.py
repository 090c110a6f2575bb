"""Contract law of options whose instrument record was not recorded, from the venues' rules.

Ticks, sizes and currencies only. An option of a coin without a rule here is not guessed at.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.errors import InvalidInput
from quantdesk.storage.chain_files.cells import RowFault
from quantdesk.storage.chain_files.names import OptionName

DERIBIT = "deribit"
BINANCE = "binance"

FINE_TICKS_FROM_NS = 1_672_531_200_000_000_000
"""2023-01-01. Recorded lists and quotes of 2021 and 2022 are on a flat grid of 0.0005, those from
2023-07 on one of 0.0001 up to 0.005; the day of the change in between is not recorded."""

_FLAT = TickScheme(tick=Decimal("0.0005"))
_FINE = TickScheme(tick=Decimal("0.0001"), steps=((Decimal("0.005"), Decimal("0.0005")),))


@dataclass(frozen=True, slots=True, kw_only=True)
class _Law:
    amount_min: Decimal
    contract_size: Decimal
    ticks: TickScheme | None = None
    is_amount_in_contracts: bool = False


_DERIBIT_INVERSE = {
    "BTC": _Law(amount_min=Decimal("0.1"), contract_size=Decimal(1)),
    "ETH": _Law(amount_min=Decimal(1), contract_size=Decimal(1)),
    "SOL": _Law(
        amount_min=Decimal(1), contract_size=Decimal(1), ticks=TickScheme(tick=Decimal("0.001"))
    ),
}

# No linear record is among the recorded ones: the grid is the finest the venue uses for options,
# so that no recorded price lies off it.
_LINEAR_TICKS = TickScheme(tick=Decimal("0.0001"))
_DERIBIT_LINEAR = {
    "BTC": _Law(amount_min=Decimal("0.01"), contract_size=Decimal(1), ticks=_LINEAR_TICKS),
    "ETH": _Law(amount_min=Decimal("0.1"), contract_size=Decimal(1), ticks=_LINEAR_TICKS),
    "SOL": _Law(amount_min=Decimal(1), contract_size=Decimal(10), ticks=_LINEAR_TICKS),
    "XRP": _Law(amount_min=Decimal(1), contract_size=Decimal(1000), ticks=_LINEAR_TICKS),
    "MATIC": _Law(amount_min=Decimal(1), contract_size=Decimal(1000), ticks=_LINEAR_TICKS),
}


def _binance_law(amount_min: str, contract_size: int, tick: str) -> _Law:
    return _Law(
        amount_min=Decimal(amount_min),
        contract_size=Decimal(contract_size),
        ticks=TickScheme(tick=Decimal(tick)),
        is_amount_in_contracts=True,
    )


# Contract specifications of late 2024 (the venue's FAQ): lot, coins a contract, tick in USDT.
_BINANCE = {
    "BTC": _binance_law("0.01", 1, "5"),
    "ETH": _binance_law("0.01", 1, "0.1"),
    "BNB": _binance_law("0.01", 1, "0.1"),
    "SOL": _binance_law("0.1", 1, "0.01"),
    "XRP": _binance_law("0.1", 100, "0.01"),
    "DOGE": _binance_law("0.01", 1000, "0.01"),
}


_CURRENCIES = frozenset({(DERIBIT, True), (DERIBIT, "USDC"), (DERIBIT, "USDT"), (BINANCE, "USDT")})
"""Venues with what their options are priced in: true for the coin itself."""


def index_name_of(venue: str, underlying: str) -> str:
    """The venue's name of the index that the options of `underlying` settle on."""
    coin, _, currency = underlying.partition("_")
    if venue == BINANCE:
        return f"{coin}USDT"
    return f"{coin}_{currency or 'USD'}".lower()


def option_by_rule(name: OptionName, at_ns: int) -> Instrument:
    """The Deribit option `name` with the contract law that was in force at `at_ns`.

    Raises RowFault for a coin without a rule.
    """
    coin, _, currency = name.underlying.partition("_")
    return contract_by_rule(
        venue=DERIBIT,
        name=name.text,
        coin=coin,
        quote_currency=currency or coin,
        expiry_ns=name.expiry_ns,
        strike=name.strike,
        option_type=name.option_type,
        at_ns=at_ns,
    )


def contract_by_rule(
    *,
    venue: str,
    name: str,
    coin: str,
    quote_currency: str,
    expiry_ns: int,
    strike: Decimal,
    option_type: OptionType,
    at_ns: int,
) -> Instrument:
    """An option of `coin` at `venue`, priced in `quote_currency` (the coin itself: inverse).

    Raises RowFault for a venue or coin without a rule, or a contract that can not be.
    """
    is_inverse = quote_currency == coin
    laws = _BINANCE if venue == BINANCE else _DERIBIT_INVERSE if is_inverse else _DERIBIT_LINEAR
    law = laws.get(coin)
    is_known = (venue, is_inverse or quote_currency) in _CURRENCIES
    if law is None or not is_known:
        raise RowFault("no contract rule for this coin and currency")
    era = _FINE if at_ns >= FINE_TICKS_FROM_NS else _FLAT
    underlying = coin if is_inverse else f"{coin}_{quote_currency}"
    try:
        return Instrument(
            venue=venue,
            name=name,
            kind=InstrumentKind.OPTION,
            underlying=coin,
            settlement=Settlement.INVERSE if is_inverse else Settlement.LINEAR,
            quote_currency=quote_currency,
            settlement_currency=quote_currency,
            index_name=index_name_of(venue, underlying),
            contract_size=law.contract_size,
            is_amount_in_contracts=law.is_amount_in_contracts,
            ticks=law.ticks or era,
            amount_min=law.amount_min,
            amount_step=law.amount_min,
            expiry_ns=expiry_ns,
            strike=strike,
            option_type=option_type,
        )
    except InvalidInput as error:
        raise RowFault(f"{error.field} makes no contract") from None
