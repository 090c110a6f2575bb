"""The state of the Deribit face that outlives a connection: accounts, tokens, credits, history."""

from __future__ import annotations

from collections.abc import Sequence

from quantdesk.simulator.deribit.account_log import AccountLog
from quantdesk.simulator.deribit.accounts import ApiAccount
from quantdesk.simulator.deribit.authentication import SIGNATURE_LIFE_MS, Authenticator, Clocks
from quantdesk.simulator.deribit.credits import Credits, Pool, Price
from quantdesk.simulator.deribit.market import DAY_NS, NS_PER_MS, SETTLEMENT_NS, DeribitMarket
from quantdesk.simulator.deribit.settlements import SettlementTape
from quantdesk.simulator.deribit.tape import TradeTape
from quantdesk.simulator.deribit.tokens import TokenBook
from quantdesk.simulator.exchange.exchange import Exchange
from quantdesk.simulator.exchange.reports import AccountSummary
from quantdesk.simulator.venue import MarketChanges, SimulatedVenue

SETTLEMENT_PAUSE_NS = 5 * 1_000_000_000


class DeribitFace:
    """Everything that the methods work on.

    Attributes
    ----------
    is_in_maintenance : every request is refused
    cancels_on_disconnect : user ids whose new connections begin with it enabled
    self_trading : mode by user id, where it was set
    """

    def __init__(
        self,
        venue: SimulatedVenue,
        accounts: Sequence[ApiAccount] = (),
        *,
        prices: dict[Pool, Price] | None = None,
    ) -> None:
        """Opens `accounts` at the venue's exchange. prices : of credits; None limits nothing."""
        self.venue = venue
        self.market = DeribitMarket(venue)
        self.accounts = tuple(accounts)
        self.authenticator = Authenticator(accounts)
        self.tokens = TokenBook(venue.seed)
        self.credits = Credits(prices)
        self.prices = prices
        self.tape = TradeTape(self.market)
        self.log = AccountLog(self.market, self.tape)
        self.settlements = SettlementTape(self.market)
        self.is_in_maintenance = False
        self.cancels_on_disconnect: set[int] = set()
        self.self_trading: dict[int, str] = {}
        for account in accounts:
            # Another face of the same venue may have opened it.
            currency = self.market.currencies[0]
            if not isinstance(venue.exchange.summary(account.account_id, currency), AccountSummary):
                venue.exchange.open_account(account.account_id, deposits=account.balances)
        self.note(venue.changes())

    @property
    def exchange(self) -> Exchange:
        """Orders, positions and cash."""
        return self.venue.exchange

    def note(self, changes: MarketChanges) -> None:
        """Write what happened on the tape and into the accounts' logs."""
        self.market.forget(self.market.changed_lines(changes))
        self.tape.note(changes.events)
        self.log.note(changes.events)
        self.settlements.note(changes)

    def note_trades(self) -> None:
        """Print what was traded but not told yet: answers carry the printed numbers."""
        self.tape.note(self.venue.untold_events())

    def clocks(self) -> Clocks:
        """The venue's clock, which may run fast, and the machine's."""
        stretch = max(1.0, self.venue.speed)
        return (
            (self.venue.now_ns() // NS_PER_MS, int(SIGNATURE_LIFE_MS * stretch)),
            (self.venue.clock.now_ns() // NS_PER_MS, SIGNATURE_LIFE_MS),
        )

    def is_settling(self) -> bool:
        """Whether trading pauses for the daily settlement."""
        return (self.venue.now_ns() - SETTLEMENT_NS) % DAY_NS < SETTLEMENT_PAUSE_NS
