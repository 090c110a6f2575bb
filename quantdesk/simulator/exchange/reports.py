"""What an account is shown of itself: margins and positions, valued at the marks of the moment."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.ledger import Ledger
from quantdesk.simulator.exchange.listing import Listing
from quantdesk.simulator.exchange.margining import Margining
from quantdesk.simulator.exchange.positions import PositionReport
from quantdesk.simulator.exchange.rules import Margins, MarketView

ZERO = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountSummary:
    """One settlement currency of an account.

    balance : cash
    equity : cash + options_value + futures_session_pnl
    options_value : signed market value of options
    *_pnl : unrealised at the marks, session_pnl what the next settlement would pay
    fees : charged on what it holds now
    margins : None where the exchange runs without a margin model
    """

    account_id: str
    currency: str
    balance: Decimal
    equity: Decimal
    options_value: Decimal
    options_unrealised_pnl: Decimal
    futures_unrealised_pnl: Decimal
    futures_session_pnl: Decimal
    fees: Decimal
    margins: Margins | None


def position_report(listing: Listing, account_id: str, market: MarketView) -> PositionReport | None:
    """The account's position of an instrument, None where it never had one or it is delivered."""
    position = listing.holders.get(account_id)
    if position is None:
        return None
    instrument = listing.instrument
    return position.report(
        mark=market.mark_price(instrument.name),
        index=market.index_price(instrument.index_name),
        underlying=market.underlying_price(instrument.name),
    )


def position_reports(
    account: Account, market: MarketView
) -> Iterator[tuple[Listing, PositionReport]]:
    """All positions of an account with their listings, those of size 0 that are not settled too."""
    for listing in account.listings:
        report = position_report(listing, account.account_id, market)
        if report is not None:
            yield listing, report


def summarise(
    account: Account,
    currency: str,
    *,
    market: MarketView,
    ledger: Ledger,
    margining: Margining | None,
) -> AccountSummary:
    """The account's summary in one settlement currency."""
    options_value = options_pnl = futures_pnl = session_pnl = fees = ZERO
    for listing, report in position_reports(account, market):
        if listing.instrument.settlement_currency != currency:
            continue
        fees += report.fees
        if listing.law.is_option:
            options_value += report.value
            options_pnl += report.unrealised_pnl
        else:
            futures_pnl += report.unrealised_pnl
            session_pnl += report.session_pnl
    balance = ledger.balance(account.account_id, currency)
    return AccountSummary(
        account_id=account.account_id,
        currency=currency,
        balance=balance,
        equity=balance + options_value + session_pnl,
        options_value=options_value,
        options_unrealised_pnl=options_pnl,
        futures_unrealised_pnl=futures_pnl,
        futures_session_pnl=session_pnl,
        fees=fees,
        margins=margining.margins(account, currency) if margining is not None else None,
    )
