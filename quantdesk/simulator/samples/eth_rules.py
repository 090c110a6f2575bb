"""The ETH sample: recorded two-sided quotes, with what was not recorded made by stated rules.

Recorded: bid, ask, open interest, dollar volume, the dated future of each expiry, spot. Everything
else (instrument records, sizes, mark, IVs, Greeks, price limits) is made here and listed in the
sample's `simulated` field. Standard library and numpy only; the venue itself prices with the
kernel.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import numpy as np

from quantdesk.domain.times import expiry_code

ETH_BETA = 1.2
"""ETH log return for one of BTC. A choice, not an estimate: hourly bars give 0.93 over 2017-2020
and 1.03 over 2020, and ETH moved more than that in the years after."""

SIZE_SEED = 20260131
TICK, TICK_ABOVE, TICK_COARSE = 0.0001, 0.005, 0.0005
FEE = 0.0003
FIRST_INSTRUMENT_ID = 900_001
DAYS_MS = 86_400_000
YEAR_MS = 365 * DAYS_MS

SIMULATED = {
    "instruments": "venue rules: contract 1 ETH, tick 0.0001 then 0.0005 above 0.005, least "
    "amount 1, fees 0.0003; ids count up from 900001; creation is the opening moment",
    "mark_iv": "one IV a strike: of the mid of its out-of-the-money side where both sides or that "
    "side are recorded, else of the recorded side; where a mid gives no IV (below intrinsic "
    "value), between the nearest solved strikes of the expiry, linear in log strike, flat outside",
    "mark_price": "Black-76 of mark_iv on the forward, 4 decimals",
    "bid_iv, ask_iv": "IV of the recorded quote, 0 where it is below intrinsic value",
    "greeks": "Black-76 of mark_iv in the venue's own units and theta rule",
    "best_bid_amount, best_ask_amount": "drawn from the non-zero sizes of the BTC sample times "
    "the ratio of the index prices, whole ETH, at least 1",
    "underlying_price": "mid of the recorded dated future of the expiry",
    "index_price": "mid of the recorded spot quote",
    "min_price, max_price": "mark less and plus 0.03 + a tenth of the mark, on the tick grid",
    "stats.volume": "not recorded; stats.volume_usd is",
    "path": f"BTC returns times a beta of {ETH_BETA}",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class _Row:
    expiry_ms: int
    strike: float
    is_call: bool
    bid: float
    ask: float
    open_interest: float
    volume_usd: float

    @property
    def mid(self) -> float:
        return (self.bid + self.ask) / 2


def normal_cdf(x: float) -> float:
    """Standard normal distribution function."""
    return 0.5 * math.erfc(-x / math.sqrt(2))


def black(is_call: bool, forward: float, strike: float, years: float, vol: float) -> float:
    """Undiscounted Black-76 in quote currency."""
    deviation = vol * math.sqrt(years)
    d_plus = math.log(forward / strike) / deviation + deviation / 2
    sign = 1 if is_call else -1
    return sign * (
        forward * normal_cdf(sign * d_plus) - strike * normal_cdf(sign * (d_plus - deviation))
    )


def implied_vol(
    is_call: bool, forward: float, strike: float, years: float, coin_price: float
) -> float | None:
    """IV by bisection; None where the price is not above intrinsic value or IV exceeds 1000 %."""
    target = coin_price * forward
    low, high = 1e-4, 10.0
    if not black(is_call, forward, strike, years, low) + 1e-9 * forward < target:
        return None
    if black(is_call, forward, strike, years, high) <= target:
        return None
    for _ in range(80):
        middle = (low + high) / 2
        if black(is_call, forward, strike, years, middle) < target:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def venue_greeks(
    is_call: bool, forward: float, strike: float, years: float, vol: float
) -> dict[str, float]:
    """Greeks in the venue's units and decimals; theta capped by its rule."""
    deviation = vol * math.sqrt(years)
    d_plus = math.log(forward / strike) / deviation + deviation / 2
    sign = 1 if is_call else -1
    density = math.exp(-d_plus * d_plus / 2) / math.sqrt(2 * math.pi)
    value = black(is_call, forward, strike, years, vol)
    delta = sign * normal_cdf(sign * d_plus)
    day_theta = forward * density * vol / (2 * math.sqrt(years)) / 365
    return {
        "delta": round(delta, 5),
        "gamma": round(density / (forward * deviation), 5),
        "vega": round(forward * density * math.sqrt(years) / 100, 5),
        "theta": round(-min(day_theta * min(years * 365, 1.0), value), 5),
        "rho": round(years * (forward * delta - value) / 100, 5),
    }


def strike_vols(rows: Sequence[_Row], forward: float, years: float) -> dict[float, float]:
    """Mark IV of each strike of one expiry by the rule in `SIMULATED`, rounded to 1e-4."""
    sides: dict[float, dict[bool, _Row]] = {}
    for row in rows:
        sides.setdefault(row.strike, {})[row.is_call] = row
    solved = {}
    for strike, pair in sides.items():
        row = pair.get(strike >= forward) or next(iter(pair.values()))
        vol = implied_vol(row.is_call, forward, strike, years, row.mid)
        if vol is not None:
            solved[strike] = vol
    known = sorted(solved)
    if not known:
        raise ValueError(f"no IV in the whole expiry {rows[0].expiry_ms}")
    known_logs, known_vols = np.log(known), [solved[strike] for strike in known]
    return {
        strike: round(float(np.interp(math.log(strike), known_logs, known_vols)), 4)
        for strike in sides
    }


def eth_sample(
    rows: Sequence[Mapping[str, str]], *, btc: Mapping[str, Any], sample_format: str, path: str
) -> dict[str, Any]:
    """The ETH chain of 2026-01-31 in the layout of the BTC sample.

    rows : of the recorded quotes file; `btc` : the BTC sample, whose sizes are drawn from.
    Raises ValueError where an expiry has no future or no IV at all.
    """
    opened_ms = int(datetime.fromisoformat(rows[0]["ref_date"]).timestamp() * 1000)
    mids = {
        row["maturity"]: (float(row["bid"]) + float(row["ask"])) / 2
        for row in rows
        if row["kind"] != "option"
    }
    index_price = round(mids[""], 4)
    forwards = {_to_ms(day): round(mid, 4) for day, mid in mids.items() if day}
    options = sorted(
        (_row(row) for row in rows if row["kind"] == "option"),
        key=lambda row: (row.expiry_ms, row.strike, not row.is_call),
    )
    sizes = _sizes(2 * len(options), btc, index_price)
    vols = {}
    for expiry_ms, forward in forwards.items():
        of_expiry = [row for row in options if row.expiry_ms == expiry_ms]
        vols[expiry_ms] = strike_vols(of_expiry, forward, (expiry_ms - opened_ms) / YEAR_MS)
    instruments, tickers = [], []
    for number, row in enumerate(options):
        record = _instrument(row, FIRST_INSTRUMENT_ID + number, opened_ms)
        instruments.append(record)
        tickers.append(
            _ticker(
                row,
                name=record["instrument_name"],
                opened_ms=opened_ms,
                index_price=index_price,
                forward=forwards[row.expiry_ms],
                vol=vols[row.expiry_ms][row.strike],
                sizes=(sizes[2 * number], sizes[2 * number + 1]),
            )
        )
    return {
        "format": sample_format,
        "name": "eth-2026-01-31",
        "underlying": "ETH",
        "index_name": "eth_usd",
        "opened_ms": opened_ms,
        "index_price": index_price,
        "path": path,
        "beta": ETH_BETA,
        "simulated": SIMULATED,
        "instruments": instruments,
        "tickers": tickers,
    }


def _to_ms(instant: str) -> int:
    return int(datetime.fromisoformat(instant).timestamp() * 1000)


def _row(row: Mapping[str, str]) -> _Row:
    return _Row(
        expiry_ms=_to_ms(row["maturity"]),
        strike=float(row["strike"]),
        is_call=row["option_type"] == "call",
        bid=float(row["bid"]),
        ask=float(row["ask"]),
        open_interest=float(row["open_interest"]),
        volume_usd=float(row["volume"]),
    )


def _sizes(count: int, btc: Mapping[str, Any], index_price: float) -> list[float]:
    pool = [
        amount
        for ticker in btc["tickers"]
        for amount in (ticker["best_bid_amount"], ticker["best_ask_amount"])
        if amount > 0
    ]
    ratio = btc["index_price"] / index_price
    drawn = np.random.Generator(np.random.PCG64(SIZE_SEED)).choice(np.sort(pool), size=count)
    return [float(max(1, round(amount * ratio))) for amount in drawn]


def _date_code(expiry_ms: int) -> str:
    return expiry_code(expiry_ms * 1_000_000)


def _settlement_period(expiry_ms: int) -> str:
    """ "month" for the last Friday of a month, else "week" for a Friday, else "day"."""
    day = np.datetime64(expiry_ms, "ms").item()
    if day.weekday() != 4:
        return "day"
    week_later = np.datetime64(expiry_ms + 7 * DAYS_MS, "ms").item()
    return "week" if week_later.month == day.month else "month"


def _instrument(row: _Row, number: int, opened_ms: int) -> dict[str, Any]:
    side = "C" if row.is_call else "P"
    return {
        "state": "open",
        "price_index": "eth_usd",
        "kind": "option",
        "instrument_name": f"ETH-{_date_code(row.expiry_ms)}-{row.strike:g}-{side}",
        "maker_commission": FEE,
        "taker_commission": FEE,
        "instrument_type": "reversed",
        "expiration_timestamp": row.expiry_ms,
        "is_active": True,
        "creation_timestamp": opened_ms,
        "instrument_id": number,
        "tick_size": TICK,
        "contract_size": 1.0,
        "strike": row.strike,
        "base_currency": "ETH",
        "quote_currency": "ETH",
        "settlement_currency": "ETH",
        "option_type": "call" if row.is_call else "put",
        "min_trade_amount": 1,
        "block_trade_commission": FEE,
        "block_trade_min_trade_amount": 250,
        "block_trade_tick_size": TICK,
        "settlement_period": _settlement_period(row.expiry_ms),
        "counter_currency": "USD",
        "tick_size_steps": [{"tick_size": TICK_COARSE, "above_price": TICK_ABOVE}],
    }


def _on_grid(price: float) -> float:
    tick = TICK_COARSE if price > TICK_ABOVE else TICK
    return round(max(round(price / tick) * tick, TICK), 4)


def _ticker(
    row: _Row,
    *,
    name: str,
    opened_ms: int,
    index_price: float,
    forward: float,
    vol: float,
    sizes: tuple[float, float],
) -> dict[str, Any]:
    years = (row.expiry_ms - opened_ms) / YEAR_MS
    mark = round(black(row.is_call, forward, row.strike, years, vol) / forward, 4)
    bid_iv, ask_iv = (
        implied_vol(row.is_call, forward, row.strike, years, price) or 0.0
        for price in (row.bid, row.ask)
    )
    band = 0.03 + mark / 10
    return {
        "timestamp": opened_ms,
        "state": "open",
        "stats": {
            "high": None,
            "low": None,
            "price_change": None,
            "volume": None,
            "volume_usd": row.volume_usd,
        },
        "greeks": venue_greeks(row.is_call, forward, row.strike, years, vol),
        "interest_rate": 0.0,
        "index_price": index_price,
        "instrument_name": name,
        "last_price": None,
        "min_price": _on_grid(mark - band),
        "max_price": _on_grid(mark + band),
        "open_interest": row.open_interest,
        "mark_price": mark,
        "best_ask_price": row.ask,
        "best_bid_price": row.bid,
        "mark_iv": round(vol * 100, 2),
        "bid_iv": round(bid_iv * 100, 2),
        "ask_iv": round(ask_iv * 100, 2),
        "underlying_price": forward,
        "underlying_index": f"ETH-{_date_code(row.expiry_ms)}",
        "estimated_delivery_price": index_price,
        "best_ask_amount": sizes[1],
        "best_bid_amount": sizes[0],
    }
