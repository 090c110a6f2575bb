"""The surface as values for a screen: the smile of one expiry with its quotes, and what to know.

`SurfaceLook` is what is looked at: a fit of now or of the past, the chain it belongs to, the
user's own vols. Everything else is made from it. Nothing is computed that the fit does not hold,
beyond reading it at points.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from quantdesk.market.chain import FloatArray
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.own_vols import OwnSurface
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_clock import CALENDAR_CHOICE, clock_words
from quantdesk.market.surface_quotes import OUTLIER
from quantdesk.pricing.smile import slice_jets
from quantdesk.snapshot import ChainSnapshot
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_header import HeaderField, chain_title
from quantdesk.views.number_text import DASH, number_text, percent_text, strike_text
from quantdesk.views.plot import Axis, Guide, Markers, PlotRole, PlotView, Series, Stroke, Whiskers
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import duration_text, expiry_text, instant_text

CURVE_POINTS = 241

SHOWN_SHARE = 0.8
"""Share of the quotes whose whole spread the residual plot has room for."""

MARGIN_DEVIATIONS = 0.25
"""What is drawn beyond the outermost quotes, in standard deviations at the money."""

CALENDAR_FLAG = "Calendar arbitrage"
"""How a slice's flag of it begins; the screen says how far instead."""

SMILE_SYMBOLS = (
    ("┴│┬", "bid to ask vol of a quote that is fitted: the bid's foot, the ask's cap"),
    ("╪", "bid and ask so near that one line of the plot holds both"),
    ("×", "the venue's mark IV"),
    ("o", "mid of a quote that is left out; the table says why"),
    ("in out", "fit inside the spread, or not"),
    ("A B C D F", "grade: to quote from, to trade by, look first, a guess, no market's smile"),
)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceLook:
    """What is looked at.

    chain : the chain now
    fit : the last good fit, or an earlier one; None where there is none
    is_past : whether `fit` is an earlier one; then nothing of the chain now is drawn over it, and
        of `choice` nothing is told as if it had been so then
    place : (number, count) of `fit` among the earlier ones
    choice : what the user wishes, which the newest fit may not have followed yet
    """

    chain: ChainSnapshot
    fit: SurfaceFit | None
    is_past: bool
    place: tuple[int, int]
    choice: SurfaceChoice
    expiry_ns: int

    @property
    def each(self) -> SliceFit | None:
        """The slice of the chosen expiry."""
        return None if self.fit is None else self.fit.slice_at(self.expiry_ns)

    @property
    def own(self) -> OwnSurface | None:
        """Own vols on this fit, where the chosen expiry has some; those of then are not kept."""
        if self.fit is None or self.is_past or self.choice.override(self.expiry_ns).is_empty:
            return None
        return OwnSurface(fit=self.fit, overrides=self.choice.overrides)

    @property
    def missing(self) -> str:
        """Why the chosen expiry has no slice, as a sentence; "" where it has one."""
        if self.each is not None:
            return ""
        if self.fit is not None:
            reason = dict(self.fit.refused).get(self.expiry_ns, "it was not listed then")
            return f"No smile for {expiry_text(self.expiry_ns)}: {safe_text(reason, 90)}."
        surface = self.chain.surface
        if surface is None or not surface.problem:
            return "The surface is being fitted."
        return f"No surface: {safe_text(surface.problem, 90)}."


def surface_fields(look: SurfaceLook, now_ns: int) -> tuple[HeaderField, ...]:
    """Above the smile: chain, model and grade, age, how near the quotes, weights and filters."""
    fields = [HeaderField("", chain_title(look.chain))]
    fit, each, choice = look.fit, look.each, look.choice
    if look.is_past and fit is not None:
        number, count = look.place
        when = f"{instant_text(fit.as_of_ns)}, {number} of {count}; esc: now"
        fields.append(HeaderField("EARLIER FIT", when))
    if fit is not None:
        words = f"{fit.options.model}, grade {fit.grade.value}"
        if not look.is_past and fit.options.model != choice.options.model:
            words += f", {choice.options.model} asked for"
        fields.append(HeaderField("surface", words))
        fields.append(HeaderField("fitted", _age_words(look, fit, now_ns)))
        fields.append(
            HeaderField("inside", f"{percent_text(fit.in_spread)} %, RMSE {_points(fit.rmse)} pts")
        )
    surface = look.chain.surface
    if surface is not None and surface.problem and not look.is_past:
        fields.append(HeaderField("LAST ATTEMPT FAILED", safe_text(surface.problem, 70)))
    if each is not None:
        forward = f"{number_text(each.forward, 2)} USD ({safe_text(each.forward_source, 32)})"
        fields.append(HeaderField("forward", forward))
        bounds = "" if each.quotes.evidence is None else each.quotes.evidence.bounds_words
        if bounds:
            fields.append(HeaderField("parity", bounds))
        fields.append(HeaderField("ATM", f"{percent_text(each.atm_iv)} %"))
    return (*fields, *_wished_fields(look))


def _wished_fields(look: SurfaceLook) -> list[HeaderField]:
    """How the chain is fitted: of an earlier fit what is known of then, of now what is wished."""
    choice, fit = look.choice, look.fit
    is_past = look.is_past and fit is not None
    options = fit.options if is_past and fit is not None else choice.options
    weights = f"roughness {options.smoothing:g}, floor {100 * options.floor:g} pts"
    fields = [HeaderField("weights", weights)]
    if not is_past:
        fields.append(HeaderField("stale after", f"{choice.stale_after_s:g} s"))
    fields.append(HeaderField("clock", _clock_words(look)))
    if choice.excluded and not is_past:
        fields.append(HeaderField("excluded by hand", f"{len(choice.excluded)}"))
    own = choice.override(look.expiry_ns)
    if not own.is_empty and not is_past:
        fields.append(HeaderField("own vols", own.words()))
    return fields


def _age_words(look: SurfaceLook, fit: SurfaceFit, now_ns: int) -> str:
    """How old the fit is; an old one that still is the market's says so."""
    words = f"{duration_text(max(now_ns - fit.as_of_ns, 0))} ago"
    surface = look.chain.surface
    is_still = surface is not None and surface.fit is fit and surface.quotes_ns > fit.as_of_ns
    if is_still:
        return f"{words}, no vol changed since"
    solved, count = fit.refitted, len(fit.slices)
    is_part = not look.is_past and solved is not None and solved < count
    return f"{words}, {solved} of {count} expiries anew" if is_part else words


def _clock_words(look: SurfaceLook) -> str:
    """The clock asked for, and what it weighs differently once a fit is on it.

    An earlier fit knows no name of its clock: it has that of a clock that is the same.
    """
    choice, fit, now = look.choice.clock, look.fit, look.chain.fit
    name = safe_text(choice.name, 32)
    if fit is None or look.chain.surface is None:
        return name
    words = safe_text(clock_words(fit.clock), 60)
    if look.is_past:
        if fit.clock.is_calendar:
            return CALENDAR_CHOICE.name
        asked = choice.clock if choice.clock is not None or now is None else now.clock
        return f"{name} ({words})" if fit.clock == asked else words
    if choice.name == CALENDAR_CHOICE.name:
        return name
    if choice.clock is None and fit.clock.is_calendar:
        words = "this chain suggests none"
    return f"{name} ({words})"


def slice_words(look: SurfaceLook) -> tuple[str, ...]:
    """What to know of the slice as sentences: grade, flags, parameters, calendar, and faults.

    A fault is what a flag said with the number of its points, so it comes last.
    """
    each = look.each
    if each is None or look.fit is None:
        return (look.missing,)
    used, count = int(each.quotes.is_used.sum()), len(each.fit_iv)
    sentences = [
        f"{expiry_text(each.expiry_ns)} {each.grade.value}: "
        f"{percent_text(each.in_spread, 1)} % inside, RMSE {_points(each.rmse)} pts, "
        f"used {used} of {count}, min g {each.g_min:.4f}"
    ]
    calendar = calendar_words(look.fit, each)
    crosses = [flag for flag in each.flags if flag.startswith(CALENDAR_FLAG)]
    sentences += [safe_text(flag, 120) for flag in each.flags if flag not in crosses]
    own = look.own
    if look.is_past and not look.choice.override(look.expiry_ns).is_empty:
        sentences.append("Own vols of then are not kept: none are drawn over an earlier fit.")
    if own is not None:
        sentences += [safe_text(fault, 100) for fault in own.faults()]
    sentences += [calendar] if crosses else []
    sentences += parameter_words(each)
    sentences += [] if crosses else [calendar]
    name = expiry_text(each.expiry_ns)
    here = [fault for fault in look.fit.faults if fault.startswith(name)]
    sentences += [f"Arbitrage: {safe_text(fault, 100)}" for fault in here]
    if elsewhere := len(look.fit.faults) - len(here):
        words = "fault" if elsewhere == 1 else "faults"
        sentences.append(f"Arbitrage: {elsewhere} {words} at other expiries; tab tells them.")
    return tuple(sentences)


def calendar_words(fit: SurfaceFit, each: SliceFit) -> str:
    """How far the next expiry's total variance lies above, where it is nearest, as a share."""
    later = [other for other in fit.slices if other.expiry_ns > each.expiry_ns]
    if not later:
        return "Calendar: the longest expiry, nothing bounds it from above."
    k = curve_moneyness(each)
    w, above = (slice_jets(one.smile, k).w for one in (each, later[0]))
    share = above / w - 1.0
    at = int(np.argmin(share))
    strike = f"{each.forward * math.exp(float(k[at])):,.0f}"
    name, words = expiry_text(later[0].expiry_ns), f"{100 * abs(float(share[at])):.1f} %"
    if share[at] < 0:
        vol = math.sqrt(float(w[at]) / each.years) - math.sqrt(float(above[at]) / each.years)
        return (
            f"{CALENDAR_FLAG}: crosses {name}, whose variance is {words} below at {strike} "
            f"({100 * vol:.2f} vol points)."
        )
    if each.calendar_slack < 0:
        return f"{CALENDAR_FLAG}: crosses {name} in the far wings, beyond every quote."
    return f"Calendar: {name} has at least {words} more variance (least at {strike})."


def parameter_words(each: SliceFit) -> tuple[str, ...]:
    """The slice's parameters: SVI's five, raw and as jump wings, or what a spline is made of."""
    left, right = each.smile.wing_slopes
    wings = f"wings {left:.3f} {right:+.3f}"
    if each.smile.kind == "svi":
        raw = each.parameters.tolist()
        line = f"{each.model}: {_named(('a', 'b', 'ρ', 'm', 'σ'), raw)}  {wings}"
        jump = each.jump_wings
        if jump is None:
            return (line,)
        return line, f"jump wings: {_named(('v', 'ψ', 'p', 'c', 'ṽ'), jump)}"
    jets = slice_jets(each.smile, np.zeros(1))
    w, slope, bend = (float(column[0]) for column in jets)
    return (
        f"{each.model}, {each.smile.knots} knots: w {w:.4g}  w' {slope:+.4f}  "
        f"w'' {bend:+.4f}  {wings}",
    )


def _named(names: tuple[str, ...], values: Iterable[float]) -> str:
    return "  ".join(f"{name} {value:.4g}" for name, value in zip(names, values, strict=False))


def smile_plot(look: SurfaceLook) -> PlotView:
    """IV over strike: fit, own vols, bid/ask whiskers, what is left out, the venue's mark IV."""
    title = f"Smile {expiry_text(look.expiry_ns)}, IV in %"
    x_axis, y_axis = Axis(name="strike, USD"), Axis(name="IV, %")
    each = look.each
    if each is None:
        return PlotView(title=title, x_axis=x_axis, y_axis=y_axis, empty=look.missing)
    quotes = each.quotes
    used, left_out = quotes.is_used, ~quotes.is_used & quotes.is_two_sided
    strikes = curve_strikes(each)
    k = np.log(strikes / each.forward)
    curve = 100 * np.sqrt(slice_jets(each.smile, k).w / each.years)
    series = [Series(name=f"{each.model} fit", x=strikes, y=curve)]
    now = look.chain.fit
    if look.is_past and now is not None and (newest := now.slice_at(look.expiry_ns)) is not None:
        at_now = np.log(strikes / newest.forward)
        vols = 100 * np.sqrt(slice_jets(newest.smile, at_now).w / newest.years)
        series.append(
            Series(name="now", x=strikes, y=vols, role=PlotRole.THIRD, stroke=Stroke.DOTTED)
        )
    if (own := look.own) is not None:
        vols = 100 * own.implied_vol(np.array([each.expiry_ns]), strikes)
        series.append(
            Series(name="own vols", x=strikes, y=vols, role=PlotRole.SECOND, stroke=Stroke.DASHED)
        )
    markers = []
    if left_out.any():
        markers.append(
            Markers(
                name="left out, mid",
                x=quotes.strike[left_out],
                y=100 * quotes.mid_iv[left_out],
                symbol="o",
                role=PlotRole.WARNING,
            )
        )
    if not look.is_past:
        at, iv = venue_marks(look.chain, each)
        if at.size:
            markers.append(Markers(name="venue's mark IV", x=at, y=100 * iv, symbol="×"))
    return PlotView(
        title=title,
        x_axis=Axis(name="strike, USD", low=float(strikes[0]), high=float(strikes[-1])),
        y_axis=y_axis,
        guides=(Guide(name="forward", value=each.forward),),
        series=tuple(series),
        whiskers=(
            Whiskers(
                name="bid to ask",
                x=quotes.strike[used],
                low=100 * quotes.bid_iv[used],
                high=100 * quotes.ask_iv[used],
            ),
        ),
        markers=tuple(markers),
    )


def residual_plot(look: SurfaceLook) -> PlotView:
    """Fit less mid of each quote in vol points, over the half-spreads.

    The axis is for most quotes: the widest spreads run over its edge, and a residual beyond it is
    an arrow there, so that the others can be read.
    """
    title = "Residuals: fit − mid within bid to ask, vol points"
    x_axis, y_axis = Axis(name="strike, USD"), Axis(name="vol points")
    each = look.each
    if each is None:
        return PlotView(title=title, x_axis=x_axis, y_axis=y_axis, empty=look.missing)
    quotes, known = each.quotes, ~np.isnan(each.residual)
    at, residual = quotes.strike[known], 100 * each.residual[known]
    half = 50 * (quotes.ask_iv[known] - quotes.bid_iv[known])
    strikes = curve_strikes(each)
    x_axis = Axis(name="strike, USD", low=float(strikes[0]), high=float(strikes[-1]))
    if not at.size:
        return PlotView(title=title, x_axis=x_axis, y_axis=y_axis, empty="No quote is two-sided.")
    edge = 1.1 * max(
        float(np.quantile(half, SHOWN_SHARE)), float(np.quantile(np.abs(residual), SHOWN_SHARE))
    )
    if edge > 0:
        y_axis = Axis(name="vol points", low=-edge, high=edge)
    if (half > edge).any():
        title += "; wide spreads are cut"
    inside = np.abs(residual) <= edge
    markers = [Markers(name="fit", x=at[inside], y=residual[inside], symbol="•")]
    for symbol, beyond in (("▲", residual > edge), ("▼", residual < -edge)):
        if beyond.any():
            y = np.clip(residual[beyond], -edge, edge)
            markers.append(
                Markers(name="beyond", x=at[beyond], y=y, symbol=symbol, role=PlotRole.WARNING)
            )
    return PlotView(
        title=title,
        x_axis=x_axis,
        y_axis=y_axis,
        guides=(Guide(name="mid", value=0.0, is_vertical=False),),
        whiskers=(Whiskers(name="bid to ask", x=at, low=-half, high=half),),
        markers=tuple(markers),
    )


def curve_moneyness(each: SliceFit) -> FloatArray:
    """ln(K/F) at which the smile is drawn: over the two-sided quotes and a little beyond."""
    k = each.quotes.log_moneyness[each.quotes.is_two_sided]
    width = each.atm_iv * math.sqrt(each.years)
    low, high = (float(k.min()), float(k.max())) if k.size else (-2 * width, 2 * width)
    room = MARGIN_DEVIATIONS * width
    return np.linspace(low - room, high + room, CURVE_POINTS, dtype=np.float64)


def curve_strikes(each: SliceFit) -> FloatArray:
    """Strikes at which the smile is drawn, USD."""
    return np.asarray(each.forward * np.exp(curve_moneyness(each)), dtype=np.float64)


def venue_marks(chain: ChainSnapshot, each: SliceFit) -> tuple[FloatArray, FloatArray]:
    """Strikes and the venue's mark IVs of the options that the slice's quotes are of."""
    names = set(each.quotes.names)
    raw = chain.chain
    rows = [
        row
        for row, instrument in enumerate(raw.instruments)
        if instrument.name in names and np.isfinite(raw.venue_mark_iv[row])
    ]
    return raw.strike[rows], raw.venue_mark_iv[rows]


POINT_COLUMNS = (
    TableColumn(key="strike", title="Strike", unit="USD", says="strike"),
    TableColumn(key="side", title="", unit="", says="call or put", width=1),
    TableColumn(key="bid", title="Bid IV", unit="%", says="bid IV"),
    TableColumn(key="fit", title="Fit", unit="%", says="the fitted vol"),
    TableColumn(key="ask", title="Ask IV", unit="%", says="ask IV"),
    TableColumn(key="residual", title="Fit-mid", unit="vol pts", says="fit less mid"),
    TableColumn(key="inside", title="In", unit="", says="inside the spread", align=Align.LEFT),
    TableColumn(key="own", title="Own", unit="%", says="the user's own vol"),
    TableColumn(key="reason", title="Left out because", unit="", says="why", align=Align.LEFT),
)


def points_table(look: SurfaceLook) -> TableView:
    """Every quote that was looked at; keys are names of options."""
    each = look.each
    if each is None:
        return table_view(POINT_COLUMNS, (), empty=look.missing)
    quotes, own = each.quotes, look.own
    owns = np.full(len(quotes.names), np.nan)
    if own is not None:
        owns = own.implied_vol(np.array([each.expiry_ns]), quotes.strike)
    lines = []
    for row, name in enumerate(quotes.names):
        # What the user wishes shows at once, before the next fit has followed it.
        is_wished = not look.is_past and name in look.choice.excluded
        reason = "excluded by hand" if is_wished else quotes.reasons[row]
        scored = not np.isnan(each.residual[row])
        inside = bool(each.is_inside[row])
        cells = (
            Cell(strike_text(float(quotes.strike[row])), Role.STRIKE),
            Cell("C" if quotes.is_call[row] else "P", Role.LABEL),
            _vol(float(quotes.bid_iv[row]), Role.BID),
            _vol(float(each.fit_iv[row]), Role.MARK),
            _vol(float(quotes.ask_iv[row]), Role.ASK),
            _signed(float(each.residual[row])),
            Cell(("in" if inside else "out") if scored else DASH, _inside_role(scored, inside)),
            _vol(float(owns[row]), Role.VALUE),
            Cell(safe_text(reason, 40), Role.WARNING if reason == OUTLIER else Role.LABEL),
        )
        kind = LineKind.PLAIN if quotes.is_used[row] and not reason else LineKind.CHOSEN
        lines.append(TableLine(name, cells, kind))
    # Duplicates of one option are one line: its reason is the same.
    unique = {line.key: line for line in reversed(lines)}
    return table_view(POINT_COLUMNS, tuple(reversed(unique.values())), fixed=2)


def _inside_role(scored: bool, inside: bool) -> Role:
    if not scored:
        return Role.MISSING
    return Role.LABEL if inside else Role.WARNING


def _vol(value: float, role: Role) -> Cell:
    text = percent_text(value)
    return Cell(text, Role.MISSING if text == DASH else role)


def _signed(value: float, decimals: int = 2) -> Cell:
    if math.isnan(value):
        return Cell(DASH, Role.MISSING)
    return Cell(f"{100 * value:+.{decimals}f}", Role.VALUE)


def _points(value: float) -> str:
    return percent_text(value, 3)
