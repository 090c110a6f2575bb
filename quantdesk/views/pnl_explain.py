"""P&L explain as rows of text: a waterfall by currency, its lines, and each leg."""

from __future__ import annotations

import math

from quantdesk.risk.pnl_explain_steps import LINES, STEPS
from quantdesk.risk.pnl_explain_totals import ExplainTotal, PnlExplain
from quantdesk.views.margin import TextTable, quantity_text
from quantdesk.views.number_text import DASH, number_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.time_text import instant_text

BAR_WIDTH = 24
COIN_DECIMALS = 8
DOLLAR_DECIMALS = 2
REASON_LENGTH_MAX = 160


def explain_sentence(explained: PnlExplain) -> str:
    """What must be read first: an alarm, or holdings that are in no number; "" where neither is."""
    words = [
        f"ALARM: {one.currency} residual {one.residual_share:.2%} of gross, "
        f"at most {one.residual_limit:.2%}"
        for one in explained.totals
        if one.is_alarm
    ]
    if explained.excluded:
        words.append(f"INCOMPLETE: {len(explained.excluded)} left out, listed below")
    return "; ".join(words)


def explain_tables(explained: PnlExplain) -> tuple[TextTable, ...]:
    """A waterfall a currency, the lines, roll-ups by expiry, the legs and what was left out."""
    tables = [waterfall_table(one) for one in explained.totals]
    tables += [lines_table(one) for one in explained.totals]
    tables += [_usd_table(explained), _roll_up_table(explained, "expiry"), _leg_table(explained)]
    if explained.excluded:
        tables.append(_excluded_table(explained))
    return tuple(tables)


def explain_notes(explained: PnlExplain) -> tuple[str, ...]:
    """How the steps are made, and what is to be known of single legs."""
    return (
        f"P&L explain from {instant_text(explained.from_ns)} to {instant_text(explained.to_ns)}: "
        f"{', '.join(STEPS)}, in this order; vols follow {explained.rule.value} while the index "
        "moves.",
        "Theta, delta, vega and rho are those of each step's start × its move; theta drift, gamma, "
        "volga and vanna what they change by on the way, summed along strides; residual = step − "
        "lines. One step: what the Greeks of each step's start × its whole move leave, without "
        "strides; no alarm is on it.",
        *(safe_text(note, REASON_LENGTH_MAX) for note in explained.notes),
    )


def waterfall_table(total: ExplainTotal) -> TextTable:
    """Each step with what has come together by it, as a bar that starts where the last one ended.

    # is a gain, - a loss.
    """
    decimals = _decimals(total.currency)
    ends = _running(total.steps.tolist())
    low, high = min(0.0, *ends), max(0.0, *ends)
    rows = []
    before = 0.0
    for number, name in enumerate(STEPS):
        step = float(total.steps[number])
        after = ends[number]
        rows.append(
            (
                name,
                number_text(step, decimals),
                number_text(after, decimals),
                number_text(float(total.residual[number]), decimals),
                number_text(float(total.residual_one_step[number]), decimals),
                _bar(before, after, low, high),
            )
        )
        before = after
    rows.append(("actual", number_text(total.actual, decimals), DASH, DASH, DASH, ""))
    return TextTable(
        title=f"P&L explain, {safe_text(total.currency, 16)}: steps",
        columns=("Step", "P&L", "So far", "Residual", "One step", "Waterfall"),
        numeric=(False, True, True, True, True, False),
        rows=tuple(rows),
    )


def lines_table(total: ExplainTotal) -> TextTable:
    """Lines of all steps, the residual and its share of gross."""
    decimals = _decimals(total.currency)
    rows = [
        (line, number_text(math.fsum(total.lines[:, number].tolist()), decimals), "")
        for number, line in enumerate(LINES)
    ]
    residual = math.fsum(total.residual.tolist())
    verdict = "ALARM" if total.is_alarm else "within"
    share = f"{total.residual_share:.3%} of gross, {verdict} {total.residual_limit:.2%}"
    rows.append(("residual", number_text(residual, decimals), share))
    one_step = math.fsum(total.residual_one_step.tolist())
    share = f"{total.residual_one_step_share:.3%} of gross of one step, without strides"
    rows.append(("residual, one step", number_text(one_step, decimals), share))
    rows.append(("actual", number_text(total.actual, decimals), ""))
    rows.append(("gross", number_text(total.gross, decimals), "sum of absolute lines over legs"))
    return TextTable(
        title=f"P&L explain, {safe_text(total.currency, 16)}: lines",
        columns=("Line", "P&L", ""),
        numeric=(False, True, False),
        rows=tuple(rows),
    )


def _usd_table(explained: PnlExplain) -> TextTable:
    rows = tuple(
        (
            safe_text(one.currency, 16),
            number_text(one.actual * one.index_after, 2),
            number_text(one.translation_usd, 2),
            number_text(one.actual_usd, 2),
            number_text(explained.cash_translation_usd.get(one.currency), 2),
        )
        for one in explained.totals
    )
    known = {one.currency for one in explained.totals}
    rows += tuple(
        (safe_text(name, 16), DASH, DASH, DASH, number_text(amount, 2))
        for name, amount in explained.cash_translation_usd.items()
        if name not in known
    )
    return TextTable(
        title="P&L explain in USD",
        columns=(
            "Currency",
            "Steps at the closing index",
            "Translation of opening value",
            "P&L USD",
            "Translation of opening cash",
        ),
        numeric=(False, True, True, True, True),
        rows=rows,
    )


def _roll_up_table(explained: PnlExplain, what: str) -> TextTable:
    return TextTable(
        title=f"P&L explain by {what}",
        columns=("Currency", what.capitalize(), *STEPS, "Residual", "P&L"),
        numeric=(False, False, *(True,) * (len(STEPS) + 2)),
        rows=tuple(
            (
                safe_text(one.currency, 16),
                safe_text(one.label, 40),
                *(number_text(step, 6) for step in one.steps.tolist()),
                number_text(math.fsum(one.residual.tolist()), 6),
                number_text(one.actual, 6),
            )
            for one in explained.by(what)
        ),
    )


def _leg_table(explained: PnlExplain) -> TextTable:
    return TextTable(
        title="P&L explain by leg",
        columns=("Instrument", "Held", "Now", "Currency", *STEPS, "Residual", "P&L"),
        numeric=(False, True, True, False, *(True,) * (len(STEPS) + 2)),
        rows=tuple(
            (
                safe_text(leg.key.instrument_name, 40),
                quantity_text(leg.change.quantity_before),
                quantity_text(leg.change.quantity_after),
                safe_text(leg.currency, 16),
                *(number_text(step, 6) for step in leg.steps.tolist()),
                number_text(math.fsum(leg.residual.tolist()), 6),
                number_text(leg.actual, 6),
            )
            for leg in explained.legs
        ),
    )


def _excluded_table(explained: PnlExplain) -> TextTable:
    return TextTable(
        title="Left out of the explain",
        columns=("Venue", "Instrument", "Held", "Now", "Reason"),
        numeric=(False, False, True, True, False),
        rows=tuple(
            (
                safe_text(one.change.key.venue),
                safe_text(one.change.key.instrument_name, 40),
                quantity_text(one.change.quantity_before),
                quantity_text(one.change.quantity_after),
                safe_text(one.reason, REASON_LENGTH_MAX),
            )
            for one in explained.excluded
        ),
    )


def _running(steps: list[float]) -> list[float]:
    return [math.fsum(steps[: number + 1]) for number in range(len(steps))]


def _bar(before: float, after: float, low: float, high: float) -> str:
    width = high - low
    if not width > 0:
        return ""
    places = [round((value - low) / width * BAR_WIDTH) for value in (before, after)]
    sign = "#" if after >= before else "-"
    return " " * min(places) + sign * (max(places) - min(places))


def _decimals(currency: str) -> int:
    return DOLLAR_DECIMALS if currency.startswith("USD") else COIN_DECIMALS
