"""Value at risk once more, in plain numpy and from the packaged files; no code of the desk.

Moves, filter, revaluation, quantile and shortfall are written out again.
"""

from __future__ import annotations

import csv
import gzip
import io
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from importlib import resources

import numpy as np
import numpy.typing as npt
from scipy import special, stats

from tests.unit.risk import black

Array = npt.NDArray[np.float64]
FILES = {
    ("BTC", "index"): "btc_index_daily.csv.gz",
    ("BTC", "vol"): "btc_vol_index_daily.csv.gz",
    ("ETH", "index"): "eth_index_hourly.csv.gz",
    ("ETH", "vol"): "eth_vol_index_daily.csv.gz",
}


@dataclass(frozen=True, slots=True)
class Leg:
    """One holding; `price` is the forward of an option, `days` inf for what never settles."""

    coin: str
    kind: str
    coins: float
    price: float
    index: float
    is_inverse: bool = True
    days: float = math.inf
    strike: float = 0.0
    is_call: bool = True
    vol: float = 0.0


def record(coin: str, what: str) -> dict[int, float]:
    """Values by the hour since 1970 at which they were known."""
    packed = (resources.files("quantdesk.risk") / "data" / FILES[coin, what]).read_bytes()
    rows = list(csv.reader(io.StringIO(gzip.decompress(packed).decode())))[1:]
    if "-" not in rows[0][0]:
        return {int(hour): float(value) for hour, value in rows}
    found = {}
    for day, value in rows:
        opened = datetime.fromisoformat(day).replace(tzinfo=UTC)
        found[int(opened.timestamp()) // 3600 + 24] = float(value)
    return found


def moves(
    coins: Sequence[str], *, hours: int, with_vols: bool, until_hour: int = 2**31
) -> tuple[Array, Array, list[int]]:
    """Log-moves of index and vol index (coins, m) and the hour at which each window ends."""
    index = [record(coin, "index") for coin in coins]
    vol = [record(coin, "vol") for coin in coins] if with_vols else []
    known = set.intersection(*(set(one) for one in (*index, *vol)))
    last = min(max(h for h in one if h <= until_hour) for one in (*index, *vol))
    first = max(min(one) for one in (*index, *vol))
    ends = [h for h in range(last, first, -hours) if h in known and h - hours in known][::-1]

    def changes(series: Mapping[int, float]) -> list[float]:
        return [math.log(series[h] / series[h - hours]) for h in ends]

    still = [[0.0] * len(ends)] * len(coins)
    found = [changes(one) for one in vol] if with_vols else still
    return np.array([changes(one) for one in index]), np.array(found), ends


def ewma(series: Array, decay: float) -> Array:
    """Deviation forecast for each place of `series` (n,) and the one after, from the 31st on."""
    variance = np.full(series.size + 1, np.nan)
    variance[30] = np.mean(series[:30] ** 2)
    for place in range(31, series.size + 1):
        variance[place] = decay * variance[place - 1] + (1 - decay) * series[place - 1] ** 2
    return np.asarray(np.sqrt(variance))


def sample(series: Array, place: int, window: int, decay: float | None) -> Array:
    """The window before `place`, (coins, window): as recorded, or scaled to its forecast."""
    rows = []
    for one in series:
        part = one[place - window : place]
        if decay is not None and one.any():
            vols = ewma(one[:place], decay)
            part = part * vols[place] / vols[place - window : place]
        rows.append(part)
    return np.array(rows)


def leg_profit(
    leg: Leg, spot: float, vol: float, *, days: float, power: float
) -> tuple[float, float]:
    """P&L in coin and in USD of one leg after one move."""
    after = leg.index * math.exp(spot)
    left = leg.days - days
    price = leg.price * math.exp(spot) if left > 0 else after
    if leg.kind == "spot":
        return 0.0, leg.coins * (after - leg.index)
    if leg.kind == "future":
        if leg.is_inverse:
            coin = leg.coins * (1 - leg.price / price)
            return coin, coin * after
        usd = leg.coins * (price - leg.price)
        return usd / after, usd
    terms = (leg.is_call, leg.price, leg.strike, leg.days / 365, leg.vol)
    moved = leg.vol * math.exp(vol * (30 / max(leg.days, 1.0)) ** power)
    then = black.price(leg.is_call, price, leg.strike, max(left, 0.0) / 365, moved)
    now = black.price(*terms)
    if not leg.is_inverse:
        usd = leg.coins * (then - now)
        return usd / after, usd
    coin_now, coin_then = leg.coins * now / leg.price, leg.coins * then / price
    return coin_then - coin_now, coin_then * after - coin_now * leg.index


def profits(
    legs: Sequence[Leg], coins: Sequence[str], spot: Array, vol: Array, *, days: float, power: float
) -> tuple[Array, Array]:
    """P&L in coin and in USD, (m,), over all legs."""
    total = np.zeros((2, spot.shape[1]))
    for number in range(spot.shape[1]):
        for leg in legs:
            row = coins.index(leg.coin)
            total[:, number] += leg_profit(
                leg, float(spot[row, number]), float(vol[row, number]), days=days, power=power
            )
    return total[0], total[1]


def var_es(results: Array, confidence: float) -> tuple[float, float]:
    """Loss at the ⌈n(1 − c)⌉-th worst, and the mean loss of the worst n(1 − c)."""
    ordered = sorted(results.tolist())
    tail = round(len(ordered) * (1 - confidence), 9)
    place = math.ceil(tail)
    # The integral of the empirical quantile function up to 1 − c.
    beyond = sum(min(1.0, tail - rank) * ordered[rank] for rank in range(place))
    return -ordered[place - 1], -beyond / tail


def likelihood_ratios(hits: Sequence[bool], probability: float) -> dict[str, tuple[float, float]]:
    """Kupiec's and Christoffersen's statistics and p-values, by name."""
    marks = np.asarray(hits, dtype=int)
    count, found = marks.size, int(marks.sum())

    def likelihood(zeros: int, ones: int, share: float) -> float:
        return float(special.xlogy(zeros, 1 - share) + special.xlogy(ones, share))

    uc = -2 * (
        likelihood(count - found, found, probability)
        - likelihood(count - found, found, found / count)
    )
    table = np.zeros((2, 2), dtype=int)
    np.add.at(table, (marks[:-1], marks[1:]), 1)
    free = sum(
        likelihood(int(row[0]), int(row[1]), row[1] / row.sum()) for row in table if row.sum()
    )
    zeros, ones = (int(one) for one in table.sum(axis=0))
    ind = -2 * (likelihood(zeros, ones, ones / (zeros + ones)) - free)
    return {
        "uc": (uc, float(stats.chi2.sf(uc, 1))),
        "ind": (ind, float(stats.chi2.sf(max(ind, 0.0), 1))),
        "cc": (uc + ind, float(stats.chi2.sf(uc + ind, 2))),
    }
