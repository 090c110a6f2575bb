"""The builder's screen as values: legs as a table, totals as blocks of figures. Rounds and words.

Every amount names its currency and every chance its law; what is missing is a dash with a reason
among the notes, never a nought.
"""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from quantdesk.domain.fees import Fee
from quantdesk.domain.instrument import Instrument, InstrumentKind, OptionType
from quantdesk.domain.structure import Structure
from quantdesk.domain.times import expiry_code
from quantdesk.margin.book_margin import BookMargin
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.leg_quotes import LegQuote
from quantdesk.structures.net import Money, PriceBasis
from quantdesk.structures.payoff import Numeraire
from quantdesk.structures.summary import PayoffSummary
from quantdesk.views.cells import Cell, Role
from quantdesk.views.fact_lines import (
    FactBlock,
    FactLine,
    FactRole,
    FactRun,
    fact_sentences,
    fact_table,
)
from quantdesk.views.number_text import DASH, number_text, percent_text, strike_text
from quantdesk.views.safe_text import safe_text
from quantdesk.views.table import Align, LineKind, TableColumn, TableLine, TableView, table_view

COIN_DECIMALS = 6
USD_DECIMALS = 2
SENTENCE_MAX = 300

BASIS_WORDS = {
    PriceBasis.MID: "mid",
    PriceBasis.NATURAL: "natural",
    PriceBasis.MARK: "mark",
    PriceBasis.LIMIT: "limit",
}

LEG_COLUMNS = (
    TableColumn(key="leg", title="Leg", align=Align.LEFT, says="leg"),
    TableColumn(key="side", title="Side", align=Align.LEFT, says="side"),
    TableColumn(key="quantity", title="Qty", says="signed quantity"),
    TableColumn(key="contract", title="Contract", align=Align.LEFT, says="contract"),
    TableColumn(key="bid", title="Bid", says="best bid"),
    TableColumn(key="ask", title="Ask", says="best ask"),
    TableColumn(key="entry", title="Entry", says="price it is entered at"),
    TableColumn(key="iv", title="IV", unit="%", says="vol its Greeks are taken at"),
    TableColumn(key="delta", title="Δ Black", unit="coin", says="Black delta of the leg"),
    TableColumn(key="delta_pa", title="Δ pa", unit="coin", says="premium-adjusted delta"),
    TableColumn(key="gamma", title="Gamma", unit="coin/1%", says="Black delta a 1 % move"),
    TableColumn(key="vega", title="Vega", unit="USD/pt", says="a vol point"),
    TableColumn(key="theta", title="Theta", unit="USD/day", says="a calendar day"),
    TableColumn(key="mark", title="Mark", says="the venue's mark"),
    TableColumn(key="spread", title="Spread", unit="vols", says="ask less bid in vol points"),
    TableColumn(key="touch", title="At touch", unit="qty", says="size that natural takes"),
    TableColumn(key="fee", title="Fee", says="taker fee, leg by leg"),
)
"""The columns of the leg table; those on the left matter most on a narrow screen."""

FIXED_COLUMNS = 4


def leg_view(analysis: StructureAnalysis) -> TableView:
    """One line a leg, and their sum. The key of a leg's line is its place, counted from 0."""
    fees = analysis.fees
    lines = [
        TableLine(
            key=str(place),
            cells=_leg_cells(
                place,
                quote,
                price,
                index=float(analysis.index),
                fee=None if fees is None else fees.legs[place],
            ),
        )
        for place, (quote, price) in enumerate(zip(analysis.quotes, analysis.prices, strict=True))
    ]
    lines.append(TableLine(key="total", cells=_total_cells(analysis), kind=LineKind.TOTAL))
    return table_view(LEG_COLUMNS, lines, fixed=FIXED_COLUMNS)


def empty_leg_view(why: str) -> TableView:
    """The leg table without a leg."""
    return table_view(LEG_COLUMNS, (), fixed=FIXED_COLUMNS, empty=why)


def plain_leg_view(structure: Structure) -> TableView:
    """The legs without a market: what is not known is a dash."""
    dash = Cell(DASH, Role.MISSING)
    lines = [
        TableLine(
            key=str(place),
            cells=(
                Cell(f"{place + 1}", Role.AGE),
                Cell("buy" if leg.quantity > 0 else "sell", Role.LABEL),
                Cell(_signed(leg.quantity), Role.VALUE),
                Cell(contract_text(leg.instrument), Role.STRIKE),
                *(dash,) * (len(LEG_COLUMNS) - FIXED_COLUMNS),
            ),
        )
        for place, leg in enumerate(structure.legs)
    ]
    return table_view(LEG_COLUMNS, lines, fixed=FIXED_COLUMNS)


def contract_text(instrument: Instrument) -> str:
    """A contract as a blotter writes it: "31JUL26 54,000 P", a future by its name."""
    if instrument.kind is not InstrumentKind.OPTION or instrument.expiry_ns is None:
        return safe_text(instrument.name, 24)
    assert instrument.strike is not None  # an option has one
    kind = "C" if instrument.option_type is OptionType.CALL else "P"
    code = expiry_code(instrument.expiry_ns)
    return f"{code} {strike_text(float(instrument.strike))} {kind}"


def _leg_cells(
    place: int, quote: LegQuote, price: Decimal | None, *, index: float, fee: Fee | None
) -> tuple[Cell, ...]:
    leg, greeks = quote.leg, quote.greeks
    is_bought = leg.quantity > 0
    has_trouble = bool(quote.problems)
    price_role = Role.STALE if has_trouble else Role.MARK
    gamma = greeks.get("gamma")
    return (
        Cell(f"{place + 1}{'!' if has_trouble else ''}", Role.WARNING if has_trouble else Role.AGE),
        Cell("buy" if is_bought else "sell", Role.BID if is_bought else Role.ASK),
        Cell(_signed(leg.quantity), Role.VALUE),
        Cell(contract_text(leg.instrument), Role.STRIKE),
        _price_cell(quote.bid, Role.STALE if has_trouble else Role.BID),
        _price_cell(quote.ask, Role.STALE if has_trouble else Role.ASK),
        _price_cell(price, Role.FLAG if leg.price is not None else price_role),
        _cell(percent_text(quote.vol), Role.IV),
        _cell(number_text(greeks.get("delta"), 4), Role.GREEK),
        _cell(number_text(greeks.get("delta_premium_adjusted"), 4), Role.GREEK),
        _cell(number_text(None if gamma is None else gamma * index * 0.01, 4), Role.GREEK),
        _cell(number_text(greeks.get("vega"), 2), Role.GREEK),
        _cell(number_text(greeks.get("theta"), 2), Role.GREEK),
        _price_cell(quote.mark, price_role),
        _cell(number_text(quote.spread_vols, 2), Role.IV),
        _cell(number_text(quote.touch_size, 1), Role.SIZE),
        _cell(DASH if fee is None else f"{fee.amount:f} {safe_text(fee.currency, 8)}", Role.VALUE),
    )


def _total_cells(analysis: StructureAnalysis) -> tuple[Cell, ...]:
    greeks, index = analysis.greeks, float(analysis.index)
    gamma = greeks.get("gamma")
    blank = Cell("", Role.LABEL)
    # A leg may lack a price and still have a vol: what counts here is whether it is in the sums.
    missing = sum("delta" not in quote.greeks for quote in analysis.quotes)
    word = "total" if not missing else f"without {missing} leg{'s' if missing > 1 else ''}"
    return (
        Cell("", Role.LABEL),
        blank,
        blank,
        Cell(word, Role.WARNING if missing else Role.LABEL),
        *(blank,) * 4,
        _cell(number_text(greeks.get("delta"), 4), Role.GREEK),
        _cell(number_text(greeks.get("delta_premium_adjusted"), 4), Role.GREEK),
        _cell(number_text(None if gamma is None else gamma * index * 0.01, 4), Role.GREEK),
        _cell(number_text(greeks.get("vega"), 2), Role.GREEK),
        _cell(number_text(greeks.get("theta"), 2), Role.GREEK),
        *(blank,) * 4,
    )


def _cell(text: str, role: Role) -> Cell:
    return Cell(text, Role.MISSING if text == DASH else role)


def _price_cell(price: Decimal | None, role: Role) -> Cell:
    return Cell(DASH, Role.MISSING) if price is None else Cell(f"{price:,f}", role)


def _signed(quantity: Decimal) -> str:
    return f"{quantity.normalize():+,f}"


def total_blocks(
    analysis: StructureAnalysis,
    margin: BookMargin | None,
    *,
    margin_problem: str = "",
    notes: Sequence[str] = (),
) -> tuple[FactBlock, ...]:
    """Everything below the legs: price, Greeks, payoff, margin, warnings, chances, what is missing.

    notes : what was bent when the structure was built; warnings too
    """
    warnings = (
        *(f"! {safe_text(text, SENTENCE_MAX)}" for text in notes if text not in analysis.warnings),
        *(f"! {safe_text(text, SENTENCE_MAX)}" for text in analysis.warnings),
        *(f"! totals are without {safe_text(text, SENTENCE_MAX)}" for text in analysis.excluded),
    )
    blocks = [price_block(analysis), greek_block(analysis)]
    blocks.append(payoff_block(analysis))
    blocks += _margin_blocks(analysis, margin, margin_problem)
    if warnings:
        blocks.append(fact_sentences("Warnings", warnings, FactRole.WARNING))
    blocks += chance_blocks(analysis)
    if analysis.missing:
        reasons = [f"{one.part}: {safe_text(one.reason, SENTENCE_MAX)}" for one in analysis.missing]
        blocks.append(fact_sentences("Not known", reasons, FactRole.MISSING))
    return tuple(blocks)


def price_block(analysis: StructureAnalysis) -> FactBlock:
    """Net premium on each basis in words, coin and USD, and the fees."""
    rows: list[tuple[FactRun, ...]] = []
    for basis in (PriceBasis.MID, PriceBasis.NATURAL, PriceBasis.LIMIT):
        is_chosen = basis is analysis.basis
        label = f"{'>' if is_chosen else ' '} at {BASIS_WORDS[basis]}"
        rows.append(_money_row(label, analysis.net[basis]))
    if analysis.basis is PriceBasis.MARK:
        rows.append(_money_row("> at mark", analysis.net[PriceBasis.MARK]))
    if analysis.fees is not None:
        rows.append(_money_row("  fees, legs", analysis.fees.total, word="pay"))
        if analysis.fees.combo is not None:
            rows.append(_money_row("  fees, combo", analysis.fees.combo, word="pay"))
    return fact_table("Net price", ("", "", analysis.underlying, "USD"), rows)


def _money_row(label: str, money: Money | None, word: str = "") -> tuple[FactRun, ...]:
    if money is None:
        missing = FactRole.MISSING
        return (label, FactRole.LABEL), ("no quote", missing), (DASH, missing), (DASH, missing)
    return (
        (label, FactRole.LABEL),
        (word or money.word, FactRole.LABEL),
        (number_text(abs(float(money.coin)), COIN_DECIMALS), FactRole.VALUE),
        (number_text(abs(float(money.usd)), USD_DECIMALS), FactRole.VALUE),
    )


def greek_block(analysis: StructureAnalysis) -> FactBlock:
    """Greeks of the whole in coin and in USD, each per the move that its label names."""
    index, greeks = float(analysis.index), analysis.greeks

    def row(label: str, name: str, *, coin: float, usd: float, decimals: int = 6) -> list[FactRun]:
        value = greeks.get(name)
        coin_text = number_text(None if value is None else value * coin, decimals)
        usd_text = number_text(None if value is None else value * usd, USD_DECIMALS)
        return [(label, FactRole.LABEL), _figure(coin_text), _figure(usd_text)]

    per_pct = index * 0.01
    rows = (
        row("Δ Black", "delta", coin=1.0, usd=index, decimals=4),
        row("Δ prem-adj", "delta_premium_adjusted", coin=1.0, usd=index, decimals=4),
        row("gamma/1 %", "gamma", coin=per_pct, usd=per_pct * index, decimals=4),
        row("vega/vol pt", "vega", coin=1 / index, usd=1.0),
        row("theta/day", "theta", coin=1 / index, usd=1.0),
    )
    return fact_table("Greeks", ("", analysis.underlying, "USD"), rows)


def _figure(text: str) -> FactRun:
    return text, FactRole.MISSING if text == DASH else FactRole.VALUE


NUMERAIRE_WORDS = {
    Numeraire.COIN: "",
    Numeraire.USD: "USD, premium at entry",
    Numeraire.USD_MARKED: "USD, premium in coin",
}


def payoff_block(analysis: StructureAnalysis) -> FactBlock:
    """Best, worst and breakevens at the horizon by numeraire, and how they were found."""
    how = "exact" if analysis.horizon.is_exact else "model"
    title = f"At {analysis.horizon.code or 'any date'} ({how})"
    rows = []
    for numeraire in Numeraire:
        summary = analysis.payoff.get(numeraire)
        if summary is None:
            continue
        decimals = COIN_DECIMALS if numeraire is Numeraire.COIN else USD_DECIMALS
        rows.append(
            (
                (NUMERAIRE_WORDS[numeraire] or analysis.underlying, FactRole.LABEL),
                (extreme_text(summary, is_profit=True, decimals=decimals), FactRole.GAIN),
                (extreme_text(summary, is_profit=False, decimals=decimals), FactRole.LOSS),
                (breakeven_text(summary), FactRole.VALUE),
            )
        )
    if not rows:
        rows.append((("not known, see below", FactRole.MISSING), *((DASH, FactRole.MISSING),) * 3))
    return fact_table(title, ("", "max profit", "max loss", "breakevens"), rows)


def extreme_text(summary: PayoffSummary, *, is_profit: bool, decimals: int) -> str:
    """Largest profit or loss; "unlimited" with the side where it has no bound."""
    value = summary.max_profit if is_profit else summary.max_loss
    side = summary.profit_side if is_profit else summary.loss_side
    if value is None:
        return DASH if side is None else f"unlimited {side.value}"
    return number_text(value, decimals)


def breakeven_text(summary: PayoffSummary) -> str:
    """Breakevens in USD; a word where there is none."""
    return "  ".join(price_text(price) for price in summary.breakevens) or "none"


def price_text(price: float) -> str:
    """A price of the underlying with the digits that matter at its size."""
    return number_text(price, 0 if price >= 10_000 else 2)


def chance_blocks(analysis: StructureAnalysis) -> list[FactBlock]:
    """Profit chance and expectation under each law, after fees; touching, under the first."""
    blocks: list[FactBlock] = []
    for chance in analysis.chances:
        rows = [
            (
                (unit, FactRole.LABEL),
                (percent_text(outcome.profit_probability, 1), FactRole.VALUE),
                (
                    number_text(outcome.expected, decimals),
                    FactRole.LOSS if outcome.expected < 0 else FactRole.GAIN,
                ),
                *(
                    (number_text(outcome.percentiles[place], decimals), FactRole.VALUE)
                    for place in (0, 2, 4)
                ),
            )
            for unit, outcome, decimals in (
                (analysis.underlying, chance.coin, COIN_DECIMALS),
                ("USD", chance.usd, USD_DECIMALS),
            )
        ]
        header = ("", "profit %", "expected", "5 %", "median", "95 %")
        table = fact_table("Chance after fees", header, rows)
        law: FactLine = ((f"under {safe_text(chance.law, 110)}", FactRole.LABEL),)
        blocks.append(FactBlock(title="", lines=(*table.lines, law)))
    if analysis.touches:
        parts = [
            f"{price_text(touch.level)}: {percent_text(touch.probability, 1)} %"
            for touch in analysis.touches
        ]
        text = f"{', '.join(parts)} (same law as the first)"
        blocks.append(fact_sentences("Touched before expiry", (text,), FactRole.VALUE))
    return blocks


def _margin_blocks(
    analysis: StructureAnalysis, margin: BookMargin | None, problem: str
) -> list[FactBlock]:
    if margin is None:
        why = safe_text(problem, SENTENCE_MAX) or "not asked for"
        return [fact_sentences("Margin", (f"not known: {why}",), FactRole.MISSING)]
    rows: list[tuple[FactRun, ...]] = []
    models = []
    for account in margin.accounts:
        models.append(account.statement.model)
        for total in account.statement.totals:
            decimals = COIN_DECIMALS if total.currency == analysis.underlying else USD_DECIMALS
            rows.append(
                (
                    (safe_text(total.currency, 8), FactRole.LABEL),
                    (number_text(float(total.initial), decimals), FactRole.VALUE),
                    (number_text(float(total.maintenance), decimals), FactRole.VALUE),
                    _return_text(analysis, total.currency, float(total.initial)),
                )
            )
    if not rows:
        rows.append((("none needed", FactRole.LABEL), *((DASH, FactRole.MISSING),) * 3))
    table = fact_table("Margin", ("", "initial", "maintenance", "max profit/initial"), rows)
    model = f"{', '.join(dict.fromkeys(models)) or 'standard'}, no offsets between legs"
    blocks = [FactBlock(title="", lines=(*table.lines, ((model, FactRole.LABEL),)))]
    reasons = [f"! margin is without {safe_text(one.reason, 200)}" for one in margin.excluded]
    if reasons:
        blocks.append(fact_sentences("", reasons, FactRole.WARNING))
    return blocks


def _return_text(analysis: StructureAnalysis, currency: str, initial: float) -> FactRun:
    """Largest profit over initial margin in one currency."""
    numeraire = Numeraire.COIN if currency == analysis.underlying else Numeraire.USD
    summary = analysis.payoff.get(numeraire)
    if summary is None or initial <= 0:
        return DASH, FactRole.MISSING
    if summary.max_profit is None:
        return "unlimited", FactRole.GAIN
    return f"{percent_text(summary.max_profit / initial, 1)} %", FactRole.VALUE
