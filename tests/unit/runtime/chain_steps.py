"""A desk's chain as it goes on: later, with one quote moved, or with an expiry's vols changed."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from quantdesk.market.fitting import SurfaceFit
from quantdesk.snapshot import DeskSnapshot


def moved(snapshot: DeskSnapshot, seconds: float) -> DeskSnapshot:
    """The desk later on, with a chain that is another object: a quote came."""
    after_ns = round(seconds * 1e9)
    chain = snapshot.chains[0]
    rows = np.ones(len(chain.chain), dtype=np.bool_)
    later = replace(chain, chain=chain.chain.take(rows), as_of_ns=chain.as_of_ns + after_ns)
    return replace(snapshot, seq=snapshot.seq + 1, ts_ns=snapshot.ts_ns + after_ns, chains=(later,))


def one_quote_moved(opening: DeskSnapshot, fit: SurfaceFit, place: int) -> DeskSnapshot:
    """A second later, with the bid of a used quote of slice `place` 0.2 points lower."""
    quotes = fit.slices[place].quotes
    name = quotes.names[int(np.flatnonzero(quotes.is_used)[4])]
    later = moved(opening, 1.0)
    chain = later.chains[0]
    row = [each.name for each in chain.chain.instruments].index(name)
    bid_iv = chain.values.bid_iv.copy()
    bid_iv[row] -= 0.002
    changed = replace(chain, values=replace(chain.values, bid_iv=bid_iv))
    return replace(later, chains=(changed,))


def changed_expiry(
    snapshot: DeskSnapshot, expiry_ns: int, bid: float, ask: float, seed: int = 1
) -> DeskSnapshot:
    """Vols of one expiry scaled by factors drawn between `bid` and `ask`; NaN takes them away."""
    chain = snapshot.chains[0]
    rows = chain.chain.expiry_ns == expiry_ns
    drawn = bid + (ask - bid) * np.random.default_rng(seed).random(rows.size)
    factor = np.where(rows, drawn, 1.0)
    values = replace(
        chain.values, bid_iv=chain.values.bid_iv * factor, ask_iv=chain.values.ask_iv * factor
    )
    return replace(snapshot, chains=(replace(chain, values=values),))
