"""The chains that tickets name, and the one market that each is on."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.errors import ConfigError
from quantdesk.margin.sizes import DERIBIT
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.runtime.books import Chains
from quantdesk.runtime.contract_names import read_contract_name
from quantdesk.structures.plan import LegKind, StructurePlan
from quantdesk.structures.text import format_line


def chains_of_plans(plans: Sequence[StructurePlan]) -> Chains:
    """The chains that the tickets name, by venue: a book may not hold what is to be added."""
    found: dict[str, dict[str, None]] = {}
    for plan in plans:
        venue = plan.venue or DERIBIT
        for chain in named_chains(plan):
            found.setdefault(venue, {})[chain] = None
    return {venue: tuple(chains) for venue, chains in found.items()}


def named_chains(plan: StructurePlan) -> list[str]:
    """The chain of the plan's underlying, else those of the instruments it names."""
    if plan.underlying:
        return [plan.underlying]
    named = (
        read_contract_name(plan.venue or DERIBIT, leg.name)
        for leg in plan.legs
        if leg.kind is LegKind.NAMED
    )
    return list(dict.fromkeys(one.chain for one in named if one is not None))


def ticket_market(plan: StructurePlan, market: MarketData, *, of: str) -> UnderlyingMarket:
    """The market a ticket is on: what it names, else the only one there is.

    of : the option or argument that gave the ticket, for errors

    Raises ConfigError where nothing says on which chain, or it is not in the market.
    """
    chains = named_chains(plan)
    found = [
        one
        for one in market.markets
        if plan.venue in ("", one.venue) and (not chains or one.underlying == chains[0])
    ]
    if len(found) > 1 and not plan.venue:
        # Where a line names no venue it is Deribit's, as in `build`.
        found = [one for one in found if one.venue == DERIBIT] or found
    if len(found) == 1:
        return found[0]
    here = ", ".join(f"{one.venue} {one.underlying}" for one in market.markets) or "none"
    wanted = format_line(plan)[:80]
    if chains and not found:
        raise ConfigError(f"{of} {wanted!r}: its chain is not in the market, which has {here}")
    raise ConfigError(
        f"{of} {wanted!r}: say on which chain, as in 'deribit BTC: -1 C 20d 30d'; here are {here}"
    )
