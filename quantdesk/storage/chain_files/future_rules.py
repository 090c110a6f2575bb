"""Contract law of Deribit's futures and perpetuals whose record was not recorded.

Sizes, ticks and currencies from the venue's lists recorded in July 2021 and mid-2022. A coin
without a record there has no rule and is not guessed at.
"""

from __future__ import annotations

from decimal import Decimal

from quantdesk.domain.instrument import Instrument, InstrumentKind, Settlement, TickScheme
from quantdesk.storage.chain_files.contract_rules import DERIBIT, index_name_of
from quantdesk.storage.chain_files.names import FutureName

_INVERSE = {"BTC": ("10", "0.5"), "ETH": ("1", "0.05"), "SOL": ("10", "0.01")}
"""USD a contract, and tick."""

_USDC = {
    "ADA": ("10", "0.0001"),
    "ALGO": ("10", "0.0001"),
    "AVAX": ("0.1", "0.01"),
    "BCH": ("0.02", "0.01"),
    "BTC": ("0.001", "1"),
    "DOGE": ("100", "0.00001"),
    "DOT": ("1", "0.001"),
    "ETH": ("0.01", "0.1"),
    "LINK": ("1", "0.001"),
    "LTC": ("0.1", "0.01"),
    "MATIC": ("10", "0.0001"),
    "NEAR": ("1", "0.001"),
    "SOL": ("0.1", "0.01"),
    "TRX": ("100", "0.00001"),
    "UNI": ("1", "0.001"),
    "XRP": ("10", "0.0001"),
}
"""Coins a contract, and tick, of the USDC perpetuals."""


def future_by_rule(name: FutureName) -> Instrument | None:
    """The future or perpetual `name`; None for a coin or currency without a rule."""
    coin, _, currency = name.underlying.partition("_")
    laws = _INVERSE if not currency else _USDC if currency == "USDC" else {}
    law = laws.get(coin)
    if law is None:
        return None
    size, tick = map(Decimal, law)
    is_perpetual = name.expiry_ns is None
    return Instrument(
        venue=DERIBIT,
        name=name.text,
        kind=InstrumentKind.PERPETUAL if is_perpetual else InstrumentKind.FUTURE,
        underlying=coin,
        settlement=Settlement.LINEAR if currency else Settlement.INVERSE,
        quote_currency=currency or "USD",
        settlement_currency=currency or coin,
        index_name=index_name_of(DERIBIT, name.underlying),
        contract_size=size,
        ticks=TickScheme(tick=tick),
        amount_min=size,
        amount_step=size,
        expiry_ns=name.expiry_ns,
    )
