"""The house's market makers: standing quotes on each instrument, made from a top of book.

The rules, all deterministic:

* Level 0 is the given top of book with its size. Level k stands k steps further out, a step being
  half the spread but at least one tick, on the grid; its size is (k + 1) times the first's.
* A bid below one tick is no bid. An ask that would not stand above the house's own bid is no ask.
* A quote that stays as it was keeps its place. What was traded away comes back at the next requote
  of the instrument, or by `refresh` once `refill_ns` have passed.
* A requote trades with the client orders that it crosses, at their prices, up to its size.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import ROUND_FLOOR, Decimal

from quantdesk.domain.instrument import Side
from quantdesk.errors import InvalidInput
from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.grid import Grid
from quantdesk.simulator.exchange.listing import Listing, ListingState
from quantdesk.simulator.exchange.orders import LiveOrder
from quantdesk.simulator.exchange.trading import Trading


@dataclass(frozen=True, slots=True, kw_only=True)
class TopOfBook:
    """Best prices and sizes to quote; None or a size of 0 for a side without quote.

    Prices off the tick grid are moved away from the market, sizes down to the amount grid.
    """

    bid: Decimal | None = None
    bid_amount: Decimal = Decimal(0)
    ask: Decimal | None = None
    ask_amount: Decimal = Decimal(0)


@dataclass(frozen=True, slots=True, kw_only=True)
class MakerRules:
    """How the house quotes: levels a side, and how long what was taken stays away."""

    levels: int = 5
    refill_ns: int = 1_000_000_000

    def __post_init__(self) -> None:
        if not 1 <= self.levels <= 100:
            raise InvalidInput("levels", self.levels, "must be 1 to 100")
        if self.refill_ns < 0:
            raise InvalidInput("refill_ns", self.refill_ns, "must not be negative")


Ladder = tuple[tuple[int, int], ...]
"""(units, lots) of the levels of one side, best first."""


def ladders(grid: Grid, top: TopOfBook, levels: int) -> tuple[Ladder, Ladder]:
    """Bids and asks to quote, by the rules of this module."""
    bid = grid.floor_price(top.bid) if top.bid is not None else 0
    ask = grid.ceiling_price(top.ask) if top.ask is not None and top.ask > 0 else 0
    bid_lots, ask_lots = _lots(grid, top.bid_amount), _lots(grid, top.ask_amount)
    has_bid, has_ask = bid > 0 and bid_lots > 0, ask > 0 and ask_lots > 0
    has_ask = has_ask and not (has_bid and ask <= bid)
    step = max(1, (ask - bid) // 2) if has_bid and has_ask else 1
    bids, asks = [], []
    units = bid
    for level in range(levels if has_bid else 0):
        if units <= 0:
            break
        bids.append((units, bid_lots * (level + 1)))
        units = min(grid.below(units), grid.floor(units - step)) if units > step else 0
    units = ask
    for level in range(levels if has_ask else 0):
        asks.append((units, ask_lots * (level + 1)))
        units = max(grid.above(units), grid.ceiling(units + step))
    return tuple(bids), tuple(asks)


def _lots(grid: Grid, amount: Decimal) -> int:
    return int((amount / grid.step).to_integral_value(rounding=ROUND_FLOOR))


class _Quotes:
    """What the house quotes on one instrument: the wish, and the orders that stand for it."""

    __slots__ = ("asks", "bids", "lots_whole", "top")

    def __init__(self, top: TopOfBook) -> None:
        self.top = top
        self.lots_whole = 0
        self.bids: list[LiveOrder] = []
        self.asks: list[LiveOrder] = []


class HouseMaker:
    """Keeps the house's quotes in the books."""

    def __init__(self, *, account: Account, trading: Trading, rules: MakerRules) -> None:
        self._account = account
        self._trading = trading
        self._rules = rules
        self._quotes: dict[str, _Quotes] = {}
        self._taken: dict[str, int] = {}

    def requote(self, listing: Listing, top: TopOfBook, now_ns: int) -> None:
        """Quote around `top` from now on, with full sizes. Nothing where not open for trading."""
        if listing.state is not ListingState.OPEN:
            return
        name = listing.instrument.name
        quotes = self._quotes.get(name)
        if quotes is None:
            quotes = self._quotes[name] = _Quotes(top)
        elif quotes.top == top and name not in self._taken:
            return
        quotes.top = top
        bids, asks = ladders(listing.grid, top, self._rules.levels)
        quotes.lots_whole = sum(lots for ladder in (bids, asks) for _, lots in ladder)
        # Both sides are taken out before either is put in: a move of the market by more than its
        # spread must not make the house trade with itself.
        bids_left, bids_new = self._withdraw(quotes.bids, bids)
        asks_left, asks_new = self._withdraw(quotes.asks, asks)
        trading, account = self._trading, self._account
        quotes.bids = bids_left + trading.place_house(account, listing, Side.BUY, bids_new, now_ns)
        quotes.asks = asks_left + trading.place_house(account, listing, Side.SELL, asks_new, now_ns)
        self._taken.pop(name, None)
        trading.tell_book(listing, now_ns)
        self.note_traded(listing, now_ns)

    def note_traded(self, listing: Listing, now_ns: int) -> None:
        """Remember from when on an instrument's quotes are not whole."""
        name = listing.instrument.name
        quotes = self._quotes.get(name)
        if quotes is None or name in self._taken:
            return
        standing = sum(o.lots_left for o in quotes.bids + quotes.asks if not o.status.is_final)
        if standing < quotes.lots_whole:
            self._taken[name] = now_ns

    def refresh(self, listings: dict[str, Listing], now_ns: int) -> None:
        """Put back what was taken at least `refill_ns` ago."""
        due = [n for n, ns in self._taken.items() if ns + self._rules.refill_ns <= now_ns]
        for name in due:
            self.requote(listings[name], self._quotes[name].top, now_ns)

    def withdraw_all(self, listing: Listing, now_ns: int) -> None:
        """Take every house quote out of a book, for good."""
        quotes = self._quotes.pop(listing.instrument.name, None)
        self._taken.pop(listing.instrument.name, None)
        if quotes is not None:
            self._trading.pull_house(quotes.bids + quotes.asks)
            self._trading.tell_book(listing, now_ns)

    def _withdraw(
        self, standing: list[LiveOrder], wish: Ladder
    ) -> tuple[list[LiveOrder], list[tuple[int, int]]]:
        """Take out what is not wished any more; gives what stays, and what is to be placed."""
        missing = dict(wish)
        kept, pulled = [], []
        for order in standing:
            is_whole = not order.status.is_final and missing.get(order.units) == order.lots_left
            if is_whole:
                del missing[order.units]
                kept.append(order)
            else:
                pulled.append(order)
        self._trading.pull_house(pulled)
        return kept, list(missing.items())
