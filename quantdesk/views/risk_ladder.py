"""The ladder screen: one Greek by expiry × strike bucket, and all Greeks by any grouping.

Always one underlying; a ladder that adds coins would mean nothing. Sums are `risk.exposure`'s.
"""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.risk.exposure import Exposures, Grouping, GroupKey, Hedge, NetGreeks
from quantdesk.views.book_cells import BLANK, MISSING, greek_cell
from quantdesk.views.cells import Cell, Role
from quantdesk.views.chain_header import HeaderField
from quantdesk.views.greeks import GREEK_NAMES, strikes_text
from quantdesk.views.number_text import number_text
from quantdesk.views.provenance import Provenance
from quantdesk.views.risk_choice import DEFINITIONS, GREEK_COLUMNS, long_unit, unit_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view
from quantdesk.views.time_text import expiry_text

LADDER_FIELDS = tuple(GREEK_COLUMNS)
"""Greeks that a ladder can show, in the order of the switch."""

GROUPINGS = (
    Grouping.EXPIRY,
    Grouping.STRIKE,
    Grouping.EXPIRY_STRIKE,
    Grouping.STRATEGY,
    Grouping.STRUCTURE,
    Grouping.VENUE,
    Grouping.UNDERLYING,
)
"""Groupings of the table, in the order of the switch."""

CONTRIBUTORS_MAX = 5

_NO_STRIKE = "none"


def ladder_matrix(exposures: Exposures, coin: str, field: str) -> TableView:
    """`field` of `coin`: a line an expiry, a column a strike bucket, totals at both ends."""
    cells = {
        (net.key.expiry_ns, net.key.strike_low): net
        for net in _nets(exposures, Grouping.EXPIRY_STRIKE, coin)
    }
    by_strike = {net.key.strike_low: net for net in _nets(exposures, Grouping.STRIKE, coin)}
    by_expiry = _nets(exposures, Grouping.EXPIRY, coin)
    # Futures and spot have no strike and stand after the strikes.
    buckets = sorted(low for low in by_strike if low is not None)
    lows: list[float | None] = [*buckets, *([None] if None in by_strike else [])]
    width = exposures.strike_widths.get(coin)
    unit = f"to +{width:,.10g}" if width else ""
    columns = (
        TableColumn(key="expiry", title="Expiry", unit="UTC day", align=Align.LEFT),
        TableColumn(key="total", title="All", unit=unit_text(field, safe_text(coin, 8))),
        *(
            TableColumn(
                key=_low_key(low),
                title="no strike" if low is None else f"{low:,.10g}",
                unit="futures" if low is None else unit,
            )
            for low in lows
        ),
        TableColumn(key="left_out", title="Left out", unit="legs"),
    )
    lines = [
        TableLine(
            key=_expiry_key(net.key),
            cells=(
                Cell(_expiry_name(net.key), Role.LABEL),
                greek_cell(net.greeks, field),
                *(_cell(cells.get((net.key.expiry_ns, low)), field) for low in lows),
                _left_out(net.left_out),
            ),
        )
        for net in by_expiry
    ]
    lines += [
        TableLine(
            key="total",
            cells=(
                Cell(f"all {safe_text(coin, 8)}", Role.LABEL),
                greek_cell(net.greeks, field),
                *(_cell(by_strike.get(low), field) for low in lows),
                _left_out(net.left_out),
            ),
            kind=LineKind.TOTAL,
        )
        for net in _nets(exposures, Grouping.UNDERLYING, coin)
    ]
    return table_view(columns, lines, fixed=2, empty=_empty(coin))


def ladder_table(exposures: Exposures, coin: str, grouping: Grouping) -> TableView:
    """All Greeks of `coin` by `grouping`, a line a group; by underlying, a line a coin."""
    every_coin = grouping is Grouping.UNDERLYING
    nets = exposures.net(grouping) if every_coin else _nets(exposures, grouping, coin)
    name = "coin" if every_coin else safe_text(coin, 8)
    columns = (
        TableColumn(key="group", title=f"By {grouping.value}", align=Align.LEFT),
        *(
            TableColumn(key=field, title=column.title, unit=column.unit.replace("coin", name))
            for field, column in GREEK_COLUMNS.items()
        ),
        TableColumn(key="positions", title="Legs"),
        TableColumn(key="left_out", title="Left out", unit="legs"),
    )
    lines = [_group_line(net, grouping, LineKind.PLAIN) for net in nets]
    if not every_coin:
        lines += [
            _group_line(net, Grouping.UNDERLYING, LineKind.TOTAL)
            for net in _nets(exposures, Grouping.UNDERLYING, coin)
        ]
    return table_view(columns, lines, empty=_empty(coin))


def hedge_fields(hedges: Sequence[Hedge], coin: str) -> tuple[HeaderField, ...]:
    """The two hedges of `coin`, told apart, in coins of delta to add."""
    found = [hedge for hedge in hedges if hedge.underlying == coin]
    if not found:
        return ()
    hedge, name = found[0], safe_text(coin, 8)

    def coins(value: float) -> str:
        return f"{'+' if value > 0 else ''}{number_text(value, 4)} {name}"

    return (
        HeaderField("flattens coin P&L", coins(hedge.flattens_coin_pnl)),
        HeaderField("flattens account in USD", coins(hedge.flattens_account_usd)),
        HeaderField("equity", coins(hedge.equity_coin)),
        HeaderField("cash", coins(hedge.cash_coin)),
    )


def explain_ladder(
    exposures: Exposures, coin: str, field: str, line: str | None, column: str | None
) -> Provenance:
    """What the cell of the matrix is, and the legs that make most of it."""
    unit = safe_text(long_unit(field, coin), 60)
    rows = [
        row
        for row, position in enumerate(exposures.book.positions)
        if position.instrument.underlying == coin
        and line in {"total", str(position.instrument.expiry_ns or 0)}
        and (column in {"total", "expiry", "left_out"} or _is_in(exposures, row, column))
    ]
    at = exposures.book.positions
    parts = sorted(
        ((float(getattr(exposures.position(row), field)), at[row].instrument.name) for row in rows),
        key=lambda part: (-abs(part[0]), part[1]),
    )
    decimals = GREEK_COLUMNS[field].decimals
    legs = "; ".join(
        f"{safe_text(name, 36)} {'+' if value > 0 else ''}{number_text(value, decimals)}"
        for value, name in parts[:CONTRIBUTORS_MAX]
    )
    more = f" and {len(parts) - CONTRIBUTORS_MAX} more" if len(parts) > CONTRIBUTORS_MAX else ""
    where = "all expiries" if line == "total" else _key_words(line)
    strikes = "" if column in {None, "total", "expiry", "left_out"} else f", {_low_words(column)}"
    return Provenance(
        title=f"{GREEK_NAMES[field]} of {safe_text(coin, 16)}, {where}{strikes}, {unit}",
        sentences=(
            f"{DEFINITIONS[field][0].upper()}{DEFINITIONS[field][1:]}.",
            f"Made by {legs}{more}." if legs else "No leg stands here.",
        ),
    )


def _nets(exposures: Exposures, grouping: Grouping, coin: str) -> tuple[NetGreeks, ...]:
    return tuple(net for net in exposures.net(grouping) if net.key.underlying == coin)


def _empty(coin: str) -> str:
    return f"no position of {safe_text(coin, 16)} could be valued"


def _low_key(low: float | None) -> str:
    return _NO_STRIKE if low is None else repr(low)


def _low_words(key: str | None) -> str:
    return "no strike" if key == _NO_STRIKE else f"strikes from {float(key or 0):,.10g}"


def _expiry_key(key: GroupKey) -> str:
    return str(key.expiry_ns or 0)


def _expiry_name(key: GroupKey) -> str:
    return "no expiry" if key.expiry_ns is None else expiry_text(key.expiry_ns)


def _key_words(line: str | None) -> str:
    return expiry_text(int(line)) if line not in {None, "0"} and line else "no expiry"


def _is_in(exposures: Exposures, row: int, column: str | None) -> bool:
    instrument = exposures.book.positions[row].instrument
    if column == _NO_STRIKE:
        return instrument.strike is None
    width = exposures.strike_widths.get(instrument.underlying)
    if instrument.strike is None or width is None or column is None:
        return False
    low = float(column)
    return low <= float(instrument.strike) < low + width


def _cell(net: NetGreeks | None, field: str) -> Cell:
    return BLANK if net is None else greek_cell(net.greeks, field)


def _left_out(count: int) -> Cell:
    return Cell(f"{count}", Role.WARNING) if count else BLANK


def _group_line(net: NetGreeks, grouping: Grouping, kind: LineKind) -> TableLine:
    return TableLine(
        key=f"{grouping.value}:{net.key.label}",
        cells=(
            Cell(_group_name(net.key, grouping), Role.LABEL),
            *(greek_cell(net.greeks, field) for field in GREEK_COLUMNS),
            Cell(str(net.positions), Role.SIZE),
            Cell(str(net.left_out), Role.WARNING) if net.left_out else MISSING,
        ),
        kind=kind,
    )


def _group_name(key: GroupKey, grouping: Grouping) -> str:
    strikes = strikes_text(key.strike_low, key.strike_high)
    return {
        Grouping.EXPIRY: _expiry_name(key),
        Grouping.STRIKE: strikes,
        Grouping.EXPIRY_STRIKE: f"{_expiry_name(key)} {strikes}",
        Grouping.STRATEGY: safe_text(key.strategy or "", 36) or "no strategy",
        Grouping.STRUCTURE: safe_text(key.structure or "", 36) or "no structure",
        Grouping.VENUE: safe_text(key.venue or "", 16),
        Grouping.UNDERLYING: f"all {safe_text(key.underlying, 16)}",
    }[grouping]


def explain_group(
    exposures: Exposures, coin: str, grouping: Grouping, line: str | None, column: str | None
) -> Provenance:
    """What the cell of the table is: definition, unit, and how many legs it misses."""
    every_coin = grouping is Grouping.UNDERLYING
    nets = list(exposures.net(grouping) if every_coin else _nets(exposures, grouping, coin))
    named = {f"{grouping.value}:{net.key.label}": net for net in nets}
    named |= {
        f"{Grouping.UNDERLYING.value}:{net.key.label}": net
        for net in _nets(exposures, Grouping.UNDERLYING, coin)
    }
    net = named.get(line or "")
    if net is None:
        return Provenance(title="Move to a group", sentences=())
    legs = f"Sum of {net.positions} positions"
    legs += f", WITHOUT {net.left_out} that could not be valued." if net.left_out else "."
    title = safe_text(net.key.label, 60)
    if column not in GREEK_COLUMNS:
        return Provenance(title=title, sentences=(legs,))
    unit = safe_text(long_unit(column, net.key.underlying), 60)
    text = DEFINITIONS[column]
    return Provenance(
        title=f"{GREEK_NAMES[column]} of {title}, {unit}",
        sentences=(f"{text[0].upper()}{text[1:]}.", legs),
    )
