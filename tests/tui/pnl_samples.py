"""Moments after the sample desk's: time, index, forwards and vols moved, as a day moves them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantdesk import pricing
from quantdesk.market.chain import FloatArray
from quantdesk.market.forwards import ExpiryForward
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot
from tests.tui.desk_samples import SECOND_NS


def later(
    snapshot: DeskSnapshot, *, hours: float, spot: float = 1.0, vol: float = 0.0, seq: int = 1
) -> DeskSnapshot:
    """`snapshot` so much later: forwards and index × `spot`, the venue's vols + `vol`."""
    chains = tuple(_moved(chain, hours, spot, vol) for chain in snapshot.chains)
    passed_ns = int(hours * 3600 * SECOND_NS)
    links = tuple(
        replace(link, last_recv_ns=link.last_recv_ns + passed_ns) for link in snapshot.links
    )
    return replace(
        snapshot,
        seq=snapshot.seq + seq,
        ts_ns=snapshot.ts_ns + passed_ns,
        chains=chains,
        links=links,
    )


def _moved(chain: ChainSnapshot, hours: float, spot: float, vol: float) -> ChainSnapshot:
    passed_ns = int(hours * 3600 * SECOND_NS)
    expiries = tuple(
        replace(
            one,
            forward=_forward(one.forward, spot),
            years=one.years - hours / (24 * 365),
        )
        for one in chain.expiries
    )
    return replace(
        chain,
        as_of_ns=chain.as_of_ns + passed_ns,
        index_price=(chain.index_price or 0.0) * spot,
        chain=replace(
            chain.chain,
            mark=_marks(chain, hours, spot, vol),
            event_ns=chain.chain.event_ns + passed_ns,
            forward=chain.chain.forward * spot,
            venue_mark_iv=chain.chain.venue_mark_iv + vol,
        ),
        values=replace(
            chain.values, mark_iv=chain.values.mark_iv + vol, greeks_iv=chain.values.greeks_iv + vol
        ),
        expiries=expiries,
        futures={
            name: replace(one, mark=None if one.mark is None else one.mark * spot)
            for name, one in chain.futures.items()
        },
    )


def _forward(before: ExpiryForward, spot: float) -> ExpiryForward:
    """The forward × `spot`, with all that bears on it: left behind, the pairs would deny it."""
    levels = ("venue_price", "future_price", "parity_price", "parity_bid", "parity_ask")
    known = {name: level for name in levels if (level := getattr(before, name)) is not None}
    moved = {name: level * spot for name, level in known.items()}
    return replace(before, price=(before.price or 0.0) * spot, **moved)


def _marks(chain: ChainSnapshot, hours: float, spot: float, vol: float) -> FloatArray:
    """Marks in coin, to the venue's 1e-4, at the moved vols; NaN where there was none."""
    rows = chain.chain
    forward = chain.values.forward * spot
    years = (rows.expiry_ns - chain.as_of_ns) / (365 * 86_400 * SECOND_NS) - hours / (24 * 365)
    prices = pricing.price(rows.is_call, forward, rows.strike, years, rows.venue_mark_iv + vol)
    return np.where(np.isnan(rows.mark), np.nan, np.round(np.asarray(prices) / forward, 4))
