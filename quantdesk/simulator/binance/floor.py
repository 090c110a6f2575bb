"""Market, matching and accounts of the simulated Binance, moved together by the venue's clock.

One object that the REST side asks and the streams listen to. Opens no socket and reads no clock
but the venue's.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from decimal import Decimal

from quantdesk.domain.fill import Fill
from quantdesk.margin.model import standard_margin
from quantdesk.simulator.binance.accounts import ApiAccount
from quantdesk.simulator.binance.ladder import CONTRACTS, QUOTE
from quantdesk.simulator.binance.market import BinanceMarket
from quantdesk.simulator.crowd import Crowd, Interest
from quantdesk.simulator.exchange.events import ExchangeEvent, Trade
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.ledger import EntryKind, LedgerEntry
from quantdesk.simulator.exchange.maker import MakerRules
from quantdesk.simulator.exchange.orders import SelfTrade
from quantdesk.simulator.exchange.rules import VenueRules
from quantdesk.simulator.exchange.standard_fees import StandardFees
from quantdesk.simulator.venue import SimulatedVenue

OPEN_ORDERS_PER_SYMBOL = 10
OPEN_ORDERS_PER_UNDERLYING = 200
"""As published; an older table, so possibly raised since."""

ORDER_ID_FIRST = 4_611_875_134_427_365_377
"""Where the venue's documented ids are: above 2^53, which clients must survive."""
TRADE_ID_FIRST = 1_125_899_906_842_624_001

TRADES_KEPT_MAX = 100_000
EVENTS_KEPT_MAX = 1_000_000
"""Far above what one command or one move of the market makes."""

BOOK_LEVELS = 5

CROWD_SEED = 1
"""Added to the venue's seed: the two venues' crowds are not the same people."""


class BinanceFloor:
    """The exchange behind this face.

    Attributes
    ----------
    market : marks, quotes and indexes
    exchange : books, orders, positions and cash
    """

    def __init__(
        self,
        venue: SimulatedVenue,
        accounts: Sequence[ApiAccount],
        *,
        levels: int = BOOK_LEVELS,
    ) -> None:
        """Opens with the house's quotes standing. Raises InvalidInput for two equal accounts."""
        self.venue = venue
        self.market = BinanceMarket(venue)
        self._events: list[ExchangeEvent] = []
        self._seq_of_trade: OrderedDict[str, int] = OrderedDict()
        opened_ns = venue.opened_ns
        self.exchange = Exchange(
            rules=VenueRules(
                venue="binance",
                label_length_max=36,
                is_label_unique=True,
                open_orders_per_instrument_max=OPEN_ORDERS_PER_SYMBOL,
                open_orders_max=OPEN_ORDERS_PER_UNDERLYING * len(CONTRACTS),
                amount_max={coin: c.amount_max for coin, c in CONTRACTS.items()},
                cash_decimals={QUOTE: 8},
                order_id_first=ORDER_ID_FIRST,
                trade_id_first=TRADE_ID_FIRST,
            ),
            instruments=self.market.board.instruments,
            market=self.market,
            fees=StandardFees(as_of_ns=opened_ns),
            margin=standard_margin("binance", opened_ns),
            now_ns=opened_ns,
            maker_rules=MakerRules(levels=levels),
            tell=self._note,
        )
        self._crowd = Crowd(
            [
                Interest(name=one.name, weight=1.0, amount_min=one.amount_min)
                for one in self.market.board.instruments
            ],
            per_minute=venue.trades_per_minute,
            seed=venue.seed + CROWD_SEED,
        )
        for account in accounts:
            self.exchange.open_account(
                account.account_id,
                deposits=account.balances,
                self_trade=SelfTrade.CANCEL_MAKER,
            )
        for row in range(len(self.market.board)):
            self.exchange.requote(self.market.board.names[row], self.market.top_of_book(row))
        self._events.clear()

    @property
    def now_ms(self) -> int:
        """Venue time of the last `advance`, ms."""
        return self.exchange.now_ns // 1_000_000

    def advance(self) -> bool:
        """Move everything to the venue's time; whether marks moved.

        Expiries are settled before the market makers quote again.
        """
        before_ns = self.exchange.now_ns
        now_ns = max(self.venue.now_ns(), before_ns)
        has_moved, rows = self.market.advance(now_ns)
        self.exchange.advance(now_ns)
        board = self.market.board
        for row in rows:
            if board.is_open[row]:
                self.exchange.requote(board.names[row], self.market.top_of_book(row))
        for order in self._crowd.orders(before_ns, now_ns):
            self.exchange.trade_crowd(order.name, order.side, order.amount)
        return has_moved

    def take_events(self) -> list[ExchangeEvent]:
        """What happened since this was last asked, in order."""
        events, self._events = self._events, []
        return events

    def trade_seq(self, fill: Fill) -> int:
        """The trade's number within its symbol; 0 where it is no longer known."""
        return self._seq_of_trade.get(fill.trade_id, 0)

    def deliveries(self, account_id: str) -> list[LedgerEntry]:
        """Statement lines of expiries that an account held through, oldest first."""
        statement = self.exchange.statement(account_id)
        return [entry for entry in statement if entry.kind is EntryKind.DELIVERY]

    def greeks(self, account_id: str) -> dict[str, dict[str, Decimal]]:
        """Signed Greeks of an account by underlying symbol; zeros where it holds nothing."""
        published = self.market.board.published
        totals = {
            symbol: dict.fromkeys(("delta", "gamma", "theta", "vega"), Decimal(0))
            for symbol in self.market.indexes
        }
        for report in self.exchange.positions(account_id):
            row = self.market.board.row_of[report.instrument_name]
            total = totals[self.market.board.instruments[row].index_name]
            for name in total:
                each = Decimal(f"{float(published[name][row]):.8f}")
                total[name] += each * report.size
        return totals

    def _note(self, event: ExchangeEvent) -> None:
        if isinstance(event, Trade):
            self._seq_of_trade[str(event.trade_id)] = event.trade_seq
            if len(self._seq_of_trade) > TRADES_KEPT_MAX:
                self._seq_of_trade.popitem(last=False)
        assert len(self._events) < EVENTS_KEPT_MAX, "nobody takes the exchange's events"
        self._events.append(event)
