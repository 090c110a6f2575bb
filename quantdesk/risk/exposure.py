"""Greeks of a book: by position, netted by underlying, expiry, strike, strategy and venue; ladders.

Every sum is of one underlying. Sums run in the book's order, so that the same book has the same
bits. Totals carry how many positions they miss.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from decimal import Decimal
from enum import Enum

import numpy as np

from quantdesk.domain.instrument import Instrument, InstrumentKind
from quantdesk.domain.position import Position
from quantdesk.domain.times import expiry_code
from quantdesk.errors import InvalidInput
from quantdesk.market.chain import FloatArray
from quantdesk.risk.greeks import (
    GREEK_FIELDS,
    WIDTH,
    DeskGreeks,
    delta_one_greeks,
    option_greeks,
    unit_of,
)
from quantdesk.risk.valuation import ValuedBook

STRIKE_WIDTH_SHARE = 0.05
"""A strike bucket is the round number next above this share of the index."""


class Grouping(Enum):
    """What positions are netted by; always within one underlying."""

    UNDERLYING = "underlying"
    EXPIRY = "expiry"
    STRIKE = "strike"
    EXPIRY_STRIKE = "expiry-strike"
    STRATEGY = "strategy"
    STRUCTURE = "structure"
    VENUE = "venue"


@dataclass(frozen=True, slots=True, kw_only=True)
class GroupKey:
    """What a row is about; None where the grouping does not look at it or it does not apply.

    expiry_ns : None also for perpetuals and spot;  strike_low, strike_high : the bucket
    [low, high), None for what has no strike
    """

    underlying: str
    expiry_ns: int | None = None
    strike_low: float | None = None
    strike_high: float | None = None
    strategy: str | None = None
    structure: str | None = None
    venue: str | None = None

    @property
    def label(self) -> str:
        """The row's title: "BTC 25SEP26 60,000 to 65,000"."""
        words = [self.underlying]
        if self.expiry_ns is not None:
            words.append(expiry_code(self.expiry_ns))
        if self.strike_low is not None and self.strike_high is not None:
            words.append(f"{self.strike_low:,.10g} to {self.strike_high:,.10g}")
        words += [tag for tag in (self.strategy, self.structure, self.venue) if tag]
        return " ".join(words)

    @property
    def order(self) -> tuple[str, float, float, str, str, str]:
        """Sort key: by coin, perpetuals and spot before dated, low strikes first."""
        return (
            self.underlying,
            -math.inf if self.expiry_ns is None else float(self.expiry_ns),
            -math.inf if self.strike_low is None else self.strike_low,
            self.strategy or "",
            self.structure or "",
            self.venue or "",
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class NetGreeks:
    """Sum over the positions of one group; `left_out` of them could not be marked."""

    key: GroupKey
    greeks: DeskGreeks
    positions: int
    left_out: int

    def __str__(self) -> str:
        return _greeks_text([self])


@dataclass(frozen=True, slots=True, kw_only=True)
class Hedge:
    """Two hedges of one underlying, told apart, in coins of delta to add (negative: to sell).

    cash_coin : collateral in the coin, with the profit of its futures
    equity_coin : cash_coin and the worth of what settles in the coin
    flattens_coin_pnl : −Σ premium-adjusted delta of what settles in the coin
    flattens_account_usd : −(equity_coin + Σ premium-adjusted delta); linear legs count their Black
        delta. Always equity + premium-adjusted delta = cash + Black delta; spot is cash to it.
    left_out : positions of the underlying that could not be marked, and are in none of these
    """

    underlying: str
    cash_coin: float
    equity_coin: float
    delta_black: float
    delta_premium_adjusted: float
    flattens_coin_pnl: float
    flattens_account_usd: float
    left_out: int


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Exposures:
    """Greeks of a whole book.

    by_position : (n, 16), columns in the order of `GREEK_FIELDS`, rows those of the book
    """

    book: ValuedBook
    by_position: FloatArray
    strike_widths: Mapping[str, float]
    hedges: tuple[Hedge, ...]

    def position(self, row: int) -> DeskGreeks:
        """Greeks of the position in `row`."""
        return DeskGreeks(*self.by_position[row].tolist())

    def net(self, grouping: Grouping) -> tuple[NetGreeks, ...]:
        """Sums by `grouping`, sorted; a group that could not be marked at all has no row."""
        mark_of = _mark_maker(grouping, self.strike_widths)
        # Thousands of positions share a few groups: keys are made once a group.
        marks = [mark_of(position) for position in self.book.positions]
        keys = {mark: _group_key(grouping, mark, self.strike_widths) for mark in set(marks)}
        ordered = sorted(keys, key=lambda mark: keys[mark].order)
        number_of = {mark: number for number, mark in enumerate(ordered)}
        codes = np.array([number_of[mark] for mark in marks], dtype=np.int64)
        sums = _sum_rows(self.by_position, codes, len(ordered))
        counts = np.bincount(codes, minlength=len(ordered)).tolist()
        missing = Counter(mark_of(exclusion.position) for exclusion in self.book.excluded)
        return tuple(
            NetGreeks(
                key=keys[mark],
                greeks=DeskGreeks(*values),
                positions=count,
                left_out=missing[mark],
            )
            for mark, values, count in zip(ordered, sums.tolist(), counts, strict=True)
        )

    def underlying(self, coin: str) -> NetGreeks:
        """The net Greeks of `coin`. Raises InvalidInput where no position of it was marked."""
        for net in self.net(Grouping.UNDERLYING):
            if net.key.underlying == coin:
                return net
        marked = ", ".join(self.book.underlyings) or "none"
        raise InvalidInput("underlying", coin, f"must be one with a marked position: {marked}")

    def __str__(self) -> str:
        text = _greeks_text(self.net(Grouping.UNDERLYING))
        left_out = len(self.book.excluded)
        return f"{text}\nwithout {left_out} that could not be marked" if left_out else text


def expose(
    book: ValuedBook,
    *,
    collateral: Mapping[str, Decimal] | None = None,
    strike_widths: Mapping[str, float] | None = None,
    threads: int | None = None,
) -> Exposures:
    """Greeks of `book`.

    Parameters
    ----------
    collateral : cash by currency, the profit of futures that is not yet cash with it
    strike_widths : width of the strike buckets by underlying, USD; a round share of the index else

    Raises InvalidInput for a width that is not above 0 or cash that is no number.
    """
    matrix = np.empty((len(book), WIDTH), dtype=np.float64)
    venues = np.array([market.venue == "deribit" for market in book.markets], dtype=np.bool_)
    options, contracts = book.options, book.delta_ones
    matrix[options.rows] = option_greeks(
        options, deribit=venues[options.market] if len(venues) else None, threads=threads
    )
    matrix[contracts.rows] = delta_one_greeks(contracts)
    matrix.flags.writeable = False
    widths = _round_widths(book)
    for coin, width in (strike_widths or {}).items():
        if not (math.isfinite(width) and width > 0):
            raise InvalidInput("strike_width", width, f"of {coin} must be above 0")
        widths[coin] = width
    return Exposures(
        book=book,
        by_position=matrix,
        strike_widths=widths,
        hedges=_hedges(book, matrix, collateral or {}),
    )


def _sum_rows(matrix: FloatArray, codes: np.ndarray, groups: int) -> FloatArray:
    """Sums (groups, 16) of the rows by their code, added in the rows' order."""
    sums = np.zeros((groups, matrix.shape[1]), dtype=np.float64)
    for column in range(matrix.shape[1]):
        sums[:, column] = np.bincount(codes, weights=matrix[:, column], minlength=groups)
    return sums


_Mark = tuple[str, int | float | str | None, float | None]
"""What tells groups of one grouping apart: underlying, and one or two features of the position."""


def _mark_maker(grouping: Grouping, widths: Mapping[str, float]) -> Callable[[Position], _Mark]:
    def mark_of(position: Position) -> _Mark:
        instrument = position.instrument
        coin = instrument.underlying
        match grouping:
            case Grouping.EXPIRY:
                return coin, instrument.expiry_ns, None
            case Grouping.STRIKE:
                return coin, None, _bucket(instrument, widths)
            case Grouping.EXPIRY_STRIKE:
                return coin, instrument.expiry_ns, _bucket(instrument, widths)
            case Grouping.STRATEGY | Grouping.STRUCTURE:
                return coin, getattr(position, grouping.value), None
            case _:
                return coin, instrument.venue if grouping is Grouping.VENUE else None, None

    return mark_of


def _bucket(instrument: Instrument, widths: Mapping[str, float]) -> float | None:
    """Lower end of the strike's bucket; None for what has no strike."""
    width = widths.get(instrument.underlying)
    if instrument.kind is not InstrumentKind.OPTION or instrument.strike is None or width is None:
        return None
    return math.floor(float(instrument.strike) / width) * width


def _group_key(grouping: Grouping, mark: _Mark, widths: Mapping[str, float]) -> GroupKey:
    coin, feature, low = mark
    named = {grouping.value: feature} if isinstance(feature, str) else {}
    return GroupKey(
        underlying=coin,
        expiry_ns=feature if isinstance(feature, int) else None,
        strike_low=low,
        strike_high=None if low is None else low + widths[coin],
        **named,
    )


def _round_widths(book: ValuedBook) -> dict[str, float]:
    """1, 2 or 5 times a power of ten by underlying, next above a share of its index."""
    widths: dict[str, float] = {}
    for coin, market in zip(book.coins, book.markets, strict=True):
        if coin in widths or market.index_price is None:
            continue
        share = market.index_price * STRIKE_WIDTH_SHARE
        power: float = 10.0 ** math.floor(math.log10(share))
        widths[coin] = next(step * power for step in (1.0, 2.0, 5.0, 10.0) if step * power >= share)
    return widths


def _hedges(
    book: ValuedBook, matrix: FloatArray, collateral: Mapping[str, Decimal]
) -> tuple[Hedge, ...]:
    for currency, amount in collateral.items():
        if not amount.is_finite():
            raise InvalidInput("collateral", amount, f"of {currency} must be a number")
    at = {name: column for column, name in enumerate(GREEK_FIELDS)}
    missing = Counter(one.position.instrument.underlying for one in book.excluded)
    found = []
    for coin in book.underlyings:
        rows = [i for i, p in enumerate(book.positions) if p.instrument.underlying == coin]
        in_coin = [i for i in rows if book.positions[i].instrument.is_inverse]
        cash = float(collateral.get(coin, Decimal(0)))
        black = float(matrix[rows, at["delta_black"]].sum())
        adjusted = float(matrix[rows, at["delta_premium_adjusted"]].sum())
        equity = cash + float(matrix[rows, at["value_coin"]].sum())
        found.append(
            Hedge(
                underlying=coin,
                cash_coin=cash,
                equity_coin=equity,
                delta_black=black,
                delta_premium_adjusted=adjusted,
                flattens_coin_pnl=-float(matrix[in_coin, at["delta_premium_adjusted"]].sum()),
                flattens_account_usd=-(equity + adjusted),
                left_out=missing[coin],
            )
        )
    return tuple(found)


def _greeks_text(nets: list[NetGreeks] | tuple[NetGreeks, ...]) -> str:
    """Lines "name value unit", a block an underlying."""
    blocks = []
    for net in nets:
        title = f"{net.key.label}: {net.positions} position{'s' if net.positions != 1 else ''}"
        if net.left_out:
            title += f", without {net.left_out} that could not be marked"
        lines = [title]
        for name, value in zip(GREEK_FIELDS, net.greeks, strict=True):
            lines.append(f"  {name:<24}{value:>20,.6g}  {unit_of(name, net.key.underlying)}")
        blocks.append("\n".join(lines))
    return "\n".join(blocks) if blocks else "no position could be marked"
