"""The same options at two venues, comparable: every price brought to undiscounted forward value.

    inverse    coin price × the forward of its own quote           USD per coin
    linear     price ÷ the discount of its expiry, from parity     USD per coin (of the stablecoin)

A price that is for a contract of several coins is first divided by their number.

An option's value is its undiscounted Black value at its forward. A coin premium is worth that
forward in coin terms, not the index: multiplying by the index instead shifts a long-dated call by
its whole basis, and that shift looks like vol. Knows no venue and no fee rule: fees are handed in.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from enum import IntEnum

import numpy as np
from numpy.typing import NDArray

from quantdesk import pricing
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import BoolArray, Chain, FloatArray, IntArray
from quantdesk.market.discounts import ParityDiscount, parity_discount
from quantdesk.market.valuation import tick_noise_rows

NO_ROW = -1


def forward_value(
    price: FloatArray, *, is_inverse: BoolArray, forward: FloatArray, discount: FloatArray
) -> FloatArray:
    """Undiscounted forward value (n,) of quoted prices (n,), USD per coin.

    Parameters
    ----------
    price : of one coin of underlying, in quote currency: coin for inverse options, dollars for
        linear ones; NaN stays NaN
    forward : of each row's own quote, USD per coin; used by inverse rows
    discount : factor of each row's expiry, above 0; used by linear rows

    Raises InvalidInput for shapes that differ or a discount that is not above 0.
    """
    for name, column in (("is_inverse", is_inverse), ("forward", forward), ("discount", discount)):
        if column.shape != price.shape:
            raise InvalidInput(name, column.shape, f"must have the shape {price.shape} of price")
    wrong = np.flatnonzero(~is_inverse & ~(discount > 0))
    if wrong.size:
        raise InvalidInput("discount", float(discount[wrong[0]]), "must be above 0")
    return np.where(is_inverse, price * forward, price / np.where(is_inverse, 1.0, discount))


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class QuoteFees:
    """Taker fee of buying at the ask and of selling at the bid, of what the price is for.

    That is a coin of underlying, or a contract (`Chain.price_coins`). Arrays (n,) in each
    instrument's settlement currency; NaN where there is no price.
    """

    bid: FloatArray
    ask: FloatArray


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VenueValues:
    """One venue's options at undiscounted forward value; arrays (n,) match `chain`'s rows.

    Values and fees are USD per coin; vols are fractions at the row's own forward and time.
    `net_bid_iv` is the vol sold at the bid after the fee, `net_ask_iv` the vol bought at the ask
    with the fee; NaN where no vol belongs to the price, `mark_iv` also where the mark's last digit
    would decide it. `is_usable` is false for quotes that are
    stale, crossed or absent.
    """

    chain: Chain
    forward: FloatArray
    discounts: Mapping[int, ParityDiscount]
    bid: FloatArray
    ask: FloatArray
    mark: FloatArray
    bid_fee: FloatArray
    ask_fee: FloatArray
    bid_iv: FloatArray
    ask_iv: FloatArray
    mark_iv: FloatArray
    net_bid_iv: FloatArray
    net_ask_iv: FloatArray
    is_usable: BoolArray


def venue_values(
    chain: Chain,
    *,
    forward: FloatArray,
    years: FloatArray,
    fees: QuoteFees,
    is_usable: BoolArray,
) -> VenueValues:
    """`chain` at undiscounted forward value, with the vols of its prices before and after fees.

    Parameters
    ----------
    forward : (n,) of each row's own quote, USD per coin (`ChainValues.forward`)
    years : (n,) ACT/365 from each row's own quote (`ChainValues.years`)
    fees : what a taker pays
    is_usable : (n,) rows whose bid and ask may be dealt on

    Raises InvalidInput for shapes that differ.
    """
    discounts, discount, forward = _discounts(chain, forward)

    def value(price: FloatArray) -> FloatArray:
        per_coin = price / chain.price_coins
        return forward_value(
            per_coin, is_inverse=chain.is_inverse, forward=forward, discount=discount
        )

    bid, ask, mark = value(chain.bid), value(chain.ask), value(chain.mark)
    bid_fee, ask_fee = value(fees.bid), value(fees.ask)

    def vol(price: FloatArray) -> FloatArray:
        found = pricing.implied_vol(price, chain.is_call, forward, chain.strike, years)
        return np.array(found.vol)

    mark_iv = vol(mark)
    # Two marks that only their last digits tell apart would show a gap that nobody can deal on.
    mark_iv[tick_noise_rows(chain, forward, years, mark_iv, discount)] = np.nan
    return VenueValues(
        chain=chain,
        forward=forward,
        discounts=discounts,
        bid=bid,
        ask=ask,
        mark=mark,
        bid_fee=bid_fee,
        ask_fee=ask_fee,
        bid_iv=vol(bid),
        ask_iv=vol(ask),
        mark_iv=mark_iv,
        net_bid_iv=vol(bid - bid_fee),
        net_ask_iv=vol(ask + ask_fee),
        is_usable=is_usable & ~(chain.bid > chain.ask),
    )


def _discounts(
    chain: Chain, forward: FloatArray
) -> tuple[dict[int, ParityDiscount], FloatArray, FloatArray]:
    """Discounts by expiry and by row, and the forwards with those that parity knows better.

    A linear row without a forward of its own takes that of the fit: the plain parity forward
    presumes a discount of 1.
    """
    discount, forward = np.ones(len(chain)), forward.copy()
    found: dict[int, ParityDiscount] = {}
    for expiry_ns in np.unique(chain.expiry_ns[~chain.is_inverse]).tolist():
        rows = np.flatnonzero(chain.expiry_ns == expiry_ns)
        fit = parity_discount(chain, (int(rows[0]), int(rows[-1]) + 1))
        found[expiry_ns] = fit
        linear = rows[~chain.is_inverse[rows]]
        discount[linear] = fit.discount
        if fit.forward is not None:
            forward[linear[np.isnan(chain.forward[linear])]] = fit.forward
    return found, discount, forward


class Best(IntEnum):
    """Which venue has the better price of an option."""

    NONE = 0
    LEFT = 1
    RIGHT = 2
    EQUAL = 3


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class VenueComparison:
    """Options of two venues matched by expiry, strike and type; arrays (m,), one entry an option.

    Sorted by expiry, strike, call before put; what only one venue lists is there too.

    Attributes
    ----------
    left_row, right_row : row in each venue's chain, -1 where it does not list the option
    best_bid, best_ask : `Best`, by undiscounted forward value; of usable quotes only
    mark_gap : mark IV right − left, fraction
    edge : vol sold − vol bought, both after fees, in the better of the two directions; fraction.
        Above 0 the venues can be dealt against each other. NaN where a quote is not usable
    edge_buy : `Best.LEFT` or `RIGHT`, where that direction buys
    edge_usd : the same in undiscounted value per coin, USD
    """

    left: VenueValues
    right: VenueValues
    expiry_ns: IntArray
    strike: FloatArray
    is_call: BoolArray
    left_row: IntArray
    right_row: IntArray
    best_bid: NDArray[np.int8]
    best_ask: NDArray[np.int8]
    mark_gap: FloatArray
    edge: FloatArray
    edge_buy: NDArray[np.int8]
    edge_usd: FloatArray

    def __len__(self) -> int:
        return int(self.strike.size)

    def take(self, entries: BoolArray) -> VenueComparison:
        """The same comparison with only the entries of the mask (m,)."""
        columns = {
            field.name: getattr(self, field.name)[entries]
            for field in fields(self)
            if field.name not in {"left", "right"}
        }
        return replace(self, **columns)


def compare_venues(left: VenueValues, right: VenueValues) -> VenueComparison:
    """Two venues' options side by side. Raises InvalidInput if they are on different coins."""
    if left.chain.underlying != right.chain.underlying:
        raise InvalidInput(
            "underlying", right.chain.underlying, f"must be {left.chain.underlying} at both venues"
        )
    places, others = _rows_by_key(left.chain), _rows_by_key(right.chain)
    keys = sorted({*places, *others}, key=lambda key: (key[0], key[1], not key[2]))
    left_row = np.array([places.get(key, NO_ROW) for key in keys], dtype=np.int64)
    right_row = np.array([others.get(key, NO_ROW) for key in keys], dtype=np.int64)

    def pair(name: str, *, usable: bool) -> tuple[FloatArray, FloatArray]:
        return _at(left, name, left_row, usable=usable), _at(right, name, right_row, usable=usable)

    bids, asks = pair("bid", usable=True), pair("ask", usable=True)
    marks = pair("mark_iv", usable=False)
    sold, bought = pair("net_bid_iv", usable=True), pair("net_ask_iv", usable=True)
    bid_fees, ask_fees = pair("bid_fee", usable=True), pair("ask_fee", usable=True)
    # Buying left and selling right, and the other way round.
    ways = np.stack([sold[1] - bought[0], sold[0] - bought[1]])
    cash = np.stack(
        [
            bids[1] - bid_fees[1] - asks[0] - ask_fees[0],
            bids[0] - bid_fees[0] - asks[1] - ask_fees[1],
        ]
    )
    chosen = np.argmax(np.where(np.isnan(cash), -np.inf, cash), axis=0)
    at = np.arange(len(keys))
    edge_usd = cash[chosen, at]
    edge_buy = np.where(np.isnan(edge_usd), Best.NONE, np.where(chosen == 0, Best.LEFT, Best.RIGHT))
    return VenueComparison(
        left=left,
        right=right,
        expiry_ns=np.array([key[0] for key in keys], dtype=np.int64),
        strike=np.array([key[1] for key in keys], dtype=np.float64),
        is_call=np.array([key[2] for key in keys], dtype=np.bool_),
        left_row=left_row,
        right_row=right_row,
        best_bid=_best(bids[0], bids[1]),
        best_ask=_best(-asks[0], -asks[1]),
        mark_gap=marks[1] - marks[0],
        edge=ways[chosen, at],
        edge_buy=edge_buy.astype(np.int8),
        edge_usd=edge_usd,
    )


def _rows_by_key(chain: Chain) -> dict[tuple[int, float, bool], int]:
    """Rows by what identifies an option across venues.

    Where a venue lists an inverse and a linear option under one key, the inverse one counts; it is
    listed first.
    """
    keys = zip(chain.expiry_ns.tolist(), chain.strike.tolist(), chain.is_call.tolist(), strict=True)
    rows: dict[tuple[int, float, bool], int] = {}
    for row, key in enumerate(keys):
        rows.setdefault(key, row)
    return rows


def _at(values: VenueValues, name: str, rows: IntArray, *, usable: bool) -> FloatArray:
    """A column at `rows`; NaN where a row is not there, or not usable where that is asked."""
    column: FloatArray = getattr(values, name)
    picked = np.full(rows.size, np.nan)
    there = rows != NO_ROW
    picked[there] = column[rows[there]]
    if usable:
        is_usable = np.zeros(rows.size, dtype=np.bool_)
        is_usable[there] = values.is_usable[rows[there]]
        picked[~is_usable] = np.nan
    return picked


def _best(left: FloatArray, right: FloatArray) -> NDArray[np.int8]:
    """Where the larger value is; a price that is alone is the best there is."""
    result = np.full(left.size, Best.NONE, dtype=np.int8)
    has_left, has_right = ~np.isnan(left), ~np.isnan(right)
    with np.errstate(invalid="ignore"):
        result[has_left & (~has_right | (left > right))] = Best.LEFT
        result[has_right & (~has_left | (right > left))] = Best.RIGHT
        result[has_left & has_right & (left == right)] = Best.EQUAL
    return result
