"""The simulated exchange: accounts, orders, positions and cash over one venue's instruments.

Venue-neutral, single-threaded and pure: its state is a function of the calls made and of what the
market view answered. Time is what `advance` was last told; it reads no clock and knows no protocol.
What it will not do it answers with a `Refusal`; exceptions are for the host's own mistakes.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from types import MappingProxyType

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Instrument, InstrumentKind, Side
from quantdesk.domain.order import OrderType
from quantdesk.domain.ports import MarginModel
from quantdesk.errors import InvalidInput
from quantdesk.simulator.exchange.accounts import Account
from quantdesk.simulator.exchange.admission import AdmissionDesk
from quantdesk.simulator.exchange.calendar import Calendar
from quantdesk.simulator.exchange.clearing import Clearing, Tell
from quantdesk.simulator.exchange.events import (
    BookSnapshot,
    CashChanged,
    ExchangeEvent,
    ListingChanged,
)
from quantdesk.simulator.exchange.exact import exactly
from quantdesk.simulator.exchange.ledger import (
    CROWD,
    HOUSE,
    OWN_ACCOUNTS,
    EntryKind,
    Ledger,
    LedgerEntry,
    Occasion,
)
from quantdesk.simulator.exchange.listing import Listing, ListingState
from quantdesk.simulator.exchange.maker import HouseMaker, MakerRules, TopOfBook
from quantdesk.simulator.exchange.margining import Margining
from quantdesk.simulator.exchange.orders import (
    LiveOrder,
    Order,
    OrderEdit,
    OrderFilter,
    OrderRequest,
    SelfTrade,
)
from quantdesk.simulator.exchange.positions import PositionReport
from quantdesk.simulator.exchange.refusals import EndReason, Refusal, RefusalReason
from quantdesk.simulator.exchange.reports import (
    AccountSummary,
    position_report,
    position_reports,
    summarise,
)
from quantdesk.simulator.exchange.rules import (
    FeeModel,
    Margins,
    MarketView,
    VenueRules,
)
from quantdesk.simulator.exchange.settlement import Settlement
from quantdesk.simulator.exchange.timekeeping import Timekeeper
from quantdesk.simulator.exchange.trading import OrderResult, Trading


def _ignore(_event: ExchangeEvent) -> None:
    """Nobody listens."""


class Exchange:
    """One venue's matching engine and clearing house.

    Attributes
    ----------
    now_ns : venue time, UTC ns: that of the last `advance`
    listings : every instrument ever listed, by name; to be read only
    ledger : cash of all accounts; to be read only
    """

    def __init__(
        self,
        *,
        rules: VenueRules,
        instruments: Iterable[Instrument],
        market: MarketView,
        fees: FeeModel,
        margin: MarginModel | None,
        now_ns: int,
        maker_rules: MakerRules | None = None,
        tell: Tell = _ignore,
    ) -> None:
        """Open with empty books and no accounts but the house's.

        margin : None lets every account trade without funds
        tell : receives each event as it happens; must not call the exchange back from inside

        Raises InvalidInput for two instruments of one name or of a kind that is not traded.
        """
        self.rules = rules
        self.now_ns = now_ns
        self.listings: dict[str, Listing] = {}
        self.ledger = Ledger(entries_kept_max=rules.entries_kept_max)
        self._market = market
        self._tell = tell
        self._accounts: dict[str, Account] = {}
        self._calendar = Calendar(rules, funded_ns=now_ns, settled_ns=now_ns)
        self._margining = (
            Margining(model=margin, fees=fees, market=market, ledger=self.ledger)
            if margin is not None
            else None
        )
        self._trading = Trading(
            rules=rules,
            admission=AdmissionDesk(rules=rules, market=market, margining=self._margining),
            clearing=Clearing(rules=rules, ledger=self.ledger, fees=fees, market=market, tell=tell),
            tell=tell,
        )
        self._crowd = self._new_account(CROWD, CROWD, SelfTrade.ALLOW)
        house = self._new_account(HOUSE, HOUSE, SelfTrade.CANCEL_TAKER)
        self._maker = HouseMaker(
            account=house, trading=self._trading, rules=maker_rules or MakerRules()
        )
        self._timekeeper = Timekeeper(
            calendar=self._calendar,
            settlement=Settlement(
                rules=rules, ledger=self.ledger, fees=fees, accounts=self._accounts, tell=tell
            ),
            trading=self._trading,
            maker=self._maker,
            market=market,
        )
        for instrument in instruments:
            self.list_instrument(instrument)

    @property
    def deliveries(self) -> Mapping[tuple[str, int], Decimal]:
        """Captured delivery prices by (index name, expiry_ns)."""
        return MappingProxyType(self._timekeeper.deliveries)

    # Accounts and instruments

    @exactly
    def open_account(
        self,
        account_id: str,
        *,
        deposits: Mapping[str, Decimal] | None = None,
        self_trade: SelfTrade = SelfTrade.REJECT_TAKER,
        group: str | None = None,
    ) -> None:
        """Open a client account; `group` None makes it a group of its own.

        Raises InvalidInput for an id that is empty, taken or the exchange's own, a group that is
        the exchange's own, or a deposit that is not positive.
        """
        if not account_id or account_id in self._accounts or account_id in OWN_ACCOUNTS:
            raise InvalidInput("account_id", account_id, "must be new and not the exchange's own")
        if group in OWN_ACCOUNTS:
            raise InvalidInput("group", group, "must not be the exchange's own")
        self._new_account(account_id, group if group is not None else account_id, self_trade)
        for currency, amount in (deposits or {}).items():
            self.deposit(account_id, currency, amount)

    @exactly
    def deposit(self, account_id: str, currency: str, amount: Decimal) -> None:
        """Bring cash in from outside, or with a negative `amount` take it out.

        Rounded to whole cash. Raises InvalidInput for an unknown account, an amount that is no
        cash or too much of it, or more taken out than is there.
        """
        if account_id not in self._accounts:
            raise InvalidInput("account_id", account_id, "must be an open account")
        is_sane = amount.is_finite() and abs(amount) <= _DEPOSIT_MAX
        whole = amount.quantize(self.rules.cash_quantum(currency)) if is_sane else Decimal(0)
        if not whole:
            raise InvalidInput("amount", amount, f"must be cash of at most {_DEPOSIT_MAX:g}")
        if whole < 0 and self.ledger.balance(account_id, currency) + whole < 0:
            raise InvalidInput("amount", amount, f"must be covered by the cash of {account_id}")
        kind = EntryKind.DEPOSIT if whole > 0 else EntryKind.WITHDRAWAL
        occasion = Occasion(event_ns=self.now_ns, kind=kind, currency=currency)
        self.ledger.bring_in(occasion, account_id, whole)
        balance = self.ledger.balance(account_id, currency)
        self._tell(CashChanged(account_id=account_id, currency=currency, balance=balance))

    def set_self_trade(
        self, account_id: str, mode: SelfTrade, *, group: str | None = None
    ) -> Refusal | None:
        """Set the mode of orders that name none; `group` None leaves the group."""
        account = self._accounts.get(account_id)
        if account is None:
            return _UNKNOWN_ACCOUNT
        account.self_trade = mode
        if group is not None:
            account.group = group
        return None

    def list_instrument(self, instrument: Instrument) -> None:
        """Open an instrument for trading.

        Raises InvalidInput for a name that is listed, an expiry that is over, or a kind that is
        not traded here.
        """
        if instrument.name in self.listings:
            raise InvalidInput("instrument", instrument.name, "must not be listed yet")
        if instrument.expiry_ns is not None and instrument.expiry_ns <= self.now_ns:
            raise InvalidInput("expiry_ns", instrument.expiry_ns, f"must be after {self.now_ns}")
        listing = Listing(instrument, self.rules)
        self.listings[instrument.name] = listing
        self._calendar.add(listing)

    def set_locked(self, instrument_name: str, *, is_locked: bool) -> Refusal | None:
        """Lock an instrument, after which orders can only be cancelled, or open it again."""
        listing = self.listings.get(instrument_name)
        if listing is None:
            return _UNKNOWN_INSTRUMENT
        if listing.state is ListingState.DELIVERED:
            return Refusal(reason=RefusalReason.NOT_TRADING)
        listing.state = ListingState.LOCKED if is_locked else ListingState.OPEN
        self._tell(
            ListingChanged(
                instrument_name=instrument_name, event_ns=self.now_ns, state=listing.state
            )
        )
        return None

    # Orders

    @exactly
    def submit(self, account_id: str, request: OrderRequest) -> OrderResult | Refusal:
        """Take a new order: matched, resting or ended when this returns; or refuse it."""
        account = self._accounts.get(account_id)
        if account is None:
            return _UNKNOWN_ACCOUNT
        listing = self.listings.get(request.instrument_name)
        if listing is None:
            return _UNKNOWN_INSTRUMENT
        return self._noting(listing, self._trading.submit(account, listing, request, self.now_ns))

    @exactly
    def edit(self, account_id: str, order_id: int, change: OrderEdit) -> OrderResult | Refusal:
        """Change an open order; refused, it stays as it is."""
        order = self._open_order(account_id, order_id)
        if isinstance(order, Refusal):
            return order
        return self._noting(order.listing, self._trading.edit(order, change, self.now_ns))

    @exactly
    def cancel(self, account_id: str, order_id: int) -> Order | Refusal:
        """Cancel one open order; gives it as it ended."""
        order = self._open_order(account_id, order_id)
        if isinstance(order, Refusal):
            return order
        return self._trading.cancel([order], EndReason.USER_REQUEST, self.now_ns)[0]

    @exactly
    def cancel_orders(
        self,
        account_id: str,
        which: OrderFilter | None = None,
        *,
        reason: EndReason = EndReason.USER_REQUEST,
    ) -> tuple[Order, ...]:
        """Cancel an account's open orders that fit, all by default; gives them as they ended."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        orders = account.open_orders(which or _EVERY_ORDER)
        return tuple(self._trading.cancel(orders, reason, self.now_ns))

    @exactly
    def cancel_everything(self, reason: EndReason) -> tuple[Order, ...]:
        """Cancel every client's open orders, as a venue that restarts without them."""
        orders = [
            order
            for account in self._accounts.values()
            for order in account.open_orders(_EVERY_ORDER)
        ]
        return tuple(self._trading.cancel(orders, reason, self.now_ns))

    @exactly
    def close_position(
        self,
        account_id: str,
        instrument_name: str,
        *,
        price: Decimal | None = None,
        session: str = "",
    ) -> OrderResult | Refusal:
        """Close a position with a reduce-only order: at `price`, or at the market where None."""
        listing = self.listings.get(instrument_name)
        if listing is None:
            return _UNKNOWN_INSTRUMENT
        size = listing.size_of(account_id)
        if not size:
            return Refusal(reason=RefusalReason.NO_POSITION)
        return self.submit(
            account_id,
            OrderRequest(
                instrument_name=instrument_name,
                side=Side.SELL if size > 0 else Side.BUY,
                amount=abs(size),
                price=price,
                order_type=OrderType.MARKET if price is None else OrderType.LIMIT,
                is_reduce_only=True,
                session=session,
            ),
        )

    # Questions

    @exactly
    def order(self, account_id: str, order_id: int) -> Order | Refusal:
        """An order, open or kept since it ended."""
        found = self._own_order(account_id, order_id)
        return found if isinstance(found, Refusal) else found.snapshot()

    @exactly
    def open_orders(self, account_id: str, which: OrderFilter | None = None) -> tuple[Order, ...]:
        """Open orders that fit, by order id; none for an unknown account."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        return tuple(o.snapshot() for o in account.open_orders(which or _EVERY_ORDER))

    @exactly
    def finished_orders(
        self, account_id: str, which: OrderFilter | None = None
    ) -> tuple[Order, ...]:
        """Kept orders that ended and fit, in the order in which they ended."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        return tuple(o.snapshot() for o in account.finished if (which or _EVERY_ORDER).fits(o))

    def fills(self, account_id: str, instrument_name: str | None = None) -> tuple[Fill, ...]:
        """Kept fills of an account, oldest first."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        return tuple(f for f in account.fills if instrument_name in (None, f.instrument_name))

    def statement(self, account_id: str) -> tuple[LedgerEntry, ...]:
        """Kept lines of an account's cash, oldest first."""
        return tuple(self.ledger.entries(account_id))

    @exactly
    def position(self, account_id: str, instrument_name: str) -> PositionReport | None:
        """A position at the current mark; None where there never was one, or it is delivered."""
        listing = self.listings.get(instrument_name)
        if listing is None:
            return None
        return position_report(listing, account_id, self._market)

    @exactly
    def positions(
        self, account_id: str, *, currency: str | None = None, kind: InstrumentKind | None = None
    ) -> tuple[PositionReport, ...]:
        """Positions with a size or with profit that is not cash yet, at the current marks."""
        account = self._accounts.get(account_id)
        if account is None:
            return ()
        return tuple(
            report
            for listing, report in position_reports(account, self._market)
            if (report.size or report.session_pnl)
            and (currency is None or listing.instrument.settlement_currency == currency)
            and (kind is None or listing.instrument.kind is kind)
        )

    @exactly
    def summary(self, account_id: str, currency: str) -> AccountSummary | Refusal:
        """Cash, values and margins of an account in one currency."""
        account = self._accounts.get(account_id)
        if account is None:
            return _UNKNOWN_ACCOUNT
        return summarise(
            account,
            currency,
            market=self._market,
            ledger=self.ledger,
            margining=self._margining,
        )

    @exactly
    def margins_with(self, account_id: str, request: OrderRequest) -> Margins | Refusal:
        """Margins as if a limit order rested, whether or not the account could carry it.

        Refused without a margin model (NOT_TRADING), price or amount on the grid.
        """
        account = self._accounts.get(account_id)
        listing = self.listings.get(request.instrument_name)
        if account is None:
            return _UNKNOWN_ACCOUNT
        if listing is None:
            return _UNKNOWN_INSTRUMENT
        if self._margining is None or listing.state is ListingState.DELIVERED:
            return Refusal(reason=RefusalReason.NOT_TRADING)
        return self._margining.margins_with(account, listing, request)

    @exactly
    def book(self, instrument_name: str, depth: int | None = None) -> BookSnapshot | None:
        """The best `depth` levels of each side, all where None; None for an unknown name."""
        listing = self.listings.get(instrument_name)
        if listing is None:
            return None
        grid = listing.grid
        bids, asks = (
            tuple(
                (grid.from_units(units), grid.from_lots(lots)) for units, lots in side.levels(depth)
            )
            for side in (listing.book.bids, listing.book.asks)
        )
        return BookSnapshot(
            instrument_name=instrument_name,
            event_ns=listing.changed_ns,
            change_id=listing.change_id,
            bids=bids,
            asks=asks,
        )

    # The market and time

    @exactly
    def requote(self, instrument_name: str, top: TopOfBook) -> None:
        """Let the house quote around `top` from now on; trades with client orders that it crosses.

        Does nothing for an instrument that is not open. Raises InvalidInput for an unknown name.
        """
        listing = self.listings.get(instrument_name)
        if listing is None:
            raise InvalidInput("instrument_name", instrument_name, "must be listed")
        self._maker.requote(listing, top, self.now_ns)

    @exactly
    def trade_crowd(self, instrument_name: str, side: Side, amount: Decimal) -> bool:
        """Let the crowd take up to `amount` of the house's best quote; False where it finds none.

        Clients' orders are left alone. Raises InvalidInput for an unknown name.
        """
        listing = self.listings.get(instrument_name)
        if listing is None:
            raise InvalidInput("instrument_name", instrument_name, "must be listed")
        lots = listing.grid.to_lots(amount)
        if listing.state is not ListingState.OPEN or lots is None:
            return False
        is_traded = self._trading.take_from_house(self._crowd, listing, side, lots, self.now_ns)
        if is_traded:
            self._maker.note_traded(listing, self.now_ns)
        return is_traded

    @exactly
    def advance(self, to_ns: int) -> None:
        """Let venue time pass: orders that end, funding, settlements, expiries, in time order.

        The market view must be at `to_ns` already: marks and indexes of the acts in between are
        those of now, which is why a host advances with each move of its market. Raises InvalidInput
        where time would run backwards.
        """
        if to_ns < self.now_ns:
            raise InvalidInput("to_ns", to_ns, f"must not be before {self.now_ns}")
        self._timekeeper.advance(to_ns)
        self.now_ns = to_ns
        self._maker.refresh(self.listings, to_ns)

    def _noting(self, listing: Listing, result: OrderResult | Refusal) -> OrderResult | Refusal:
        """The same result, after the house looked whether its quotes were taken."""
        if isinstance(result, OrderResult) and result.fills:
            self._maker.note_traded(listing, self.now_ns)
        return result

    def _new_account(self, account_id: str, group: str, mode: SelfTrade) -> Account:
        account = Account(
            account_id, group=group, self_trade=mode, fills_kept_max=self.rules.fills_kept_max
        )
        self._accounts[account_id] = account
        return account

    def _own_order(self, account_id: str, order_id: int) -> LiveOrder | Refusal:
        order = self._trading.orders.get(order_id)
        if order is None:
            return Refusal(reason=RefusalReason.ORDER_NOT_FOUND, field="order_id")
        if order.account.account_id != account_id:
            return Refusal(reason=RefusalReason.ORDER_NOT_OWNED, field="order_id")
        return order

    def _open_order(self, account_id: str, order_id: int) -> LiveOrder | Refusal:
        order = self._own_order(account_id, order_id)
        if isinstance(order, LiveOrder) and order.status.is_final:
            return Refusal(reason=RefusalReason.ORDER_NOT_OPEN, field="order_id")
        return order


_DEPOSIT_MAX = Decimal(10) ** 18
_UNKNOWN_ACCOUNT = Refusal(reason=RefusalReason.UNKNOWN_ACCOUNT, field="account_id")
_UNKNOWN_INSTRUMENT = Refusal(reason=RefusalReason.UNKNOWN_INSTRUMENT, field="instrument_name")
_EVERY_ORDER = OrderFilter()
