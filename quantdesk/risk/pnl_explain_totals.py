"""What a P&L explain gives: legs, their sums in each currency, and what is in no number.

Values only; `pnl_explain` makes them. A residual is a step less its Greek lines; above its share of
gross, the sum over legs of absolute lines, it is an alarm.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from quantdesk.domain.instrument import Instrument
from quantdesk.domain.times import format_instant
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.portfolio.contract_values import CASH_UNIT
from quantdesk.portfolio.ledger import HoldingKey
from quantdesk.risk.pnl_explain_changes import LegChange
from quantdesk.risk.scenario import SmileRule

CALM_MOVE, WILD_MOVE = 0.02, 0.05
CALM_LIMIT, WILD_LIMIT = 0.005, 0.02
"""A residual above this share of gross is an alarm: 0.5 % up to a 2 % move of the index, 2 % from a
5 % move on, a straight line between."""


def residual_of(steps: FloatArray, lines: FloatArray) -> FloatArray:
    """Steps (s,) less their lines (s, l)."""
    return np.asarray(steps - np.add.reduce(lines, axis=1), dtype=np.float64)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class LegExplain:
    """One holding. Amounts in `currency`, its settlement currency, unless named USD.

    steps : (s,) by STEPS;  lines : (s, l) by STEPS and LINES
    one_step : (s, l) what the lines are by the Greeks of each step's start alone
    actual : worth at the close less worth at the opening, and cash, at the desk's marks
    change : exact cash by kind, of `currency` alone
    translation_usd : opening coin value × the index's change
    index_before, index_after : USD per unit of `currency`;  move : of the underlying's index
    note : what is to be known of this leg, "" where nothing is
    """

    change: LegChange
    currency: str
    steps: FloatArray
    lines: FloatArray
    one_step: FloatArray
    actual: float
    translation_usd: float
    index_before: float
    index_after: float
    move: float
    note: str = ""

    @property
    def key(self) -> HoldingKey:
        """The holding."""
        return self.change.key

    @property
    def instrument(self) -> Instrument:
        """What is held."""
        return self.change.instrument

    @property
    def residual(self) -> FloatArray:
        """Steps (s,) less their lines."""
        return residual_of(self.steps, self.lines)

    @property
    def residual_one_step(self) -> FloatArray:
        """Steps (s,) less their lines by the Greeks of each step's start alone."""
        return residual_of(self.steps, self.one_step)

    @property
    def gross(self) -> float:
        """Sum of the absolute lines."""
        return math.fsum(np.abs(self.lines).ravel().tolist())

    @property
    def gross_one_step(self) -> float:
        """Sum of the absolute lines in `one_step`."""
        return math.fsum(np.abs(self.one_step).ravel().tolist())


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExplainTotal:
    """A sum of legs that settle in one currency; fields as in `LegExplain`, `label` says of what.

    gross_one_step : sum over legs of the absolute lines in `one_step`
    residual_limit : share of gross above which the residual is an alarm
    """

    label: str
    currency: str
    legs: int
    steps: FloatArray
    lines: FloatArray
    one_step: FloatArray
    actual: float
    gross: float
    gross_one_step: float
    actual_usd: float
    translation_usd: float
    index_before: float
    index_after: float
    residual_limit: float

    @property
    def residual(self) -> FloatArray:
        """Steps (s,) less their lines."""
        return residual_of(self.steps, self.lines)

    @property
    def residual_one_step(self) -> FloatArray:
        """Steps (s,) less their lines by the Greeks of each step's start alone."""
        return residual_of(self.steps, self.one_step)

    @property
    def residual_share(self) -> float:
        """|residual| over gross; 0 where nothing moved."""
        return abs(math.fsum(self.residual.tolist())) / self.gross if self.gross else 0.0

    @property
    def residual_one_step_share(self) -> float:
        """|residual_one_step| over gross_one_step; 0 where nothing moved."""
        left = abs(math.fsum(self.residual_one_step.tolist()))
        return left / self.gross_one_step if self.gross_one_step else 0.0

    @property
    def is_alarm(self) -> bool:
        """Whether more is unexplained than may be; less than the smallest cash is no money."""
        is_money = abs(math.fsum(self.residual.tolist())) >= float(CASH_UNIT)
        return is_money and self.residual_share > self.residual_limit


@dataclass(frozen=True, slots=True, kw_only=True)
class Unexplained:
    """A holding that is in no number, and why."""

    change: LegChange
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PnlExplain:
    """The explain of a book from one moment to another.

    totals : by settlement currency;  excluded : holdings in no number
    cash_translation_usd : opening cash × its index's change, by currency
    """

    from_ns: int
    to_ns: int
    rule: SmileRule
    legs: tuple[LegExplain, ...]
    totals: tuple[ExplainTotal, ...]
    excluded: tuple[Unexplained, ...]
    sources: tuple[str, str]
    notes: tuple[str, ...] = ()
    cash_translation_usd: Mapping[str, float] = field(default_factory=dict)

    def __repr__(self) -> str:
        parts = [
            f"{one.currency} {one.actual:+.8g}, residual {one.residual_share:.3%} of gross"
            for one in self.totals
        ]
        if self.excluded:
            parts.append(f"WITHOUT {len(self.excluded)}")
        moments = f"{format_instant(self.from_ns)} to {format_instant(self.to_ns)}"
        return f"<P&L {moments}: {'; '.join(parts) or 'nothing held'}>"

    @property
    def actual_usd(self) -> float:
        """P&L in USD, the translation of the opening coin value included, without opening cash."""
        return math.fsum(one.actual_usd for one in self.totals)

    @property
    def is_alarm(self) -> bool:
        """Whether the residual of any currency is an alarm."""
        return any(one.is_alarm for one in self.totals)

    def by(self, what: str) -> tuple[ExplainTotal, ...]:
        """Sums by `what` within each currency: underlying, expiry, strategy, structure, venue,
        account or instrument.
        """
        if what not in ROLL_UPS:
            raise InvalidInput("by", what, f"must be one of {', '.join(ROLL_UPS)}")
        groups: dict[tuple[str, str], list[LegExplain]] = {}
        for leg in self.legs:
            groups.setdefault((leg.currency, _label(leg, what)), []).append(leg)
        return tuple(total_of(label, legs) for (_, label), legs in sorted(groups.items()))


ROLL_UPS = ("underlying", "expiry", "strategy", "structure", "venue", "account", "instrument")


def residual_limit(move: float) -> float:
    """Share of gross that may stay unexplained where the index moved by `move`."""
    return float(np.interp(abs(move), (CALM_MOVE, WILD_MOVE), (CALM_LIMIT, WILD_LIMIT)))


def _label(leg: LegExplain, what: str) -> str:
    instrument, key = leg.instrument, leg.key
    if what == "underlying":
        return instrument.underlying
    if what == "expiry":
        return "none" if instrument.expiry_ns is None else format_instant(instrument.expiry_ns)
    if what == "instrument":
        return key.instrument_name
    return str(getattr(key, what)) or "none"


def total_of(label: str, legs: Sequence[LegExplain]) -> ExplainTotal:
    """The sum of `legs`, at least one, which settle in one currency."""
    steps = np.array(
        [math.fsum(column) for column in zip(*(leg.steps for leg in legs), strict=True)]
    )
    lines = np.add.reduce([leg.lines for leg in legs], axis=0)
    one_step = np.add.reduce([leg.one_step for leg in legs], axis=0)
    actual = math.fsum(leg.actual for leg in legs)
    translation = math.fsum(leg.translation_usd for leg in legs)
    first = legs[0]
    return ExplainTotal(
        label=label,
        currency=first.currency,
        legs=len(legs),
        steps=steps,
        lines=lines,
        one_step=one_step,
        actual=actual,
        gross=math.fsum(leg.gross for leg in legs),
        gross_one_step=math.fsum(leg.gross_one_step for leg in legs),
        actual_usd=actual * first.index_after + translation,
        translation_usd=translation,
        index_before=first.index_before,
        index_after=first.index_after,
        residual_limit=residual_limit(max((leg.move for leg in legs), key=abs)),
    )
