"""The risk report as a value: exposures, scenarios, margin, what was left out, where it is from.

Built in one pass from positions and a market; rounding and layout are `views`' matter.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from decimal import Decimal

import numpy as np

from quantdesk.domain.ports import Runner
from quantdesk.domain.times import NS_PER_S, expiry_code
from quantdesk.margin import BookMargin, VenueMargin, statement_for
from quantdesk.margin.portfolio_statement import (
    PortfolioStatement,
    cash_of_one_account,
    portfolio_statement,
)
from quantdesk.market.chain import FloatArray
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.exposure import Exposures, expose
from quantdesk.risk.fitted import MarketSurfaces
from quantdesk.risk.greeks import GREEK_FIELDS
from quantdesk.risk.historical import historical_days
from quantdesk.risk.index_prices import index_prices_of
from quantdesk.risk.limits.limit import Filters
from quantdesk.risk.limits.trial import Result
from quantdesk.risk.limits.use_report import LimitReport
from quantdesk.risk.pnl_explain_totals import PnlExplain
from quantdesk.risk.prepare import prepare
from quantdesk.risk.revaluation import PreparedBook, ScenarioTable
from quantdesk.risk.scenario import Scenario, VolRule
from quantdesk.risk.scenarios import (
    DOLLARS,
    ScenarioAxes,
    ScenarioCube,
    ScenarioResults,
    run_axes,
    run_scenarios,
)
from quantdesk.risk.stresses import STRESSES
from quantdesk.risk.taylor import taylor_usd
from quantdesk.risk.valuation import (
    Exclusion,
    Holding,
    Surfaces,
    ValuedBook,
    as_positions,
    value_positions,
)
from quantdesk.risk.var import VarReport, VarSettings, value_at_risk
from quantdesk.risk.var_backtest import Backtest, headline_backtests

NOT_YET: Mapping[str, str] = {
    "limits": "not computed: no limits are configured",
    "pnl_explain": "not computed: it needs an opening book and market to explain from",
}
"""Parts of the report that are null, and why."""

INDEX_WITH_QUOTES = frozenset({"ticker", "mark price"})
"""Sources of an index price that came in the options' own messages."""

DAY_NS_MAX = 25 * 3_600 * NS_PER_S
"""Snapshots of a venue's day follow each other by an hour more where a clock is put back."""

Moves = float | Sequence[float]


@dataclass(frozen=True, slots=True, kw_only=True)
class InputSource:
    """One input of the report: what it is, where it is from and how old.

    as_of_ns : its instant, None where it has none
    age_s : at the moment of its own market; negative where its clock ran ahead
    """

    what: str
    source: str
    as_of_ns: int | None
    age_s: float | None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class NamedResults:
    """Results of a list of scenarios with the Taylor comparison (u, m), USD without collateral."""

    results: ScenarioResults
    taylor_usd: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class RiskReport:
    """Everything said of a book at one moment.

    as_of_ns : the latest moment of the markets that were used; each has its own in `sources`
    stresses, historical, own : named scenarios; `own` are the caller's
    collateral : cash by currency as handed in;  unpriced_cash : cash that is in no number, since
        the market has no price of it
    portfolio : Deribit's portfolio margin of the same positions, explained
    var_backtests : of the methods behind `var`, empty where none was asked for
    var, pnl_explain : None where they could not be computed; `reasons` says why
    limits : use of every limit, None where no limits were given
    """

    as_of_ns: int
    exposures: Exposures
    prepared: PreparedBook
    index_prices: Mapping[str, float]
    cube: ScenarioCube
    stresses: NamedResults
    historical: NamedResults
    own: NamedResults | None
    margin: BookMargin
    sources: tuple[InputSource, ...]
    collateral: Mapping[str, Decimal] = field(default_factory=dict)
    unpriced_cash: Mapping[str, Decimal] = field(default_factory=dict)
    portfolio: PortfolioStatement | None = None
    var: VarReport | None = None
    var_backtests: tuple[Backtest, ...] = ()
    limits: LimitReport | None = None
    pnl_explain: PnlExplain | None = None
    reasons: Mapping[str, str] = field(default_factory=lambda: dict(NOT_YET))

    @property
    def book(self) -> ValuedBook:
        """The positions that were valued."""
        return self.exposures.book

    @property
    def greeks(self) -> Exposures:
        """Greeks in desk units; prints the net ones of each underlying with their units."""
        return self.exposures

    @property
    def excluded(self) -> tuple[Exclusion, ...]:
        """Positions that are in no number, with the reason."""
        return self.exposures.book.excluded

    def scenario(
        self,
        *,
        spot: Moves = 0.0,
        vol: Moves = 0.0,
        days: Moves = 0.0,
        basis: Moves = 0.0,
        rule: VolRule | None = None,
        runner: Runner | None = None,
    ) -> ScenarioCube:
        """Full revaluation on the product of the moves; units as in `scenario.Move`."""
        axes = ScenarioAxes(
            spot=_axis(spot),
            vol=_axis(vol),
            days=_axis(days),
            basis=_axis(basis),
            rule=rule or VolRule(),
        )
        return run_axes(
            self.prepared,
            axes,
            index_prices=self.index_prices,
            collateral=self.collateral,
            runner=runner,
        )

    def __str__(self) -> str:
        parts = [str(self.greeks), str(self.cube)]
        parts += [
            f"left out: {one.position.instrument.name}: {one.reason}" for one in self.excluded
        ]
        return "\n\n".join(parts)


def build_report(
    holdings: Iterable[Holding] | Holding,
    market: MarketData,
    *,
    surfaces: Surfaces | None = None,
    surface_sources: Sequence[InputSource] = (),
    collateral: Mapping[str, Decimal] | None = None,
    account_cash: Mapping[str, Decimal] | None = None,
    axes: ScenarioAxes | None = None,
    own_scenarios: Sequence[Scenario] = (),
    strike_widths: Mapping[str, float] | None = None,
    venue_margins: Sequence[VenueMargin] = (),
    portfolio: PortfolioStatement | None = None,
    book_source: str = "positions handed in",
    var_settings: VarSettings | None = None,
    with_var: bool = True,
    pnl_explain: PnlExplain | None = None,
    runner: Runner | None = None,
    threads: int | None = None,
) -> RiskReport:
    """The report of `holdings` on `market`.

    Parameters
    ----------
    holdings : positions, structures or legs
    surfaces : fitted surfaces by (venue, underlying), before the market's own
    surface_sources : what is to be said of them among the sources
    collateral : cash by currency: coins, or dollars ("USD", "USDC", "USDT")
    account_cash : the same of connected accounts, where `collateral` does not say otherwise; what
        has no price is kept apart and named, since an account holds what it holds
    axes : of the scenario matrix;  own_scenarios : beside the desk's stresses
    strike_widths : of the strike buckets by underlying, USD
    venue_margins : the venue's own figures, where an account is connected
    portfolio : portfolio margin of the positions, where it is known already with orders and equity
    book_source : where the positions come from, in words
    with_var : False leaves value at risk out, for a screen that shows none and is drawn often
    pnl_explain : of this book up to this market, where there was an opening to explain from

    A position that can not be marked is excluded by name; the rest is computed. Raises InvalidInput
    for collateral without a price and for moves outside their domain.
    """
    positions = as_positions(holdings)
    index_prices = index_prices_of(market)
    held = dict(account_cash or {})
    unpriced = {c: held[c] for c in sorted(held) if c not in DOLLARS and c not in index_prices}
    cash = {c: amount for c, amount in held.items() if c not in unpriced} | dict(collateral or {})
    book = value_positions(positions, market, surfaces=surfaces)
    prepared = prepare(book, surfaces=surfaces)
    run = _Run(prepared=prepared, index_prices=index_prices, collateral=cash, threads=threads)
    as_of_ns = max((one.as_of_ns for one in (book.markets or market.markets)), default=0)
    var = (
        value_at_risk(
            prepared,
            index_prices=index_prices,
            until_ns=as_of_ns,
            collateral=cash,
            settings=var_settings,
            left_out=len(book.excluded),
            threads=threads,
        )
        if with_var
        else None
    )
    return RiskReport(
        as_of_ns=as_of_ns,
        exposures=expose(book, collateral=cash, strike_widths=strike_widths, threads=threads),
        prepared=prepared,
        index_prices=index_prices,
        cube=run_axes(
            prepared,
            axes or ScenarioAxes(),
            index_prices=index_prices,
            collateral=cash,
            runner=runner,
            threads=threads,
        ),
        stresses=run.named(STRESSES),
        historical=run.named(historical_days()),
        own=run.named(own_scenarios, runner) if own_scenarios else None,
        margin=statement_for(positions, market, venue_figures=venue_margins),
        portfolio=portfolio
        or portfolio_statement(
            positions,
            market,
            cash=cash_of_one_account(positions, collateral or {}),
            venue_figures=venue_margins,
            with_liquidation=False,
        ),
        sources=(*_sources(book, market.source, book_source), *surface_sources),
        collateral=cash,
        unpriced_cash=unpriced,
        var=var if var is not None and var.is_available else None,
        pnl_explain=pnl_explain,
        reasons=_reasons(var, pnl_explain),
    )


def desk_results(report: RiskReport) -> dict[Filters, Result]:
    """Equity of the desk, for margin limits that are a share of it: collateral and open value in
    USD at the index; nothing where no collateral is known.
    """
    equity = equity_usd(report)
    return {} if equity is None else {Filters(): Result(equity_usd=max(equity, 0.0))}


def is_of_a_day(explained: PnlExplain) -> bool:
    """Whether limits on the day's loss may be held to it: it begins at most a day before."""
    return explained.to_ns - explained.from_ns <= DAY_NS_MAX


def equity_usd(report: RiskReport) -> float | None:
    """Collateral and open value in USD at the index; None where no collateral is known."""
    if not report.collateral:
        return None
    cash = sum(
        float(amount) * (1.0 if currency in DOLLARS else report.index_prices[currency])
        for currency, amount in report.collateral.items()
    )
    worth = report.exposures.by_position[:, GREEK_FIELDS.index("value_usd")]
    return cash + float(worth.sum())


def with_backtests(report: RiskReport, threads: int | None = None) -> RiskReport:
    """`report` with what its value at risk would have said on the record."""
    if report.var is None:
        return report
    found = headline_backtests(
        report.prepared, report.var, until_ns=report.as_of_ns, threads=threads
    )
    return replace(report, var_backtests=found)


def with_limits(report: RiskReport, limits: LimitReport) -> RiskReport:
    """`report` with the use of every limit."""
    reasons = {part: reason for part, reason in report.reasons.items() if part != "limits"}
    return replace(report, limits=limits, reasons=reasons)


def with_pnl_explain(report: RiskReport, explained: PnlExplain) -> RiskReport:
    """`report` with what its book earned up to its market."""
    reasons = {part: reason for part, reason in report.reasons.items() if part != "pnl_explain"}
    return replace(report, pnl_explain=explained, reasons=reasons)


def _reasons(var: VarReport | None, explained: PnlExplain | None) -> dict[str, str]:
    """Why parts of the report are null."""
    reasons = dict(NOT_YET)
    if explained is not None:
        del reasons["pnl_explain"]
    if var is None:
        reasons["var"] = "not computed: it was not asked for"
    elif not var.is_available:
        reasons["var"] = var.rows[0].reason
    return reasons


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class _Run:
    """What the lists of named scenarios share."""

    prepared: PreparedBook
    index_prices: Mapping[str, float]
    collateral: Mapping[str, Decimal]
    threads: int | None

    def named(self, scenarios: Sequence[Scenario], runner: Runner | None = None) -> NamedResults:
        """Results with the Taylor view beside them; short lists are not worth a pool."""
        results = run_scenarios(
            self.prepared,
            scenarios,
            index_prices=self.index_prices,
            collateral=self.collateral,
            runner=runner,
            threads=self.threads,
        )
        table = ScenarioTable.of(scenarios, self.prepared.underlyings)
        return NamedResults(results=results, taylor_usd=taylor_usd(self.prepared, table))


def surface_sources_of(fitted: MarketSurfaces) -> tuple[InputSource, ...]:
    """Fitted surfaces among the sources: grade and digest, or why there is none."""
    found = [
        InputSource(
            what=f"{fit.venue} {fit.underlying} surface",
            source=f"fitted here, grade {fit.grade.value}, digest {fit.digest[:12]}",
            as_of_ns=fit.as_of_ns,
            age_s=0.0,
        )
        for fit in fitted.fits
    ]
    found += [
        InputSource(
            what=f"{refusal.venue} {refusal.underlying} surface",
            source=f"none, the marks serve: {refusal.reason}",
            as_of_ns=refusal.as_of_ns,
            age_s=None,
        )
        for refusal in fitted.refusals
    ]
    return tuple(found)


def _axis(moves: Moves) -> tuple[float, ...]:
    if isinstance(moves, int | float):
        return (float(moves),)
    return tuple(float(move) for move in moves)


def _sources(book: ValuedBook, market_source: str, book_source: str) -> tuple[InputSource, ...]:
    found = [
        InputSource(what="positions", source=book_source, as_of_ns=None, age_s=None),
        InputSource(what="market", source=market_source, as_of_ns=None, age_s=None),
    ]
    for number, market in enumerate(book.markets):
        rows = [row for row, of in enumerate(book.market_of) if of == number]
        found += _market_sources(book, market, rows)
    return tuple(found)


def _market_sources(
    book: ValuedBook, market: UnderlyingMarket, rows: Sequence[int]
) -> list[InputSource]:
    """Index, forwards and vols of one market as far as the book uses them, and their ages."""
    name = f"{market.venue} {market.underlying}"
    # An index that came with the quotes is as old as the newest of them; else nobody said.
    with_quotes = market.index_source in INDEX_WITH_QUOTES
    newest = int(market.chain.event_ns.max(initial=0)) if with_quotes else 0
    found = [
        InputSource(
            what=f"{name} index",
            source=market.index_source,
            as_of_ns=newest or None,
            age_s=(market.as_of_ns - newest) / 1e9 if newest else None,
        )
    ]
    moments: dict[str, list[int]] = {}
    used: Counter[str] = Counter()
    for row in rows:
        mark = book.marks[row]
        what = mark.vol_source or f"price: {mark.forward_source}"
        used[what] += 1
        if mark.event_ns:
            moments.setdefault(what, []).append(mark.event_ns)
    for what, count in sorted(used.items()):
        oldest = min(moments.get(what, ()), default=None)
        kind = "" if what.startswith("price: ") else "vol: "
        found.append(
            InputSource(
                what=f"{name} {kind}{what} of {count} positions, the oldest",
                source=market.venue,
                as_of_ns=oldest,
                age_s=None if oldest is None else (market.as_of_ns - oldest) / 1e9,
            )
        )
    options = book.options
    for expiry_ns in np.unique(options.expiry_ns[np.isin(options.rows, rows)]).tolist():
        forward = market.forwards[expiry_ns]
        in_expiry = market.chain.expiry_ns == expiry_ns
        newest = int(market.chain.event_ns[in_expiry].max(initial=0))
        found.append(
            InputSource(
                what=f"{name} forward {expiry_code(expiry_ns)}",
                source=forward.source,
                as_of_ns=newest or None,
                age_s=(market.as_of_ns - newest) / 1e9 if newest else None,
            )
        )
    return found
