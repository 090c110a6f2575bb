"""The chain screen: arranges the widgets, turns keys into wishes, decides what is looked at."""

from __future__ import annotations

from collections.abc import Iterable
from typing import ClassVar

from textual import on
from textual.binding import BindingType
from textual.widget import Widget

from quantdesk.app.tui.actions import bindings
from quantdesk.app.tui.context import DeskContext
from quantdesk.app.tui.messages import CursorMoved, ExpiryChosen, UnderlyingChosen
from quantdesk.app.tui.screens.desk_screen import DeskScreen
from quantdesk.app.tui.where import Where
from quantdesk.app.tui.widgets.chain_cursor import CursorSide
from quantdesk.app.tui.widgets.chain_grid import ChainGrid
from quantdesk.app.tui.widgets.chain_header import ChainHeader
from quantdesk.app.tui.widgets.expiry_tabs import ExpiryTabs
from quantdesk.app.tui.widgets.provenance_panel import ProvenancePanel
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.structure import Listed
from quantdesk.errors import InvalidInput
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.structures.editing import with_leg
from quantdesk.views.chain import SYMBOL_WORDS, ChainView, chain_view
from quantdesk.views.chain_columns import COLUMN_SETS, next_column_set
from quantdesk.views.chain_header import expiry_tabs
from quantdesk.views.provenance import explain_cell, explain_strike
from quantdesk.views.safe_text import safe_text
from quantdesk.views.status import venue_now_ns
from quantdesk.views.strike_grid import LineKey
from quantdesk.views.units import Units
from quantdesk.views.venue_pair import PAIR_SYMBOLS, VenuePairView, pair_tabs, venue_pair_view
from quantdesk.views.venue_pair_words import explain_pair_cell, explain_pair_strike


class ChainScreen(DeskScreen):
    """Calls, strikes and puts of one expiry of one underlying."""

    PLACES: ClassVar[tuple[Where, ...]] = (Where.CHAIN, Where.TABLE)
    SYMBOLS: ClassVar[tuple[tuple[str, str], ...]] = (*SYMBOL_WORDS, *PAIR_SYMBOLS)
    BINDINGS: ClassVar[list[BindingType]] = [*bindings(*PLACES)]

    def __init__(self, context: DeskContext) -> None:
        super().__init__(context)
        self._expiry_of: dict[str, int | None] = {}
        self._columns = COLUMN_SETS[0]
        self._units = Units.COIN
        self._is_side_by_side = False
        self._view: ChainView | VenuePairView | None = None
        self._shown: tuple[str | None, str, int | None, bool] | None = None

    def head(self) -> Iterable[Widget]:
        """What is looked at, and the choices."""
        yield ChainHeader()
        yield ExpiryTabs()

    def body(self) -> Iterable[Widget]:
        """The grid, and the panel that explains its cells."""
        yield ChainGrid()
        yield ProvenancePanel()

    def cursor_table(self) -> ChainGrid:
        """The grid."""
        return self.query_one(ChainGrid)

    def has_data(self, snapshot: DeskSnapshot) -> bool:
        """Whether the chosen coin has a chain; before any expiry was chosen any coin will do."""
        context = self.context
        if context.expiry_ns is None and snapshot.chains and self._chain() is None:
            # An underlying that comes later than the others must not keep them from being seen.
            context.underlying = snapshot.chains[0].underlying
        if context.venue not in {chain.venue for chain in self._venues()}:
            context.venue = None
        chain = self._chain()
        return chain is not None and bool(chain.expiries)

    def show_body(self, snapshot: DeskSnapshot, now_ns: int) -> None:
        """Header, tabs and grid of the chosen expiry."""
        chain, context = self._chain(), self.context
        assert chain is not None, "has_data was asked first"
        venue_ns = venue_now_ns(snapshot, chain, now_ns)
        pair = self._pair()
        tabs = expiry_tabs(chain, venue_ns) if pair is None else pair_tabs(*pair, venue_ns)
        self._settle_expiry([tab.expiry_ns for tab in tabs], venue_ns)
        looked_at = (context.venue, context.underlying, context.expiry_ns, pair is None)
        is_other_chain, self._shown = looked_at != self._shown, looked_at
        self.query_one(ExpiryTabs).show(
            tuple(self._underlyings()), context.underlying, tabs, context.expiry_ns
        )
        grid = self.query_one(ChainGrid)
        view: ChainView | VenuePairView
        if pair is None:
            view = chain_view(
                chain,
                expiry_ns=context.expiry_ns,
                columns=self._columns,
                units=self._units,
                now_ns=venue_ns,
                width=grid.size.width,
            )
        else:
            left, right = pair
            clocks = (
                venue_now_ns(snapshot, left, now_ns),
                venue_now_ns(snapshot, right, now_ns),
            )
            view = venue_pair_view(
                left,
                right,
                expiry_ns=context.expiry_ns,
                units=self._units,
                now_ns=clocks,
                width=grid.size.width,
            )
        self._view = view
        self.query_one(ChainHeader).show(view.header)
        grid.show(view, is_other_chain=is_other_chain)
        self._explain()

    def _chain(self) -> ChainSnapshot | None:
        context = self.context
        if context.snapshot is None:
            return None
        return context.snapshot.chain(context.underlying, context.venue)

    def _underlyings(self) -> list[str]:
        snapshot = self.context.snapshot
        return [] if snapshot is None else [*dict.fromkeys(c.underlying for c in snapshot.chains)]

    def _venues(self) -> list[ChainSnapshot]:
        """The chains of the chosen coin, one a venue."""
        snapshot = self.context.snapshot
        chains = () if snapshot is None else snapshot.chains
        return [chain for chain in chains if chain.underlying == self.context.underlying]

    def _pair(self) -> tuple[ChainSnapshot, ChainSnapshot] | None:
        """The two venues to show side by side; None while one is shown alone."""
        venues = self._venues()
        if not self._is_side_by_side or len(venues) < 2:
            return None
        return venues[0], venues[1]

    def _settle_expiry(self, listed: list[int], venue_ns: int) -> None:
        """Keep the chosen expiry while it is listed, else take the next one."""
        context = self.context
        if context.expiry_ns not in listed:
            wanted = venue_ns if context.expiry_ns is None else context.expiry_ns
            context.expiry_ns = next((each for each in listed if each > wanted), listed[-1])

    @on(CursorMoved)
    def follow_cursor(self) -> None:
        """Explain the cell the cursor came to, if the panel is open."""
        self._explain()

    @on(ExpiryChosen)
    def take_expiry(self, message: ExpiryChosen) -> None:
        """Show the expiry that was clicked."""
        self._choose_expiry(message.expiry_ns)

    @on(UnderlyingChosen)
    def take_underlying(self, message: UnderlyingChosen) -> None:
        """Show the underlying that was clicked."""
        self._choose_underlying(message.underlying)

    def _choose_expiry(self, expiry_ns: int) -> None:
        if expiry_ns != self.context.expiry_ns:
            self.context.expiry_ns = expiry_ns
            self.show()

    def _choose_underlying(self, underlying: str) -> None:
        context = self.context
        if underlying != context.underlying:
            self._expiry_of[context.underlying] = context.expiry_ns
            context.underlying = underlying
            # Back to where one was; a coin seen for the first time opens on its nearest expiry.
            context.expiry_ns = self._expiry_of.get(underlying)
            self.show()

    def _explain(self) -> None:
        if not self.has_class("-explaining"):
            return
        view, cursor = self._view, self.query_one(ChainGrid).cursor
        if view is None or cursor is None:
            return
        line = view.nearest_line(cursor.key)
        column = cursor.shown_column(view.layout)
        is_call = cursor.side is CursorSide.CALL
        if isinstance(view, VenuePairView):
            if column is None or line is None:
                provenance = explain_pair_strike(view, cursor.key)
            else:
                provenance = explain_pair_cell(view, view.entry(line, is_call), column)
        elif column is None or line is None:
            provenance = explain_strike(view, cursor.key)
        else:
            provenance = explain_cell(view, view.row(line, is_call), column)
        self.query_one(ProvenancePanel).show(provenance)

    def action_expiry(self, step: int) -> None:
        """Choose the next or the previous expiry."""
        chain, pair = self._chain(), self._pair()
        chains = pair if pair is not None else (() if chain is None else (chain,))
        listed = sorted({expiry.expiry_ns for each in chains for expiry in each.expiries})
        if self.context.expiry_ns in listed:
            place = listed.index(self.context.expiry_ns) + step
            self._choose_expiry(listed[min(max(place, 0), len(listed) - 1)])

    def action_underlying(self, step: int) -> None:
        """Choose the next or the previous underlying, around the corner."""
        names = self._underlyings()
        if self.context.underlying in names:
            place = names.index(self.context.underlying) + step
            self._choose_underlying(names[place % len(names)])

    def action_venue(self) -> None:
        """Show the coin at the next venue; after the last, the first two side by side."""
        names = [chain.venue for chain in self._venues()]
        if len(names) < 2:
            only = f"only {safe_text(names[0], 16)} is" if names else "no venue is"
            self.notify(f"{only} connected for {self.context.underlying}", markup=False)
            return
        context = self.context
        place = names.index(context.venue) if context.venue in names else 0
        if self._is_side_by_side:
            self._is_side_by_side, context.venue = False, names[0]
        elif place + 1 < len(names):
            context.venue = names[place + 1]
        else:
            self._is_side_by_side = True
        self.show()

    def action_columns(self) -> None:
        """Show the next set of columns."""
        self._columns = next_column_set(self._columns)
        self.show()

    def action_units(self) -> None:
        """Show prices in the next unit."""
        self._units = self._units.next()
        self.show()

    def action_centre(self) -> None:
        """Centre the strike at the money."""
        self.query_one(ChainGrid).centre_cursor()

    def action_provenance(self) -> None:
        """Open or close the panel that explains the cell under the cursor."""
        self.toggle_class("-explaining")
        self._explain()

    def action_add_leg(self, side: str) -> None:
        """Add the option under the cursor to the builder: `side` is "buy", "sell" or "cell"."""
        cursor, view = self.query_one(ChainGrid).cursor, self._view
        column = None if cursor is None or view is None else cursor.shown_column(view.layout)
        if cursor is None or column is None:
            self.notify("put the cursor on a call or a put to add it", markup=False)
            return
        pair = self._pair()
        if pair is not None and not column.startswith(("left_", "right_")):
            self.notify("put the cursor on a venue's bid or ask to add it", markup=False)
            return
        chain = self._chain() if pair is None else pair[column.startswith("right_")]
        is_call = cursor.side is CursorSide.CALL
        option = None if chain is None else _option_at(chain, cursor.key, is_call=is_call)
        if option is None:
            self.notify("no such option is listed there", markup=False)
            return
        is_sold = side == "sell" or (side == "cell" and "bid" in column)
        self._add_option(Listed(instrument=option), is_sold=is_sold)

    def _add_option(self, option: Listed, *, is_sold: bool) -> None:
        bench = self.context.workbench
        try:
            leg = option.sell() if is_sold else option.buy()
            edited = with_leg(bench.structure, leg)
        except InvalidInput as error:
            self.notify(f"{error}", severity="warning", markup=False)
            return
        bench.take(edited.structure, (edited.note,))
        count = len(edited.structure.legs)
        word = "leg" if count == 1 else "legs"
        self.notify(f"{leg} to the builder: {count} {word} (3 shows it)", markup=False)

    def action_close_panel(self) -> None:
        """Close the panel; nothing else."""
        self.remove_class("-explaining")


def _option_at(chain: ChainSnapshot, key: LineKey, *, is_call: bool) -> Instrument | None:
    """The option of `chain` on a line and side of the grid; None where it is not listed there."""
    rows = chain.chain
    here = (
        (rows.expiry_ns == key.expiry_ns)
        & (rows.strike == key.strike)
        & (rows.is_call == is_call)
        & (rows.is_inverse == key.is_inverse)
    )
    found = here.nonzero()[0]
    return rows.instruments[int(found[0])] if found.size else None
