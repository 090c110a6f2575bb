"""The surface screen: the smile of an expiry, the term structure, the heatmap of edge.

What the user wishes of the fit goes to the desk and comes back with a later snapshot; own vols and
excluded points show at once.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import ClassVar, TypeVar

import numpy as np
from textual import on
from textual.binding import BindingType
from textual.widget import Widget
from textual.widgets import Static

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.messages import ExpiryChosen, UnderlyingChosen
from quantdesk.app.tui.screens.desk_screen import DeskScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.chain_header import ChainHeader
from quantdesk.app.tui.widgets.expiry_tabs import ExpiryTabs
from quantdesk.app.tui.widgets.plot import Plot
from quantdesk.app.tui.widgets.prompt import Prompt, PromptAnswered
from quantdesk.app.tui.widgets.table_grid import TableGrid
from quantdesk.errors import InvalidInput, StorageError
from quantdesk.market.clock_edits import CLOCK_EDIT_HINT, edited_clock
from quantdesk.market.fitting import MODELS, SurfaceFit
from quantdesk.market.own_vols import OwnSurface
from quantdesk.market.surface_choice import (
    DEFAULT_CHOICE,
    FLOOR_CHOICES,
    SMOOTHING_CHOICES,
    STALE_CHOICES_S,
    SurfaceChoice,
)
from quantdesk.market.surface_clock import ClockChoice, clock_words
from quantdesk.market.variance_clock import CALENDAR, VarianceClock
from quantdesk.runtime.edited_clock import EDITED_CLOCK
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.views.chain_header import expiry_tabs
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import venue_now_ns
from quantdesk.views.surface import (
    SMILE_SYMBOLS,
    SurfaceLook,
    points_table,
    residual_plot,
    slice_words,
    smile_plot,
    surface_fields,
)
from quantdesk.views.surface_term import (
    HEAT_SYMBOLS,
    atm_plot,
    edge_heatmap,
    edge_words,
    term_table,
    term_words,
    wings_plot,
)

Option = TypeVar("Option", str, float, ClockChoice)

PARTS = ("smile", "term", "edge")
USUAL_HEIGHT = 24
"""Lines of the smallest usual terminal."""

STEP = 0.0025
"""A quarter of a vol point: what one key press moves own vols by."""


class SurfaceScreen(DeskScreen):
    """One surface: how well it fits, what it says, and what the user would rather have."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.SURFACE, Where.COIN, Where.TABLE)
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (*SMILE_SYMBOLS, *HEAT_SYMBOLS)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._part = PARTS[0]
        self._wishes: dict[tuple[str, str], SurfaceChoice] = {}
        self._past_ns: int | None = None
        self._drawn: tuple[object, ...] = ()

    def head(self) -> Iterable[Widget]:
        """What is looked at, and the choices."""
        yield ChainHeader()
        yield ExpiryTabs()

    def body(self) -> Iterable[Widget]:
        """Every part; the stylesheet shows one."""
        yield Static("", id="words", markup=False)
        yield Plot(id="smile")
        yield Plot(id="residual")
        yield TableGrid(id="points")
        yield Plot(id="atm")
        yield Plot(id="wings")
        yield TableGrid(id="term")
        yield TableGrid(id="heat")
        yield Prompt()

    def on_mount(self) -> None:
        """Open on the smile."""
        for name, part in (
            ("smile", "smile"),
            ("residual", "smile"),
            ("points", "smile"),
            ("atm", "term"),
            ("wings", "term"),
            ("term", "term"),
            ("heat", "edge"),
        ):
            self.query_one(f"#{name}").add_class("part", part)
        self._show_part()
        super().on_mount()

    def on_resize(self) -> None:
        """Room for more words from the usual terminal's height on."""
        super().on_resize()
        self.set_class(self.size.height >= USUAL_HEIGHT, "-usual")

    def cursor_table(self) -> TableGrid:
        """The table of the part in front."""
        names = {"smile": "#points", "term": "#term", "edge": "#heat"}
        return self.query_one(names[self._part], TableGrid)

    def has_data(self, snapshot: DeskSnapshot) -> bool:
        """Whether the chosen coin has a chain."""
        chain = snapshot.chain(self.context.underlying, self.context.venue)
        return chain is not None and bool(chain.expiries)

    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Header, tabs and the part in front."""
        chain = self._chain()
        assert chain is not None, "has_data was asked first"
        venue_ns = venue_now_ns(snapshot, chain, now_ns)
        self._settle_expiry(chain, venue_ns)
        context = self.context
        coins = tuple(dict.fromkeys(each.underlying for each in snapshot.chains))
        tabs = expiry_tabs(chain, venue_ns)
        self.query_one(ExpiryTabs).show(coins, context.underlying, tabs, context.expiry_ns)
        look = self._look(chain)
        self.query_one(ChainHeader).show(surface_fields(look, venue_ns))
        # A fit stands for a second or more, snapshots come ten times as often.
        drawn = (
            look.fit,
            look.choice,
            look.is_past,
            look.expiry_ns,
            look.missing,
            self._part,
            chain.chain if self._part == "edge" else None,
            self.size,
        )
        if drawn != self._drawn:
            self._drawn = drawn
            self._show_look(look)

    def _show_look(self, look: SurfaceLook) -> None:
        words = {"smile": slice_words, "term": term_words, "edge": edge_words}[self._part]
        self.query_one("#words", Static).update("\n".join(words(look)))
        if self._part == "smile":
            self.query_one("#smile", Plot).show(smile_plot(look))
            self.query_one("#residual", Plot).show(residual_plot(look))
            self.query_one("#points", TableGrid).show(points_table(look))
        elif self._part == "term":
            self.query_one("#atm", Plot).show(atm_plot(look))
            self.query_one("#wings", Plot).show(wings_plot(look))
            self.query_one("#term", TableGrid).show(term_table(look))
        else:
            self.query_one("#heat", TableGrid).show(edge_heatmap(look))

    def _show_part(self) -> None:
        for part in PARTS:
            self.set_class(part == self._part, f"-{part}")

    def _chain(self) -> ChainSnapshot | None:
        snapshot = self.context.snapshot
        return (
            None
            if snapshot is None
            else snapshot.chain(self.context.underlying, self.context.venue)
        )

    def _past(self, chain: ChainSnapshot) -> list[SurfaceFit]:
        return [] if chain.surface is None else list(chain.surface.past)

    def _look(self, chain: ChainSnapshot) -> SurfaceLook:
        past = self._past(chain)
        place = next((n for n, fit in enumerate(past) if fit.as_of_ns == self._past_ns), None)
        expiry_ns = self.context.expiry_ns
        assert expiry_ns is not None, "an expiry was settled"
        return SurfaceLook(
            chain=chain,
            fit=chain.fit if place is None else past[place],
            is_past=place is not None,
            place=(0 if place is None else place + 1, len(past)),
            choice=self._choice(chain),
            expiry_ns=expiry_ns,
        )

    def _choice(self, chain: ChainSnapshot) -> SurfaceChoice:
        held = DEFAULT_CHOICE if chain.surface is None else chain.surface.choice
        return self._wishes.get((chain.venue, chain.underlying), held)

    def _settle_expiry(self, chain: ChainSnapshot, venue_ns: int) -> None:
        context = self.context
        listed = [expiry.expiry_ns for expiry in chain.expiries]
        if context.expiry_ns not in listed:
            wanted = venue_ns if context.expiry_ns is None else context.expiry_ns
            context.expiry_ns = next((each for each in listed if each > wanted), listed[-1])

    @on(ExpiryChosen)
    def take_expiry(self, message: ExpiryChosen) -> None:
        """Show the expiry that was clicked."""
        self.context.expiry_ns = message.expiry_ns
        self.show()

    @on(UnderlyingChosen)
    def take_underlying(self, message: UnderlyingChosen) -> None:
        """Show the underlying that was clicked."""
        self._take_coin(message.underlying)

    def _take_coin(self, underlying: str) -> None:
        if underlying != self.context.underlying:
            self.context.underlying, self.context.expiry_ns = underlying, None
            self._past_ns = None
            self.show()

    def action_part(self) -> None:
        """Show the next part."""
        self._part = PARTS[(PARTS.index(self._part) + 1) % len(PARTS)]
        self._show_part()
        self.show()

    def action_expiry(self, step: int) -> None:
        """Choose the next or the previous expiry."""
        chain = self._chain()
        listed = [] if chain is None else [each.expiry_ns for each in chain.expiries]
        if self.context.expiry_ns in listed:
            place = listed.index(self.context.expiry_ns) + step
            self.context.expiry_ns = listed[min(max(place, 0), len(listed) - 1)]
            self.show()

    def action_coin(self, step: int) -> None:
        """Choose the next or the previous underlying, around the corner."""
        snapshot = self.context.snapshot
        chains = () if snapshot is None else snapshot.chains
        coins = [*dict.fromkeys(each.underlying for each in chains)]
        if self.context.underlying in coins:
            place = (coins.index(self.context.underlying) + step) % len(coins)
            self._take_coin(coins[place])

    def action_venue(self) -> None:
        """Show the coin's surface at the next venue: each is fitted alone."""
        snapshot = self.context.snapshot
        chains = () if snapshot is None else snapshot.chains
        names = [each.venue for each in chains if each.underlying == self.context.underlying]
        if len(names) < 2:
            only = f"only {safe_text(names[0], 16)} is" if names else "no venue is"
            self.notify(f"{only} connected for {self.context.underlying}", markup=False)
            return
        place = names.index(self.context.venue) if self.context.venue in names else 0
        self.context.venue, self._past_ns = names[(place + 1) % len(names)], None
        self.show()

    def action_scrub(self, step: int) -> None:
        """Look at an earlier fit, or a later one; after the last it is now again."""
        chain = self._chain()
        past = [] if chain is None else self._past(chain)
        moments = [fit.as_of_ns for fit in past]
        place = moments.index(self._past_ns) if self._past_ns in moments else len(moments)
        place = max(place + step, 0)
        if not moments:
            self.notify("no earlier fit yet: one is kept each quarter of a minute")
        self._past_ns = moments[place] if place < len(moments) else None
        self.show()

    def action_now(self) -> None:
        """Back to the newest fit."""
        self._past_ns = None
        self.show()

    def _wish(self, change: Callable[[SurfaceChoice], SurfaceChoice]) -> bool:
        """Tell the desk a changed choice; whether it was told.

        A wish that makes no sense is said and dropped.
        """
        chain = self._chain()
        if chain is None:
            return False
        if self.context.choose_surface is None:
            self.notify("this desk fits no surfaces", severity="warning")
            return False
        if self._past_ns is not None:
            self.notify("an earlier fit is shown; press esc to change the one of now")
            return False
        key = (chain.venue, chain.underlying)
        try:
            wish = change(self._choice(chain))
        except InvalidInput as error:
            self.notify(f"{error}", severity="warning", markup=False)
            return False
        self._wishes[key] = wish
        self.context.choose_surface(key, wish)
        self.show()
        return True

    def action_model(self) -> None:
        """Fit by the next model."""
        self._wish(
            lambda choice: replace(
                choice,
                options=replace(choice.options, model=_after(MODELS, choice.options.model)),
            )
        )

    def action_weights(self, which: int) -> None:
        """Next weight of roughness (1), or next floor of half-spreads (-1)."""

        def change(choice: SurfaceChoice) -> SurfaceChoice:
            options = choice.options
            if which > 0:
                options = replace(options, smoothing=_after(SMOOTHING_CHOICES, options.smoothing))
            else:
                options = replace(options, floor=_after(FLOOR_CHOICES, options.floor))
            return replace(choice, options=options)

        self._wish(change)

    def action_filter(self) -> None:
        """Next age beyond which a quote takes no part."""
        self._wish(
            lambda choice: replace(
                choice, stale_after_s=_after(STALE_CHOICES_S, choice.stale_after_s)
            )
        )

    def action_clock(self) -> None:
        """Run variance between listed expiries on the next clock."""
        clocks = self.context.variance_clocks
        self._wish(lambda choice: replace(choice, clock=_after(clocks, choice.clock)))

    def action_edit_clock(self) -> None:
        """Ask for a change of the clock's weights and events, shown with what it weighs now."""
        clock = self._clock()
        label = "clock" if clock.is_calendar else f"clock ({safe_text(clock_words(clock), 48)})"
        self.query_one(Prompt).ask("clock", label, placeholder=CLOCK_EDIT_HINT)

    def _clock(self) -> VarianceClock:
        """The clock asked for; one that is estimated, as the newest fit has it."""
        chain = self._chain()
        if chain is None:
            return CALENDAR
        wished = self._choice(chain).clock.clock
        if wished is not None:
            return wished
        return CALENDAR if chain.fit is None else chain.fit.clock

    @on(PromptAnswered)
    def take_answer(self, message: PromptAnswered) -> None:
        """Run variance on the clock as it was changed, and keep it for the next desk."""
        try:
            clock = edited_clock(self._clock(), message.text)
        except InvalidInput as error:
            self.notify(f"{error}", severity="warning", markup=False)
            return
        edited = ClockChoice(name=EDITED_CLOCK, clock=clock)
        if not self._wish(lambda choice: replace(choice, clock=edited)):
            return
        context = self.context
        others = tuple(each for each in context.variance_clocks if each.name != EDITED_CLOCK)
        context.variance_clocks = (*others, edited)
        words = f"variance between expiries runs on: {clock_words(clock)}"
        try:
            if context.keep_clock is not None:
                words += f"; kept in {context.keep_clock(clock)}"
        except StorageError as error:
            self.notify(f"{error}", severity="warning", markup=False)
        self.notify(safe_text(words, 300), markup=False)

    def action_residuals(self) -> None:
        """Residuals, or RR25 and BF25 by expiry, in place of the part's table; or it again."""
        self.toggle_class("-wings" if self._part == "term" else "-residuals")

    def action_exclude(self) -> None:
        """Leave the quote under the cursor out, or take it in again."""
        name = self._point()
        if name is not None:
            self._wish(lambda choice: choice.toggled(name))

    def action_include_all(self) -> None:
        """Take every excluded quote in again."""
        self._wish(lambda choice: replace(choice, excluded=()))

    def action_shift(self, step: int) -> None:
        """Move the own vols of this expiry."""
        self._wish(lambda choice: self._moved(choice, "shift", step))

    def action_tilt(self, step: int) -> None:
        """Tilt the own vols of this expiry."""
        self._wish(lambda choice: self._moved(choice, "tilt", step))

    def _moved(self, choice: SurfaceChoice, name: str, step: int) -> SurfaceChoice:
        assert self.context.expiry_ns is not None, "an expiry was settled"
        own = choice.override(self.context.expiry_ns)
        # Steps add up exactly: 0.1 % off after a hundred presses would look like a setting.
        value = round((getattr(own, name) + step * STEP) / STEP) * STEP
        return choice.with_override(replace(own, **{name: value}))

    def action_pin(self, step: int) -> None:
        """Pin the own vol at the strike under the cursor, a step from where it is."""
        found = self._pin_place()
        if found is not None:
            strike, vol = found
            self._repin(strike, vol + step * STEP)

    def action_unpin(self) -> None:
        """Take the pin at the strike under the cursor away."""
        found = self._pin_place()
        if found is not None:
            self._repin(found[0], None)

    def _repin(self, strike: float, vol: float | None) -> None:
        def change(choice: SurfaceChoice) -> SurfaceChoice:
            assert self.context.expiry_ns is not None, "an expiry was settled"
            own = choice.override(self.context.expiry_ns)
            pins = tuple(pin for pin in own.pins if pin[0] != strike)
            if vol is not None:
                pins = (*pins, (strike, vol))
            return choice.with_override(replace(own, pins=pins))

        self._wish(change)

    def action_clear_own(self) -> None:
        """Take all own vols of this expiry away."""
        expiry_ns = self.context.expiry_ns
        if expiry_ns is not None:
            self._wish(
                lambda choice: choice.with_override(
                    replace(choice.override(expiry_ns), shift=0.0, tilt=0.0, pins=())
                )
            )

    def _point(self) -> str | None:
        """Name of the option under the cursor; None, and a word of why, where there is none."""
        name = self.query_one("#points", TableGrid).cursor_key if self._part == "smile" else None
        if name is None:
            self.notify("choose a quote in the table of the smile first (tab)")
        return name

    def _pin_place(self) -> tuple[float, float] | None:
        """Strike under the cursor and the vol that stands there now, own or the market's."""
        name, chain = self._point(), self._chain()
        if name is None or chain is None:
            return None
        look = self._look(chain)
        if look.each is None or look.fit is None or name not in look.each.quotes.names:
            return None
        strike = float(look.each.quotes.strike[look.each.quotes.names.index(name)])
        own = OwnSurface(fit=look.fit, overrides=look.choice.overrides)
        vol = own.implied_vol(np.array([look.expiry_ns]), np.array([strike]))
        return strike, float(vol[0])


def _after(choices: tuple[Option, ...], chosen: Option) -> Option:
    """The choice after `chosen`, around the corner; the first where it is none of them."""
    place = choices.index(chosen) if chosen in choices else -1
    return choices[(place + 1) % len(choices)]
