"""Screens and chains as plain text: for pipes, logs, screen readers and terminals that are none."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from quantdesk.views.cells import Cell
from quantdesk.views.chain import ChainView, chain_view
from quantdesk.views.chain_columns import Column
from quantdesk.views.chain_header import HeaderField, expiry_tabs, header_fields
from quantdesk.views.safe_text import cell_width, safe_text
from quantdesk.views.status import fitted_items, screen_banner, status_items, venue_now_ns
from quantdesk.views.strike_grid import StrikeGridView
from quantdesk.views.time_text import expiry_text, instant_text
from quantdesk.views.units import Units
from quantdesk.views.venue_pair import VenuePairView

WIDTH_MIN = 40
GAP = "  "


def screen_text(
    snapshot: DeskSnapshot,
    underlying: str,
    *,
    now_ns: int,
    width: int = 120,
    height: int | None = None,
    expiry_ns: int | None = None,
    columns: str = "trade",
    units: Units = Units.COIN,
) -> str:
    """The chain screen once, as text of at most `width` columns, no newline at the end.

    `now_ns` is on the desk's clock. Without `expiry_ns` the nearest expiry is shown; with `height`
    only as many strikes around the money as fit. The mode (SIMULATED, …) stands first.
    """
    width = max(width, WIDTH_MIN)
    lines = [
        " | ".join(
            item.text
            for item in fitted_items(status_items(snapshot, underlying, now_ns=now_ns), width, 3)
        )
    ]
    banner = screen_banner(snapshot, underlying, now_ns)
    if banner.sentence:
        lines.append(banner.sentence)
    chain = snapshot.chain(underlying)
    if chain is None or not chain.expiries:
        return "\n".join(lines)
    venue_ns = venue_now_ns(snapshot, chain, now_ns)
    tabs = expiry_tabs(chain, venue_ns)
    if expiry_ns is None:
        expiry_ns = next(
            (tab.expiry_ns for tab in tabs if tab.expiry_ns > venue_ns), tabs[-1].expiry_ns
        )
    view = chain_view(
        chain, expiry_ns=expiry_ns, columns=columns, units=units, now_ns=venue_ns, width=width
    )
    lines += header_lines(view.header, width)
    marked = [
        f"[{tab.label} {tab.days}]" if tab.expiry_ns == expiry_ns else f"{tab.label} {tab.days}"
        for tab in tabs
    ]
    lines += _packed(marked, width)
    titles = _title_lines(view)
    room = None if height is None else max(height - len(lines) - len(titles), 1)
    lines += titles
    lines += [_line_text(view, number) for number in _around_the_money(view, room)]
    return "\n".join(line.rstrip() for line in lines)


def chain_table_text(
    snapshot: ChainSnapshot,
    *,
    columns: str = "all",
    units: Units = Units.COIN,
    width: int | None = None,
    now_ns: int | None = None,
) -> str:
    """Every option of the chain as an aligned table, no newline at the end.

    Units stand under the column titles; a chain of several expiries has a heading before each.
    With a `width` in cells the less important of `columns` are left out until the rest fits.
    Ages and time left are counted to `now_ns` of the venue's clock, the chain's own moment if None.
    """
    view = chain_view(
        snapshot,
        expiry_ns=None,
        columns=columns,
        units=units,
        now_ns=snapshot.as_of_ns if now_ns is None else now_ns,
        width=width,
    )
    as_of = HeaderField("as of", instant_text(snapshot.as_of_ns))
    fields = (view.header[0], as_of, *view.header[1:])
    lines = header_lines(fields, max(view.layout.width, WIDTH_MIN))
    lines += _title_lines(view)
    expiry_ns: int | None = None
    for number, key in enumerate(view.keys):
        if view.expiry is None and key.expiry_ns != expiry_ns:
            expiry_ns = key.expiry_ns
            lines.append(_expiry_heading(view, expiry_ns))
        lines.append(_line_text(view, number))
    return "\n".join(line.rstrip() for line in lines)


def pair_table_text(view: VenuePairView) -> str:
    """Two venues side by side as an aligned table, no newline at the end."""
    lines = header_lines(view.header, max(view.layout.width, WIDTH_MIN))
    lines += _title_lines(view)
    expiry_ns: int | None = None
    is_one = len({key.expiry_ns for key in view.keys}) < 2
    for number, key in enumerate(view.keys):
        if not is_one and key.expiry_ns != expiry_ns:
            expiry_ns = key.expiry_ns
            lines.append(f"-- {expiry_text(expiry_ns)}")
        lines.append(_line_text(view, number))
    return "\n".join(line.rstrip() for line in lines)


def header_lines(fields: Sequence[HeaderField], width: int) -> list[str]:
    """Labelled values packed into lines of at most `width` cells."""
    texts = [f"{field.label} {field.text}" if field.label else field.text for field in fields]
    return _packed(texts, width)


def _packed(texts: Sequence[str], width: int) -> list[str]:
    lines: list[str] = []
    for text in texts:
        shown = safe_text(text, width)
        if lines and cell_width(lines[-1]) + len(GAP) + cell_width(shown) <= width:
            lines[-1] += GAP + shown
        else:
            lines.append(shown)
    return lines


def _expiry_heading(view: ChainView, expiry_ns: int) -> str:
    """What the header says of an expiry, in one line."""
    expiry = next(e for e in view.snapshot.expiries if e.expiry_ns == expiry_ns)
    fields = header_fields(view.snapshot, expiry, units=view.units, now_ns=view.now_ns)
    wanted = [f"{f.label} {f.text}" for f in fields if f.label in {"forward", "left", "ATM IV"}]
    return f"-- {expiry_text(expiry_ns)}: {', '.join(wanted)}"


def _title_lines(view: StrikeGridView) -> list[str]:
    layout = view.layout
    titles = _joined(
        view,
        [column.title for column in layout.calls],
        "Strike",
        [column.title for column in layout.puts],
    )
    units = _joined(
        view,
        [view.unit_of(column) for column in layout.calls],
        "USD",
        [view.unit_of(column) for column in layout.puts],
    )
    side = layout.side_width
    sides = f"{'CALLS':^{side}}{'':{layout.strike_width}}{'PUTS':^{side}}"
    return [sides, titles, units]


def _line_text(view: StrikeGridView, number: int) -> str:
    line = view.line(number)
    return _joined(view, _texts(line.calls), line.strike, _texts(line.puts))


def _texts(cells: Sequence[Cell]) -> list[str]:
    return [cell.text for cell in cells]


def _joined(view: StrikeGridView, calls: Sequence[str], strike: str, puts: Sequence[str]) -> str:
    layout = view.layout
    left = "".join(_padded(view, layout.calls, calls)).rjust(layout.side_width)
    right = "".join(_padded(view, layout.puts, puts))
    return f"{left}{strike:^{layout.strike_width}}{right}"


def _padded(view: StrikeGridView, columns: Sequence[Column], texts: Sequence[str]) -> Iterator[str]:
    layout = view.layout
    for column, text in zip(columns, texts, strict=True):
        yield " " * layout.gap + text.rjust(layout.widths[column.key])


def _around_the_money(view: ChainView, room: int | None) -> range:
    lines = len(view)
    if room is None or room >= lines:
        return range(lines)
    centre = lines // 2 if view.atm_line is None else view.atm_line
    first = min(max(centre - room // 2, 0), lines - room)
    return range(first, first + room)
