"""Made-up instruments with whole numbers as units: sums of them are exact in floating point."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal

import numpy as np
import numpy.typing as npt

from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.risk.limits.units import COLUMNS, Quote, UnitRisk
from quantdesk.risk.limits.var_units import MOVES_OF

NOW = 1_800_000_000_000_000_000
EXPIRY = 1_805_961_600_000_000_000  # 25MAR27
STRESS_NAMES = ("down", "up", "still")


def option(name: str, *, strategy_coin: str = "BTC", is_call: bool = True) -> Instrument:
    """An option counted in whole lots."""
    return Instrument(
        venue="deribit",
        name=name,
        kind=InstrumentKind.OPTION,
        underlying=strategy_coin,
        settlement=Settlement.INVERSE,
        quote_currency=strategy_coin,
        settlement_currency=strategy_coin,
        index_name="",
        contract_size=Decimal(1),
        ticks=TickScheme(tick=Decimal("0.0001")),
        amount_min=Decimal(1),
        amount_step=Decimal(1),
        expiry_ns=EXPIRY,
        strike=Decimal(64),
        option_type=OptionType.CALL if is_call else OptionType.PUT,
    )


CALL = option("BTC-25MAR27-64-C")
PUT = option("BTC-25MAR27-64-P", is_call=False)
WING = option("BTC-25MAR27-90-C")


def unit(
    *,
    delta: float,
    vega: float,
    stress: Iterable[float],
    history: Sequence[float] | npt.NDArray[np.int64] = (),
    margin: tuple[float, float, float] = (0.0, 2.0, 0.0),
    gamma: float = 0.0,
    event_ns: int = NOW,
) -> UnitRisk:
    """A unit with these numbers; every other column is 0, but for one contract."""
    row = np.zeros(len(COLUMNS))
    row[COLUMNS.index(("delta", "black", "coin"))] = delta
    row[COLUMNS.index(("gamma", "", "usd"))] = gamma
    row[COLUMNS.index(("vega", "usd-per-point", ""))] = vega
    row[COLUMNS.index(("contracts", "", ""))] = 1.0
    quote = Quote(
        mark=0.05,
        usd=64.0,
        event_ns=event_ns,
        coins=1.0,
        is_call=True,
        is_inverse=True,
        forward=64.0,
        strike=64.0,
        years=0.25,
        vol=0.5,
    )
    return UnitRisk(
        row=row,
        stress=np.array(list(stress), dtype=np.float64),
        recorded=dict.fromkeys(MOVES_OF, np.array(history, dtype=np.float64)),
        margin=margin,
        quote=quote,
    )


class MadeUnits:
    """Units by instrument name, as `MarketUnits` gives them."""

    def __init__(self, units: Mapping[str, UnitRisk]) -> None:
        self._units = dict(units)

    def unit(self, instrument: Instrument) -> UnitRisk:
        """The unit of an instrument."""
        return self._units[instrument.name]

    def measure(self, instruments: Iterable[Instrument]) -> None:
        """Nothing to do: all are known."""
