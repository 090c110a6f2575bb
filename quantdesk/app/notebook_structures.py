"""Structures from a script or notebook: built on a chain, analysed on its market.

What `import quantdesk as qd` offers of `quantdesk.structures`. Nothing here computes.
"""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

from quantdesk.domain.structure import Leg, Structure
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.margin.fees import combo_fees, trade_fee
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.snapshot import ChainSnapshot
from quantdesk.structures.analysis import StructureAnalysis, View
from quantdesk.structures.analysis import analyse as analyse_on
from quantdesk.structures.catalogue import CATALOGUE, builder_anchors, plan_structure
from quantdesk.structures.hedging import HedgeDelta
from quantdesk.structures.hedging import hedged as hedged_on
from quantdesk.structures.net import FeeLaw, PriceBasis
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import parse_plan

Number = int | float | str | Decimal


def build(structure: str, chain: ChainSnapshot, **anchors: object) -> Structure:
    """A structure on `chain`: a name with anchors, or a line of legs.

    ``build("straddle", chain, strike=70_000)``, ``build("-1 C 20d, +1 C +5000", chain)``.
    The expiry may be left out where the chain has one. Raises InvalidInput naming the leg or anchor
    and what is allowed.
    """
    if " " in structure.strip():
        if anchors:
            raise InvalidInput("anchor", next(iter(anchors)), "goes with a name; legs say it all")
        plan = parse_plan(_with_expiry(structure, chain))
        return resolve(plan, chain.market()).structure
    builder = CATALOGUE.get(structure)
    takes_expiry = builder is not None and "expiry" in builder_anchors(builder)
    if takes_expiry and "expiry" not in anchors and len(chain.expiries) == 1:
        anchors["expiry"] = expiry_code(chain.expiries[0].expiry_ns)
    return resolve(plan_structure(structure, **anchors), chain.market()).structure


def _with_expiry(line: str, chain: ChainSnapshot) -> str:
    """`line` with the chain's only expiry on its first option leg, where it names none."""
    head, _, rest = line.partition(",")
    words = head.split()
    if len(chain.expiries) != 1 or len(words) != 3 or words[1].upper() not in ("C", "P"):
        return line
    code = expiry_code(chain.expiries[0].expiry_ns)
    return f"{head} {code},{rest}" if rest else f"{head} {code}"


def iron_condor(
    chain: ChainSnapshot,
    *,
    put_deltas: tuple[float, float] = (0.10, 0.25),
    call_deltas: tuple[float, float] = (0.25, 0.10),
    quantity: Number = 1,
    expiry: str | None = None,
) -> Structure:
    """A put spread and a call spread sold, by absolute Black deltas, from low strikes to high.

    put_deltas : (bought, sold);  call_deltas : (sold, bought);  quantity : of each leg, in coins

    Raises InvalidInput where a delta is not between 0 and 1, where no listed strike has it, and
    where a spread has no width.
    """
    anchors: dict[str, object] = {
        "long_put": _delta("put_deltas", put_deltas[0]),
        "short_put": _delta("put_deltas", put_deltas[1]),
        "short_call": _delta("call_deltas", call_deltas[0]),
        "long_call": _delta("call_deltas", call_deltas[1]),
        "quantity": quantity,
    }
    if expiry is not None:
        anchors["expiry"] = expiry
    return build("iron-condor", chain, **anchors)


def _delta(field: str, delta: float) -> str:
    if not 0 < delta < 1:
        raise InvalidInput(field, delta, "must be an absolute delta between 0 and 1")
    return f"{round(100 * delta, 6):g}d"


def hedged(
    structure: Structure | Leg,
    market: MarketData | UnderlyingMarket | ChainSnapshot,
    *,
    held_as: str = "perpetual",
    delta: str | None = None,
) -> Structure:
    """`structure` with the leg that brings its delta to nothing.

    held_as : "perpetual", "future" (of the last expiry) or "spot"
    delta : "black" holds the value in USD still, "premium-adjusted" that in coin; left out,
        premium-adjusted for coin-settled options

    Raises InvalidInput where a delta or the hedge's price is not known.
    """
    whole = structure if isinstance(structure, Structure) else Structure(legs=(structure,))
    words = [one.value for one in HedgeDelta]
    if delta is not None and delta not in words:
        raise InvalidInput("delta", delta, f"must be one of {', '.join(words)}")
    chosen = None if delta is None else HedgeDelta(delta)
    return hedged_on(whole, _market_of(whole, market), held_as=held_as, delta=chosen)


def analyse(
    structure: Structure | Leg,
    market: MarketData | UnderlyingMarket | ChainSnapshot,
    *,
    price_at: str = "mid",
    view: tuple[float, float] | None = None,
    fit: bool = True,
) -> StructureAnalysis:
    """Net price, payoff, chances, Greeks and fees of a structure on its market.

    price_at : "mid", "natural", "mark" or "limit": what options are entered at
    fit : fit the market's surface, whose density is a second law of chances, where it has none
    view : (drift, vol) a year, fractions: one's own lognormal beside the other laws

    Raises InvalidInput where a leg is not of the market, or the market has no index.
    """
    whole = structure if isinstance(structure, Structure) else Structure(legs=(structure,))
    words = [basis.value for basis in PriceBasis]
    if price_at not in words:
        raise InvalidInput("price_at", price_at, f"must be one of {', '.join(words)}")
    here = _market_of(whole, market)
    if fit and here.surface is None:
        fitted = fit_surfaces(MarketData(markets=(here,), source=""))
        here = replace(here, surface=fitted.surfaces.get((here.venue, here.underlying)))
    return analyse_on(
        whole,
        here,
        basis=PriceBasis(price_at),
        fee_law=FeeLaw(trade=trade_fee, combo=combo_fees),
        view=None if view is None else View(drift=view[0], vol=view[1]),
    )


def _market_of(
    structure: Structure, market: MarketData | UnderlyingMarket | ChainSnapshot
) -> UnderlyingMarket:
    if isinstance(market, ChainSnapshot):
        return market.market()
    if isinstance(market, UnderlyingMarket):
        return market
    instrument = structure.legs[0].instrument
    found = market.find(instrument.venue, instrument.underlying)
    if found is None:
        here = ", ".join(f"{one.venue} {one.underlying}" for one in market.markets) or "nothing"
        wanted = f"{instrument.venue} {instrument.underlying}"
        raise InvalidInput("market", wanted, f"must be in the market data, which has {here}")
    return found
