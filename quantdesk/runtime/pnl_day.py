"""What a book earned since the day's opening, explained: for a screen, on one snapshot.

The rows of a positions file count as held since the opening, since a file tells no trades; where
they were others at the opening, the leg is left out by name. An account's trades are those that its
venue reported; where they do not lead from what was held to what is held, the leg is left out too.
Its funding is what the venue's session brought, where both moments are of one session.
Wiring only; made for a worker thread.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from decimal import Decimal

from quantdesk.domain.account import AccountSnapshot, TradeReport
from quantdesk.domain.fill import Fill, Liquidity
from quantdesk.domain.instrument import Instrument, Side
from quantdesk.domain.ports import Clock
from quantdesk.domain.position import Position
from quantdesk.domain.times import format_instant
from quantdesk.errors import QuantDeskError
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.importing import positions_of_account
from quantdesk.portfolio.ledger import CashEntry, HoldingKey
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.pnl_explain import explain_pnl
from quantdesk.risk.pnl_explain_changes import LegChange, changes_of
from quantdesk.risk.pnl_explain_totals import PnlExplain, Unexplained
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.scenarios import DOLLARS
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.contract_names import read_contract_name
from quantdesk.runtime.pnl_funding import FundingUnknown, funding_since
from quantdesk.runtime.pnl_moments import positions_at_either
from quantdesk.runtime.pnl_openings import Openings, since_sentence
from quantdesk.runtime.screen_books import FileBook, ScreenBook
from quantdesk.snapshot import DeskSnapshot

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class DayExplain:
    """P&L since the opening.

    explained : None where there is nothing to explain yet, and `waits` says why
    since : "since 2026-06-27T08:00:01Z, day start", one for each moment where chains differ
    problems : why the opening is not what it could be;  notes : what else is to be known, as
        sentences;  cost_ns : how long it took
    """

    explained: PnlExplain | None = None
    waits: str = ""
    since: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    cost_ns: int = 0


@dataclass(slots=True, kw_only=True)
class _Held:
    """What was held at the opening, what happened since, and what can not be told."""

    positions: list[Position] = field(default_factory=list)
    fills: list[Fill] = field(default_factory=list)
    entries: list[CashEntry] = field(default_factory=list)
    instruments: dict[str, Instrument] = field(default_factory=dict)
    left_out: list[Unexplained] = field(default_factory=list)
    cash: dict[str, Decimal] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)


def explain_day(
    book: ScreenBook,
    opened: OpenBook,
    snapshot: DeskSnapshot,
    openings: Openings,
    *,
    rule: SmileRule,
    clock: Clock,
) -> DayExplain:
    """What `book`, which is `opened` on `snapshot`, earned since its opening."""
    started_ns = clock.now_ns()
    opening = openings.market(snapshot)
    if not opening.markets:
        return DayExplain(waits="the first complete market, which will be the opening")
    since = _since(openings, opening)
    here = {(one.venue, one.underlying) for one in opening.markets}
    closing = replace(
        opened.market,
        markets=tuple(
            replace(one, surface=None)
            for one in opened.market.markets
            if (one.venue, one.underlying) in here
        ),
    )
    first_ns, last_ns = (max(one.as_of_ns for one in m.markets) for m in (opening, closing))
    if last_ns <= first_ns:
        return DayExplain(waits="prices after the opening", since=since)
    if isinstance(book, FileBook):
        held = _held_by_file(book, opening, closing, openings)
    else:
        held = _held_by_accounts(snapshot, opening, closing, openings)
    try:
        changes = changes_of(
            held.positions,
            fills=held.fills,
            instruments=held.instruments,
            entries=held.entries,
        )
        closed = fit_surfaces(_touched(closing, [one.instrument for one in changes]))
        explained = explain_pnl(
            changes,
            opening,
            closing,
            rule=rule,
            shapes=(openings.surfaces, closed.surfaces),
            opening_cash=_priced(held.cash, opening, closing),
        )
    except QuantDeskError as error:
        return DayExplain(waits=f"numbers that can be explained: {error}", since=since)
    explained = replace(explained, excluded=(*explained.excluded, *held.left_out))
    legs = [one.instrument for one in explained.legs]
    legs += [one.change.instrument for one in explained.excluded]
    return DayExplain(
        explained=explained,
        since=_since(openings, _touched(opening, legs)),
        problems=openings.problems,
        notes=(*openings.problems, *held.notes),
        cost_ns=max(clock.now_ns() - started_ns, 0),
    )


def _since(openings: Openings, opening: MarketData) -> tuple[str, ...]:
    """One sentence a moment, with the chains that opened at it where they differ."""
    opened: dict[str, list[str]] = {}
    for market in opening.markets:
        sentence = since_sentence(openings.chains[market.venue, market.underlying])
        opened.setdefault(sentence, []).append(f"{market.venue} {market.underlying}")
    if len(opened) == 1:
        return tuple(opened)
    return tuple(f"{', '.join(chains)} {sentence}" for sentence, chains in opened.items())


def _touched(market: MarketData, legs: Iterable[Instrument]) -> MarketData:
    """The chains that one of `legs` is of; all of them where there is no leg."""
    marks = LegMarks(market)
    found = [marks.market_of(one) for one in legs]
    names = {(one.venue, one.underlying) for one in found if one is not None}
    kept = [one for one in market.markets if (one.venue, one.underlying) in names]
    return replace(market, markets=tuple(kept)) if kept else market


def _held_by_file(
    book: FileBook, opening: MarketData, closing: MarketData, openings: Openings
) -> _Held:
    """The rows of the file, as far as it says the same as at the opening."""
    held = _Held(cash=dict(book.collateral))
    _, told = openings.rows.get(book.file.path, (0, book.file.rows))
    first, last = (positions_at_either(rows, opening, closing) for rows in (told, book.file.rows))
    for key, position in {**first, **last}.items():
        before = first[key].quantity if key in first else ZERO
        now = last[key].quantity if key in last else ZERO
        if before == now:
            held.positions.append(position)
            continue
        reason = (
            f"the file said {before:f} at the opening and says {now:f}: "
            "`quantdesk pnl explain --trades FILE` takes what was traded in between"
        )
        held.left_out.append(_unknown(key, position.instrument, before, now, reason))
    return held


def _held_by_accounts(
    snapshot: DeskSnapshot, opening: MarketData, closing: MarketData, openings: Openings
) -> _Held:
    """What each account held, the trades since, and legs that they do not lead to."""
    held = _Held()
    for now in snapshot.accounts:
        _, before = openings.accounts.get((now.venue, now.account), (0, None))
        if before is None:
            held.notes.append(f"account {now.account}: not read at the opening, in no number")
            continue
        _add_account(held, before, now, opening, closing)
        for balance in before.balances:
            if balance.cash:
                held.cash[balance.currency] = held.cash.get(balance.currency, ZERO) + balance.cash
        held.notes.append(
            f"account {now.account}: its venue reports trades with their fees; deliveries are "
            "not reported, and in no number"
        )
    return held


def _add_account(
    held: _Held,
    before: AccountSnapshot,
    now: AccountSnapshot,
    opening: MarketData,
    closing: MarketData,
) -> None:
    first, last = (_positions(one, opening, closing) for one in (before, now))
    marks = [LegMarks(opening), LegMarks(closing)]
    trades: dict[str, list[TradeReport]] = {}
    for trade in now.trades:
        trades.setdefault(trade.instrument_name, []).append(trade)
    for name in dict.fromkeys((*first, *last, *trades)):
        instrument = marks[0].instrument(now.venue, name) or marks[1].instrument(now.venue, name)
        position = first.get(name) or last.get(name)
        instrument = instrument or (None if position is None else position.instrument)
        if instrument is None:
            continue
        market = marks[0].market_of(instrument)
        opened_ns = before.event_ns if market is None else market.as_of_ns
        since = [one for one in trades.get(name, ()) if one.event_ns > opened_ns]
        # The account may have been read some seconds after its market opened.
        early = _signed(one for one in since if one.event_ns <= before.event_ns)
        quantity = (first[name].quantity if name in first else ZERO) - early
        reached = quantity + _signed(since)
        kept = last[name].quantity if name in last else ZERO
        if reached != kept:
            key = HoldingKey(now.venue, now.account, name)
            reason = _gap_reason(instrument, reached, kept, closing)
            held.left_out.append(_unknown(key, instrument, quantity, kept, reason))
            continue
        held.instruments[name] = instrument
        if quantity:
            average = None if position is None else position.average_price
            held.positions.append(
                Position(
                    instrument=instrument,
                    quantity=quantity,
                    average_price=average,
                    account=now.account,
                )
            )
        held.fills.extend(_fill(one, instrument, now.account, held.notes) for one in since)
        if not quantity and not since:
            continue
        funding = funding_since(instrument, before, now, opened_ns=opened_ns)
        if isinstance(funding, CashEntry):
            held.entries.append(funding)
        elif isinstance(funding, FundingUnknown):
            held.notes.append(
                f"{name}: its funding since the opening is in no number: {funding.reason}"
            )


def _positions(
    account: AccountSnapshot, opening: MarketData, closing: MarketData
) -> dict[str, Position]:
    found: dict[str, Position] = {}
    for market in (opening, closing):
        imported = positions_of_account(account, LegMarks(market), read_name=read_contract_name)
        found |= {one.instrument.name: one for one in imported.positions}
    return found


def _signed(trades: Iterable[TradeReport]) -> Decimal:
    return sum((one.amount if one.side is Side.BUY else -one.amount for one in trades), start=ZERO)


def _gap_reason(
    instrument: Instrument, reached: Decimal, kept: Decimal, closing: MarketData
) -> str:
    expiry_ns = instrument.expiry_ns
    now_ns = max((one.as_of_ns for one in closing.markets), default=0)
    if expiry_ns is not None and expiry_ns <= now_ns and not kept:
        return f"expired at {format_instant(expiry_ns)}, and what it paid was not reported"
    return f"the trades known lead to {reached:f}, the account holds {kept:f}"


def _fill(trade: TradeReport, instrument: Instrument, account: str, notes: list[str]) -> Fill:
    if trade.fee is None:
        notes.append(f"{trade.instrument_name}: the fee of trade {trade.trade_id} is not known yet")
    return Fill(
        venue=trade.venue,
        account=account,
        instrument_name=trade.instrument_name,
        trade_id=trade.trade_id,
        order_id=trade.order_id,
        label=trade.client_order_id or "",
        side=trade.side,
        price=trade.price,
        amount=trade.amount,
        fee=trade.fee or ZERO,
        fee_currency=trade.fee_currency or instrument.settlement_currency,
        liquidity=Liquidity.MAKER if trade.is_maker else Liquidity.TAKER,
        event_ns=trade.event_ns,
    )


def _unknown(
    key: HoldingKey, instrument: Instrument, before: Decimal, now: Decimal, reason: str
) -> Unexplained:
    change = LegChange(key=key, instrument=instrument, quantity_before=before, quantity_after=now)
    return Unexplained(change=change, reason=reason)


def _priced(
    cash: Mapping[str, Decimal], opening: MarketData, closing: MarketData
) -> dict[str, Decimal]:
    """Cash of the currencies that have a price at both moments; dollars are not translated."""
    priced = index_prices_of(opening).keys() & index_prices_of(closing).keys()
    return {name: amount for name, amount in cash.items() if name in priced | DOLLARS}
