"""Everything a trader asks of a structure, as one value: prices, payoff, chances, Greeks, problems.

Pure: made from a structure and a market. Fees are a venue's law and handed in; margin is added by
who knows it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from fractions import Fraction

from quantdesk.domain.structure import Structure
from quantdesk.errors import InvalidInput
from quantdesk.market.market_data import UnderlyingMarket
from quantdesk.structures.chances import LawOutcomes, TouchChance, outcome, touch_chances
from quantdesk.structures.horizon import Horizon, horizon_of, profit_maker
from quantdesk.structures.laws import Law, Lognormal, driftless, own_view, surface_density
from quantdesk.structures.leg_quotes import GREEK_NAMES, LegQuote, leg_quotes
from quantdesk.structures.net import (
    FeeEstimate,
    FeeLaw,
    Money,
    PriceBasis,
    entry_price,
    fee_estimate,
    net_premium,
)
from quantdesk.structures.payoff import Numeraire
from quantdesk.structures.summary import PayoffSummary, summarise
from quantdesk.structures.wings import wing_warnings


@dataclass(frozen=True, slots=True, kw_only=True)
class View:
    """One's own law: drift a year and vol, fractions."""

    drift: float
    vol: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A part of the analysis that could not be made, and why."""

    part: str
    reason: str


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StructureAnalysis:
    """A structure on a market.

    net : premium on each basis, None where a leg has no such price; positive is paid
    prices : what each leg is entered at in payoff and chances (`basis`, else its mark)
    payoff : by numeraire, before fees; empty where `missing` says why
    chances : by law, after the fees of trading leg by leg
    greeks : sums over the legs that have them, by `leg_quotes.GREEK_NAMES`
    excluded : legs that can not be marked, in words: totals are without them
    """

    structure: Structure
    venue: str
    underlying: str
    as_of_ns: int
    index: Decimal
    basis: PriceBasis
    quotes: tuple[LegQuote, ...]
    prices: tuple[Decimal | None, ...]
    net: Mapping[PriceBasis, Money | None]
    fees: FeeEstimate | None
    horizon: Horizon
    payoff: Mapping[Numeraire, PayoffSummary]
    chances: tuple[LawOutcomes, ...]
    touches: tuple[TouchChance, ...]
    greeks: Mapping[str, float]
    excluded: tuple[str, ...]
    warnings: tuple[str, ...]
    missing: tuple[Missing, ...]

    def __str__(self) -> str:
        """What it is, what it costs, and by numeraire how far it can go and where it is even."""
        lines = [f"{self.venue} {self.structure}"]
        for basis, net in self.net.items():
            if net is not None:
                lines.append(
                    f"{basis.value}: {net.word} {abs(net.coin):f} {self.underlying}, "
                    f"{abs(net.usd):,.2f} USD"
                )
        for numeraire, payoff in self.payoff.items():
            even = ", ".join(f"{price:,.2f}" for price in payoff.breakevens) or "nowhere"
            lines.append(
                f"{numeraire.value}: profit at most {_bound(payoff.max_profit)}, loss at most "
                f"{_bound(payoff.max_loss)}, even at {even}"
            )
        lines += [f"not in it: {text}" for text in self.excluded]
        lines += [f"no {one.part}: {one.reason}" for one in self.missing]
        return "\n".join([*lines, *(f"! {text}" for text in self.warnings)])


def _bound(amount: float | None) -> str:
    return "unlimited" if amount is None else f"{amount:,.4f}"


def analyse(
    structure: Structure,
    market: UnderlyingMarket,
    *,
    basis: PriceBasis = PriceBasis.MID,
    fee_law: FeeLaw | None = None,
    view: View | None = None,
    warnings: Sequence[str] = (),
) -> StructureAnalysis:
    """The analysis of `structure` on `market`.

    Raises InvalidInput where the market has no index price, or a leg is past or of another
    underlying. What a quote lacks is not raised: it is in `excluded`, `missing` and `warnings`.
    """
    index = _index(market)
    _require_here(structure, market)
    quotes = leg_quotes(structure, market)
    prices = tuple(entry_price(quote, basis) for quote in quotes)
    fees = None
    if fee_law is not None:
        fees = fee_estimate(
            quotes,
            prices,
            fee_law,
            as_of_ns=market.as_of_ns,
            underlying=market.underlying,
            index=index,
        )
    excluded = tuple(
        f"leg {number}: {', '.join(quote.problems) or 'has no price'}"
        for number, (quote, price) in enumerate(zip(quotes, prices, strict=True), start=1)
        if price is None
    )
    horizon = horizon_of(structure, market)
    payoff, chances, touches, missing = _outcomes(
        quotes, prices, market, horizon, index=index, fees=fees, view=view, excluded=excluded
    )
    return StructureAnalysis(
        structure=structure,
        venue=market.venue,
        underlying=market.underlying,
        as_of_ns=market.as_of_ns,
        index=index,
        basis=basis,
        quotes=quotes,
        prices=prices,
        net={
            each: net_premium(quotes, each, underlying=market.underlying, index=index)
            for each in PriceBasis
        },
        fees=fees,
        horizon=horizon,
        payoff=payoff,
        chances=chances,
        touches=touches,
        greeks=_total_greeks(quotes),
        excluded=excluded,
        warnings=tuple(
            dict.fromkeys(
                (
                    *warnings,
                    *wing_warnings(structure),
                    *_quote_warnings(quotes, prices, basis, fees),
                )
            )
        ),
        missing=missing,
    )


def _index(market: UnderlyingMarket) -> Decimal:
    if market.index_price is None or market.index_price <= 0:
        raise InvalidInput(
            "index_price", market.index_price, f"of {market.underlying} must be known"
        )
    return Decimal(repr(market.index_price))


def _require_here(structure: Structure, market: UnderlyingMarket) -> None:
    for number, leg in enumerate(structure.legs, start=1):
        instrument = leg.instrument
        if (instrument.venue, instrument.underlying) != (market.venue, market.underlying):
            rule = f"is not of {market.venue} {market.underlying}; legs can not be mixed"
            raise InvalidInput(f"leg {number}", instrument.name, rule)
        if instrument.expiry_ns is not None and instrument.expiry_ns <= market.as_of_ns:
            raise InvalidInput(f"leg {number}", instrument.name, "is past its expiry")


def _quote_warnings(
    quotes: Sequence[LegQuote],
    prices: Sequence[Decimal | None],
    basis: PriceBasis,
    fees: FeeEstimate | None,
) -> tuple[str, ...]:
    found = []
    for number, (quote, price) in enumerate(zip(quotes, prices, strict=True), start=1):
        found += [f"leg {number}: {problem}" for problem in quote.problems]
        if quote.problems and price is not None and price == quote.mark:
            found.append(f"leg {number}: entered at its mark, for want of a {basis.value}")
        size = quote.touch_size
        if size is not None and abs(float(quote.leg.quantity)) > size:
            found.append(f"leg {number}: {size:g} at the touch, {abs(quote.leg.quantity):f} wanted")
    if fees is not None:
        found += fees.problems
    return tuple(found)


def _total_greeks(quotes: Sequence[LegQuote]) -> dict[str, float]:
    """Sums over legs. A leg without a Greek is in `excluded` or is no option; it adds nothing."""
    return {
        name: sum(quote.greeks[name] for quote in quotes if name in quote.greeks)
        for name in GREEK_NAMES
        if any(name in quote.greeks for quote in quotes)
    }


_Outcomes = tuple[
    dict[Numeraire, PayoffSummary],
    tuple[LawOutcomes, ...],
    tuple[TouchChance, ...],
    tuple[Missing, ...],
]


def _outcomes(
    quotes: Sequence[LegQuote],
    prices: Sequence[Decimal | None],
    market: UnderlyingMarket,
    horizon: Horizon,
    *,
    index: Decimal,
    fees: FeeEstimate | None,
    view: View | None,
    excluded: Sequence[str],
) -> _Outcomes:
    """Payoff and chances, or why there are none."""
    entries = [price for price in prices if price is not None]
    if len(entries) < len(prices):
        reason = f"needs a price for every leg; {'; '.join(excluded)}"
        return {}, (), (), (Missing(part="payoff", reason=reason),)
    try:
        maker = profit_maker(quotes, entries, market, horizon, index=index)
        profiles = {numeraire: maker.profile(numeraire) for numeraire in Numeraire}
    except InvalidInput as error:
        return {}, (), (), (Missing(part="payoff", reason=str(error)),)
    payoff = {numeraire: summarise(profile) for numeraire, profile in profiles.items()}
    laws, missing = _laws(market, horizon, view)
    charged = dict(profiles)
    if fees is not None:
        charged[Numeraire.COIN] = profiles[Numeraire.COIN].less(Fraction(fees.total.coin))
        charged[Numeraire.USD] = profiles[Numeraire.USD].less(Fraction(fees.total.usd))
    chances = tuple(
        LawOutcomes(
            law=law.name,
            coin=outcome(charged[Numeraire.COIN], law),
            usd=outcome(charged[Numeraire.USD], law),
        )
        for law in laws
    )
    touches: tuple[TouchChance, ...] = ()
    if laws and isinstance(laws[0], Lognormal):
        levels = [*horizon.strikes, *payoff[Numeraire.USD].breakevens]
        touches = touch_chances(
            levels,
            spot=float(index),
            forward=laws[0].forward,
            years=laws[0].years,
            vol=laws[0].vol,
        )
    return payoff, chances, touches, missing


def _laws(
    market: UnderlyingMarket, horizon: Horizon, view: View | None
) -> tuple[list[Law], tuple[Missing, ...]]:
    """The default law, the surface's and one's own, each where it can be had."""
    laws: list[Law] = []
    missing = []
    if horizon.expiry_ns is None or horizon.forward is None:
        reason = "nothing here expires: there is no date to ask a law about"
        return laws, (Missing(part="chances", reason=reason),)
    try:
        if horizon.last_vol is None:
            raise InvalidInput("atm vol", None, f"of {horizon.last_code} is not known")
        law = driftless(
            horizon.forward,
            horizon.last_vol,
            horizon.years,
            expiry=horizon.code,
            vol_of=horizon.last_code,
        )
        laws.append(law)
    except InvalidInput as error:
        missing.append(Missing(part="chances under the default law", reason=str(error)))
    try:
        if market.surface is None:
            raise InvalidInput("surface", None, "there is no fitted surface for this market")
        law_of_surface = surface_density(
            market.surface,
            expiry_ns=horizon.expiry_ns,
            forward=horizon.forward,
            years=horizon.years,
            expiry=horizon.code,
        )
        laws.append(law_of_surface)
    except InvalidInput as error:
        missing.append(Missing(part="chances under the surface's density", reason=str(error)))
    if view is not None:
        index = float(_index(market))
        laws.append(own_view(spot=index, drift=view.drift, vol=view.vol, years=horizon.years))
    return laws, tuple(missing)
