"""A gate over an open book: its positions and the open orders of its accounts. Wiring only."""

from __future__ import annotations

import difflib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.instrument import Side
from quantdesk.errors import ConfigError
from quantdesk.margin.portfolio_balance import DOLLARS
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Filters, LimitSet, Measure
from quantdesk.risk.limits.ticket import TicketLeg
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.unseen_names import unseen_names
from quantdesk.risk.limits.use_report import OpenLeg, limit_gate
from quantdesk.risk.scenario import Scenario
from quantdesk.risk.stresses import STRESSES
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.limits_file import NO_TRADING


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class BookGate:
    """A gate, and what it could not count: then it lets nothing through."""

    gate: LimitGate
    left_out: tuple[str, ...]


def gate_over(
    opened: OpenBook,
    limits: LimitSet | None,
    *,
    own_scenarios: Sequence[Scenario] = (),
    results: Mapping[Filters, Result] | None = None,
    reason: str = "no limits are loaded",
) -> BookGate:
    """The gate over the positions of `opened` and the open orders of its accounts.

    A row or order that could not be read closes it: what is held but not counted could be on either
    side of any limit. own_scenarios : count for stress limits beside the desk's. Raises ConfigError
    for a limit on a stress that is not there.
    """
    stresses = (*STRESSES, *own_scenarios)
    if limits is not None:
        _check_stresses(limits, [one.name for one in stresses])
    orders, strays = _open_orders(opened.accounts, opened.market)
    refused = tuple(
        f"{'' if row.row is None else f'row {row.row}: '}{row.reason}" for row in opened.refused
    )
    # What is handed in comes before what a venue reports.
    known = account_equities(opened)
    for names, result in (results or {}).items():
        known[names] = known.get(names, Result()).updated(result)
    gate = limit_gate(
        limits,
        opened.positions,
        opened.market,
        orders=orders,
        stresses=stresses,
        results=known,
        reason=reason,
    )
    _share_equity(gate, known, opened.accounts)
    if limits is not None:
        held = [(one.instrument, one.account, one.strategy) for one in opened.positions]
        held += [(one.leg.instrument, one.account, "") for one in orders]
        gate.unseen = unseen_names(limits, opened.market, held)
    left_out = (*refused, *strays)
    if left_out and gate.limits is not None:
        gate.closed = f"{len(left_out)} positions or orders could not be read"
    return BookGate(gate=gate, left_out=left_out)


def _share_equity(
    gate: LimitGate, known: Mapping[Filters, Result], accounts: Sequence[AccountSnapshot]
) -> None:
    """A scope that holds all there is, and all `accounts`, has the desk's equity, where nobody told
    it another.
    """
    desk = known.get(Filters(), Result())
    if desk.equity_usd is None:
        return
    for check in gate.checks:
        if Measure.MARGIN_USE not in check.measures:
            continue
        held = [slot.number for slot in check.slots if not slot.is_empty]
        for place, cell in enumerate(check.cells):
            is_told = known.get(cell.names, Result()).equity_usd is not None
            # What an account outside the scope has secures nothing of it.
            has_all = all(_is_of(cell.names, one.venue, one.account) for one in accounts)
            if not held or is_told or not has_all:
                continue
            if all(place in check.map.of_slot(one) for one in held):
                gate.learn(cell.names, Result(equity_usd=desk.equity_usd))


def _check_stresses(limits: LimitSet, known: Sequence[str]) -> None:
    for number, limit in enumerate(limits.limits, start=1):
        for name in limit.scenarios:
            if name not in known:
                near = difflib.get_close_matches(name, known, n=1)
                hint = f"; did you mean {near[0]}?" if near else ""
                raise ConfigError(
                    f"{limits.source}: limit {number}: scenarios = {name!r}: must be of "
                    f"{', '.join(known)}{hint}; {NO_TRADING}"
                )


def account_equities(opened: OpenBook) -> dict[Filters, Result]:
    """Equity of the desk and of each connected account and venue, apart and together, USD.

    One is left out that has equity in a coin without a price here, or positions of an account that
    is not connected.
    """
    scopes = {
        Filters(account=account, venue=venue)
        for one in opened.accounts
        for account in ("", one.account)
        for venue in ("", one.venue)
    }
    holders = {(one.instrument.venue, one.account) for one in opened.positions}
    results = {}
    for names in scopes:
        own = [one for one in opened.accounts if _is_of(names, one.venue, one.account)]
        connected = {(one.venue, one.account) for one in own}
        usd = math.fsum(_equity_usd(one, opened.market) for one in own)
        if math.isfinite(usd) and {one for one in holders if _is_of(names, *one)} <= connected:
            results[names] = Result(equity_usd=max(usd, 0.0))
    return results


def _is_of(names: Filters, venue: str, account: str) -> bool:
    """Whether an account of a venue is of the account and venue that `names` says."""
    return names.venue in {"", venue} and names.account in {"", account}


def _equity_usd(account: AccountSnapshot, market: MarketData) -> float:
    """What its venue reports, NaN with a coin that has no price; 0 of what it says nothing of."""
    held = [(one.equity, _usd_of(one.currency, market)) for one in account.balances if one.equity]
    return math.fsum(math.nan if usd is None else float(equity) * usd for equity, usd in held)


def _usd_of(currency: str, market: MarketData) -> float | None:
    """USD for a unit of a currency, None where the market has no price of it."""
    if currency in DOLLARS:
        return 1.0
    for one in market.markets:
        if one.underlying.split("_", 1)[0] == currency and one.index_price is not None:
            return one.index_price
    return None


def _open_orders(
    accounts: Sequence[AccountSnapshot], market: MarketData
) -> tuple[list[OpenLeg], list[str]]:
    marks = LegMarks(market)
    found, strays = [], []
    for account in accounts:
        for order in account.open_orders:
            instrument = marks.instrument(account.venue, order.instrument_name)
            rest = order.amount - order.filled
            if instrument is None:
                strays.append(f"order {order.order_id}: {order.instrument_name} is not listed")
            elif rest > 0:
                quantity = rest if order.side is Side.BUY else -rest
                leg = TicketLeg(instrument=instrument, quantity=quantity, price=order.price)
                order_id = f"{account.venue} {account.account} {order.order_id}"
                found.append(OpenLeg(order_id=order_id, leg=leg, account=account.account))
    return found, strays
