"""A fee as a value: how much, by which rule, and whether its cap held it. Rates are in `margin`."""

from __future__ import annotations

from dataclasses import dataclass, replace
from decimal import Decimal
from enum import Enum

from quantdesk.domain.venue_rule import RuleOrigin


class FeeKind(Enum):
    """What the fee is for: a trade, or an expiry."""

    TRADE = "trade"
    DELIVERY = "delivery"


class ListingPeriod(Enum):
    """How long a contract of its kind is listed; venues charge by it."""

    DAY = "day"
    WEEK = "week"
    MONTH = "month"
    PERPETUAL = "perpetual"


@dataclass(frozen=True, slots=True, kw_only=True)
class Fee:
    """One fee of one account. Positive is charged, negative is a rebate.

    amount : in whole cash units of `currency`, what a ledger posts
    exact : before rounding
    rate : fraction of notional that applied, as the venue lists it
    is_capped : the cap made the fee smaller than the rate alone would
    formula : in words and letters
    """

    kind: FeeKind
    currency: str
    amount: Decimal
    exact: Decimal
    rate: Decimal
    is_capped: bool
    formula: str
    origin: RuleOrigin

    def waived(self, formula: str) -> Fee:
        """The same fee brought to nothing by the rule that `formula` words."""
        return replace(self, amount=Decimal(0), exact=Decimal(0), is_capped=False, formula=formula)
