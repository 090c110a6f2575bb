"""A fitted surface as CSV, JSON and text: for people, pipes and independent checkers.

Numbers for machines have 17 significant digits, which is every bit of them.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from quantdesk.app.render.chain_record import to_json
from quantdesk.app.render.known_numbers import known
from quantdesk.app.render.surface_forwards import forward_record, forward_rows
from quantdesk.app.render.surface_quote_rows import filters_record, quote_rows
from quantdesk.app.render.surface_record import clock_record, parameters_digest
from quantdesk.domain.times import NS_PER_S, expiry_code, format_instant
from quantdesk.market.fitting import FitRefusal, SliceFit, SurfaceFit
from quantdesk.market.surface_clock import clock_words
from quantdesk.market.surface_grading import ModelScore
from quantdesk.market.surface_quotes import STALE_AFTER_NS, ExpiryQuotes, SurfaceQuotes
from quantdesk.pricing.smile import COMMON_GRID, slice_jets

REASONS_MAX = 4
"""Kinds of reasons told of one expiry; `--quotes` has each row's own."""

USUAL_REASONS = ("one-sided", "in the money", "no quote", "excluded by hand")
"""Reasons that every chain is full of, or that the user gave: a text for people leaves them out."""

SCHEMA = "quantdesk.surface/1"

GRID_COLUMNS = ("expiry_years", "log_moneyness", "total_variance", "dw", "d2w")
QUOTE_COLUMNS = (
    "expiry_years",
    "log_moneyness",
    "bid_iv",
    "ask_iv",
    "fit_iv",
    "used",
    "reason",
)
SLICE_COLUMNS = (
    "expiry",
    "expiry_years",
    "forward",
    "forward_source",
    "model",
    "grade",
    "atm_iv",
    "quotes",
    "used",
    "in_spread",
    "in_spread_core",
    "rmse",
    "rmse_core",
    "g_min",
    "calendar_slack",
    "fallback",
    "flags",
)


def grid_csv(fit: SurfaceFit) -> bytes:
    """w, dw/dk and d²w/dk² of each slice on the 1,201 points of the common grid."""
    lines = [",".join(GRID_COLUMNS)]
    for each in fit.slices:
        years = _exact(each.years)
        jets = slice_jets(each.smile, COMMON_GRID)
        columns = zip(COMMON_GRID.tolist(), *(column.tolist() for column in jets), strict=True)
        lines += [",".join([years, *map(_exact, row)]) for row in columns]
    return _text(lines)


def quotes_csv(quotes: SurfaceQuotes, fit: SurfaceFit | FitRefusal) -> bytes:
    """Every quote that was looked at: its sides, the fit, whether it was used and why not."""
    lines = [",".join(QUOTE_COLUMNS)]
    for expiry in quotes.expiries:
        fitted = fit.slice_at(expiry.expiry_ns) if isinstance(fit, SurfaceFit) else None
        reason = "" if fitted is not None else _refusals(fit).get(expiry.expiry_ns, "no surface")
        for row, own in enumerate(expiry.reasons):
            cells = (
                _exact(expiry.years),
                _exact(float(expiry.log_moneyness[row])),
                _exact(float(expiry.bid_iv[row])),
                _exact(float(expiry.ask_iv[row])),
                "" if fitted is None else _exact(float(fitted.fit_iv[row])),
                "1" if fitted is not None and expiry.is_used[row] else "0",
                _quoted(own or reason),
            )
            lines.append(",".join(cells))
    return _text(lines)


def _refusals(fit: SurfaceFit | FitRefusal) -> dict[int, str]:
    return dict(fit.refused)


def slices_csv(fit: SurfaceFit) -> bytes:
    """One line a slice: how good it is and why not better."""
    lines = [",".join(SLICE_COLUMNS)]
    for each in fit.slices:
        record = slice_record(each)
        cells = [_cell(record[name]) for name in SLICE_COLUMNS]
        lines.append(",".join(cells))
    return _text(lines)


def _cell(value: object) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return _exact(value)
    if isinstance(value, list):
        return _quoted(" ".join(str(item) for item in value))
    return _quoted(str(value))


def slice_record(each: SliceFit) -> dict[str, object]:
    """A slice as plain values, for JSON; absent numbers are None."""
    return {
        "expiry": format_instant(each.expiry_ns),
        "expiry_years": each.years,
        "clock_years": each.clock_years,
        "forward": each.forward,
        "forward_source": each.forward_source,
        "forward_evidence": forward_record(each),
        "model": each.model,
        "grade": each.grade.value,
        "atm_iv": each.atm_iv,
        "quotes": len(each.fit_iv),
        "used": int(each.quotes.is_used.sum()),
        "in_spread": known(each.in_spread),
        "in_spread_core": known(each.in_spread_core),
        "rmse": known(each.rmse),
        "rmse_core": known(each.rmse_core),
        "g_min": known(each.g_min),
        "calendar_slack": known(each.calendar_slack),
        "steps": each.steps,
        "fallback": each.fallback,
        "flags": list(each.flags),
        "kind": each.smile.kind,
        "knots": each.smile.knots,
        "parameters": each.parameters.tolist(),
        "jump_wings": None if (wings := each.jump_wings) is None else wings._asdict(),
    }


def fit_json(fit: SurfaceFit | FitRefusal, quotes: SurfaceQuotes | None = None) -> bytes:
    """The whole fit as one JSON object and a newline: each quote with its residual or reason.

    `quotes` are those that it was just fitted to: with them the rows of refused expiries are told
    too, and the age beyond which quotes counted as stale.
    """
    head: dict[str, object] = {
        "schema": SCHEMA,
        "venue": fit.venue,
        "underlying": fit.underlying,
        "as_of": format_instant(fit.as_of_ns),
    }
    refused = [_refused_record(at, reason, quotes) for at, reason in fit.refused]
    if quotes is not None:
        head |= {"notes": list(quotes.notes)}
    if isinstance(fit, FitRefusal):
        return to_json(head | {"refusal": fit.reason, "refused": refused, "slices": []}) + b"\n"
    body = {
        "model": fit.options.model,
        "options": {
            "smoothing": fit.options.smoothing,
            "floor": fit.options.floor,
            "margin": fit.options.margin,
        },
        "filters": filters_record(fit, None if quotes is None else STALE_AFTER_NS / NS_PER_S),
        "grade": fit.grade.value,
        "in_spread": known(fit.in_spread),
        "in_spread_core": known(fit.in_spread_core),
        "rmse": known(fit.rmse),
        "rmse_core": known(fit.rmse_core),
        "g_min": known(fit.g_min),
        "calendar_slack": known(fit.calendar_slack),
        "faults": list(fit.faults),
        "between": list(fit.between),
        "shock": None if fit.shock is None else asdict(fit.shock),
        "clock": clock_record(fit.clock),
        "digest": fit.digest,
        "parameters_digest": parameters_digest(fit),
        "refused": refused,
        "slices": [
            slice_record(each) | {"rows": quote_rows(each.quotes, each)} for each in fit.slices
        ],
    }
    return to_json(head | body) + b"\n"


def _refused_record(expiry_ns: int, reason: str, quotes: SurfaceQuotes | None) -> dict[str, object]:
    record: dict[str, object] = {"expiry": format_instant(expiry_ns), "reason": reason}
    for each in () if quotes is None else quotes.expiries:
        if each.expiry_ns == expiry_ns:
            record["rows"] = quote_rows(each, None)
    return record


def fit_text(fit: SurfaceFit) -> bytes:
    """The fit for a terminal: a line a slice, its forward's evidence, then what to know."""
    head = (
        f"{fit.underlying} at {fit.venue}, {format_instant(fit.as_of_ns)}, "
        f"model {fit.options.model}{_score_words(fit)}"
    )
    rows = [
        (
            *("expiry", "days", "forward", "ATM %", "grade", "quotes", "used", "inside %"),
            *("RMSE pts", "min g", "model"),
        )
    ]
    rows += [
        (
            expiry_code(each.expiry_ns),
            f"{each.years * 365:.2f}",
            f"{each.forward:,.2f}",
            f"{100 * each.atm_iv:.2f}",
            each.grade.value,
            str(len(each.fit_iv)),
            str(int(each.quotes.is_used.sum())),
            _percent(each.in_spread),
            _points(each.rmse),
            f"{each.g_min:.4f}",
            each.model,
        )
        for each in fit.slices
    ]
    lines = [head, "", *aligned_rows(rows)]
    wings = _jump_wing_rows(fit)
    if wings:
        lines += ["", *aligned_rows(wings)]
    evidence = forward_rows(fit)
    if evidence:
        lines += ["", *aligned_rows(evidence)]
    notes = [f"{expiry_code(s.expiry_ns)}: {flag}" for s in fit.slices for flag in s.flags]
    for each in fit.slices:
        words = _left_out_words(each.quotes, USUAL_REASONS)
        notes += [f"{expiry_code(each.expiry_ns)}: left out {words}."] if words else []
    notes += [f"{expiry_code(at)}: not fitted: {reason}." for at, reason in fit.refused]
    notes += [f"Arbitrage: {fault}" for fault in fit.faults]
    notes += fit.between
    if not fit.clock.is_calendar:
        notes.append(f"Variance between expiries runs on a clock: {clock_words(fit.clock)}.")
    if not fit.faults:
        notes.append(
            "No butterfly, calendar or Lee violation on k = -3…3 (1,201 points), "
            "by g and by price convexity."
        )
    return _text([*lines, "", *notes])


def _jump_wing_rows(fit: SurfaceFit) -> list[tuple[str, ...]]:
    """A head line and a line an SVI slice: its parameters and its jump wings; [] without one."""
    head = ("SVI of", *("a", "b", "rho", "m", "s"), *("JW v", "psi", "p", "c", "least v"))
    rows = [
        (
            expiry_code(each.expiry_ns),
            *(f"{value:.5g}" for value in (*each.parameters.tolist(), *wings)),
        )
        for each in fit.slices
        if (wings := each.jump_wings) is not None
    ]
    return [head, *rows] if rows else []


def _score_words(fit: SurfaceFit) -> str:
    """The grade and what it stands on; of a shocked surface that is what was asked."""
    shock = fit.shock
    if shock is not None:
        return (
            f", shocked by {shock.words} vol points: grade {fit.grade.value} by what was asked, "
            f"met at {_percent(shock.met)} % of quotes; furthest {_points(shock.quoted_gap)} "
            f"vol points off at a quote, {_points(shock.gap)} on k = -3…3"
        )
    return (
        f": grade {fit.grade.value}, {_percent(fit.in_spread)} % of quotes inside "
        f"({_percent(fit.in_spread_core)} % within 5–95 delta), RMSE {_points(fit.rmse)} "
        f"({_points(fit.rmse_core)}) vol points"
    )


def check_text(fit: SurfaceFit) -> bytes:
    """The arbitrage checks for a terminal: a line a slice and the verdict."""
    rows = [("expiry", "days", "min g", "calendar slack", "wing slopes", "grade")]
    for each in fit.slices:
        left, right = each.smile.wing_slopes
        slack = "longest" if math.isinf(each.calendar_slack) else f"{each.calendar_slack:.3g}"
        rows.append(
            (
                expiry_code(each.expiry_ns),
                f"{each.years * 365:.2f}",
                f"{each.g_min:.5f}",
                slack,
                f"{left:.4f} {right:+.4f}",
                each.grade.value,
            )
        )
    verdict = list(fit.faults) or ["No violation: g, price convexity, calendar, Lee's bound."]
    refused = [f"{expiry_code(at)}: not fitted: {reason}." for at, reason in fit.refused]
    return _text([*aligned_rows(rows), "", *verdict, *fit.between, *refused])


GRADE_LINES = (
    ("snapshots", "snapshots", "count"),
    ("quotes", "quotes", "count"),
    ("slices fitted", "slices", "count"),
    ("slices refused by their quotes", "refused", "count"),
    ("slices failed with enough quotes", "failed", "count"),
    ("slices on another model", "fallbacks", "count"),
    ("inside bid/ask, mean %", "inside", "percent"),
    ("inside bid/ask, worst snapshot %", "worst", "percent"),
    ("inside bid/ask, 5–95 delta %", "inside_core", "percent"),
    ("RMSE to mid, vol points", "rmse", "points"),
    ("RMSE to mid, 5–95 delta", "rmse_core", "points"),
    ("held-out quotes", "held_out", "count"),
    ("held out, inside %", "inside_held_out", "percent"),
    ("held out, RMSE vol points", "rmse_held_out", "points"),
    ("ATM outside its quotes, slices", "atm_misses", "count"),
)
"""Lines of the grade table: what it says, the field of `ModelScore`, how it is written."""

TRIAL_LINES = (
    ("quotes moved by a tick", "ticks", "count"),
    ("… moving a theo further off, %", "far_ticks", "percent"),
    ("… furthest, % of its half-spread", "furthest_tick", "percent"),
    ("draws of 5 % wrong quotes", "outliers", "count"),
    ("… inside lost by others, mean %", "outlier_cost", "percent"),
    ("… inside lost by others, worst %", "outlier_cost_worst", "percent"),
)
"""Shown where trials were asked for."""

TRIAL_COUNTS = ("ticks", "outliers")

FAULT_LINES = (
    ("butterfly: points with g < 0", "butterfly"),
    ("butterfly: points of concave prices", "convexity"),
    ("calendar: points crossed", "calendar"),
    ("Lee: wings too steep", "lee"),
)


def grade_table(title: str, scores: Sequence[ModelScore]) -> bytes:
    """Models side by side on one set of chains."""
    rows: list[tuple[str, ...]] = [(title, *(score.model for score in scores))]
    for words, field, kind in (*GRADE_LINES, *_trial_lines(scores)):
        rows.append((words, *(_figure(getattr(score, field), kind) for score in scores)))
    for words, field in FAULT_LINES:
        rows.append((words, *(str(getattr(score.faults, field)) for score in scores)))
    return _text(aligned_rows(rows))


def refused_lines(quotes: SurfaceQuotes, fit: SurfaceFit | FitRefusal) -> list[str]:
    """Why expiries have no slice, a line each, with what became of their quotes."""
    rows = {each.expiry_ns: each for each in quotes.expiries}
    lines = []
    for expiry_ns, reason in fit.refused:
        words = _left_out_words(rows[expiry_ns], ())
        lines.append(f"{expiry_code(expiry_ns)} not fitted: {reason}" + (words and f" ({words})"))
    return lines


def _left_out_words(expiry: ExpiryQuotes, but: tuple[str, ...]) -> str:
    """Reasons of rows that take no part, counted, with an example of each: "9 × one-sided: no bid".

    Reasons that begin with one of `but` are not told; a refusal of the whole expiry is none.
    """
    reasons = [
        reason
        for reason in expiry.reasons
        if reason and reason != expiry.refusal and not reason.startswith(but)
    ]
    kinds = [_kind_of(reason) for reason in reasons]
    examples = dict(zip(reversed(kinds), reversed(reasons), strict=True))
    counted = Counter(kinds).most_common(REASONS_MAX)
    return ", ".join(f"{count} × {examples[kind]}" for kind, count in counted)


def _kind_of(reason: str) -> str:
    """A reason without its numbers."""
    return "".join(letter for letter in reason if not letter.isdigit())


def grade_json(titles: Sequence[str], scores: Sequence[Sequence[ModelScore]]) -> bytes:
    """The table as one JSON object: by set of chains, by model."""
    sets = []
    for title, models in zip(titles, scores, strict=True):
        records = []
        for score in models:
            record: dict[str, object] = {"model": score.model}
            lines = (*GRADE_LINES, *_trial_lines(models))
            record |= {field: known(getattr(score, field)) for _, field, _ in lines}
            record |= {field: getattr(score.faults, field) for _, field in FAULT_LINES}
            records.append(record)
        sets.append({"set": title, "models": records})
    return to_json({"schema": "quantdesk.surface-grade/1", "sets": sets}) + b"\n"


def _trial_lines(scores: Sequence[ModelScore]) -> tuple[tuple[str, str, str], ...]:
    ticks, outliers = (any(getattr(each, field) for each in scores) for field in TRIAL_COUNTS)
    return TRIAL_LINES[:3] * ticks + TRIAL_LINES[3:] * outliers


def _figure(value: float, kind: str) -> str:
    if kind == "count":
        return str(value)
    return _percent(value) if kind == "percent" else _points(value)


def _percent(share: float) -> str:
    return "–" if math.isnan(share) else f"{100 * share:.2f}"


def _points(vol: float) -> str:
    return "–" if math.isnan(vol) else f"{100 * vol:.3f}"


def _exact(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.17g}"


def _quoted(text: str) -> str:
    if any(mark in text for mark in ',"\n\r'):
        return '"' + text.replace('"', '""') + '"'
    return text


def aligned_rows(rows: Sequence[Sequence[str]]) -> list[str]:
    """Lines of a text table: the first column to the left, the others to the right."""
    widths = [max(len(row[at]) for row in rows) for at in range(len(rows[0]))]
    return [
        "  ".join(
            cell.ljust(width) if at == 0 else cell.rjust(width)
            for at, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in rows
    ]


def _text(lines: Iterable[str]) -> bytes:
    return ("\n".join(lines) + "\n").encode()
