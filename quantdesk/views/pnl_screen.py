"""The P&L explain screen: a waterfall of one line of a roll-up, the roll-up, and what they say."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

import numpy as np

from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.risk.pnl_explain_steps import LINE, LINES, STEPS
from quantdesk.risk.pnl_explain_totals import LegExplain, PnlExplain
from quantdesk.risk.pnl_explain_waterfall import (
    LEG,
    Waterfall,
    alarms,
    book_waterfall,
    rolled_up,
    waterfall_of,
)
from quantdesk.risk.scenario import SmileRule
from quantdesk.views.book_cells import BLANK, MISSING, signed_cell
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.margin import quantity_text
from quantdesk.views.number_text import number_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import (
    Align,
    LineKind,
    TableColumn,
    TableLine,
    TableView,
    fitted_text,
    table_view,
)
from quantdesk.views.time_text import expiry_text

BAR_WIDTH = 24
WIDE = 100
"""Columns of a terminal whose header has a line for the whole sentence of each currency."""
GAIN_BAR, LOSS_BAR, ZERO_BAR, STILL_BAR = "█", "░", "│", "·"
COIN_DECIMALS, DOLLAR_DECIMALS = 6, 2
TRANSLATION = "translation"
NOTHING = 1e-9
"""Of the scale: a smaller step is rounding."""

_SHOWN = (*LINES[LINE["theta"] :], *LINES[: LINE["theta"]])
"""Lines in the order of their columns: Greeks first, for a narrow terminal."""

STEP_WORDS = {
    "cash": "trades, fees, funding and expiries; what is traded enters or leaves at its opening "
    "mark",
    "time": "the same forwards and vols at the close's time",
    "forward": "forwards moved by the index, vols by the named rule",
    "vol level": "the surface's change at the money of 30 days, the same for every expiry",
    "vol skew": "the surface's change of slope, by standard deviations",
    "vol curvature": "the surface's change of both wings, by standard deviations",
    "vol term": "the surface's change at the money of the expiry, less level",
    "vol strike": "what is left of each option's own vol change; all of it where no surface is",
    "basis": "each forward against the index, and the rate that linear options are discounted at",
    "mark": "the venue's own mark against the model at the same vol: rounding and its smoothing",
    TRANSLATION: "opening coin value × the change of its index; in USD only",
}


class RollUp(Enum):
    """What the lower table adds up by."""

    UNDERLYING = "underlying"
    EXPIRY = "expiry"
    LEG = LEG
    STRATEGY = "strategy"
    STRUCTURE = "structure"
    VENUE = "venue"
    ACCOUNT = "account"


@dataclass(frozen=True, slots=True, kw_only=True)
class PnlChoice:
    """How the screen shows an explain."""

    roll_up: RollUp = RollUp.EXPIRY
    in_usd: bool = False


Lines = dict[str, Waterfall]
"""Waterfalls by the key of their line in the roll-up."""


def waterfall_lines(explained: PnlExplain, choice: PnlChoice) -> Lines:
    """The book in USD, each currency, and each group of the roll-up."""
    found: Lines = {}
    if explained.totals and choice.in_usd:
        found["book"] = book_waterfall(explained)
    for total in explained.totals:
        found[f"total:{total.currency}"] = waterfall_of(total, in_usd=choice.in_usd)
    for number, total in enumerate(rolled_up(explained, choice.roll_up.value)):
        # Two legs may have one name: on two accounts, or under two tags.
        place = f"{number}:" if choice.roll_up is RollUp.LEG else ""
        key = f"{choice.roll_up.value}:{total.currency}:{place}{total.label}"
        found[key] = waterfall_of(total, in_usd=choice.in_usd)
    return found


def chosen_line(lines: Lines, key: str | None) -> Waterfall | None:
    """The waterfall of `key`, the first one where it is gone; None where there is none."""
    return lines.get(key or "") or next(iter(lines.values()), None)


def waterfall_title(shown: Waterfall | None, roll_up: RollUp) -> str:
    """ "Waterfall of 26JUN26, 3 legs, BTC; tab, then the cursor, chooses another line"."""
    if shown is None:
        return "Waterfall: nothing to explain"
    what = _group_label(shown.label, roll_up)
    unit = safe_text(shown.unit, 12)
    legs = _legs_words(shown)
    return f"Waterfall of {what}, {legs}, {unit}; tab, then the cursor, chooses another line"


def _legs_words(shown: Waterfall) -> str:
    return "1 leg" if shown.legs == 1 else f"{shown.legs} legs"


def waterfall_view(shown: Waterfall | None) -> TableView:
    """Each step with its bar, which starts where the last one ended, its residual and its lines."""
    unit = "" if shown is None else safe_text(shown.unit, 12)
    columns = (
        TableColumn(key="step", title="Step", align=Align.LEFT, width=13),
        TableColumn(key="pnl", title="P&L", unit=unit),
        TableColumn(
            key="bar",
            title="Waterfall",
            unit="" if shown is None else _bar_unit(shown),
            align=Align.LEFT,
            width=BAR_WIDTH,
        ),
        TableColumn(key="residual", title="Residual", unit=unit),
        TableColumn(key="so_far", title="So far", unit=unit),
        TableColumn(key="one_step", title="One step", unit=unit),
        *(TableColumn(key=name, title=name.capitalize(), unit=unit) for name in _SHOWN),
    )
    if shown is None:
        return table_view(columns, (), empty="nothing to explain")
    return table_view(columns, _waterfall_rows(shown))


def _bar_unit(shown: Waterfall) -> str:
    """What the waterfall is of, in the width of a bar."""
    label = _expiry_or(shown.label)
    return fitted_text(f"of {label}, {_legs_words(shown)}", BAR_WIDTH, Align.LEFT).rstrip()


def _waterfall_rows(shown: Waterfall) -> list[TableLine]:
    decimals = _decimals(shown.unit)
    ends = shown.so_far.tolist()
    translated = ends[-1] + shown.translation
    reach = [0.0, *ends, translated]
    residual = shown.residual.tolist()
    rows = []
    before = 0.0
    for number, name in enumerate(STEPS):
        cells = [
            Cell(name, Role.LABEL),
            signed_cell(float(shown.steps[number]), decimals, is_profit=True),
            _bar(before, ends[number], reach),
            _plain(residual[number], decimals),
            signed_cell(ends[number], decimals),
            _plain(float(shown.residual_one_step[number]), decimals),
            *(_line_cell(float(shown.lines[number, LINE[name]]), shown) for name in _SHOWN),
        ]
        rows.append(TableLine(key=name, cells=tuple(cells)))
        before = ends[number]
    blank = [BLANK] * (1 + len(LINES))
    if shown.translation:
        cells = [
            Cell(TRANSLATION, Role.LABEL),
            signed_cell(shown.translation, decimals, is_profit=True),
            _bar(before, translated, reach),
            BLANK,
            signed_cell(translated, decimals),
            *blank,
        ]
        rows.append(TableLine(key=TRANSLATION, cells=tuple(cells)))
    sums = [math.fsum(column) for column in shown.lines.T.tolist()]
    left, one_step_left = math.fsum(residual), math.fsum(shown.residual_one_step.tolist())
    role = Role.BREACH if shown.is_alarm else Role.VALUE
    actual = (
        Cell("actual", Role.LABEL),
        signed_cell(shown.actual, decimals, is_profit=True),
        _bar(0.0, shown.actual, reach),
        _plain(left, decimals),
        signed_cell(shown.actual, decimals),
        _plain(one_step_left, decimals),
        *(_line_cell(sums[LINE[name]], shown) for name in _SHOWN),
    )
    unexplained = (
        Cell("residual", Role.LABEL),
        Cell(number_text(left, decimals), role),
        Cell(residual_words(shown), role),
        *(BLANK for _ in range(3 + len(LINES))),
    )
    one_step = (
        Cell("one step", Role.LABEL),
        _plain(one_step_left, decimals),
        Cell(f"{shown.residual_one_step_share:.2%}, no strides", Role.LABEL),
        *(BLANK for _ in range(3 + len(LINES))),
    )
    gross = (
        Cell("gross", Role.LABEL),
        _plain(shown.gross, decimals),
        Cell("Σ of legs' |lines|", Role.LABEL),
        *(BLANK for _ in range(3 + len(LINES))),
    )
    rows.append(TableLine(key="actual", cells=actual, kind=LineKind.TOTAL))
    rows.append(TableLine(key="residual", cells=unexplained))
    rows.append(TableLine(key="one step", cells=one_step))
    rows.append(TableLine(key="gross", cells=gross))
    return rows


def residual_words(shown: Waterfall) -> str:
    """ "0.12% within 0.50%" or "ALARM 0.83% over 0.50%", as wide as a bar."""
    if not math.isfinite(shown.residual_share):
        return "a currency has no price"
    if shown.is_alarm:
        return f"ALARM {shown.residual_share:.2%} over {shown.residual_limit:.2%}"
    return f"{shown.residual_share:.2%} within {shown.residual_limit:.2%}"


def _bar(before: float, after: float, reach: list[float]) -> Cell:
    """A bar from `before` to `after` on the scale of all of `reach`, and where zero is."""
    low, high = min(reach), max(reach)
    if not math.isfinite(high - low):
        return MISSING
    if high == low:
        return Cell(ZERO_BAR, Role.LABEL)
    scale = BAR_WIDTH / (high - low)
    first, stop = sorted(round((value - low) * scale) for value in (before, after))
    signs = [" "] * BAR_WIDTH
    signs[min(round(-low * scale), BAR_WIDTH - 1)] = ZERO_BAR
    if abs(after - before) > NOTHING * (high - low) and first == stop:
        signs[min(first, BAR_WIDTH - 1)] = STILL_BAR
    is_gain = after >= before
    signs[first:stop] = (GAIN_BAR if is_gain else LOSS_BAR) * (stop - first)
    return Cell("".join(signs), Role.GAIN if is_gain else Role.LOSS)


def _plain(value: float, decimals: int) -> Cell:
    return Cell(number_text(value, decimals), Role.VALUE)


def _line_cell(value: float, shown: Waterfall) -> Cell:
    """A Greek line; blank where the step has none of it, or a rounding of none."""
    is_there = abs(value) > NOTHING * shown.gross
    return signed_cell(value, _decimals(shown.unit)) if is_there else BLANK


def _decimals(unit: str) -> int:
    return DOLLAR_DECIMALS if unit.startswith("USD") else COIN_DECIMALS


def roll_up_view(explained: PnlExplain, lines: Lines, choice: PnlChoice) -> TableView:
    """Sums by currency and group, and at the end what is in no number."""
    name = choice.roll_up.value
    columns = (
        TableColumn(key="label", title=name.capitalize(), align=Align.LEFT),
        TableColumn(key="unit", title="In", align=Align.LEFT),
        TableColumn(key="pnl", title="P&L"),
        TableColumn(key="residual", title="Residual"),
        TableColumn(key="share", title="of gross", align=Align.LEFT),
        *(TableColumn(key=step, title=step.capitalize()) for step in STEPS),
        *((TableColumn(key=TRANSLATION, title="Translation"),) if choice.in_usd else ()),
        TableColumn(key="gross", title="Gross"),
        TableColumn(key="legs", title="Legs"),
    )
    rows = []
    for key, shown in lines.items():
        is_sum = key == "book" or key.startswith("total:")
        label = "all" if is_sum else _group_label(shown.label, choice.roll_up)
        decimals = _decimals(shown.unit)
        role = Role.BREACH if shown.is_alarm else Role.VALUE
        cells = (
            Cell(label, Role.LABEL),
            Cell(_unit_words(key, shown), Role.LABEL),
            signed_cell(shown.actual, decimals, is_profit=True),
            Cell(number_text(math.fsum(shown.residual.tolist()), decimals), role),
            Cell(residual_words(shown), role),
            *(signed_cell(step, decimals) for step in shown.steps.tolist()),
            *((signed_cell(shown.translation, decimals),) if choice.in_usd else ()),
            _plain(shown.gross, decimals),
            Cell(f"{shown.legs}", Role.SIZE),
        )
        rows.append(
            TableLine(key=key, cells=cells, kind=LineKind.TOTAL if is_sum else LineKind.PLAIN)
        )
    for number, one in enumerate(explained.excluded):
        instrument = safe_text(one.change.key.instrument_name, 30)
        reason = safe_text(one.reason, 80)
        cells = (
            Cell(f"LEFT OUT {instrument}", Role.WARNING),
            *(BLANK for _ in range(3)),
            Cell(reason, Role.WARNING),
            *(BLANK for _ in range(len(columns) - 5)),
        )
        rows.append(TableLine(key=f"left-out:{number}", cells=cells))
    return table_view(columns, rows, empty="nothing to explain")


def _group_label(label: str, roll_up: RollUp) -> str:
    if label == "none":
        return f"no {roll_up.value}"
    return _expiry_or(label)


def _expiry_or(label: str) -> str:
    """A label; the instant of an expiry as venues write it, "26JUN26"."""
    is_instant = len(label) >= len("2026-06-26T08:00Z") and label[4:5] + label[10:11] == "-T"
    try:
        return expiry_text(parse_instant(label)) if is_instant else safe_text(label, 40)
    except InvalidInput:
        # A user's tag may begin like an instant.
        return safe_text(label, 40)


def _unit_words(key: str, shown: Waterfall) -> str:
    """The money; in USD also whose coin it was."""
    unit = safe_text(shown.unit, 12)
    own = key.split(":")[1] if ":" in key else ""
    return unit if own in {"", shown.unit} else f"{unit} of {safe_text(own, 8)}"


def pnl_fields(
    explained: PnlExplain,
    choice: PnlChoice,
    *,
    since: Sequence[str],
    problems: Sequence[str],
    cost_ns: int,
    width: int = 2 * WIDE,
) -> tuple[HeaderField, ...]:
    """Since when, what came of it in each currency, the rule and what it cost to compute.

    problems : why an opening is not what it could be
    width : columns of the terminal; on few of them the totals share lines and one residual
    """
    room = max(width - len(" OPENING  "), 20)
    is_short = width < WIDE
    fields = [
        *(HeaderField("P&L", safe_text(one, 120)) for one in since),
        *(HeaderField("OPENING", safe_text(one, min(room, 200))) for one in problems[:1]),
        *(_short_totals(explained) if is_short else _totals(explained)),
        HeaderField("vols", rule_words(explained.rule)),
    ]
    if choice.in_usd and explained.cash_translation_usd:
        parts = [
            f"{number_text(usd, DOLLAR_DECIMALS)} of {safe_text(currency, 8)}"
            for currency, usd in explained.cash_translation_usd.items()
        ]
        fields.append(HeaderField("opening cash, USD", f"{', '.join(parts)}, in no line"))
    if explained.excluded:
        fields.append(HeaderField("WITHOUT", f"{len(explained.excluded)} left out below"))
    fields.append(HeaderField("money", "USD" if choice.in_usd else "coin"))
    fields.append(HeaderField("explained in", f"{cost_ns / 1e6:.0f} ms"))
    return tuple(fields)


def _totals(explained: PnlExplain) -> list[HeaderField]:
    """What came of it in each currency, with its residual."""
    fields = []
    for total in explained.totals:
        unit = safe_text(total.currency, 12)
        amount = number_text(total.actual, _decimals(total.currency))
        usd = f"{number_text(total.actual_usd, DOLLAR_DECIMALS)} USD"
        # With what the opening coin value moved by, dollars may differ from the coin even in sign.
        in_usd = f", {usd} with translation" if total.translation_usd else f" = {usd}"
        share = residual_words(waterfall_of(total, in_usd=False))
        fields.append(HeaderField(unit, f"{amount}{in_usd}, residual {share}"))
    return fields


def _short_totals(explained: PnlExplain) -> list[HeaderField]:
    """What came of it in each currency; the worst residual; what dollars hold besides."""
    fields = []
    for total in explained.totals:
        amount = number_text(total.actual, _decimals(total.currency))
        usd = number_text(total.actual_usd, DOLLAR_DECIMALS)
        sign = "," if total.translation_usd else " ="
        fields.append(HeaderField(safe_text(total.currency, 12), f"{amount}{sign} {usd} USD"))
    found = [waterfall_of(total, in_usd=False) for total in explained.totals]
    if found:
        shares = [one.residual_share / one.residual_limit for one in found]
        worst = found[int(np.argmax(np.nan_to_num(shares, nan=np.inf)))]
        words = "worst residual" if len(found) > 1 else "residual"
        fields.append(HeaderField(words, residual_words(worst)))
    if any(total.translation_usd for total in explained.totals):
        fields.append(HeaderField("USD", "with translation"))
    return fields


def rule_words(rule: SmileRule) -> str:
    """ "sticky strike"."""
    return rule.value.replace("-", " ")


def pnl_sentence(explained: PnlExplain) -> str:
    """What must be read first: alarms, and legs in no number; "" where there is neither."""
    words = [
        f"ALARM. {safe_text(one.currency, 12)}: {one.residual_share:.2%} of gross is unexplained, "
        f"at most {one.residual_limit:.2%}"
        for one in alarms(explained)
    ]
    if explained.excluded:
        first = explained.excluded[0]
        name = safe_text(first.change.key.instrument_name, 40)
        count = len(explained.excluded)
        words.append(f"PARTIAL. {count} left out: {name}: {safe_text(first.reason, 160)}")
    return "; ".join(words)


def explain_step(shown: Waterfall | None, key: str | None, rule: SmileRule) -> Provenance:
    """What the step under the cursor is, and its lines."""
    if shown is None or key is None:
        return Provenance(title="Move to a step: what it is is said here", sentences=())
    if key not in STEP_WORDS:
        words = (
            "Steps add up to the actual P&L, worth and cash at the venue's marks.",
            "Theta, delta, vega and rho are those of a step's start × its move; theta drift, "
            "gamma, volga and vanna are what they change by on the way; residual = step − lines.",
            f"The residual is {residual_words(shown)} of gross.",
            "One step: the Greeks of each step's start × its whole move leave "
            f"{shown.residual_one_step_share:.2%} of their gross, more where Greeks change on the "
            "way; no alarm is on it.",
        )
        return Provenance(title=f"{key.capitalize()}, {safe_text(shown.unit, 12)}", sentences=words)
    sentences = [f"{STEP_WORDS[key].capitalize()}."]
    if key in STEPS:
        number, decimals = STEPS.index(key), _decimals(shown.unit)
        lines = [
            f"{name} {number_text(value, decimals + 2)}"
            for name, value in zip(LINES, shown.lines[number].tolist(), strict=True)
            if value
        ]
        left = number_text(float(shown.residual[number]), decimals + 2)
        sentences.append(f"Lines: {', '.join(lines) or 'none'}; residual {left}.")
    sentences.append(
        f"Order: {', '.join(STEPS)}; vols are {rule_words(rule)} while the index moves."
    )
    return Provenance(title=f"Step {key}, {safe_text(shown.unit, 12)}", sentences=tuple(sentences))


def explain_roll_up(
    explained: PnlExplain, lines: Lines, key: str | None, notes: tuple[str, ...]
) -> Provenance:
    """Cash and quantities behind a line of the roll-up, or why a leg was left out."""
    if key is not None and key.startswith("left-out:"):
        one = explained.excluded[int(key.partition(":")[2])]
        held = f"held {quantity_text(one.change.quantity_before)} at the opening, "
        held += f"{quantity_text(one.change.quantity_after)} now"
        name = safe_text(one.change.key.instrument_name, 40)
        return Provenance(
            title=f"{name}: in no number", sentences=(safe_text(one.reason, 400), f"{held}.")
        )
    shown = lines.get(key or "")
    said = tuple(safe_text(note, 300) for note in (*notes, *explained.notes))
    if shown is None:
        return Provenance(title="Move to a line: what is behind it is said here", sentences=said)
    leg = _leg_of(explained, key or "")
    sentences = [] if leg is None else [_leg_sentence(leg)]
    return Provenance(
        title=f"{safe_text(shown.label, 40)}: {_legs_words(shown)}, {safe_text(shown.unit, 12)}",
        sentences=(*sentences, *said)[:12],
    )


def _leg_of(explained: PnlExplain, key: str) -> LegExplain | None:
    """The leg that a line is of; None where the line is a sum."""
    kind, *parts = key.split(":")
    return explained.legs[int(parts[1])] if kind == LEG else None


def _leg_sentence(leg: LegExplain) -> str:
    change = leg.change
    unit = safe_text(leg.currency, 12)
    return (
        f"Held {quantity_text(change.quantity_before)} at the opening, "
        f"{quantity_text(change.quantity_after)} now; cash in {unit}: trades "
        f"{change.traded:f}, settled {change.settled:f}, fees {change.fees:f}, funding "
        f"{change.funding:f}."
    )
