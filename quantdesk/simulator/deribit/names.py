"""Ids as the venue prints them."""

from __future__ import annotations


def printed_order_id(currency: str, order_id: int) -> str:
    """ "BTC-104800000001": the settlement currency and a number."""
    return f"{currency}-{order_id}"


def parse_order_id(text: str) -> int | None:
    """The number of a printed order id; None where it is none."""
    currency, _, number = text.rpartition("-")
    is_number = number.isascii() and number.isdigit() and len(number) <= 18
    return int(number) if currency and is_number else None
