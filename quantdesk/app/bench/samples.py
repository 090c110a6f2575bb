"""Options like those that are quoted: strikes on a ladder, expiries on a calendar, a smile.

Seeded and synthetic; no market data.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from quantdesk import pricing

FloatArray = npt.NDArray[np.float64]

_DAYS = np.array([0.3, 1, 2, 3, 7, 14, 21, 30, 60, 90, 180, 270, 365])
_SPOT = 60_000.0
_STRIKE_STEP = 500.0
# A premium below this share of the forward is below a tick of the venue and not quoted.
_QUOTED_PREMIUM_MIN = 1e-4


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """Columns of one length: options with their vols and undiscounted prices.

    Attributes
    ----------
    is_call : bool array
    forward, strike, price : float64 arrays, quote currency
    years, vol, rate : float64 arrays
    """

    is_call: npt.NDArray[np.bool_]
    forward: FloatArray
    strike: FloatArray
    years: FloatArray
    vol: FloatArray
    rate: FloatArray
    price: FloatArray

    @property
    def rows(self) -> int:
        """Number of options."""
        return self.forward.size


def options(rows: int, *, seed: int = 7, is_quoted: bool = False) -> Sample:
    """`rows` options of many snapshots of one chain, in no order.

    Parameters
    ----------
    rows : how many
    seed : of the generator
    is_quoted : only out-of-the-money options with a premium of 1e-4 of the forward at least, what a
        quoted chain asks implied vols for
    """
    random = np.random.default_rng(seed)
    parts: list[Sample] = []
    have = 0
    while have < rows:
        part = _draw(random, max(rows, 64), is_quoted)
        parts.append(part)
        have += part.rows
    joined = {
        name: np.ascontiguousarray(np.concatenate([getattr(part, name) for part in parts])[:rows])
        for name in Sample.__dataclass_fields__
    }
    return Sample(**joined)


def _draw(random: np.random.Generator, rows: int, is_quoted: bool) -> Sample:
    years = random.choice(_DAYS, rows) / 365.0 * random.uniform(0.97, 1.0, rows)
    carry = random.normal(0.03, 0.01, rows)
    forward = _SPOT * np.exp(random.normal(0.0, 0.01, rows) + carry * years)
    root = np.sqrt(years)
    deviations = random.normal(0.0, 1.2, rows).clip(-3.5, 3.5)
    level = 0.45 + 0.15 * np.exp(-2.0 * years)
    strike = np.round(forward * np.exp(deviations * level * root) / _STRIKE_STEP) * _STRIKE_STEP
    strike = np.maximum(strike, _STRIKE_STEP)
    distance = np.log(strike / forward) / root
    vol = (level + 0.04 * distance**2 / (1.0 + np.abs(distance)) - 0.02 * distance).clip(0.2, 2.5)
    is_call = strike >= forward if is_quoted else random.random(rows) < 0.5
    price = np.array(pricing.price(is_call, forward, strike, years, vol))
    keep = price >= _QUOTED_PREMIUM_MIN * forward if is_quoted else np.ones(rows, dtype=bool)
    return Sample(
        is_call=is_call[keep],
        forward=forward[keep],
        strike=strike[keep],
        years=years[keep],
        vol=vol[keep],
        rate=np.full(int(keep.sum()), 0.03),
        price=price[keep],
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class Chain:
    """Options grouped by expiry, with what each expiry shares; see `pricing.chain_greeks`."""

    is_call: npt.NDArray[np.bool_]
    strike: FloatArray
    vol: FloatArray
    starts: npt.NDArray[np.int64]
    forward: FloatArray
    years: FloatArray
    rate: FloatArray

    @property
    def rows(self) -> int:
        """Number of options."""
        return self.strike.size

    def flat(self) -> Sample:
        """The same options with a forward, years and rate a row."""
        counts = np.diff(np.append(self.starts, self.rows))
        forward, years, rate = (
            np.repeat(column, counts) for column in (self.forward, self.years, self.rate)
        )
        price = np.array(pricing.price(self.is_call, forward, self.strike, years, self.vol))
        return Sample(
            is_call=self.is_call,
            forward=forward,
            strike=self.strike,
            years=years,
            vol=self.vol,
            rate=rate,
            price=price,
        )


def chain(rows: int, *, per_expiry: int = 75, seed: int = 11) -> Chain:
    """`rows` options in expiries of `per_expiry` strikes: 900 in 12 are one large chain."""
    random = np.random.default_rng(seed)
    count = -(-rows // per_expiry)
    years = random.choice(_DAYS, count) / 365.0
    forward = _SPOT * np.exp(random.normal(0.0, 0.01, count))
    starts = np.arange(count, dtype=np.int64) * per_expiry
    sizes = np.diff(np.append(starts, rows))
    ladder = np.concatenate([np.linspace(-3.0, 3.0, size) for size in sizes])
    spread = np.repeat(0.5 * np.sqrt(years), sizes)
    strike = np.round(np.repeat(forward, sizes) * np.exp(ladder * spread) / 50.0) * 50.0
    return Chain(
        is_call=random.random(rows) < 0.5,
        strike=np.maximum(strike, 50.0),
        vol=0.5 + 0.02 * ladder**2,
        starts=starts,
        forward=forward,
        years=years,
        rate=np.full(count, 0.03),
    )


def book(positions: int, *, seed: int = 5) -> pricing.Book:
    """A book of `positions` options, longs and shorts."""
    sample = options(positions, seed=seed)
    random = np.random.default_rng(seed)
    return pricing.Book(
        is_call=sample.is_call,
        forward=sample.forward,
        strike=sample.strike,
        years=sample.years,
        vol=sample.vol,
        quantity=random.normal(0.0, 10.0, positions).round(1),
    )


def grid_rows(positions: pricing.Book, spot_move: FloatArray, vol_move: FloatArray) -> Sample:
    """Each position under each scenario as a row of its own: what a package without a grid needs.

    Parameters
    ----------
    positions : a book of columns, (n,) each, at a rate of 0
    spot_move, vol_move : moves that broadcast together, as `pricing.scenarios` takes them
    """
    count = np.asarray(positions.strike).size
    moves = np.broadcast_arrays(spot_move, vol_move)
    shape = (count, moves[0].size)

    def stretched(values: object) -> FloatArray:
        column = np.asarray(values, dtype=np.float64).reshape(-1, 1)
        return np.broadcast_to(column, shape)

    forward = stretched(positions.forward) * (1.0 + moves[0].reshape(-1))
    vol = np.maximum(stretched(positions.vol) + moves[1].reshape(-1), 0.0)
    columns = (forward, stretched(positions.strike), stretched(positions.years), vol)
    f, k, t, s = (np.ascontiguousarray(column).reshape(-1) for column in columns)
    return Sample(
        is_call=np.repeat(np.asarray(positions.is_call), shape[1]),
        forward=f,
        strike=k,
        years=t,
        vol=s,
        rate=np.zeros(f.size),
        price=np.zeros(f.size),
    )


def repeated_book(positions: int, distinct: int, *, seed: int = 5) -> pricing.Book:
    """A book of `positions` in `distinct` options: some are held more than once."""
    few = book(distinct, seed=seed)
    random = np.random.default_rng(seed)
    extra = random.integers(0, distinct, positions - distinct)
    place = random.permutation(np.concatenate([np.arange(distinct), extra]))
    return pricing.Book(
        is_call=np.asarray(few.is_call)[place],
        forward=np.asarray(few.forward)[place],
        strike=np.asarray(few.strike)[place],
        years=np.asarray(few.years)[place],
        vol=np.asarray(few.vol)[place],
        quantity=random.normal(0.0, 10.0, positions).round(1),
    )
