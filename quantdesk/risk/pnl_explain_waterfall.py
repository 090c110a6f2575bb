"""A sum of an explain in one money: its currency, or USD with the translation as a step of its own.

In USD steps and lines are at the closing index and the opening coin value is translated, so that
sums of several currencies add up to the book's P&L in USD.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.risk.pnl_explain_steps import STEPS
from quantdesk.risk.pnl_explain_totals import ExplainTotal, PnlExplain, residual_of, total_of

USD = "USD"
LEG = "leg"
"""A roll-up of its own: each holding alone."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Waterfall:
    """Steps (s,) and lines (s, l) of `label` in `unit`; residual and actual as in `ExplainTotal`.

    translation : of the opening coin value, USD; 0 in the currency itself
    actual : steps and translation together;  gross : sum over legs of absolute lines
    residual_one_step : steps (s,) less their lines by the Greeks of each step's start alone
    residual_share, residual_limit : of gross, the same in each money; residual_one_step_share : of
        the sum over legs of those absolute lines
    """

    label: str
    unit: str
    legs: int
    steps: FloatArray
    lines: FloatArray
    residual_one_step: FloatArray
    translation: float
    actual: float
    gross: float
    residual_one_step_share: float
    residual_share: float
    residual_limit: float
    is_alarm: bool

    @property
    def residual(self) -> FloatArray:
        """Steps (s,) less their lines."""
        return residual_of(self.steps, self.lines)

    @property
    def so_far(self) -> FloatArray:
        """What has come together by each step (s,)."""
        steps = self.steps.tolist()
        return np.array([math.fsum(steps[: number + 1]) for number in range(len(STEPS))])


def waterfall_of(total: ExplainTotal, *, in_usd: bool) -> Waterfall:
    """`total` in its currency, or in USD: NaN where its currency has no price."""
    factor = total.index_after if in_usd else 1.0
    return Waterfall(
        label=total.label,
        unit=USD if in_usd else total.currency,
        legs=total.legs,
        steps=total.steps * factor,
        lines=total.lines * factor,
        residual_one_step=total.residual_one_step * factor,
        translation=total.translation_usd if in_usd else 0.0,
        actual=total.actual_usd if in_usd else total.actual,
        gross=total.gross * factor,
        residual_one_step_share=total.residual_one_step_share,
        residual_share=total.residual_share,
        residual_limit=total.residual_limit,
        is_alarm=total.is_alarm,
    )


def book_waterfall(explained: PnlExplain) -> Waterfall:
    """All currencies of an explain with at least one leg together, in USD."""
    parts = [waterfall_of(total, in_usd=True) for total in explained.totals]
    steps = np.add.reduce([one.steps for one in parts])
    lines = np.add.reduce([one.lines for one in parts])
    gross = math.fsum(one.gross for one in parts)
    residual = abs(math.fsum((steps - np.add.reduce(lines, axis=1)).tolist()))
    one_step = np.add.reduce([one.residual_one_step for one in parts])
    gross_one_step = math.fsum(
        total.gross_one_step * total.index_after for total in explained.totals
    )
    return Waterfall(
        label="book",
        unit=USD,
        legs=sum(one.legs for one in parts),
        steps=steps,
        lines=lines,
        residual_one_step=one_step,
        translation=math.fsum(one.translation for one in parts),
        actual=math.fsum(one.actual for one in parts),
        gross=gross,
        residual_one_step_share=(
            abs(math.fsum(one_step.tolist())) / gross_one_step if gross_one_step else 0.0
        ),
        residual_share=residual / gross if gross else 0.0,
        residual_limit=max(one.residual_limit for one in parts),
        is_alarm=any(one.is_alarm for one in parts),
    )


def rolled_up(explained: PnlExplain, what: str) -> tuple[ExplainTotal, ...]:
    """Sums by one of `ROLL_UPS`, or each leg alone by `LEG`, in the book's order."""
    if what != LEG:
        return explained.by(what)
    return tuple(total_of(leg.key.instrument_name, [leg]) for leg in explained.legs)


def alarms(explained: PnlExplain) -> Iterable[ExplainTotal]:
    """Currencies with more unexplained than may be."""
    return (one for one in explained.totals if one.is_alarm)
