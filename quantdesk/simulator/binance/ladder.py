"""How Binance lists options: symbols, strikes, ticks and steps of each underlying. Pure data.

The strike steps are our reading of captured symbols (BTC-240405-67000, BTC-251219-89000,
BTC-231001-27500, ETH-251219-3100, BTC-240927-25000, ETH-240927-5500): Binance publishes no rule.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.errors import InvalidInput

QUOTE = "USDT"
STRIKES_MAX = 30
"""Strikes an expiry, those nearest the forward: an expiry of Binance is narrower than Deribit's."""

_NS_PER_S = 1_000_000_000


@dataclass(frozen=True, slots=True, kw_only=True)
class Contract:
    """What all options of one underlying share.

    Attributes
    ----------
    symbol : of the underlying, "BTCUSDT"; also the name of the index
    unit : coins a contract
    tick : USDT; prices are `tick` + k × `tick`, as minPrice is one tick
    price_scale, quantity_scale : decimals of prices and quantities on the wire
    lot : smallest order and its step
    amount_max : largest order, contracts
    strike_steps : (days to expiry up to which it applies, strike step), ascending
    """

    coin: str
    symbol: str
    unit: int
    tick: Decimal
    price_scale: int
    quantity_scale: int
    lot: Decimal
    price_max: Decimal
    amount_max: Decimal
    strike_steps: tuple[tuple[float, float], ...]

    def strike_step(self, days: float) -> float:
        """Distance between strikes of an expiry `days` away."""
        return next(step for up_to, step in self.strike_steps if days <= up_to)


CONTRACTS = {
    "BTC": Contract(
        coin="BTC",
        symbol="BTCUSDT",
        unit=1,
        tick=Decimal(5),
        price_scale=3,
        quantity_scale=2,
        lot=Decimal("0.01"),
        price_max=Decimal(200_000),
        amount_max=Decimal(200),
        strike_steps=((3, 500.0), (35, 1000.0), (100, 2500.0), (float("inf"), 5000.0)),
    ),
    "ETH": Contract(
        coin="ETH",
        symbol="ETHUSDT",
        unit=1,
        tick=Decimal("0.2"),
        price_scale=4,
        quantity_scale=2,
        lot=Decimal("0.01"),
        price_max=Decimal(20_000),
        amount_max=Decimal(2500),
        strike_steps=((3, 25.0), (35, 50.0), (float("inf"), 100.0)),
    ),
}
"""By coin. Order limits are the published ones (single order: BTC 200, ETH 2500 contracts)."""

CONTRACT_OF = {contract.symbol: contract for contract in CONTRACTS.values()}
"""By the underlying's symbol."""


def contract_on(coin: str) -> Contract:
    """The contract on `coin`. Raises InvalidInput for a coin that is not listed."""
    if coin not in CONTRACTS:
        raise InvalidInput("underlying", coin, f"must be one of {', '.join(CONTRACTS)}")
    return CONTRACTS[coin]


def strikes_between(
    contract: Contract, *, lowest: float, highest: float, forward: float, days: float
) -> NDArray[np.float64]:
    """Strikes of an expiry inside [lowest, highest], ascending, the `STRIKES_MAX` nearest ones."""
    step = contract.strike_step(days)
    ladder = np.arange(np.ceil(lowest / step), np.floor(highest / step) + 1) * step
    nearest = np.argsort(np.abs(np.log(ladder / forward)), kind="stable")[:STRIKES_MAX]
    return np.sort(ladder[nearest])


def expiry_text(expiry_ns: int) -> str:
    """Expiry as symbols carry it: "251226"."""
    return datetime.fromtimestamp(expiry_ns // _NS_PER_S, UTC).strftime("%y%m%d")


def option_instrument(
    contract: Contract, *, expiry_ns: int, strike: float, is_call: bool
) -> Instrument:
    """The instrument of one option."""
    strike_exact = Decimal(f"{strike:f}").normalize()
    name = f"{contract.coin}-{expiry_text(expiry_ns)}-{strike_exact:f}-{'C' if is_call else 'P'}"
    return Instrument(
        venue="binance",
        name=name,
        kind=InstrumentKind.OPTION,
        underlying=contract.coin,
        settlement=Settlement.LINEAR,
        quote_currency=QUOTE,
        settlement_currency=QUOTE,
        index_name=contract.symbol,
        contract_size=Decimal(contract.unit),
        is_amount_in_contracts=True,
        ticks=TickScheme(tick=contract.tick),
        amount_min=contract.lot,
        amount_step=contract.lot,
        expiry_ns=expiry_ns,
        strike=strike_exact,
        option_type=OptionType.CALL if is_call else OptionType.PUT,
        simulated=True,
    )


def expiry_symbols(
    contract: Contract, expiry_ns: int, strikes: Sequence[float]
) -> list[Instrument]:
    """All options of an expiry: by strike, the call before the put."""
    return [
        option_instrument(contract, expiry_ns=expiry_ns, strike=strike, is_call=is_call)
        for strike in strikes
        for is_call in (True, False)
    ]
