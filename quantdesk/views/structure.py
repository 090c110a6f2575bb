"""A structure's analysis as lines of text: what a terminal and a screen show.

Rounds and words; computes nothing.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quantdesk.domain.times import format_instant
from quantdesk.margin.book_margin import BookMargin
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.chances import Outcome
from quantdesk.structures.leg_quotes import LegQuote
from quantdesk.structures.net import Money, PriceBasis
from quantdesk.structures.payoff import Numeraire
from quantdesk.structures.summary import PayoffSummary
from quantdesk.views.margin import TextTable
from quantdesk.views.number_text import DASH, number_text, percent_text
from quantdesk.views.safe_text import safe_text

COIN_DECIMALS = 6
USD_DECIMALS = 2
PRICE_DECIMALS = 2


def heading(analysis: StructureAnalysis) -> str:
    """What it is, where, and when: one line."""
    name = analysis.structure.name or "structure"
    return (
        f"{name} on {analysis.underlying} at {analysis.venue}, "
        f"index {number_text(float(analysis.index), 2)} USD, {format_instant(analysis.as_of_ns)}"
    )


def leg_table(analysis: StructureAnalysis) -> TextTable:
    """One row a leg: quantity, quote, entry price, vol, Greeks of the leg."""
    columns = ("leg", "instrument", "quantity", "bid", "ask", "entry", "IV %", "spread vols")
    greeks = ("delta", "pa delta", "vega USD/pt", "theta USD/day")
    rows = []
    for number, (quote, price) in enumerate(
        zip(analysis.quotes, analysis.prices, strict=True), start=1
    ):
        rows.append(
            (
                str(number),
                safe_text(quote.leg.instrument.name, 40),
                f"{quote.leg.quantity:+f}",
                _exact(quote.bid),
                _exact(quote.ask),
                _exact(price),
                percent_text(quote.vol),
                number_text(quote.spread_vols, 2),
                *_greek_cells(quote),
            )
        )
    total = ("", "total", "", "", "", "", "", "", *_total_cells(analysis))
    return TextTable(
        title=f"Legs, entered at {analysis.basis.value}",
        columns=columns + greeks,
        numeric=(False, False) + (True,) * 10,
        rows=(*rows, total),
    )


def _greek_cells(quote: LegQuote) -> tuple[str, ...]:
    greeks = quote.greeks
    return (
        number_text(greeks.get("delta"), 4),
        number_text(greeks.get("delta_premium_adjusted"), 4),
        number_text(greeks.get("vega"), 2),
        number_text(greeks.get("theta"), 2),
    )


def _total_cells(analysis: StructureAnalysis) -> tuple[str, ...]:
    greeks = analysis.greeks
    return (
        number_text(greeks.get("delta"), 4),
        number_text(greeks.get("delta_premium_adjusted"), 4),
        number_text(greeks.get("vega"), 2),
        number_text(greeks.get("theta"), 2),
    )


def price_table(analysis: StructureAnalysis) -> TextTable:
    """Net premium on each basis, and the fees."""
    rows = [
        (basis.value, *_money_cells(analysis.net[basis]))
        for basis in (PriceBasis.MID, PriceBasis.NATURAL, PriceBasis.LIMIT)
    ]
    if analysis.fees is not None:
        fees = analysis.fees
        rows.append(("fees, leg by leg", *_money_cells(fees.total, word="fees")))
        if fees.combo is not None:
            rows.append(("fees, as one combo", *_money_cells(fees.combo, word="fees")))
    return TextTable(
        title="Net price",
        columns=("at", "", analysis.underlying, "USD"),
        numeric=(False, False, True, True),
        rows=tuple(rows),
    )


def _money_cells(money: Money | None, word: str = "") -> tuple[str, str, str]:
    if money is None:
        return "no quote", DASH, DASH
    return (
        word or money.word,
        number_text(abs(float(money.coin)), COIN_DECIMALS),
        number_text(abs(float(money.usd)), USD_DECIMALS),
    )


def payoff_table(analysis: StructureAnalysis) -> TextTable:
    """Breakevens, best and worst in coin, in USD and in USD marked at settlement."""
    shown = [(n, analysis.payoff[n]) for n in Numeraire if n in analysis.payoff]
    titles = {
        Numeraire.COIN: analysis.underlying,
        Numeraire.USD: "USD, premium at entry index",
        Numeraire.USD_MARKED: "USD, premium kept in coin",
    }
    decimals = {Numeraire.COIN: COIN_DECIMALS}
    rows = (
        ("breakevens", *(_prices(summary.breakevens) for _, summary in shown)),
        *(
            (
                word,
                *(
                    _extreme_text(summary, attribute, decimals.get(n, USD_DECIMALS))
                    for n, summary in shown
                ),
            )
            for word, attribute in (("max profit", "profit"), ("max loss", "loss"))
        ),
    )
    method = "exact" if analysis.horizon.is_exact else "model: legs that live on are revalued"
    return TextTable(
        title=f"At {analysis.horizon.code or 'any date'}, before fees ({method})",
        columns=("", *(titles[n] for n, _ in shown)),
        numeric=(False,) + (True,) * len(shown),
        rows=rows if shown else (),
    )


def _prices(prices: Sequence[float]) -> str:
    return "  ".join(number_text(price, PRICE_DECIMALS) for price in prices) or DASH


def _extreme_text(summary: PayoffSummary, what: str, decimals: int) -> str:
    value = summary.max_profit if what == "profit" else summary.max_loss
    side = summary.profit_side if what == "profit" else summary.loss_side
    if value is None:
        return f"unlimited {side.value}" if side is not None else DASH
    return number_text(value, decimals)


def chance_table(analysis: StructureAnalysis) -> TextTable:
    """Probability of profit and expectation under each law, after fees."""
    rows = []
    for chance in analysis.chances:
        rows += [
            (
                safe_text(chance.law, 90),
                unit,
                percent_text(outcome.profit_probability, 1),
                number_text(outcome.expected, decimals),
                *_percentile_cells(outcome, decimals),
            )
            for unit, outcome, decimals in (
                (analysis.underlying, chance.coin, COIN_DECIMALS),
                ("USD", chance.usd, USD_DECIMALS),
            )
        ]
    return TextTable(
        title="Chances, after fees",
        columns=("law", "in", "profit %", "expected", "5 %", "median", "95 %"),
        numeric=(False, False, True, True, True, True, True),
        rows=tuple(rows),
    )


def _percentile_cells(outcome: Outcome, decimals: int) -> tuple[str, ...]:
    low, _, middle, _, high = outcome.percentiles
    return tuple(number_text(value, decimals) for value in (low, middle, high))


def touch_line(analysis: StructureAnalysis) -> str:
    """Probability of touching each strike and breakeven, "" where there is none."""
    if not analysis.touches:
        return ""
    parts = [
        f"{number_text(touch.level, 0)}: {percent_text(touch.probability, 1)} %"
        for touch in analysis.touches
    ]
    return "Touched before expiry (same law): " + ", ".join(parts)


def margin_lines(margin: BookMargin | None) -> tuple[str, ...]:
    """Standard margin of the structure alone, in words."""
    if margin is None:
        return ()
    lines = [
        f"Margin, {account.statement.model}, no offsets: initial "
        f"{_amount(total.initial)} {total.currency}, maintenance {_amount(total.maintenance)}"
        for account in margin.accounts
        for total in account.statement.totals
    ]
    return (*lines, *(f"Margin without {safe_text(one.reason, 200)}" for one in margin.excluded))


def note_lines(analysis: StructureAnalysis) -> tuple[str, ...]:
    """Warnings, what is excluded and what could not be computed, in words."""
    return (
        *(f"! {safe_text(text, 300)}" for text in analysis.warnings),
        *(f"! totals are without {safe_text(text, 300)}" for text in analysis.excluded),
        *(f"– {one.part}: {safe_text(one.reason, 300)}" for one in analysis.missing),
    )


def _exact(value: Decimal | None) -> str:
    return DASH if value is None else f"{value:,f}"


def _amount(value: Decimal) -> str:
    return number_text(float(value), COIN_DECIMALS)
