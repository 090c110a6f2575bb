"""Portfolio margin from a script: `qd.portfolio_margin`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from quantdesk.app.notebook_cash import Cash, exact_cash
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.errors import InvalidInput
from quantdesk.margin.deribit_portfolio import MarginMode
from quantdesk.margin.portfolio_statement import PortfolioStatement, portfolio_statement
from quantdesk.market.market_data import MarketData
from quantdesk.risk.valuation import Holding, as_positions


def portfolio_margin(
    positions: Iterable[Holding] | Holding,
    market: MarketData,
    *,
    mode: str = "segregated",
    cash: Mapping[str, Cash] | None = None,
) -> PortfolioStatement:
    """Deribit portfolio margin of `positions` on `market`, explained.

    Parameters
    ----------
    positions : positions, structures or legs, one or several; held coin needs no margin
    market : `desk.market()`
    mode : "segregated", each settlement currency by itself, or "cross", all together in USD
    cash : by currency, {"BTC": "1.5"}; with it liquidation distances are known

    Returns
    -------
    PortfolioStatement : `statement.accounts` have margin, parts of each leg and liquidation;
        `statement.label` says what of it is unproved; prints as lines

    Raises
    ------
    InvalidInput : for another mode, cash that is no number or has no price, and what is no position
    """
    modes = [one.value for one in MarginMode]
    if mode not in modes:
        raise InvalidInput("mode", mode, f"must be one of {', '.join(modes)}")
    held = [
        one for one in as_positions(positions) if one.instrument.kind is not InstrumentKind.SPOT
    ]
    amounts = exact_cash("cash", cash)
    return portfolio_statement(held, market, mode=MarginMode(mode), cash=amounts)
