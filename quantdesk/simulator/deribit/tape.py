"""Every trade of the simulated venue as Deribit prints it, kept for whoever asks. Bounded."""

from __future__ import annotations

from collections import OrderedDict, deque
from collections.abc import Iterable, Iterator

import msgspec
import numpy as np

from quantdesk.simulator import marking
from quantdesk.simulator.deribit.market import NS_PER_MS, DeribitMarket
from quantdesk.simulator.deribit.records import PublicTrade
from quantdesk.simulator.exchange.events import ExchangeEvent, Trade

TRADES_MAX = 20_000
TRADES_PER_INSTRUMENT_MAX = 1_000
_YEAR_NS = 365 * 86_400 * 1_000_000_000


class TradeTape:
    """The latest trades, oldest first."""

    def __init__(self, market: DeribitMarket) -> None:
        self._market = market
        self._by_id: OrderedDict[str, PublicTrade] = OrderedDict()
        self._by_name: dict[str, deque[PublicTrade]] = {}

    def note(self, events: Iterable[ExchangeEvent]) -> None:
        """Print the trades among `events` that are not printed yet."""
        for event in events:
            if isinstance(event, Trade) and not self._is_printed(event):
                trades = self._by_name.setdefault(
                    event.instrument_name, deque(maxlen=TRADES_PER_INSTRUMENT_MAX)
                )
                trade = self._printed(event, trades[-1] if trades else None)
                trades.append(trade)
                self._by_id[trade.trade_id] = trade
                if len(self._by_id) > TRADES_MAX:
                    self._by_id.popitem(last=False)

    def _is_printed(self, trade: Trade) -> bool:
        return self.trade_id(trade.instrument_name, trade.trade_id) in self._by_id

    def find(self, trade_id: str) -> PublicTrade | None:
        """A trade by its printed id."""
        return self._by_id.get(trade_id)

    def of_instrument(self, name: str) -> list[PublicTrade]:
        """Trades of one instrument, oldest first."""
        return list(self._by_name.get(name, ()))

    def of(self, currency: str | None, kind: str) -> Iterator[PublicTrade]:
        """Trades of a currency (None: all) and kind ("any": all), oldest first."""
        market = self._market
        for trade in self._by_id.values():
            line = market.line_of[trade.instrument_name]
            is_of_kind = kind in ("any", market.kind(line))
            if is_of_kind and currency in (None, market.currency(line)):
                yield trade

    def trade_id(self, name: str, number: int) -> str:
        """A trade id as printed: bare for BTC, with the currency for others, as captured."""
        currency = self._market.currency(self._market.line_of[name])
        return str(number) if currency == "BTC" else f"{currency}-{number}"

    def _printed(self, trade: Trade, previous: PublicTrade | None) -> PublicTrade:
        name = trade.instrument_name
        line = self._market.line_of[name]
        price, amount = float(trade.price), float(trade.amount)
        return PublicTrade(
            trade_seq=trade.trade_seq,
            trade_id=self.trade_id(name, trade.trade_id),
            timestamp=trade.event_ns // NS_PER_MS,
            tick_direction=_tick_direction(price, previous),
            price=price,
            mark_price=float(trade.mark_price),
            iv=self._iv(line, trade),
            instrument_name=name,
            index_price=float(trade.index_price),
            direction=trade.side.value,
            contracts=amount / self._market.instrument(line).contract_size,
            amount=amount,
        )

    def _iv(self, line: int, trade: Trade) -> float | msgspec.UnsetType:
        """IV of an option's price, percent."""
        board = self._market.board
        if self._market.future(line) is not None:
            return msgspec.UNSET
        ivs = marking.quote_ivs(
            np.array([float(trade.price)]),
            board.is_call[[line]],
            np.array([float(trade.underlying_price)]),
            board.strike[[line]],
            (board.expiry_ns[[line]] - trade.event_ns) / _YEAR_NS,
        )
        return float(ivs[0])


def _tick_direction(price: float, previous: PublicTrade | None) -> int:
    """0 up, 1 unchanged after up, 2 down, 3 unchanged after down."""
    if previous is None or price > previous.price:
        return 0
    if price < previous.price:
        return 2
    return 1 if previous.tick_direction in (0, 1) else 3
