"""The date a structure's payoff is drawn at, and the profile of profit there.

It is the first expiry among the legs. Where every dated leg ends there the profile is exact;
otherwise the legs that live on are revalued, numerically, and `is_exact` is false.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.structure import Structure
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.ladder import ladder_of
from quantdesk.structures.leg_quotes import LegQuote
from quantdesk.structures.model_profile import (
    LegModel,
    ModelProfile,
    Revaluation,
    search_range,
)
from quantdesk.structures.payoff import Numeraire, exact_profile
from quantdesk.structures.profile import Profile
from quantdesk.structures.terms import LegTerms, leg_terms


@dataclass(frozen=True, slots=True, kw_only=True)
class Horizon:
    """When the payoff is drawn.

    expiry_ns, code : the first expiry; None and "" where nothing expires
    years : ACT/365 to it;  forward : USD per coin for it
    last_code, last_vol : the last expiry and its ATM-forward vol, which the default law takes
    is_exact : every dated leg ends at the first expiry
    strikes : of all options, USD, ascending
    """

    expiry_ns: int | None
    code: str
    years: float
    forward: float | None
    last_code: str
    last_vol: float | None
    is_exact: bool
    strikes: tuple[float, ...]


def horizon_of(structure: Structure, market: UnderlyingMarket) -> Horizon:
    """The horizon of `structure`. Raises InvalidInput where an option's expiry has no forward."""
    instruments = [leg.instrument for leg in structure.legs]
    dated = sorted({i.expiry_ns for i in instruments if i.expiry_ns is not None})
    options = sorted(
        {
            i.expiry_ns
            for i in instruments
            if i.kind is InstrumentKind.OPTION and i.expiry_ns is not None
        }
    )
    strikes = tuple(sorted({float(i.strike) for i in instruments if i.strike is not None}))
    if not options:
        return Horizon(
            expiry_ns=dated[0] if dated else None,
            code=expiry_code(dated[0]) if dated else "",
            years=_years(market, dated[0]) if dated else 0.0,
            forward=None,
            last_code="",
            last_vol=None,
            is_exact=len(dated) <= 1,
            strikes=(),
        )
    first, last = dated[0], options[-1]
    last_ladder = ladder_of(market, last)
    return Horizon(
        expiry_ns=first,
        code=expiry_code(first),
        years=_years(market, first),
        forward=_forward(market, first),
        last_code=last_ladder.code,
        last_vol=last_ladder.atm_vol,
        is_exact=len(dated) == 1,
        strikes=strikes,
    )


def _years(market: UnderlyingMarket, expiry_ns: int) -> float:
    return float(pricing.years_between(market.as_of_ns, expiry_ns))


def _forward(market: UnderlyingMarket, expiry_ns: int) -> float:
    """Forward of an expiry: of its options, else of its future, else the index."""
    found = market.forwards.get(expiry_ns)
    if found is not None and found.price is not None:
        return found.price
    for future in market.futures.values():
        if future.instrument.expiry_ns == expiry_ns and future.mark is not None:
            return future.mark
    if market.index_price is None:
        raise InvalidInput("forward", expiry_code(expiry_ns), "is not known for this expiry")
    return market.index_price


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ProfitMaker:
    """What every profile of one structure at one horizon is made from.

    worth : legs as they are revalued, None where the profile is exact
    """

    terms: tuple[LegTerms, ...]
    horizon: Horizon
    index: Decimal
    worth: Revaluation | None

    def profile(self, numeraire: Numeraire) -> Profile | ModelProfile:
        """Profit by settlement price at the horizon, before fees."""
        if self.worth is None:
            return exact_profile(self.terms, numeraire, entry_index=Fraction(self.index))
        cost_coin, cost_usd = entry_costs(self.terms)
        low, high = search_range(
            self.worth.legs,
            entry_index=float(self.index),
            total_vol=(self.horizon.last_vol or 1.0) * math.sqrt(max(self.horizon.years, 0.0)),
        )
        return ModelProfile(
            worth=self.worth,
            numeraire=numeraire,
            entry_index=float(self.index),
            cost_coin=cost_coin,
            cost_usd=cost_usd,
            knots=self.horizon.strikes,
            low=low,
            high=high,
        )


def profit_maker(
    quotes: Sequence[LegQuote],
    prices: Sequence[Decimal],
    market: UnderlyingMarket,
    horizon: Horizon,
    *,
    index: Decimal,
) -> ProfitMaker:
    """The maker of profiles for legs entered at `prices`.

    Raises InvalidInput where a leg that lives on has no vol.
    """
    terms = tuple(leg_terms(quote.leg, price) for quote, price in zip(quotes, prices, strict=True))
    worth = None
    if not horizon.is_exact:
        at_ns = horizon.expiry_ns or market.as_of_ns
        worth = Revaluation(leg_models(quotes, terms, market, at_ns=at_ns))
    return ProfitMaker(terms=terms, horizon=horizon, index=index, worth=worth)


def entry_costs(terms: Sequence[LegTerms]) -> tuple[float, float]:
    """(coin, USD) paid at entry for options and held coin; futures cost nothing."""
    coin = sum((t.size * t.entry for t in terms if t.is_option and t.is_inverse), Fraction(0))
    usd = sum(
        (t.size * t.entry for t in terms if not t.is_inverse and t.payout.is_bought), Fraction(0)
    )
    return float(coin), float(usd)


def leg_models(
    quotes: Sequence[LegQuote],
    terms: Sequence[LegTerms],
    market: UnderlyingMarket,
    *,
    at_ns: int,
) -> list[LegModel]:
    """Each leg as it is revalued at `at_ns`: on its own forward, at its own vol.

    A forward keeps its ratio to the price for delivery at `at_ns`. Raises InvalidInput for an
    option that lives on and has no vol.
    """
    base = _forward(market, at_ns) if at_ns in market.forwards else market.index_price
    if base is None:
        raise InvalidInput("index_price", None, f"of {market.underlying} must be known")
    models = []
    for number, (quote, term) in enumerate(zip(quotes, terms, strict=True), start=1):
        left = 0.0
        ratio = 1.0
        if term.expiry_ns is not None:
            left = float(pricing.years_between(at_ns, term.expiry_ns))
            ratio = _own_forward(market, quote, term.expiry_ns) / base
        vol = quote.vol if quote.vol is not None else np.nan
        if term.is_option and left > 0 and not np.isfinite(vol):
            rule = "lives past the horizon and has no vol to be valued at"
            raise InvalidInput(f"leg {number}", quote.leg.instrument.name, rule)
        models.append(LegModel(terms=term, years_left=left, vol=vol, forward_ratio=ratio))
    return models


def _own_forward(market: UnderlyingMarket, quote: LegQuote, expiry_ns: int) -> float:
    if quote.leg.instrument.kind is not InstrumentKind.OPTION and quote.mark is not None:
        return float(quote.mark)
    return _forward(market, expiry_ns)
