"""P&L explain from a script: `qd.pnl_explain`."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from quantdesk.app.notebook_cash import Cash, exact_cash
from quantdesk.domain.fill import Fill
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import MarketData
from quantdesk.portfolio.ledger import CashEntry
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.pnl_explain import explain_pnl
from quantdesk.risk.pnl_explain_changes import changes_of
from quantdesk.risk.pnl_explain_moments import refuse_outside
from quantdesk.risk.pnl_explain_totals import PnlExplain
from quantdesk.risk.scenario import SmileRule
from quantdesk.risk.valuation import Holding, as_positions


def pnl_explain(
    positions: Iterable[Holding] | Holding,
    *,
    opening: MarketData,
    closing: MarketData,
    fills: Sequence[Fill] = (),
    entries: Sequence[CashEntry] = (),
    vol_rule: str = "sticky-strike",
    through_surfaces: bool = True,
    collateral: Mapping[str, Cash] | None = None,
) -> PnlExplain:
    """What `positions`, as held at the opening, earned from one moment to a later one.

    Parameters
    ----------
    positions : positions, structures or legs, one or several
    opening, closing : `desk.market()` of both moments
    fills, entries : trades, and fees, funding and deliveries, in between
    vol_rule : what vols do while the index moves: "sticky-strike", "sticky-delta" or "surface"
    through_surfaces : take vol changes apart through surfaces fitted at both moments, or each
        strike's by itself
    collateral : cash held at the opening by currency, whose translation to USD is shown apart

    Returns
    -------
    PnlExplain : `explained.totals` by currency have steps, lines, residual and gross, by
        `pnl_explain_steps.STEPS` and `LINES`; `explained.by("expiry")` rolls up; `explained.legs`
        each; what could not be marked is in `explained.excluded` with its reason

    Raises
    ------
    InvalidInput : for a close that is not later, an unknown rule, cash that is no number, and a
        fill or entry of an instrument that neither market lists, or of before the opening or after
        the close
    """
    rules = [rule.value for rule in SmileRule]
    if vol_rule not in rules:
        raise InvalidInput("vol_rule", vol_rule, f"must be one of {', '.join(rules)}")
    shapes = None
    if through_surfaces:
        shapes = (fit_surfaces(opening).surfaces, fit_surfaces(closing).surfaces)
    marks = [LegMarks(opening), LegMarks(closing)]
    named = {(one.venue, one.instrument_name) for one in fills}
    named |= {(one.holding.venue, one.holding.instrument_name) for one in entries}
    instruments = {
        name: found
        for venue, name in sorted(named)
        if (found := marks[0].instrument(venue, name) or marks[1].instrument(venue, name))
    }
    events = [(f"trade {one.trade_id}", one.instrument_name, one.event_ns) for one in fills]
    events += [
        (f"entry {one.entry_id}", one.holding.instrument_name, one.event_ns) for one in entries
    ]
    for what, name, event_ns in events:
        if name in instruments:
            refuse_outside(what, instruments[name], event_ns, *marks)
    return explain_pnl(
        changes_of(as_positions(positions), fills=fills, entries=entries, instruments=instruments),
        opening,
        closing,
        rule=SmileRule(vol_rule),
        shapes=shapes,
        opening_cash=exact_cash("collateral", collateral),
    )
