"""A recorded chain, option by option at its own quote's forward and moment, beside the venue."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from decimal import Decimal

import numpy as np

from quantdesk.domain.position import Position
from quantdesk.market.market_data import MarketData
from quantdesk.risk.exposure import expose
from quantdesk.risk.greeks import DeskGreeks
from quantdesk.risk.valuation import value_positions


@dataclass(frozen=True, slots=True, kw_only=True)
class VenueRow:
    """Our Greeks of one coin of an option, and the venue's published ones."""

    name: str
    forward: float
    ours: DeskGreeks
    delta: float
    gamma: float
    vega: float
    theta: float


def venue_rows(market: MarketData) -> Iterator[VenueRow]:
    """Options whose Greeks the venue published and that can be marked."""
    (one,) = market.markets
    chain = one.chain
    for row, instrument in enumerate(chain.instruments):
        expiry_ns, own = int(chain.expiry_ns[row]), float(chain.forward[row])
        forward = one.forwards[expiry_ns].price if np.isnan(own) else own
        if np.isnan(chain.venue_delta[row]) or forward is None:
            continue
        moment = replace(
            one,
            as_of_ns=int(chain.event_ns[row]),
            forwards={expiry_ns: replace(one.forwards[expiry_ns], price=forward)},
            index_price=one.index_price or forward,
        )
        book = value_positions(
            [Position(instrument=instrument, quantity=Decimal(1))],
            MarketData(markets=(moment,), source="recorded"),
        )
        if book.excluded:
            continue
        yield VenueRow(
            name=instrument.name,
            forward=forward,
            ours=expose(book).position(0),
            delta=float(chain.venue_delta[row]),
            gamma=float(chain.venue_gamma[row]),
            vega=float(chain.venue_vega[row]),
            theta=float(chain.venue_theta[row]),
        )


def worst_differences(rows: list[VenueRow]) -> dict[str, float]:
    """Largest absolute differences; of theta only where it is over 5 % too, since a mark IV has two
    decimals and the day theta of a short option magnifies them.
    """
    thetas = [
        abs(row.ours.theta_venue_per_day - row.theta)
        for row in rows
        if abs(row.ours.theta_venue_per_day - row.theta) > 0.05 * abs(row.theta)
    ]
    return {
        "delta": max(abs(row.ours.delta_black - row.delta) for row in rows),
        "gamma": max(
            abs(row.ours.gamma_per_pct_coin * 100 / row.forward - row.gamma) for row in rows
        ),
        "vega": max(abs(row.ours.vega_per_point - row.vega) for row in rows),
        "theta": max(thetas, default=0.0),
    }
