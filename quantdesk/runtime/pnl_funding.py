"""Funding of a perpetual since the opening, by what its venue says of its own session.

A venue tells what a position received since the session began, not payment by payment. Two such
numbers of one session tell what came between them; of anything else the funding is not known, and
is said to be so rather than counted as nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.times import format_instant
from quantdesk.portfolio.ledger import CashEntry, CashKind, HoldingKey
from quantdesk.runtime.pnl_openings import DAY_NS, START_NS, VENUE_DAY_START_NS

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class FundingUnknown:
    """Why the funding of a leg is in no number, as a sentence."""

    reason: str


def session_start(instant_ns: int) -> int:
    """When the venue's session of an instant began, UTC ns."""
    return (instant_ns - VENUE_DAY_START_NS) // DAY_NS * DAY_NS + VENUE_DAY_START_NS


def funding_since(
    instrument: Instrument, before: AccountSnapshot, now: AccountSnapshot, *, opened_ns: int
) -> CashEntry | FundingUnknown | None:
    """What the account received of `instrument` since `opened_ns`; None where it has no funding.

    before : the account as read at the opening, which may be some seconds off its market
    """
    if instrument.kind is not InstrumentKind.PERPETUAL:
        return None
    last = now.position(instrument.name)
    if last is None:
        return FundingUnknown(reason="it is closed, and a venue tells that of what is open")
    if last.session_funding is None:
        return FundingUnknown(reason="its venue does not say it")
    started_ns = session_start(opened_ns)
    if session_start(last.event_ns) != started_ns:
        return FundingUnknown(
            reason="the opening is not of the session of its venue that "
            f"{format_instant(last.event_ns)} is of"
        )
    first = _at_opening(instrument, before, now, opened_ns)
    if isinstance(first, FundingUnknown):
        return first
    return CashEntry(
        entry_id=f"funding of {instrument.name}",
        holding=HoldingKey(now.venue, now.account, instrument.name),
        currency=instrument.settlement_currency,
        kind=CashKind.FUNDING,
        amount=last.session_funding - first,
        event_ns=last.event_ns,
    )


def _at_opening(
    instrument: Instrument, before: AccountSnapshot, now: AccountSnapshot, opened_ns: int
) -> Decimal | FundingUnknown:
    """What the session had brought by the opening."""
    started_ns = session_start(opened_ns)
    held = before.position(instrument.name)
    if held is not None and session_start(held.event_ns) == started_ns:
        if held.session_funding is None:
            return FundingUnknown(reason="its venue did not say it at the opening")
        return held.session_funding
    if opened_ns - started_ns <= START_NS:
        return ZERO
    if held is not None:
        return FundingUnknown(reason="the account was last read in the session before the opening")
    traded = (one for one in now.trades if one.instrument_name == instrument.name)
    if any(started_ns <= one.event_ns <= opened_ns for one in traded):
        return FundingUnknown(reason="it was held earlier in the session of the opening too")
    return ZERO
