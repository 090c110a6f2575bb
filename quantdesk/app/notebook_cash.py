"""Cash by currency, as scripts hand it over."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from quantdesk.errors import InvalidInput

Cash = Decimal | int | float | str


def exact_cash(field: str, given: Mapping[str, Cash] | None) -> dict[str, Decimal]:
    """Amounts by currency in capitals; none for None. A float is what it prints as.

    Raises InvalidInput, which names the argument `field`, for what is no finite number.
    """
    return {name.upper(): _amount(field, name, cash) for name, cash in (given or {}).items()}


def _amount(field: str, name: str, cash: Cash) -> Decimal:
    try:
        amount = Decimal(str(cash))
    except InvalidOperation:
        amount = Decimal("NaN")
    if not amount.is_finite():
        raise InvalidInput(field, cash, f"of {name} must be a number")
    return amount
