"""Venue law on margin and fees: exact, pure, dated, each number with the origin of its rule.

Knows no account, no wire and no clock: what is held and what it is worth is handed in. Where a
venue gives no offset none is given here: a long option covers no short one.
"""

from quantdesk.margin.book_margin import BookMargin, VenueMargin, statement_for

__all__ = ["BookMargin", "VenueMargin", "statement_for"]
