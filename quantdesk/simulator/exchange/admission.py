"""Whether the exchange takes an order, and as what: every check before anything changes.

Order of the checks: state, flags, end of validity, amount, label and counts, price, reduce-only,
post-only, self-trade, funds. The first that fails is the answer.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from decimal import Decimal

from quantdesk.domain.instrument import Side
from quantdesk.domain.order import OrderType, TimeInForce
from quantdesk.errors import PricingError
from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.grid import TICKS_MAX
from quantdesk.simulator.exchange.listing import Listing, ListingState
from quantdesk.simulator.exchange.margining import Margining
from quantdesk.simulator.exchange.matching import is_within, meets_itself_first, reach
from quantdesk.simulator.exchange.orders import LiveOrder, PostOnly, SelfTrade
from quantdesk.simulator.exchange.refusals import Refusal, RefusalReason
from quantdesk.simulator.exchange.rules import MarketView, VenueRules


@dataclass(slots=True, kw_only=True)
class Intent:
    """An order as it would be after a submission or an edit.

    amount : what is to be left of it; `replaces` is the order that it takes the place of, with its
        fills
    """

    account: Account
    listing: Listing
    side: Side
    order_type: OrderType
    time_in_force: TimeInForce
    amount: Decimal
    price: Decimal | None
    post_only: PostOnly
    is_reduce_only: bool
    self_trade: SelfTrade
    valid_until_ns: int | None
    label: str
    replaces: LiveOrder | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Admission:
    """The order may enter: its limit in units (the worst price for a MARKET) and its lots."""

    units: int
    lots: int
    is_repriced: bool = False
    is_shrunk: bool = False


class _Draft:
    """An intent on its way through the checks, and what they made of it."""

    __slots__ = ("intent", "is_repriced", "is_shrunk", "lots", "now_ns", "units")

    def __init__(self, intent: Intent, now_ns: int) -> None:
        self.intent = intent
        self.now_ns = now_ns
        self.units = 0
        self.lots = 0
        self.is_repriced = False
        self.is_shrunk = False


class AdmissionDesk:
    """Checks intents against the venue's rules, the market and the account."""

    def __init__(
        self, *, rules: VenueRules, market: MarketView, margining: Margining | None
    ) -> None:
        self._rules = rules
        self._market = market
        self._margining = margining
        self._checks: tuple[Callable[[_Draft], Refusal | None], ...] = (
            self._check_state,
            self._check_flags,
            self._check_validity,
            self._check_amount,
            self._check_counts,
            self._check_price,
            self._check_reduce_only,
            _check_post_only,
            _check_self_trade,
            self._check_funds,
        )

    def admit(self, intent: Intent, now_ns: int) -> Admission | Refusal:
        """The order as it may enter the book, or why it may not."""
        draft = _Draft(intent, now_ns)
        for check in self._checks:
            refusal = check(draft)
            if refusal is not None:
                return refusal
        return Admission(
            units=draft.units,
            lots=draft.lots,
            is_repriced=draft.is_repriced,
            is_shrunk=draft.is_shrunk,
        )

    def _check_state(self, draft: _Draft) -> Refusal | None:
        if draft.intent.listing.state is not ListingState.OPEN:
            return Refusal(reason=RefusalReason.NOT_TRADING)
        return None

    def _check_flags(self, draft: _Draft) -> Refusal | None:
        """Label, and flags that do not go together with the order's type."""
        intent = draft.intent
        if len(intent.label) > self._rules.label_length_max:
            most = Decimal(self._rules.label_length_max)
            return Refusal(reason=RefusalReason.LABEL_TOO_LONG, limit=most, field="label")
        is_limit = intent.order_type is OrderType.LIMIT
        rests = intent.time_in_force in (TimeInForce.GTC, TimeInForce.GTD)
        if intent.post_only is not PostOnly.NO and not (rests and is_limit):
            return Refusal(reason=RefusalReason.UNSUPPORTED_COMBINATION, field="post_only")
        if is_limit and intent.price is None:
            return Refusal(reason=RefusalReason.PRICE_MISSING, field="price")
        if not is_limit and intent.price is not None:
            return Refusal(reason=RefusalReason.PRICE_NOT_ALLOWED, field="price")
        return None

    def _check_validity(self, draft: _Draft) -> Refusal | None:
        """A GTD order has an end, in the future; no other has one."""
        intent, until_ns = draft.intent, draft.intent.valid_until_ns
        if intent.time_in_force is not TimeInForce.GTD:
            reason = RefusalReason.UNSUPPORTED_COMBINATION if until_ns is not None else None
        elif intent.order_type is OrderType.MARKET:
            reason = RefusalReason.UNSUPPORTED_COMBINATION
        elif until_ns is None:
            reason = RefusalReason.VALID_UNTIL_MISSING
        else:
            reason = RefusalReason.VALID_UNTIL_PASSED if until_ns <= draft.now_ns else None
        return Refusal(reason=reason, field="valid_until") if reason is not None else None

    def _check_amount(self, draft: _Draft) -> Refusal | None:
        """The open amount: positive, on the grid; with what is filled not below the smallest."""
        intent, amount = draft.intent, draft.intent.amount
        grid, instrument = intent.listing.grid, intent.listing.instrument
        if not amount.is_finite() or amount <= 0:
            return Refusal(reason=RefusalReason.AMOUNT_INVALID, field="amount")
        largest = self._rules.amount_max.get(instrument.underlying, grid.step * TICKS_MAX)
        if amount > largest:
            return Refusal(reason=RefusalReason.AMOUNT_TOO_LARGE, limit=largest, field="amount")
        lots = grid.to_lots(amount)
        if lots is None:
            return Refusal(reason=RefusalReason.AMOUNT_OFF_STEP, limit=grid.step, field="amount")
        filled = intent.replaces.lots_filled if intent.replaces is not None else 0
        if lots + filled < grid.lots_min:
            least = instrument.amount_min
            return Refusal(reason=RefusalReason.AMOUNT_TOO_SMALL, limit=least, field="amount")
        draft.lots = lots
        return None

    def _check_counts(self, draft: _Draft) -> Refusal | None:
        """A label in use, or more open orders than an account may have."""
        intent, rules = draft.intent, self._rules
        account = intent.account
        if intent.replaces is not None:
            return None
        if rules.is_label_unique and intent.label and account.has_open_label(intent.label):
            return Refusal(reason=RefusalReason.LABEL_IN_USE, field="label")
        here = len(account.open_in(intent.listing.instrument.name))
        counts = (
            (here, rules.open_orders_per_instrument_max, "instrument_name"),
            (account.open_count, rules.open_orders_max, ""),
        )
        for number, most, field in counts:
            if number >= most:
                limit = Decimal(most)
                return Refusal(reason=RefusalReason.TOO_MANY_ORDERS, limit=limit, field=field)
        return None

    def _check_price(self, draft: _Draft) -> Refusal | None:
        """The limit in units; of an order without price the worst that it may trade at."""
        intent = draft.intent
        limits = self._market.price_limits(intent.listing.instrument.name)
        bound = limits.highest if intent.side is Side.BUY else limits.lowest
        if intent.price is not None:
            return self._check_limit_price(draft, intent.price, bound)
        grid, is_buy = intent.listing.grid, intent.side is Side.BUY
        if bound is None:
            draft.units = TICKS_MAX if is_buy else 1
        else:
            draft.units = grid.floor_price(bound) if is_buy else grid.ceiling_price(bound)
        if intent.order_type is OrderType.MARKET_LIMIT:
            best = intent.listing.book.opposite(intent.side).best_units()
            if best is None or not is_within(intent.side, draft.units, best):
                return Refusal(reason=RefusalReason.NO_LIQUIDITY)
            draft.units = best
        return None

    def _check_limit_price(
        self, draft: _Draft, price: Decimal, bound: Decimal | None
    ) -> Refusal | None:
        """A limit price: positive, on the tick grid, within the limits of its side."""
        intent, listing = draft.intent, draft.intent.listing
        grid, is_buy = listing.grid, draft.intent.side is Side.BUY
        if not price.is_finite() or not 0 < price <= grid.unit * TICKS_MAX:
            return Refusal(reason=RefusalReason.PRICE_INVALID, field="price")
        units = grid.to_units(price)
        if units is None:
            tick = listing.instrument.ticks.tick_at(price)
            return Refusal(reason=RefusalReason.PRICE_OFF_TICK, limit=tick, field="price")
        draft.units = units
        # Limits that moved since do not forbid to make an order smaller where it stands.
        stands_there = intent.replaces is not None and intent.replaces.units == units
        is_beyond = bound is not None and (price > bound if is_buy else price < bound)
        if bound is None or stands_there or not is_beyond:
            return None
        if self._rules.is_future_price_clamped and not listing.law.is_option:
            draft.units = grid.floor_price(bound) if is_buy else grid.ceiling_price(bound)
            if draft.units > 0:
                return None
        reason = RefusalReason.PRICE_TOO_HIGH if is_buy else RefusalReason.PRICE_TOO_LOW
        return Refusal(reason=reason, limit=bound, field="price")

    def _check_reduce_only(self, draft: _Draft) -> Refusal | None:
        """A reduce-only order is no larger than the position that it reduces."""
        intent = draft.intent
        if not intent.is_reduce_only:
            return None
        size = intent.listing.size_of(intent.account.account_id)
        closable = -size if intent.side is Side.BUY else size
        lots = int(closable / intent.listing.grid.step)
        if lots <= 0:
            return Refusal(reason=RefusalReason.REDUCE_ONLY, limit=Decimal(0), field="amount")
        draft.is_shrunk = lots < draft.lots
        draft.lots = min(lots, draft.lots)
        return None

    def _check_funds(self, draft: _Draft) -> Refusal | None:
        """The account can carry the order as if it rested; a MARKET one as it would trade."""
        intent, units, lots = draft.intent, draft.units, draft.lots
        if self._margining is None or intent.account.is_own:
            return None
        listing = intent.listing
        if intent.order_type is OrderType.MARKET:
            group, mode = intent.account.group, intent.self_trade
            met = reach(listing.book, intent.side, units, lots, group=group, mode=mode)
            if met.worst_units is None:
                return None
            units, lots = met.worst_units, met.lots
        try:
            candidate = self._margining.candidate(
                listing, intent.side, units, lots, is_reduce_only=intent.is_reduce_only
            )
            short = self._margining.shortfall(intent.account, candidate, intent.replaces)
        except PricingError:
            return Refusal(reason=RefusalReason.NO_MARGIN_RULE)
        if short is None:
            return None
        return Refusal(reason=RefusalReason.NOT_ENOUGH_FUNDS, limit=short)


def _check_post_only(draft: _Draft) -> Refusal | None:
    """A post-only order that would trade is refused, or moved to just inside the spread."""
    intent = draft.intent
    book, grid = intent.listing.book, intent.listing.grid
    best = book.opposite(intent.side).best_units()
    if intent.post_only is PostOnly.NO or best is None:
        return None
    if not is_within(intent.side, draft.units, best):
        return None
    inside = grid.below(best) if intent.side is Side.BUY else grid.above(best)
    if intent.post_only is PostOnly.REJECT or inside <= 0:
        limit = grid.from_units(best)
        return Refusal(reason=RefusalReason.POST_ONLY, limit=limit, field="price")
    draft.units, draft.is_repriced = inside, True
    return None


def _check_self_trade(draft: _Draft) -> Refusal | None:
    intent = draft.intent
    if intent.self_trade is not SelfTrade.REJECT_TAKER:
        return None
    book, group = intent.listing.book, intent.account.group
    if not meets_itself_first(book, intent.side, draft.units, group):
        return None
    return Refusal(reason=RefusalReason.SELF_TRADE)
