"""Profit and loss by holding: realised, unrealised, fees and funding, in its currency and in USD.

    total = realised + unrealised − fees + funding      settlement currency
    USD   : each flow at the index of its own moment, what is open at the index of now

so that an inverse option bought and sold at one coin price has earned nothing in coin and the
index's move in USD. Exact; marks are handed in. A holding that can not be marked has no unrealised
profit and no total, and is named.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import Position
from quantdesk.portfolio.contract_values import EXACT, open_value, worth
from quantdesk.portfolio.holding import Holding, minus, plus, times, usd_rate
from quantdesk.portfolio.ledger import CashKind, CashSum, HoldingKey
from quantdesk.portfolio.state import PortfolioSnapshot

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What an instrument is marked at: quote currency, and USD per coin of the index beside it."""

    price: Decimal
    index_price: Decimal | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlRow:
    """Profit of one holding. Amounts are in `currency`, the settlement currency; `*_usd` in USD.

    value : what is open adds to equity: an option's worth, a future's profit
    fees : paid, positive is a cost; in `currency` only, `other_fees` are those in other currencies
    funding : received
    day, day_usd : change of the total since the day's start; None without one
    None : not known: no mark, no index, or a fee in another currency (USD)
    """

    key: HoldingKey
    instrument: Instrument
    currency: str
    quantity: Decimal
    average_price: Decimal | None
    mark: Decimal | None
    value: Decimal | None
    realised: Decimal
    unrealised: Decimal | None
    fees: Decimal
    funding: Decimal
    total: Decimal | None
    realised_usd: Decimal | None
    unrealised_usd: Decimal | None
    fees_usd: Decimal | None
    funding_usd: Decimal | None
    total_usd: Decimal | None
    other_fees: tuple[tuple[str, Decimal], ...] = ()
    day: Decimal | None = None
    day_usd: Decimal | None = None
    reason: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class DayStart:
    """Totals at the stated start of a day, by holding; a holding that is absent began later.

    totals : (settlement currency, USD); None where it was not known
    """

    at_ns: int
    totals: Mapping[HoldingKey, tuple[Decimal | None, Decimal | None]]


def profit_and_loss(
    snapshot: PortfolioSnapshot,
    marks: Mapping[tuple[str, str], Mark],
    *,
    missing: Mapping[tuple[str, str], str] | None = None,
    day_start: DayStart | None = None,
) -> tuple[PnlRow, ...]:
    """One row a holding, open or flat, in the snapshot's order.

    marks : by (venue, instrument name); missing : why one has none, told in the row's `reason`
    """
    rows = []
    for holding in snapshot.holdings:
        name = (holding.key.venue, holding.key.instrument_name)
        reason = ""
        if holding.quantity and name not in marks:
            reason = (missing or {}).get(name, f"no mark of {holding.key.instrument_name}")
        row = _row(holding, marks.get(name), snapshot.cash_of.get(holding.key, {}), reason)
        rows.append(row if day_start is None else _with_day(row, day_start))
    return tuple(rows)


def start_of_day(
    snapshot: PortfolioSnapshot, marks: Mapping[tuple[str, str], Mark], *, at_ns: int
) -> DayStart:
    """What the day's profit is counted from: the totals of `snapshot` at these marks."""
    rows = profit_and_loss(snapshot, marks)
    return DayStart(at_ns=at_ns, totals={row.key: (row.total, row.total_usd) for row in rows})


def unrealised_of(position: Position, mark: Decimal) -> Decimal | None:
    """Open profit of a position at `mark`, settlement currency; None without an average price."""
    if position.average_price is None:
        return None
    instrument = position.instrument
    entry = worth(instrument, position.quantity, position.average_price)
    return EXACT.subtract(worth(instrument, position.quantity, mark), entry)


def _row(
    holding: Holding,
    mark: Mark | None,
    cash: Mapping[tuple[str, CashKind], CashSum],
    reason: str,
) -> PnlRow:
    currency = holding.instrument.settlement_currency
    fee = cash.get((currency, CashKind.FEE), CashSum())
    funding = cash.get((currency, CashKind.FUNDING), CashSum())
    others = tuple(
        sorted(
            (name, total.amount.copy_negate())
            for (name, kind), total in cash.items()
            if kind is CashKind.FEE and name != currency
        )
    )
    value, unrealised, unrealised_usd = _open_profit(holding, mark)
    fees_usd = None if others else minus(ZERO, fee.amount_usd)
    return PnlRow(
        key=holding.key,
        instrument=holding.instrument,
        currency=currency,
        quantity=holding.quantity,
        average_price=holding.average_price,
        mark=mark.price if mark is not None and holding.quantity else None,
        value=value,
        realised=holding.realised,
        unrealised=unrealised,
        fees=fee.amount.copy_negate(),
        funding=funding.amount,
        total=plus(plus(holding.realised, unrealised), EXACT.add(fee.amount, funding.amount)),
        realised_usd=holding.realised_usd,
        unrealised_usd=unrealised_usd,
        fees_usd=fees_usd,
        funding_usd=funding.amount_usd,
        total_usd=plus(
            plus(holding.realised_usd, unrealised_usd),
            minus(funding.amount_usd, fees_usd),
        ),
        other_fees=others,
        reason=reason,
    )


def _open_profit(
    holding: Holding, mark: Mark | None
) -> tuple[Decimal | None, Decimal | None, Decimal | None]:
    """Value, unrealised profit, and the latter in USD; zeros of what is flat."""
    if not holding.quantity:
        return ZERO, ZERO, ZERO
    if mark is None:
        return None, None, None
    instrument = holding.instrument
    value = open_value(instrument, holding.quantity, holding.cost, mark.price)
    rate = usd_rate(instrument, mark.index_price)
    if instrument.is_future:
        return value, value, times(value, rate)
    return value, EXACT.subtract(value, holding.cost), minus(times(value, rate), holding.cost_usd)


def _with_day(row: PnlRow, start: DayStart) -> PnlRow:
    total, total_usd = start.totals.get(row.key, (ZERO, ZERO))
    return replace(row, day=minus(row.total, total), day_usd=minus(row.total_usd, total_usd))
