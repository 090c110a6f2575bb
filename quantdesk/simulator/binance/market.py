"""The Binance market over a simulated venue: marks, quotes and limits in USDT, by venue time.

A pure function of venue time, moved by `advance`; reads the venue's clock and indexes, never its
books. It is the exchange's `MarketView`. Marks move once a second of venue time, as published.
"""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import numpy as np
from numpy.typing import NDArray

from quantdesk import pricing
from quantdesk.simulator.binance.board import NO_IV, BinanceBoard, ExpiryRows
from quantdesk.simulator.binance.ladder import CONTRACT_OF
from quantdesk.simulator.exchange.maker import TopOfBook
from quantdesk.simulator.exchange.rules import PriceLimits
from quantdesk.simulator.marking import asked
from quantdesk.simulator.settlement import averaged_share
from quantdesk.simulator.underlying import DELIVERY_WINDOW_NS, UnderlyingIndex
from quantdesk.simulator.venue import SimulatedVenue

FloatArray = NDArray[np.float64]

MARK_PERIOD_NS = 1_000_000_000
LIMIT_SHARE = 0.075
"""Price limits stand this part of the index around the mark: PROVENANCE.md says why."""

YEAR_NS = 365 * 86_400 * 1_000_000_000
DAYS_PER_YEAR = 365.0
IV_DECIMALS = GREEK_DECIMALS = RATE_DECIMALS = 8
INDEX_DECIMALS = 8

_GRID_DUST = 1e-9
"""Part of a tick by which binary arithmetic may miss a tick it means."""


class BinanceMarket:
    """Published state of the USDT options. `board` holds it; see `advance`."""

    def __init__(self, venue: SimulatedVenue) -> None:
        """Opens with the venue. Raises InvalidInput for an underlying that is not listed here."""
        self.venue = venue
        self.board = BinanceBoard(venue.samples, opened_ns=venue.opened_ns)
        self._indexes: dict[str, UnderlyingIndex] = {}
        for sample in venue.samples:
            symbol = f"{sample.underlying}USDT"
            if symbol in CONTRACT_OF:
                self._indexes[symbol] = venue.indexes[sample.index_name]
        self._live: list[ExpiryRows] = list(self.board.expiries)
        self.marked_ns = -1
        self.advance(venue.opened_ns)

    @property
    def indexes(self) -> Mapping[str, UnderlyingIndex]:
        """Indexes by symbol, "BTCUSDT"."""
        return self._indexes

    @property
    def stamp_ms(self) -> int:
        """Venue time of the published state, ms."""
        return self.marked_ns // 1_000_000

    def advance(self, now_ns: int) -> tuple[bool, list[int]]:
        """Mark for venue time `now_ns`, at whole seconds, on which expiries fall too.

        Gives whether marks moved, and the rows whose best quotes differ, expired ones included.
        """
        mark_ns = max(now_ns // MARK_PERIOD_NS * MARK_PERIOD_NS, self.venue.opened_ns)
        if mark_ns <= self.marked_ns:
            return False, []
        self.marked_ns = mark_ns
        published = self.board.published
        quotes = ("bid", "bid_amount", "ask", "ask_amount")
        before = np.vstack([published[name] for name in quotes])
        for expiry in self._live:
            if expiry.expiry_ns > mark_ns:
                self._mark(expiry)
            else:
                self._close(expiry)
        self._live = [expiry for expiry in self._live if expiry.expiry_ns > mark_ns]
        after = np.vstack([published[name] for name in quotes])
        return True, np.flatnonzero((before != after).any(axis=0)).tolist()

    def top_of_book(self, row: int) -> TopOfBook:
        """The quotes that the house stands for on a row."""
        published = self.board.published
        return TopOfBook(
            bid=self._price(row, "bid") if published["bid"][row] else None,
            bid_amount=Decimal(repr(float(published["bid_amount"][row]))),
            ask=self._price(row, "ask") if published["ask"][row] else None,
            ask_amount=Decimal(repr(float(published["ask_amount"][row]))),
        )

    def estimated_settlement(self, symbol: str) -> float:
        """The expected settlement price of the next expiry of an underlying, as of the marks."""
        spot = float(self.index_price(symbol))
        for expiry in self._live:
            if expiry.contract.symbol == symbol:
                return self._expected(expiry, spot)
        return spot

    def is_settling(self, symbol: str) -> bool:
        """Whether the average of an underlying's next expiry is running."""
        return any(
            averaged_share(self.marked_ns, expiry.expiry_ns) > 0
            for expiry in self._live
            if expiry.contract.symbol == symbol
        )

    # What the exchange asks of its market

    def mark_price(self, instrument_name: str) -> Decimal:
        """Mark of an option, USDT a contract, in the decimals that are published."""
        return self._price(self.board.row_of[instrument_name], "mark")

    def underlying_price(self, instrument_name: str) -> Decimal:
        """The index: what Binance margins and charges on."""
        row = self.board.row_of[instrument_name]
        return self.index_price(self.board.instruments[row].index_name)

    def index_price(self, index_name: str) -> Decimal:
        """Index, USDT per coin, as of the marks."""
        index = self._indexes[index_name]
        price = index.price_at(index.step_at(self.marked_ns))
        return Decimal(f"{price:.{INDEX_DECIMALS}f}")

    def price_limits(self, instrument_name: str) -> PriceLimits:
        """What orders may ask and bid now."""
        row = self.board.row_of[instrument_name]
        return PriceLimits(
            lowest=self._price(row, "price_low"), highest=self._price(row, "price_high")
        )

    def delivery_price(self, index_name: str, expiry_ns: int) -> Decimal:
        """Mean of the index over the last 30 minutes of an expiry."""
        mean = self._indexes[index_name].mean(expiry_ns - DELIVERY_WINDOW_NS, expiry_ns)
        return Decimal(f"{mean:.{INDEX_DECIMALS}f}")

    def funding_rate(self, instrument_name: str, from_ns: int, to_ns: int) -> Decimal:
        """No perpetual is listed: asking is a mistake of the host."""
        raise AssertionError(f"{instrument_name} pays no funding")

    def _price(self, row: int, name: str) -> Decimal:
        scale = self.board.contract_of(row).price_scale
        return Decimal(f"{float(self.board.published[name][row]):.{scale}f}")

    def _expected(self, expiry: ExpiryRows, price: float) -> float:
        """`price` (an index or a forward) with what the settlement average has fixed of it."""
        share = averaged_share(self.marked_ns, expiry.expiry_ns)
        if share == 0.0:
            return price
        index = self._indexes[expiry.contract.symbol]
        mean = index.mean(expiry.expiry_ns - DELIVERY_WINDOW_NS, self.marked_ns)
        return share * mean + (1 - share) * price

    def _mark(self, expiry: ExpiryRows) -> None:
        """Publish an expiry by Black-Scholes on the index, whose carry is in the rate.

        With S the index, b = F/S the basis and r = ln(b)/T: V = Black(F, K, T, σ, r), and by S:
        delta = b·∂V/∂F, gamma = b²·∂²V/∂F², theta = −∂V/∂T|F − r·F·∂V/∂F.
        """
        board, rows = self.board, expiry.rows
        index = self._indexes[expiry.contract.symbol]
        spot = index.price_at(index.step_at(self.marked_ns))
        years = (expiry.expiry_ns - self.marked_ns) / YEAR_NS
        rate = float(np.log(expiry.basis)) / years
        forward = self._expected(expiry, spot * expiry.basis)
        still_open = 1 - averaged_share(self.marked_ns, expiry.expiry_ns)
        is_call, strike, iv = board.is_call[rows], board.strike[rows], board.iv[rows]
        greeks = pricing.greeks(is_call, forward, strike, years, iv, rate)
        value, delta = asked(greeks.price), asked(greeks.delta)
        theta = asked(greeks.theta) - rate * forward * delta
        scale = expiry.contract.price_scale
        mark = np.round(value * expiry.contract.unit, scale)
        half = LIMIT_SHARE * spot * expiry.contract.unit
        low = np.maximum(mark - half, float(expiry.contract.tick))
        values = {
            "mark": mark,
            "delta": np.round(delta * expiry.basis * still_open, GREEK_DECIMALS),
            "gamma": np.round(asked(greeks.gamma) * expiry.basis**2, GREEK_DECIMALS),
            "theta": np.round(theta / DAYS_PER_YEAR, GREEK_DECIMALS),
            "vega": np.round(asked(greeks.vega) / 100, GREEK_DECIMALS),
            "rate": np.full(len(mark), round(rate, RATE_DECIMALS)),
            "price_low": np.round(low, scale),
            "price_high": np.round(mark + half, scale),
        }
        values |= self._quotes(expiry, value * expiry.contract.unit)
        for side in ("bid", "ask"):
            price = values[side] / expiry.contract.unit
            found = pricing.implied_vol(price, is_call, forward, strike, years, rate)
            has_iv = (found.status == pricing.IvStatus.OK) & (price > 0)
            values[f"{side}_iv"] = np.round(np.where(has_iv, found.vol, NO_IV), IV_DECIMALS)
        for name, value_now in values.items():
            board.published[name][rows] = value_now

    def _quotes(self, expiry: ExpiryRows, mark: FloatArray) -> dict[str, FloatArray]:
        """Quotes at their recorded distances, away from the mark onto the tick, never crossed."""
        board, rows = self.board, expiry.rows
        tick = float(expiry.contract.tick)
        bid = np.floor((mark - board.bid_below[rows]) / tick + _GRID_DUST) * tick
        has_bid = np.isfinite(bid) & (bid >= tick)
        bid = np.where(has_bid, bid, 0.0)
        ask = np.ceil((mark + board.ask_above[rows]) / tick - _GRID_DUST) * tick
        has_ask = np.isfinite(ask)
        ask = np.where(has_ask, np.maximum(ask, bid + tick), 0.0)
        bid_amount, ask_amount = board.quote_amounts[:, rows] / expiry.contract.unit
        lot = float(expiry.contract.lot)
        scale = expiry.contract.price_scale
        return {
            "bid": np.round(bid, scale),
            "bid_amount": np.where(has_bid, np.maximum(bid_amount, lot), 0.0),
            "ask": np.round(ask, scale),
            "ask_amount": np.where(has_ask, np.maximum(ask_amount, lot), 0.0),
        }

    def _close(self, expiry: ExpiryRows) -> None:
        """An expiry is over: it has no quotes and no marks any more."""
        for values in self.board.published.values():
            values[expiry.rows] = 0.0
        self.board.is_open[expiry.rows] = False
