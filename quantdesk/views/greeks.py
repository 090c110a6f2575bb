"""Greeks as rows of text: net values with their units, and ladders, one row a group.

Rounds and orders; computes nothing. A ladder never has a row that adds underlyings.
"""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.risk.exposure import Exposures, Grouping, Hedge, NetGreeks
from quantdesk.risk.greeks import GREEK_FIELDS, unit_of
from quantdesk.views.margin import TextTable, quantity_text
from quantdesk.views.number_text import number_text, percent_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.time_text import expiry_text

LADDER_COLUMNS: tuple[tuple[str, str, int], ...] = (
    ("delta_black", "Delta Black coin", 4),
    ("delta_premium_adjusted", "Delta prem-adj coin", 4),
    ("dollar_delta", "Dollar delta USD", 0),
    ("gamma_per_pct_coin", "Gamma/1% coin", 4),
    ("gamma_per_pct_usd", "Gamma/1% USD", 0),
    ("vega_per_point", "Vega USD/pt", 2),
    ("vega_per_point_weighted", "Weighted vega USD/pt", 2),
    ("theta_per_day", "Theta USD/day", 2),
    ("theta_one_day_revalued", "1-day reval USD", 2),
    ("theta_venue_per_day", "Venue theta USD/day", 2),
    ("vanna_per_point", "Vanna coin/pt", 4),
    ("volga_per_point", "Volga USD/pt2", 2),
    ("charm_per_day", "Charm coin/day", 4),
    ("basis_delta_per_bp", "Basis USD/bp", 2),
)
"""Column, title with its unit, decimals; "coin" is the row's underlying."""

POSITION_COLUMNS = (
    "delta_black",
    "delta_premium_adjusted",
    "gamma_per_pct_coin",
    "vega_per_point",
    "theta_per_day",
    "theta_venue_per_day",
    "value_usd",
)

GREEK_NAMES: dict[str, str] = {
    "value_coin": "Value held in coin",
    "value_usd": "Value",
    "delta_black": "Delta, Black",
    "delta_premium_adjusted": "Delta, premium-adjusted",
    "dollar_delta": "Dollar delta, each on its own forward",
    "gamma_per_pct_coin": "Gamma per 1 % in coin",
    "gamma_per_pct_usd": "Gamma per 1 % in USD",
    "vega_per_point": "Vega, plain",
    "vega_per_point_weighted": "Vega, weighted to 30 days",
    "theta_per_day": "Theta, plain",
    "theta_one_day_revalued": "One day by full revaluation",
    "theta_venue_per_day": "Theta by the venue's rule",
    "vanna_per_point": "Vanna",
    "volga_per_point": "Volga",
    "charm_per_day": "Charm",
    "basis_delta_per_bp": "Basis delta",
}
"""What each Greek is called where there is room."""

GROUPING_TITLES: dict[Grouping, str] = {
    Grouping.UNDERLYING: "Greeks by underlying",
    Grouping.EXPIRY: "Greeks by expiry",
    Grouping.STRIKE: "Greeks by strike",
    Grouping.EXPIRY_STRIKE: "Greeks by expiry and strike",
    Grouping.STRATEGY: "Greeks by strategy",
    Grouping.STRUCTURE: "Greeks by structure",
    Grouping.VENUE: "Greeks by venue",
}


def greek_text(field: str, value: float) -> str:
    """A Greek with the decimals its unit asks for."""
    unit = unit_of(field, "coin")
    decimals = 6 if unit.startswith("coin") else 2
    return number_text(value, decimals)


def net_tables(exposures: Exposures) -> tuple[TextTable, ...]:
    """One table an underlying: each net Greek, its value and its unit."""
    return tuple(net_table(net) for net in exposures.net(Grouping.UNDERLYING))


def net_table(net: NetGreeks) -> TextTable:
    """Net Greeks of one group, a row a Greek."""
    coin = net.key.underlying
    title = f"Greeks of {safe_text(net.key.label)}, {_count_text(net)}"
    return TextTable(
        title=title,
        columns=("Greek", "Value", "Unit"),
        numeric=(False, True, False),
        rows=tuple(
            (GREEK_NAMES[name], greek_text(name, value), safe_text(unit_of(name, coin)))
            for name, value in zip(GREEK_FIELDS, net.greeks, strict=True)
        ),
    )


def ladder_table(exposures: Exposures, grouping: Grouping) -> TextTable:
    """Net Greeks by `grouping`, a row a group."""
    rows = []
    for net in exposures.net(grouping):
        values = net.greeks._asdict()
        cells = [number_text(values[name], decimals) for name, _, decimals in LADDER_COLUMNS]
        rows.append((*_key_cells(net, grouping), *cells))
    heads = _key_heads(grouping)
    return TextTable(
        title=GROUPING_TITLES[grouping],
        columns=(*heads, *(title for _, title, _ in LADDER_COLUMNS)),
        numeric=(
            *(head in {"Positions", "Left out"} for head in heads),
            *(True for _ in LADDER_COLUMNS),
        ),
        rows=tuple(rows),
    )


def _key_heads(grouping: Grouping) -> tuple[str, ...]:
    middle = {
        Grouping.UNDERLYING: (),
        Grouping.EXPIRY: ("Expiry",),
        Grouping.STRIKE: ("Strikes",),
        Grouping.EXPIRY_STRIKE: ("Expiry", "Strikes"),
        Grouping.STRATEGY: ("Strategy",),
        Grouping.STRUCTURE: ("Structure",),
        Grouping.VENUE: ("Venue",),
    }[grouping]
    return ("Coin", *middle, "Positions", "Left out")


def _key_cells(net: NetGreeks, grouping: Grouping) -> tuple[str, ...]:
    key = net.key
    cells = [safe_text(key.underlying, 16)]
    if grouping in {Grouping.EXPIRY, Grouping.EXPIRY_STRIKE}:
        cells.append("no expiry" if key.expiry_ns is None else expiry_text(key.expiry_ns))
    if grouping in {Grouping.STRIKE, Grouping.EXPIRY_STRIKE}:
        cells.append(strikes_text(key.strike_low, key.strike_high))
    if grouping is Grouping.STRATEGY:
        cells.append(safe_text(key.strategy or "", 40) or "no tag")
    if grouping is Grouping.STRUCTURE:
        cells.append(safe_text(key.structure or "", 40) or "no tag")
    if grouping is Grouping.VENUE:
        cells.append(safe_text(key.venue or "", 16))
    return (*cells, str(net.positions), str(net.left_out))


def strikes_text(low: float | None, high: float | None) -> str:
    """A strike bucket, "60,000 to 65,000" without its upper end; "no strike" for futures."""
    if low is None or high is None:
        return "no strike"
    return f"{low:,.10g} to {high:,.10g}"


def hedge_table(hedges: Sequence[Hedge]) -> TextTable:
    """The two hedges of each underlying, told apart, in coins of delta to add."""
    return TextTable(
        title="Hedges, coins of delta to add (negative: to sell)",
        columns=(
            "Coin",
            "Cash coin",
            "Equity coin",
            "Delta Black",
            "Delta prem-adj",
            "To flatten coin P&L",
            "To flatten account in USD",
            "Left out",
        ),
        numeric=(False, True, True, True, True, True, True, True),
        rows=tuple(
            (
                safe_text(hedge.underlying, 16),
                number_text(hedge.cash_coin, 6),
                number_text(hedge.equity_coin, 6),
                number_text(hedge.delta_black, 6),
                number_text(hedge.delta_premium_adjusted, 6),
                number_text(hedge.flattens_coin_pnl, 6),
                number_text(hedge.flattens_account_usd, 6),
                str(hedge.left_out),
            )
            for hedge in hedges
        ),
    )


def position_table(exposures: Exposures) -> TextTable:
    """Each valued position: quantity, what marks it, and the Greeks traders look at first."""
    book = exposures.book
    vols = dict(zip(book.options.rows.tolist(), book.options.vol.tolist(), strict=True))
    titles = {name: title for name, title, _ in LADDER_COLUMNS} | {"value_usd": "Value USD"}
    decimals = {name: places for name, _, places in LADDER_COLUMNS} | {"value_usd": 2}
    rows = []
    for row, (position, mark) in enumerate(zip(book.positions, book.marks, strict=True)):
        values = exposures.position(row)._asdict()
        rows.append(
            (
                safe_text(position.instrument.venue, 16),
                safe_text(position.instrument.name, 40),
                quantity_text(position.quantity),
                percent_text(vols.get(row)),
                safe_text(mark.vol_source or mark.forward_source, 40),
                *(number_text(values[name], decimals[name]) for name in POSITION_COLUMNS),
            )
        )
    return TextTable(
        title="Positions",
        columns=(
            "Venue",
            "Instrument",
            "Quantity",
            "IV %",
            "Marked by",
            *(titles[name] for name in POSITION_COLUMNS),
        ),
        numeric=(False, False, True, True, False, *(True for _ in POSITION_COLUMNS)),
        rows=tuple(rows),
    )


def _count_text(net: NetGreeks) -> str:
    text = f"{net.positions} position{'' if net.positions == 1 else 's'}"
    return f"{text}, WITHOUT {net.left_out} that could not be marked" if net.left_out else text
