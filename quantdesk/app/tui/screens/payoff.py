"""Payoff and what-if: the built structure's profit by price on three dates, and slices of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import ClassVar

import numpy as np
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.screens.structure_screen import StructureScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.plot import Plot
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.app.tui.workbench import Requoted
from quantdesk.errors import QuantDeskError
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.what_if import NS_PER_DAY, STILL, WhatIf, what_if_curve
from quantdesk.snapshot import DeskSnapshot
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.curves import curve_prices
from quantdesk.views.payoff_plot import (
    SPOT,
    PayoffCurves,
    Slices,
    payoff_plot,
    slice_prices,
    slice_view,
    what_if_lines,
)
from quantdesk.views.plot import Axis, PlotView
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import table_view

VOL_STEP, SKEW_STEP, TERM_STEP, BASIS_STEP = 0.01, 0.05, 0.01, 0.01
VOL_MOST, SKEW_MOST, TERM_MOST, BASIS_MOST = 1.0, 2.0, 1.0, 0.5
STEPS_TO_HORIZON = 20
EMPTY = "nothing to draw: build a structure first (3, or : here)"
_ZOOMS = ("", "-plot-alone", "-table-alone")


class PayoffScreen(StructureScreen):
    """The profit of the structure that is built."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.PAYOFF, Where.STRUCTURE, Where.TABLE)
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (
        ("^", "a strike of the structure"),
        ("x", "a breakeven at expiry"),
        ("1σ 2σ", "where the index ends with 68 % and 95 %, lognormal at the named vol"),
        ("skew", "-0.10 lifts a strike a tenth below the forward by a point at 30 days"),
        ("term", "times √(30/days) − 1: above 0 lifts expiries under 30 days"),
    )
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._what_if = STILL
        self._chosen_ns: int | None = None
        self._in_coin = False
        self._slices = Slices.PERCENT
        self._zoom = 0
        self._drawn: tuple[object, ...] | None = None
        self._is_other_table = False

    def head(self) -> Iterable[Widget]:
        """What is drawn, and under which moves."""
        yield Static("", id="structure-title", markup=False)
        yield Static("", id="what-if", markup=False)

    def body(self) -> Iterable[Widget]:
        """Plot, slices, the prompt."""
        yield Plot(id="payoff")
        yield TableGrid(id="slices")
        yield from self.foot()

    def cursor_table(self) -> TableGrid:
        """The slices."""
        return self.query_one("#slices", TableGrid)

    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Curves on the newest prices."""
        del snapshot, now_ns
        requoted = self.requoted()
        if requoted is None:
            self._show_nothing("payoff: nothing built yet", EMPTY)
            return
        if requoted.analysis is None:
            self._show_nothing(self.heading(requoted), requoted.problem)
            return
        key = (requoted, self._what_if, self._chosen_ns, self._in_coin, self._slices)
        if key == self._drawn:
            return
        try:
            curves = self._curves(requoted, requoted.analysis)
        except QuantDeskError as error:
            self._show_nothing(self.heading(requoted), str(error))
            return
        self._drawn = key
        self.query_one("#structure-title", Static).update(self.heading(requoted))
        self.query_one("#what-if", Static).update("\n".join(what_if_lines(curves)))
        self.query_one(Plot).show(payoff_plot(curves, in_coin=self._in_coin))
        table = self.cursor_table()
        is_first = table.view is None or table.view.line_of(SPOT) is None
        table.show(slice_view(curves, self._slices, in_coin=self._in_coin))
        if is_first or self._is_other_table:
            table.go_to(SPOT)
            self.call_after_refresh(table.centre_cursor)
            self._is_other_table = False

    def _show_nothing(self, title: str, why: str) -> None:
        self._drawn = None
        text = safe_text(why, 300)
        self.query_one("#structure-title", Static).update(title)
        self.query_one("#what-if", Static).update("")
        empty = PlotView(title="", x_axis=Axis(name=""), y_axis=Axis(name=""), empty=text)
        self.query_one(Plot).show(empty)
        self.cursor_table().show(table_view((), (), fixed=0, empty=""))

    def _curves(self, requoted: Requoted, analysis: StructureAnalysis) -> PayoffCurves:
        market, what_if = requoted.market, self._what_if
        assert market is not None, "an analysis was made on one"
        index = float(analysis.index)
        shown = curve_prices(analysis)
        slices = np.array([price for _, price in slice_prices(analysis, self._slices)])
        inside = slices[(slices > index / 20) & (slices < index * 20)]
        prices = np.unique(np.concatenate([shown, inside]))
        last_ns = analysis.horizon.expiry_ns or analysis.as_of_ns
        return PayoffCurves(
            analysis=analysis,
            prices=prices,
            today=what_if_curve(analysis, market, prices, analysis.as_of_ns, what_if),
            chosen=what_if_curve(analysis, market, prices, self._date(analysis), what_if),
            last=what_if_curve(analysis, market, prices, last_ns, what_if),
            what_if=what_if,
        )

    def _date(self, analysis: StructureAnalysis) -> int:
        """The chosen date, kept between now and the horizon; half way until one is chosen."""
        first = analysis.as_of_ns
        last = analysis.horizon.expiry_ns or first
        if self._chosen_ns is None:
            # Whole days before the horizon keep its hour, at which the venue settles.
            days = (last - first) // 2 // NS_PER_DAY
            return last - days * NS_PER_DAY if days else first + (last - first) // 2
        return min(max(self._chosen_ns, first), last)

    def action_date(self, direction: int) -> None:
        """Choose another date: by whole days, by hours where the horizon is near."""
        requoted = self.requoted()
        if requoted is None or requoted.analysis is None:
            return
        analysis = requoted.analysis
        span = (analysis.horizon.expiry_ns or analysis.as_of_ns) - analysis.as_of_ns
        days = span / NS_PER_DAY / STEPS_TO_HORIZON
        step = round(days) * NS_PER_DAY if days >= 1 else max(span // STEPS_TO_HORIZON, 1)
        if days < 1 <= span / NS_PER_DAY / 5:
            step = NS_PER_DAY
        self._chosen_ns = self._date(analysis) + direction * step
        self._chosen_ns = self._date(analysis)
        self.show()

    def _move(self, what_if: WhatIf) -> None:
        self._what_if = what_if
        self.show()

    def action_vol(self, direction: int) -> None:
        """All vols up or down."""
        vol = _stepped(self._what_if.vol, direction * VOL_STEP, VOL_MOST)
        self._move(replace(self._what_if, vol=vol))

    def action_skew(self, direction: int) -> None:
        """Puts against calls; a negative skew lifts low strikes."""
        skew = _stepped(self._what_if.skew, -direction * SKEW_STEP, SKEW_MOST)
        self._move(replace(self._what_if, skew=skew))

    def action_term(self, direction: int) -> None:
        """Near expiries against far ones."""
        term = _stepped(self._what_if.term, direction * TERM_STEP, TERM_MOST)
        self._move(replace(self._what_if, term=term))

    def action_basis(self, direction: int) -> None:
        """The rate between index and forwards."""
        basis = _stepped(self._what_if.basis, direction * BASIS_STEP, BASIS_MOST)
        self._move(replace(self._what_if, basis=basis))

    def action_vol_rule(self) -> None:
        """What vols do when spot moves."""
        rules = tuple(SmileRule)
        smile = rules[(rules.index(self._what_if.smile) + 1) % len(rules)]
        self._move(replace(self._what_if, smile=smile))

    def action_still(self) -> None:
        """Take every move back, and the date too."""
        self._chosen_ns = None
        self._move(STILL)

    def action_money(self) -> None:
        """Coin or USD."""
        self._in_coin = not self._in_coin
        self.show()

    def action_slices(self) -> None:
        """Other prices in the table."""
        kinds = tuple(Slices)
        self._slices = kinds[(kinds.index(self._slices) + 1) % len(kinds)]
        self._is_other_table = True
        self.show()

    def action_zoom(self) -> None:
        """Plot and table, one alone, the other alone."""
        self._zoom = (self._zoom + 1) % len(_ZOOMS)
        for number, name in enumerate(_ZOOMS):
            if name:
                self.set_class(number == self._zoom, name)


def _stepped(value: float, step: float, most: float) -> float:
    """`value` one step on, on the grid of the step, within ±`most`."""
    return min(max(round(value + step, 10), -most), most)
