"""A structure's analysis as records with stable names: the schema `quantdesk.structure/1`.

One place decides the fields; every format of `build` and `compare` writes these.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from quantdesk.app.render.portfolio_record import leg_records, totals_record
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.times import format_instant
from quantdesk.margin.book_margin import BookMargin
from quantdesk.margin.portfolio_statement import PortfolioStatement
from quantdesk.structures.analysis import StructureAnalysis
from quantdesk.structures.chances import PERCENTILES, Outcome
from quantdesk.structures.exact_plan import exact_plan
from quantdesk.structures.net import FeeEstimate, Money, PriceBasis
from quantdesk.structures.text import format_line

SCHEMA = "quantdesk.structure/1"

UNITS = {
    "quantity": "venue's amount unit, signed; coins for Deribit options, USD for inverse futures",
    "price": "currency of the leg, per coin",
    "net": "positive is paid (debit); coin and usd convert at the index",
    "iv": "fraction per sqrt(year)",
    "delta": "coin, Black on the forward, times quantity",
    "delta_premium_adjusted": "coin, delta - mark in coin, times quantity",
    "gamma": "coin per USD, times quantity",
    "vega": "USD per vol point, times quantity",
    "theta": "USD per calendar day, times quantity",
    "breakevens": "USD per coin at settlement, before fees",
    "max_profit": "coin: flows converted when they happen; usd: premium at the entry index",
    "probability_of_profit": "after the fees of trading leg by leg",
    "margin": "standard model of the venue, of the structure alone: no offsets",
    "portfolio_margin": "Deribit portfolio margin of the structure alone; null elsewhere",
}

LEG_FIELDS = (
    "instrument_name",
    "quantity",
    "price",
    "currency",
    "price_basis",
    "bid",
    "ask",
    "mark",
    "bid_size",
    "ask_size",
    "bid_iv",
    "mark_iv",
    "ask_iv",
    "iv",
    "spread_vols",
    "fee",
    "fee_currency",
    "delta",
    "delta_premium_adjusted",
    "gamma",
    "vega",
    "theta",
    "problems",
)
"""Columns of the flat formats, one line a leg."""


def structure_record(
    analysis: StructureAnalysis,
    margin: BookMargin | None = None,
    portfolio: PortfolioStatement | None = None,
) -> dict[str, Any]:
    """The whole analysis as one JSON object."""
    payoff = analysis.payoff
    return {
        "schema": SCHEMA,
        "structure": format_line(exact_plan(analysis.structure)),
        "name": analysis.structure.name,
        "venue": analysis.venue,
        "underlying": analysis.underlying,
        "as_of": format_instant(analysis.as_of_ns),
        "index_price": analysis.index,
        "price_basis": analysis.basis.value,
        "units": UNITS,
        "legs": [_leg(row) for row in leg_rows(analysis)],
        "net_mid": _money(analysis.net[PriceBasis.MID]),
        "net_natural": _money(analysis.net[PriceBasis.NATURAL]),
        "net_mark": _money(analysis.net[PriceBasis.MARK]),
        "net_limit": _money(analysis.net[PriceBasis.LIMIT]),
        "fees": _fees(analysis.fees),
        "horizon": _horizon(analysis),
        "breakevens": {numeraire.value: list(payoff[numeraire].breakevens) for numeraire in payoff},
        "max_profit": _extreme(analysis, "max_profit", "profit_side"),
        "max_loss": _extreme(analysis, "max_loss", "loss_side"),
        "unbounded": {
            "max_profit": _sides(analysis, "profit_side"),
            "max_loss": _sides(analysis, "loss_side"),
        },
        "probability_of_profit": [
            {
                "law": chance.law,
                "coin": chance.coin.profit_probability,
                "usd": chance.usd.profit_probability,
            }
            for chance in analysis.chances
        ],
        "outcomes": [
            {"law": one.law, "coin": _outcome(one.coin), "usd": _outcome(one.usd)}
            for one in analysis.chances
        ],
        "touch_probability": [
            {"level": touch.level, "probability": touch.probability} for touch in analysis.touches
        ],
        "greeks": dict(analysis.greeks),
        "margin": _margin(margin),
        "portfolio_margin": _portfolio_margin(portfolio),
        "excluded": list(analysis.excluded),
        "missing": [{"part": one.part, "reason": one.reason} for one in analysis.missing],
        "warnings": list(analysis.warnings),
    }


def leg_rows(analysis: StructureAnalysis) -> list[dict[str, Any]]:
    """One flat record a leg, by `LEG_FIELDS`."""
    rows = []
    fees = analysis.fees.legs if analysis.fees is not None else [None] * len(analysis.quotes)
    for quote, price, fee in zip(analysis.quotes, analysis.prices, fees, strict=True):
        instrument = quote.leg.instrument
        is_option = instrument.kind is InstrumentKind.OPTION
        row: dict[str, Any] = {
            "instrument_name": instrument.name,
            "quantity": quote.leg.quantity,
            "price": price,
            "currency": instrument.quote_currency,
            "price_basis": analysis.basis.value if is_option else "mark",
            "bid": quote.bid,
            "ask": quote.ask,
            "mark": quote.mark,
            "bid_size": quote.bid_size,
            "ask_size": quote.ask_size,
            "bid_iv": quote.bid_iv,
            "mark_iv": quote.mark_iv,
            "ask_iv": quote.ask_iv,
            "iv": quote.vol,
            "spread_vols": quote.spread_vols,
            "fee": None if fee is None else fee.amount,
            "fee_currency": None if fee is None else fee.currency,
            "problems": "; ".join(quote.problems),
        }
        row |= {name: quote.greeks.get(name) for name in _GREEKS}
        rows.append({name: row[name] for name in LEG_FIELDS})
    return rows


_GREEKS = ("delta", "delta_premium_adjusted", "gamma", "vega", "theta")


def _leg(row: Mapping[str, Any]) -> dict[str, Any]:
    """A leg as JSON: its Greeks in a table of their own."""
    leg = {name: value for name, value in row.items() if name not in _GREEKS}
    leg["greeks"] = {name: row[name] for name in _GREEKS if row[name] is not None}
    return leg


def _money(money: Money | None) -> dict[str, Any] | None:
    if money is None:
        return None
    return {
        "amount": money.amount,
        "currency": money.currency,
        "coin": money.coin,
        "usd": money.usd,
        "word": money.word,
    }


def _fees(fees: FeeEstimate | None) -> dict[str, Any] | None:
    if fees is None:
        return None
    total = fees.total
    return {
        "amount": total.amount if total.amounts else Decimal(0),
        "currency": total.currency,
        "coin": total.coin,
        "usd": total.usd,
        "capped_legs": [
            number
            for number, fee in enumerate(fees.legs, start=1)
            if fee is not None and fee.is_capped
        ],
        "combo": _money(fees.combo),
    }


def _horizon(analysis: StructureAnalysis) -> dict[str, Any]:
    horizon = analysis.horizon
    return {
        "expiry": None if horizon.expiry_ns is None else format_instant(horizon.expiry_ns),
        "years": horizon.years,
        "forward": horizon.forward,
        "method": "exact" if horizon.is_exact else "model",
    }


def _extreme(analysis: StructureAnalysis, value: str, side: str) -> dict[str, Any]:
    found: dict[str, Any] = {
        numeraire.value: getattr(summary, value) for numeraire, summary in analysis.payoff.items()
    }
    found["unbounded"] = _sides(analysis, side)
    return found


def _sides(analysis: StructureAnalysis, side: str) -> dict[str, str]:
    return {
        numeraire.value: getattr(summary, side).value
        for numeraire, summary in analysis.payoff.items()
        if getattr(summary, side) is not None
    }


def _outcome(outcome: Outcome) -> dict[str, Any]:
    return {
        "probability_of_profit": outcome.profit_probability,
        "expected": outcome.expected,
        "percentiles": {
            str(percent): value
            for percent, value in zip(PERCENTILES, outcome.percentiles, strict=True)
        },
    }


def _margin(margin: BookMargin | None) -> dict[str, Any] | None:
    """Initial and maintenance by currency, of the structure alone."""
    if margin is None:
        return None
    return {
        "model": "standard, no offsets",
        "totals": [
            {
                "currency": total.currency,
                "initial": total.initial,
                "maintenance": total.maintenance,
            }
            for account in margin.accounts
            for total in account.statement.totals
        ],
        "excluded": [one.reason for one in margin.excluded],
    }


def _portfolio_margin(portfolio: PortfolioStatement | None) -> dict[str, Any] | None:
    """Totals by currency with the binding cell and each leg's part, of the structure alone."""
    if portfolio is None:
        return None
    return {
        "model": f"deribit portfolio, {portfolio.mode.value}",
        "label": portfolio.label or "verified",
        "totals": [totals_record(one) | {"legs": leg_records(one)} for one in portfolio.accounts],
        "excluded": [one.reason for one in portfolio.excluded],
    }
