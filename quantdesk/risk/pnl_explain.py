"""P&L explain: what a book earned between two moments, step by step, and what stays unexplained.

Steps in their order: cash (trades, fees, funding, expiries); time; forward with the index under the
named vol rule; vol level, skew, curvature, term and each strike's own, at the new time and forward;
basis; the venue's mark against the model. Each is a full revaluation, so that they add up to the
actual P&L. Of each the Greek lines are shown, and the residual is the step less its lines; beside
it what the Greeks of the step's start alone leave. In USD the steps are at the closing index, and
the translation of the opening coin value is a line apart.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.pnl_explain_changes import LegChange
from quantdesk.risk.pnl_explain_index import with_index
from quantdesk.risk.pnl_explain_legs import InstrumentKey, UnitState, option_moves, unit_states
from quantdesk.risk.pnl_explain_steps import (
    LINE,
    LINES,
    STEP,
    STEPS,
    UnitSteps,
    contract_steps,
    option_steps,
)
from quantdesk.risk.pnl_explain_totals import LegExplain, PnlExplain, Unexplained, total_of
from quantdesk.risk.pnl_explain_vols import vol_parts
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.scenarios import DOLLARS
from quantdesk.risk.valuation import Surfaces


def explain_pnl(
    changes: Iterable[LegChange],
    opening: MarketData,
    closing: MarketData,
    *,
    rule: SmileRule = SmileRule.STICKY_STRIKE,
    shapes: tuple[Surfaces, Surfaces] | None = None,
    opening_cash: Mapping[str, Decimal] | None = None,
) -> PnlExplain:
    """Explain what the holdings of `changes` earned from `opening` to `closing`.

    Parameters
    ----------
    changes : see `pnl_explain_changes`
    rule : what vols do while the index moves
    shapes : fitted surfaces of both moments by (venue, underlying), through which vol changes are
        taken apart; options stay valued at their own vols. Without them each strike's own change
    opening_cash : coins held at the opening, whose translation to USD is shown apart

    A market that was recorded without an index takes the forward of the nearest expiry of both
    moments for it, and says so. A holding that can not be marked at a moment at which it is open is
    in `excluded` by name. Raises InvalidInput where the close
    is not after the opening.
    """
    changes = tuple(changes)
    opening, closing, index_notes = with_index(opening, closing)
    from_ns, to_ns = opening.as_of_ns, closing.as_of_ns
    if to_ns <= from_ns:
        rule_text = f"must be later than the opening at {format_instant(from_ns)}"
        raise InvalidInput("closing", format_instant(to_ns), rule_text)
    instruments = [one.instrument for one in changes]
    work = _Work(
        before=unit_states(instruments, opening),
        after=unit_states(instruments, closing),
        prices=(index_prices_of(opening), index_prices_of(closing)),
        closing=LegMarks(closing),
        to_ns=to_ns,
    )
    units = work.unit_steps(instruments, rule, shapes or ({}, {}))
    legs: list[LegExplain] = []
    excluded: list[Unexplained] = []
    for change in changes:
        found = work.leg(change, units)
        if isinstance(found, str):
            excluded.append(Unexplained(change=change, reason=found))
        else:
            legs.extend(found)
    currencies = sorted({leg.currency for leg in legs})
    return PnlExplain(
        from_ns=from_ns,
        to_ns=to_ns,
        rule=rule,
        legs=tuple(legs),
        totals=tuple(
            total_of(name, [leg for leg in legs if leg.currency == name]) for name in currencies
        ),
        excluded=tuple(excluded),
        sources=(opening.source, closing.source),
        notes=index_notes + tuple(f"{leg.instrument.name}: {leg.note}" for leg in legs if leg.note),
        cash_translation_usd=_cash_translation(opening_cash or {}, *work.prices),
    )


States = tuple[dict[InstrumentKey, UnitState], dict[InstrumentKey, str]]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Work:
    """One explain while it is made: both moments' states and index prices."""

    before: States
    after: States
    prices: tuple[Mapping[str, float], Mapping[str, float]]
    closing: LegMarks
    to_ns: int

    def unit_steps(
        self, instruments: Sequence[Instrument], rule: SmileRule, shapes: tuple[Surfaces, Surfaces]
    ) -> dict[InstrumentKey, UnitSteps]:
        """Steps and lines of one unit of what is known at both moments."""
        both = self.before[0].keys() & self.after[0].keys()
        distinct = {(one.venue, one.name): one for one in instruments}
        kept = [one for key, one in distinct.items() if key in both]
        options = [one for one in kept if self._state(one).is_option]
        contracts = [one for one in kept if self._is_contract(one)]
        moves = option_moves(options, self.before[0], self.after[0])
        vols = vol_parts(moves, rule, before=shapes[0], after=shapes[1])
        found = self._units(options, option_steps(moves, vols))
        found |= self._units(contracts, self._contract_steps(contracts))
        still = _nothing()
        found |= {(one.venue, one.name): still for one in kept if self._state(one).is_spot}
        return found

    def _state(self, instrument: Instrument) -> UnitState:
        return self.before[0][instrument.venue, instrument.name]

    def _is_contract(self, instrument: Instrument) -> bool:
        state = self._state(instrument)
        return not (state.is_option or state.is_spot)

    def _contract_steps(self, contracts: Sequence[Instrument]) -> UnitSteps:
        first = [self._state(one) for one in contracts]
        last = [self.after[0][one.venue, one.name] for one in contracts]
        return contract_steps(
            np.array([one.price for one in first]),
            np.array([b.index / a.index for a, b in zip(first, last, strict=True)]),
            np.array([one.price for one in last]),
            np.array([one.is_inverse for one in contracts], dtype=np.bool_),
        )

    def _units(
        self, instruments: Sequence[Instrument], units: UnitSteps
    ) -> dict[InstrumentKey, UnitSteps]:
        found = {}
        for row, one in enumerate(instruments):
            key = (one.venue, one.name)
            first, last = self.before[0][key], self.after[0][key]
            own = _times(units, first.size, row)
            mark = (last.marked - last.value) - (first.marked - first.value)
            own.steps[STEP["mark"]] = mark
            own.lines[STEP["mark"], LINE["mark"]] = own.one_step[STEP["mark"], LINE["mark"]] = mark
            found[key] = own
        return found

    def leg(
        self,
        change: LegChange,
        units: Mapping[InstrumentKey, UnitSteps],
    ) -> list[LegExplain] | str:
        """The leg and one more for each other currency of its fees; or why it is in no number."""
        instrument = change.instrument
        key = (instrument.venue, instrument.name)
        first, last = self.before[0].get(key), self.after[0].get(key)
        held, kept = float(change.quantity_before), float(change.quantity_after)
        if held and first is None:
            return f"at the opening: {self.before[1].get(key, 'no mark')}"
        if kept and last is None and self._is_over(instrument):
            moment = format_instant(instrument.expiry_ns or 0)
            return f"at the close: past its expiry at {moment}, and no settlement says what it paid"
        if kept and last is None:
            return f"at the close: {self.after[1].get(key, 'no mark')}"
        is_spot = instrument.kind is InstrumentKind.SPOT
        is_coin = instrument.is_inverse or is_spot
        currency = instrument.underlying if is_coin else instrument.settlement_currency
        index = self._index(currency)
        if index is None:
            return f"no index of {currency} at both moments"
        made = _times(units[key], kept) if kept and key in units else _nothing()
        entry = first or last
        # Nothing is paid in the coins of the coin itself.
        cash = _without_cash(change) if is_spot else change
        paid = self._cash_lines(cash, 0.0 if entry is None else entry.marked)
        made.lines[STEP["cash"]] = made.one_step[STEP["cash"]] = paid
        made.steps[STEP["cash"]] = math.fsum(paid.tolist())
        marked = kept * last.marked if last is not None and kept else 0.0
        opened = held * first.marked if first is not None and held else 0.0
        move = self._index(instrument.underlying) or (1.0, 1.0)
        own = LegExplain(
            change=cash,
            currency=currency,
            steps=made.steps,
            lines=made.lines,
            one_step=made.one_step,
            actual=math.fsum((marked, -opened, float(cash.cash))),
            translation_usd=_opening_value(change, opened) * (index[1] - index[0]),
            index_before=index[0],
            index_after=index[1],
            move=move[1] / move[0] - 1.0,
            note="" if first or not kept else "not listed at the opening: marked from the close",
        )
        return [own, *self._other_cash(change, own.move)]

    def _cash_lines(self, change: LegChange, worth: float) -> FloatArray:
        """Lines (l) of the cash step; what is traded enters or leaves at `worth` a unit."""
        cash = np.zeros(len(LINES))
        held, kept = float(change.quantity_before), float(change.quantity_after)
        settled, traded = float(change.settled), float(change.traded)
        if self._is_over(change.instrument) and not kept:
            if change.instrument.is_future:
                settled, traded = settled + traded, 0.0
            cash[LINE["expiry"]] = settled - held * worth
            cash[LINE["trades"]] = traded
        else:
            cash[LINE["expiry"]] = settled
            cash[LINE["trades"]] = traded + (kept - held) * worth
        cash[LINE["fees"]], cash[LINE["funding"]] = float(change.fees), float(change.funding)
        return cash

    def _is_over(self, instrument: Instrument) -> bool:
        """Whether it has expired by the close of its own market: venues may differ in their now."""
        market = self.closing.market_of(instrument)
        now_ns = self.to_ns if market is None else market.as_of_ns
        return instrument.expiry_ns is not None and instrument.expiry_ns <= now_ns

    def _index(self, currency: str) -> tuple[float, float] | None:
        """USD per unit of `currency` at both moments; None where either has none."""
        if currency in DOLLARS:
            return 1.0, 1.0
        found = [prices.get(currency) for prices in self.prices]
        return None if found[0] is None or found[1] is None else (found[0], found[1])

    def _other_cash(self, change: LegChange, move: float) -> list[LegExplain]:
        """Cash in other currencies: fees there, and what a trade of the coin itself paid."""
        bare = _without_cash(change)
        amounts = {name: replace(bare, fees=fee) for name, fee in change.other_fees.items()}
        if change.instrument.kind is InstrumentKind.SPOT and change.cash:
            amounts[change.instrument.settlement_currency] = replace(change, other_fees={})
        found = []
        for currency, cash in sorted(amounts.items()):
            steps, lines = np.zeros(len(STEPS)), np.zeros((len(STEPS), len(LINES)))
            for name, amount in (
                ("trades", cash.traded),
                ("expiry", cash.settled),
                ("fees", cash.fees),
                ("funding", cash.funding),
            ):
                lines[STEP["cash"], LINE[name]] = float(amount)
            steps[STEP["cash"]] = actual = math.fsum(lines[STEP["cash"]].tolist())
            index = self._index(currency) or (math.nan, math.nan)
            found.append(
                LegExplain(
                    change=cash,
                    currency=currency,
                    steps=steps,
                    lines=lines,
                    one_step=lines,
                    actual=actual,
                    translation_usd=0.0,
                    index_before=index[0],
                    index_after=index[1],
                    move=move,
                    note=f"its cash in {currency}",
                )
            )
        return found


def _nothing() -> UnitSteps:
    """Steps and lines of a unit that does not move."""
    shape = (len(STEPS), len(LINES))
    return UnitSteps(steps=np.zeros(len(STEPS)), lines=np.zeros(shape), one_step=np.zeros(shape))


def _times(units: UnitSteps, factor: float, row: int | None = None) -> UnitSteps:
    """`row` of `units`, or the one unit there is, `factor` times."""
    at = ... if row is None else row
    return UnitSteps(
        steps=units.steps[at] * factor,
        lines=units.lines[at] * factor,
        one_step=units.one_step[at] * factor,
    )


def _without_cash(change: LegChange) -> LegChange:
    """The same quantities, and nothing paid."""
    zero = Decimal(0)
    return replace(change, traded=zero, settled=zero, fees=zero, funding=zero, other_fees={})


def _opening_value(change: LegChange, opened: float) -> float:
    """What the leg added to equity at the opening: an option's worth, a future's profit so far.

    A future without an average price has none that anybody knows of.
    """
    if not change.instrument.is_future:
        return opened
    return 0.0 if change.cost_before is None else opened - float(change.cost_before)


def _cash_translation(
    cash: Mapping[str, Decimal], before: Mapping[str, float], after: Mapping[str, float]
) -> dict[str, float]:
    found = {}
    for currency, amount in sorted(cash.items()):
        if currency in DOLLARS or not amount:
            continue
        if currency not in before or currency not in after:
            known = ", ".join(sorted((before.keys() & after.keys()) | DOLLARS))
            raise InvalidInput(
                "opening_cash", currency, f"must be in a currency with a price: {known}"
            )
        found[currency] = float(amount) * (after[currency] - before[currency])
    return found
