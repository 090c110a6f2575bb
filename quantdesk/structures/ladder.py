"""The strikes of one expiry as a builder walks them: what is listed, and at which vol.

Built from an `UnderlyingMarket`; vols are the fitted surface's where there is one, else the
chain's own. Nothing is invented: a strike that is not listed is not here.
"""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

import numpy as np

from quantdesk import pricing
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.market.market_data import UnderlyingMarket

SURFACE = "fitted surface"
MARK_VOLS = "mark vols"


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Ladder:
    """Options of one expiry, one row a listed option, sorted by strike, call before put.

    strike : float64 (n,), USD;  is_call : bool (n,);  rows : int (n,), rows of the chain
    vol : float64 (n,), fraction, ACT/365, NaN where neither surface nor chain has one
    forward : USD per coin;  years : ACT/365 from the market's moment, above 0
    atm_vol : at the forward, fraction; None where no vol is known
    """

    market: UnderlyingMarket
    expiry_ns: int
    rows: IntArray
    strike: FloatArray
    is_call: BoolArray
    vol: FloatArray
    forward: float
    years: float
    vol_source: str
    atm_vol: float | None

    @property
    def code(self) -> str:
        """The expiry as venues write it."""
        return expiry_code(self.expiry_ns)

    def strikes(self, is_call: bool) -> FloatArray:
        """Listed strikes of one option type, ascending."""
        side: FloatArray = self.strike[self.is_call == is_call]
        return side

    def deltas(self, is_call: bool, *, is_premium_adjusted: bool) -> FloatArray:
        """Absolute deltas (n,) of one option type, in the order of `strikes`; NaN without a vol.

        Black delta on the forward, or premium-adjusted: Black less the undiscounted premium over
        the forward, which is Φ(d₂)·K/F for a call.
        """
        side = self.is_call == is_call
        which = ("price", "delta")
        raw = pricing.greeks(
            is_call, self.forward, self.strike[side], self.years, self.vol[side], which=which
        )
        assert raw.delta is not None  # asked for by name, as is the price
        assert raw.price is not None
        delta = raw.delta - raw.price / self.forward if is_premium_adjusted else raw.delta
        return np.abs(delta)

    def option(self, is_call: bool, strike: float) -> Instrument:
        """The listed option. Raises InvalidInput naming the nearest listed strike."""
        here = np.flatnonzero((self.is_call == is_call) & (self.strike == strike))
        if here.size == 0:
            nearest = nearest_strike(self.strikes(is_call), strike, self.forward)
            kind = "call" if is_call else "put"
            rule = f"is no listed {kind} of {self.code}; nearest is {nearest:g}"
            raise InvalidInput("strike", strike, rule)
        return self.market.chain.instruments[int(self.rows[here[0]])]


def ladder_of(market: UnderlyingMarket, expiry_ns: int) -> Ladder:
    """The ladder of a listed expiry that lies ahead.

    Raises InvalidInput for an expiry that is past, not listed, or has no forward.
    """
    chain, code = market.chain, expiry_code(expiry_ns)
    rows = np.flatnonzero(chain.expiry_ns == expiry_ns)
    if rows.size == 0:
        raise InvalidInput("expiry", code, f"lists no {market.underlying} options")
    years = float(pricing.years_between(market.as_of_ns, expiry_ns))
    if years <= 0:
        raise InvalidInput("expiry", code, "is past; only an expiry ahead can be built on")
    forward = market.forwards[expiry_ns].price
    if forward is None:
        raise InvalidInput("expiry", code, "has no forward: nothing says where it trades")
    strike, is_call = chain.strike[rows], chain.is_call[rows]
    vol, source = _vols(market, rows, expiry_ns, strike)
    return Ladder(
        market=market,
        expiry_ns=expiry_ns,
        rows=rows,
        strike=strike,
        is_call=is_call,
        vol=vol,
        forward=forward,
        years=years,
        vol_source=source,
        atm_vol=_atm_vol(market, expiry_ns, forward, strike, vol),
    )


def _vols(
    market: UnderlyingMarket, rows: IntArray, expiry_ns: int, strike: FloatArray
) -> tuple[FloatArray, str]:
    own = market.values.greeks_iv[rows]
    if market.surface is None:
        return own, MARK_VOLS
    fitted = market.surface.implied_vol(np.full(rows.size, expiry_ns), strike)
    if np.isnan(fitted).all():
        return own, MARK_VOLS
    return np.where(np.isnan(fitted), own, fitted), SURFACE


def _atm_vol(
    market: UnderlyingMarket,
    expiry_ns: int,
    forward: float,
    strike: FloatArray,
    vol: FloatArray,
) -> float | None:
    """Vol at the forward: of the surface, else linear between the two strikes around it."""
    if market.surface is not None:
        fitted = market.surface.implied_vol(np.array([expiry_ns]), np.array([forward]))
        if np.isfinite(fitted[0]):
            return float(fitted[0])
    known = ~np.isnan(vol)
    if not known.any():
        return None
    strikes, vols = strike[known], vol[known]
    # Rows ascend by strike: the means of call and put at the strikes on either side of the forward.
    at = int(np.searchsorted(strikes, forward))
    around = np.unique(strikes[max(at - 1, 0) : at + 1])
    means = [vols[strikes == one].mean() for one in around]
    return float(np.interp(forward, around, means))


def nearest_strike(strikes: FloatArray, wanted: float, forward: float) -> float:
    """The listed strike nearest to `wanted`, the farther from the forward on a tie.

    Raises InvalidInput where none is listed.
    """
    if strikes.size == 0:
        raise InvalidInput("strike", wanted, "has no listed strike to be near to")
    gap = np.abs(strikes - wanted)
    tied = strikes[gap == gap.min()]
    return float(tied[np.argmax(np.abs(tied - forward))])


def exact_strike(instrument: Instrument) -> Decimal:
    """Strike of an option. Raises InvalidInput where `instrument` is none."""
    if instrument.strike is None:
        raise InvalidInput("instrument", instrument.name, "must be an option")
    return instrument.strike
