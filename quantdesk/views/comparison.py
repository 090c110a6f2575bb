"""Up to four structures side by side: a row a figure, a column a structure."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from quantdesk.errors import InvalidInput
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.net import Money, PriceBasis
from quantdesk.structures.payoff import Numeraire
from quantdesk.views.margin import TextTable
from quantdesk.views.number_text import DASH, number_text, percent_text
from quantdesk.views.safe_text import safe_text

STRUCTURES_MAX = 4
COIN_DECIMALS = 6
USD_DECIMALS = 2

Figure = Callable[[StructureAnalysis], str]


def comparison_table(analyses: Sequence[StructureAnalysis]) -> TextTable:
    """The table. Raises InvalidInput for more than `STRUCTURES_MAX`, or none."""
    if not 1 <= len(analyses) <= STRUCTURES_MAX:
        raise InvalidInput("structures", len(analyses), f"must be 1 to {STRUCTURES_MAX}")
    rows = [(title, *(figure(one) for one in analyses)) for title, figure in FIGURES]
    names = [
        f"{number}: {safe_text(one.structure.name or 'structure', 30)}"
        for number, one in enumerate(analyses, start=1)
    ]
    return TextTable(
        title="Comparison",
        columns=("", *names),
        numeric=(False,) + (True,) * len(names),
        rows=tuple(rows),
    )


def _net(basis: PriceBasis, unit: str) -> Figure:
    def text(analysis: StructureAnalysis) -> str:
        money = analysis.net[basis]
        return DASH if money is None else f"{_amount(money, unit)} {money.word}"

    return text


def _amount(money: Money, unit: str) -> str:
    value = money.coin if unit == "coin" else money.usd
    return number_text(abs(float(value)), COIN_DECIMALS if unit == "coin" else USD_DECIMALS)


def _fees(analysis: StructureAnalysis) -> str:
    return DASH if analysis.fees is None else _amount(analysis.fees.total, "coin")


def _extreme(numeraire: Numeraire, value: str, side: str) -> Figure:
    def text(analysis: StructureAnalysis) -> str:
        summary = analysis.payoff.get(numeraire)
        if summary is None:
            return DASH
        found, direction = getattr(summary, value), getattr(summary, side)
        if found is None:
            return f"unlimited {direction.value}" if direction is not None else DASH
        decimals = COIN_DECIMALS if numeraire is Numeraire.COIN else USD_DECIMALS
        return number_text(found, decimals)

    return text


def _breakevens(analysis: StructureAnalysis) -> str:
    summary = analysis.payoff.get(Numeraire.USD)
    if summary is None:
        return DASH
    return " ".join(number_text(price, 0) for price in summary.breakevens) or DASH


def _profit_chance(unit: str) -> Figure:
    def text(analysis: StructureAnalysis) -> str:
        if not analysis.chances:
            return DASH
        return percent_text(getattr(analysis.chances[0], unit).profit_probability, 1)

    return text


def _expected(analysis: StructureAnalysis) -> str:
    return number_text(analysis.chances[0].usd.expected, 2) if analysis.chances else DASH


def _greek(name: str, decimals: int) -> Figure:
    return lambda analysis: number_text(analysis.greeks.get(name), decimals)


FIGURES: tuple[tuple[str, Figure], ...] = (
    ("legs", lambda analysis: str(len(analysis.structure.legs))),
    ("horizon", lambda analysis: analysis.horizon.code or DASH),
    ("net at mid, coin", _net(PriceBasis.MID, "coin")),
    ("net at mid, USD", _net(PriceBasis.MID, "usd")),
    ("net at natural, coin", _net(PriceBasis.NATURAL, "coin")),
    ("fees, coin", _fees),
    ("breakevens, USD", _breakevens),
    ("max profit, coin", _extreme(Numeraire.COIN, "max_profit", "profit_side")),
    ("max profit, USD", _extreme(Numeraire.USD, "max_profit", "profit_side")),
    ("max loss, coin", _extreme(Numeraire.COIN, "max_loss", "loss_side")),
    ("max loss, USD", _extreme(Numeraire.USD, "max_loss", "loss_side")),
    ("profit chance %, coin, lognormal", _profit_chance("coin")),
    ("profit chance %, USD, lognormal", _profit_chance("usd")),
    ("expected USD, lognormal", _expected),
    ("delta, Black", _greek("delta", 4)),
    ("delta, premium-adjusted", _greek("delta_premium_adjusted", 4)),
    ("gamma, coin per USD", _greek("gamma", 8)),
    ("vega, USD per point", _greek("vega", 2)),
    ("theta, USD per day", _greek("theta", 2)),
)
"""Rows of the comparison: title and how it is read off an analysis."""
