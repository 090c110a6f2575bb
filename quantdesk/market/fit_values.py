"""A chain's values as a fit reads them: at the forwards that parity's bounds leave.

Rows are valued at the forward that their quotes state. Where pairs of an expiry contradict it, all
its rows move by one ratio, each from its own quote's forward: the vols of such an expiry, and the
theos to be held against them, are those at the bounded forward.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from quantdesk.market.chain import Chain
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.valuation import ChainValues, value_chain


def fit_values(
    chain: Chain, values: ChainValues, forwards: Mapping[int, ExpiryForward]
) -> ChainValues:
    """`values` of `chain`, valued again where the bounds of `forwards` (by expiry) move a forward.

    The same object where they move none, which is nearly always.
    """
    forward, moved = values.forward.copy(), np.zeros(len(chain), dtype=np.bool_)
    for expiry_ns, each in forwards.items():
        bounded = each.bounded_price
        if bounded is None or each.price is None or bounded == each.price:
            continue
        rows = chain.expiry_ns == expiry_ns
        forward[rows] *= bounded / each.price
        moved |= rows
    if not moved.any():
        return values
    return value_chain(chain, forward, discount=values.discount, previous=values, dirty=moved)
