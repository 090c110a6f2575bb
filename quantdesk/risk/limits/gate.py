"""The gate of limits: positions and living orders, kept up to date, and the answer to a ticket.

Every order counts from the moment it is reserved, before it is sent, until there is evidence that
it is over: in flight and unknown ones in full, an edit in flight with the larger of both sizes.
Cancels are never asked about. Reads no clock and sends nothing.

What passes, of each limit: fills of the ticket, each leg by itself, come upon any book that living
orders may bring about. Along them |measure| may rise as far as the level; above the level it may
not rise from one fill to the next, whatever it was before. So a breached limit passes orders that
only reduce it, and one that turns a position is held to the level on its other side.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Protocol

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.order import OrderEdited, OrderEvent, OrderSent, OrderState, advance
from quantdesk.domain.position import Position
from quantdesk.errors import InvalidInput
from quantdesk.risk.checks import make_checks
from quantdesk.risk.checks.check import Check
from quantdesk.risk.checks.fence import Fence
from quantdesk.risk.limits.cells import Slot
from quantdesk.risk.limits.decision import Decision
from quantdesk.risk.limits.findings import Finding, Level, Use
from quantdesk.risk.limits.limit import Filters, LimitSet
from quantdesk.risk.limits.size import largest_size
from quantdesk.risk.limits.ticket import Ticket, TicketLeg, require_quantity
from quantdesk.risk.limits.trial import Result, Trial
from quantdesk.risk.limits.units import UnitRisk

ZERO = Decimal(0)
ORDERS_MAX = 100_000
SLOTS_MAX = 20_000

_SlotKey = tuple[str, str, str, str]


class Units(Protocol):
    """Where units come from; `MarketUnits` on a market."""

    def unit(self, instrument: Instrument) -> UnitRisk:
        """The unit of an instrument; never raises."""

    def measure(self, instruments: Iterable[Instrument]) -> None:
        """Measure many at once."""


@dataclass(slots=True, kw_only=True)
class LivingOrder:
    """An order that may still fill.

    pending : totals that edits in flight ask for
    """

    slot: Slot
    is_buy: bool
    price: Decimal | None
    state: OrderState
    pending: list[Decimal] = field(default_factory=list)

    @property
    def open_amount(self) -> Decimal:
        """What may still fill, by the larger of all sizes that may hold."""
        if self.state.status.is_final:
            return ZERO
        return max(max(self.state.amount, *self.pending, ZERO) - self.state.filled_amount, ZERO)


@dataclass(slots=True, kw_only=True)
class _Sums:
    """Exact amounts of one slot."""

    held: Decimal = ZERO
    buys: Decimal = ZERO
    sells: Decimal = ZERO


class LimitGate:
    """Limits over one desk's positions and orders.

    limits : None closes the desk, for `reason`;  stress_names : of the units' stresses, in order
    """

    def __init__(
        self,
        limits: LimitSet | None,
        units: Units,
        *,
        stress_names: Sequence[str] = (),
        reason: str = "no limits are loaded",
    ) -> None:
        is_empty = limits is not None and not len(limits)
        self.limits = None if is_empty else limits
        self.closed = "" if self.limits is not None else reason
        self.units = units
        self.unseen: Mapping[int, str] = {}
        """By number of a limit, which of its names is of nothing; set by who knows the market."""
        self.checks: tuple[Check, ...] = (
            () if self.limits is None else make_checks(self.limits, stress_names)
        )
        self._fence = Fence(self.checks)
        self._slots: list[Slot] = []
        self._sums: list[_Sums] = []
        self._numbers: dict[_SlotKey, int] = {}
        self._orders: dict[str, LivingOrder] = {}
        self._results: dict[Filters, Result] = {}
        self._is_watched: list[bool] = []
        # The checks have seen no slots yet, not even that there are none.
        self._is_grown = True

    # What is held and open

    def load(self, positions: Iterable[Position]) -> None:
        """Take positions in one go, added to what is held. Raises InvalidInput, taking none, for
        one that is too large.
        """
        positions = tuple(positions)
        for one in positions:
            require_quantity(one.instrument, one.quantity)
        self.units.measure(position.instrument for position in positions)
        for one in positions:
            slot = self._slot(one.instrument, one.account, one.strategy)
            self._sums[slot.number].held += one.quantity
            self._copy(slot)
        self._refresh()

    def set_position(
        self, instrument: Instrument, quantity: Decimal, *, account: str = "", strategy: str = ""
    ) -> None:
        """What is held is `quantity`, whatever fills said: an adjustment, an expiry, a report.

        Raises InvalidInput for what is no number or too large.
        """
        require_quantity(instrument, quantity)
        slot = self._slot(instrument, account, strategy)
        self._sums[slot.number].held = quantity
        self._changed(slot)

    def position(self, instrument: Instrument, *, account: str = "", strategy: str = "") -> Decimal:
        """What is held."""
        return self._sums[self._slot(instrument, account, strategy).number].held

    def learn(self, names: Filters, result: Result) -> None:
        """Take profit, drawdown and equity of a scope; what is None stays as it was told before."""
        self._results[names] = self._results.get(names, Result()).updated(result)
        for check in self.checks:
            check.learned(self._results)
        if not self._is_grown:
            self._fence.settle()

    def remeasure(self, units: Units) -> None:
        """Take another market: positions and orders stay, units are measured anew."""
        self.units = units
        units.measure(slot.instrument for slot in self._slots)
        for slot in self._slots:
            slot.unit = units.unit(slot.instrument)
        self._is_grown = True
        self._refresh()

    # Orders

    def review(self, ticket: Ticket, now_ns: int) -> Decision:
        """What the limits say of `ticket`; changes nothing."""
        if self.closed:
            return Decision(ticket=ticket, closed=self.closed)
        trial = self._trial(ticket, now_ns)
        if (stray := self._stray(trial)) is not None:
            name = stray.instrument.name
            return Decision(ticket=ticket, closed=f"no limit looks at {name}")
        findings = self._findings(trial)
        if not any(one.level is Level.HARD for one in findings):
            return Decision(ticket=ticket, findings=tuple(findings))
        findings.sort(key=lambda one: one.level is not Level.HARD)
        largest = largest_size(ticket, lambda other: self._passes(other, now_ns))
        return Decision(ticket=ticket, findings=tuple(findings), largest=largest)

    def reserve(self, ticket: Ticket, order_ids: Sequence[str], now_ns: int) -> Decision:
        """Review `ticket` and, where it is allowed, count its legs as orders in flight at once.

        Raises InvalidInput where ids are not one a leg, or one is taken.
        """
        if len(set(order_ids)) != len(ticket.legs) or len(order_ids) != len(ticket.legs):
            raise InvalidInput("order_ids", tuple(order_ids), "must be one id a leg, each once")
        for order_id in order_ids:
            if order_id in self._orders:
                raise InvalidInput("order_id", order_id, "is taken; ids are unique for ever")
        if len(self._orders) + len(order_ids) > ORDERS_MAX:
            return Decision(ticket=ticket, closed=f"{ORDERS_MAX:,} living orders are too many")
        decision = self.review(ticket, now_ns)
        if decision.is_allowed:
            for order_id, leg in zip(order_ids, ticket.legs, strict=True):
                self.adopt(order_id, leg, account=ticket.account, strategy=ticket.strategy)
                for check in self.checks:
                    check.sent(self._orders[order_id].slot, now_ns)
        return decision

    def adopt(
        self, order_id: str, leg: TicketLeg, *, account: str = "", strategy: str = ""
    ) -> None:
        """Count an order that exists already, without asking: a fact of the venue's.

        Raises InvalidInput where the id is taken: the order counts already.
        """
        if order_id in self._orders:
            raise InvalidInput("order_id", order_id, "is taken; ids are unique for ever")
        slot = self._slot(leg.instrument, account, strategy)
        state = advance(OrderState(amount=abs(leg.quantity), price=leg.price), OrderSent())
        self._orders[order_id] = LivingOrder(
            slot=slot, is_buy=leg.quantity > 0, price=leg.price, state=state
        )
        slot.orders += 1
        self._count(slot, leg.quantity > 0, abs(leg.quantity))
        self._changed(slot)

    def apply(self, order_id: str, event: OrderEvent) -> None:
        """What became of an order: fills move into the position, the rest of it stays counted
        until it is over. Raises InvalidInput for an order that nobody reserved.
        """
        order = self._order(order_id)
        before, open_before = order.state, order.open_amount
        order.state = advance(before, event)
        if isinstance(event, OrderEdited):
            order.price = event.price
            if event.amount in order.pending:
                order.pending.remove(event.amount)
        filled = order.state.filled_amount - before.filled_amount
        sums = self._sums[order.slot.number]
        sums.held += filled if order.is_buy else -filled
        self._count(order.slot, order.is_buy, order.open_amount - open_before)
        order.slot.orders += before.status.is_final - order.state.status.is_final
        self._changed(order.slot)

    def reserve_edit(
        self, order_id: str, amount: Decimal, price: Decimal | None, now_ns: int
    ) -> Decision:
        """Review another total `amount` (filled part included) and `price` of a living order.

        Where it is allowed both sizes count, the larger, until `OrderEdited` or `edit_refused`.
        Less of the same price is always allowed.
        """
        order = self._order(order_id)
        rest = amount - order.state.filled_amount
        if not (amount.is_finite() and rest > 0) or order.state.status.is_final:
            raise InvalidInput("amount", str(amount), f"of {order_id} must be above what is filled")
        leg = TicketLeg(
            instrument=order.slot.instrument, quantity=rest if order.is_buy else -rest, price=price
        )
        ticket = Ticket(legs=(leg,), account=order.slot.account, strategy=order.slot.strategy)
        open_before = order.open_amount
        if price == order.price and rest <= open_before:
            order.pending.append(amount)
            return Decision(ticket=ticket)
        self._count(order.slot, order.is_buy, -open_before)
        order.slot.orders -= 1
        self._changed(order.slot)
        decision = self.review(ticket, now_ns)
        order.slot.orders += 1
        if decision.is_allowed:
            order.pending.append(amount)
            for check in self.checks:
                check.sent(order.slot, now_ns)
        self._count(order.slot, order.is_buy, order.open_amount)
        self._changed(order.slot)
        return decision

    def edit_refused(self, order_id: str, amount: Decimal) -> None:
        """The venue did not take an edit to `amount`."""
        order = self._order(order_id)
        before = order.open_amount
        if amount in order.pending:
            order.pending.remove(amount)
        self._count(order.slot, order.is_buy, order.open_amount - before)
        self._changed(order.slot)

    def forget(self, order_id: str) -> None:
        """Let go of an order that is over; a later fill of it must come as a position.

        Raises InvalidInput for one that is not.
        """
        if not self._order(order_id).state.status.is_final:
            raise InvalidInput("order_id", order_id, "must be over to be forgotten")
        del self._orders[order_id]

    @property
    def orders(self) -> Mapping[str, LivingOrder]:
        """Orders that were reserved, by id, those that are over until they are forgotten."""
        return self._orders

    # Answers

    def uses(self, now_ns: int) -> tuple[Use, ...]:
        """What every cell uses, in the order of the limits."""
        self._refresh()
        found = [use for check in self.checks for use in check.uses(now_ns)]
        return tuple(sorted(found, key=lambda use: (use.cell.number, use.cell.label)))

    def _order(self, order_id: str) -> LivingOrder:
        order = self._orders.get(order_id)
        if order is None:
            raise InvalidInput("order_id", order_id, "must be one that was reserved or adopted")
        return order

    def _passes(self, ticket: Ticket, now_ns: int) -> bool:
        trial = self._trial(ticket, now_ns)
        for check in self._fence.to_ask(trial):
            for one in check.review(trial):
                if one.level is Level.HARD:
                    return False
        return True

    def _findings(self, trial: Trial) -> list[Finding]:
        found: list[Finding] = []
        for check in self._fence.to_ask(trial):
            found += check.review(trial)
        return found

    def _stray(self, trial: Trial) -> Slot | None:
        """A slot that no limit looks at."""
        for slot in trial.slots:
            if not self._is_watched[slot.number]:
                return slot
        return None

    def _trial(self, ticket: Ticket, now_ns: int) -> Trial:
        slots = tuple(
            self._slot(leg.instrument, ticket.account, ticket.strategy) for leg in ticket.legs
        )
        self._refresh()
        return Trial.of(ticket, slots, now_ns)

    def _slot(self, instrument: Instrument, account: str, strategy: str) -> Slot:
        key = (instrument.venue, instrument.name, account, strategy)
        number = self._numbers.get(key)
        if number is not None:
            return self._slots[number]
        if len(self._slots) >= SLOTS_MAX:
            raise InvalidInput("slots", len(self._slots), f"must be at most {SLOTS_MAX:,}")
        slot = Slot(
            number=len(self._slots),
            instrument=instrument,
            unit=self.units.unit(instrument),
            account=account,
            strategy=strategy,
        )
        self._numbers[key] = slot.number
        self._slots.append(slot)
        self._sums.append(_Sums())
        for check in self.checks:
            check.map.admit(slot)
        self._is_watched.append(any(check.map.of_slot(slot.number) for check in self.checks))
        self._is_grown = True
        return slot

    def _count(self, slot: Slot, is_buy: bool, amount: Decimal) -> None:
        sums = self._sums[slot.number]
        if is_buy:
            sums.buys += amount
        else:
            sums.sells -= amount

    def _copy(self, slot: Slot) -> None:
        sums = self._sums[slot.number]
        slot.held, slot.buys, slot.sells = float(sums.held), float(sums.buys), float(sums.sells)

    def _changed(self, slot: Slot) -> None:
        self._copy(slot)
        if self._is_grown:
            self._refresh()
            return
        for check in self.checks:
            check.moved(slot)
        self._fence.settle()

    def _refresh(self) -> None:
        """Let the checks take slots that were added."""
        if self._is_grown:
            self._is_grown = False
            for check in self.checks:
                check.rebuild(self._slots)
            self._fence.settle()
