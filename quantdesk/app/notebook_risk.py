"""The risk report from a script: `qd.risk_report`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from quantdesk.app.notebook_cash import Cash, exact_cash
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData, VolSurface
from quantdesk.risk.report import RiskReport, build_report
from quantdesk.risk.scenario import Scenario
from quantdesk.risk.valuation import Holding


def risk_report(
    positions: Iterable[Holding] | Holding,
    *,
    market: MarketData,
    surface: VolSurface | Mapping[str, VolSurface] | None = None,
    collateral: Mapping[str, Cash] | None = None,
    scenarios: Sequence[Scenario] = (),
) -> RiskReport:
    """Greeks, scenarios and margin of `positions` on `market`.

    Parameters
    ----------
    positions : positions, structures or legs, one or several
    market : `desk.market()`
    surface : the fitted surface that values the options, or one by underlying; without it the
        vols of the venue's marks do
    collateral : cash by currency, {"BTC": "2.5", "USDC": 10_000}
    scenarios : of one's own, beside the desk's stresses

    Returns
    -------
    RiskReport : `print(report.greeks)` says its units; `report.scenario(spot=…, vol=…)` revalues;
        what could not be marked is in `report.excluded` with its reason, and in no number

    Raises
    ------
    InvalidInput : for cash that is no number or has no price, a surface without a market of its
        own, and anything that is no position
    """
    return build_report(
        positions,
        market,
        surfaces=_surfaces(surface, market),
        collateral=exact_cash("collateral", collateral),
        own_scenarios=scenarios,
    )


def _surfaces(
    surface: VolSurface | Mapping[str, VolSurface] | None, market: MarketData
) -> dict[tuple[str, str], VolSurface]:
    """Surfaces by (venue, underlying). One alone is its own underlying's, or the only market's."""
    if surface is None:
        return {}
    keys = [(one.venue, one.underlying) for one in market.markets]
    if isinstance(surface, Mapping):
        for coin in surface:
            if coin not in {underlying for _, underlying in keys}:
                known = ", ".join(sorted({underlying for _, underlying in keys})) or "none"
                raise InvalidInput("surface", coin, f"must be of a market's underlying: {known}")
        return {key: surface[key[1]] for key in keys if key[1] in surface}
    own = (getattr(surface, "venue", None), getattr(surface, "underlying", None))
    if own in keys:
        return {(str(own[0]), str(own[1])): surface}
    matching = [key for key in keys if own[1] is None or key[1] == own[1]]
    if len(matching) == 1:
        return {matching[0]: surface}
    raise InvalidInput(
        "surface", own[1], "must name its underlying, or be given by underlying: {'BTC': surface}"
    )
