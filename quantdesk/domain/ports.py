"""The seams at which the desk meets the world. Protocols only; whoever fits may stand in."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterator, Sequence
from decimal import Decimal
from typing import Protocol, TypeVar

from quantdesk.domain.events import MarketEvent, RawFrame
from quantdesk.domain.feed_report import FeedReport
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.margin import (
    MarginAccount,
    MarginBook,
    MarginOrder,
    MarginPrices,
    MarginRequirement,
    MarginStatement,
)

Item = TypeVar("Item")
Shared = TypeVar("Shared")
Result = TypeVar("Result")


class Clock(Protocol):
    """Source of time. Only `runtime.clock` reads the machine's."""

    def now_ns(self) -> int:
        """UTC nanoseconds."""


class MarketFeed(Protocol):
    """One connection to a venue's market data: frames out, in the order received.

    A feed keeps its connection alive, subscribes and resubscribes by itself. It never parses for
    anyone else: frames are recorded first and decoded by `to_events`.
    """

    @property
    def name(self) -> str:
        """Connection name, equal to `RawFrame.connection` of its frames."""

    @property
    def venue(self) -> str:
        """Venue name, "deribit"."""

    @property
    def state(self) -> str:
        """ "connecting", "live", "reconnecting", "maintenance" or "closed"."""

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did."""

    def frames(self) -> AsyncIterator[RawFrame]:
        """Frames until the feed is closed. Reconnects inside; ends only on `close`."""

    def watch_books(self, names: Sequence[str]) -> None:
        """Follow the order books of these instruments and of no others.

        Raises ConfigError or InvalidInput for what is no name, ConfigError for too many.
        """

    @property
    def book_epoch(self) -> int:
        """How often the order books began anew: with each new connection that carries them."""

    def is_book_good(self, name: str) -> bool:
        """Whether a watched book hangs together as received on the present connection."""

    def ask_book_again(self, name: str) -> None:
        """The book of `name`, as decoded, is bad: fetch it anew, within the limits."""

    def report(self) -> FeedReport:
        """What the feed says of itself. Needs a running event loop."""

    async def close(self) -> None:
        """Close the socket and end `frames`."""


class FrameDecoder(Protocol):
    """Pure: one raw frame to the events it carries. Never raises on any bytes."""

    def __call__(self, frame: RawFrame) -> Sequence[MarketEvent]: ...


class FrameRecorder(Protocol):
    """Where raw frames go before they are understood."""

    def append(self, frame: RawFrame) -> None:
        """Keep `frame`. Raises StorageError if it can not be kept."""

    def flush(self) -> None:
        """Make what was appended durable: called about once a second, also when no frame comes."""

    def close(self) -> None:
        """Write out what is buffered and close the files."""


class MarginModel(Protocol):
    """A venue's margin law at one moment. Pure: the same question has the same answer.

    Every method raises InvalidInput naming what is missing or wrong of an instrument, a quantity or
    a price, and OutOfDomain where the law has no rule for the instrument.
    """

    @property
    def name(self) -> str:
        """ "deribit standard"."""

    @property
    def venue(self) -> str:
        """ "deribit"."""

    def position_margin(
        self, instrument: Instrument, quantity: Decimal, prices: MarginPrices
    ) -> MarginRequirement:
        """Margin of holding `quantity` (signed, amount unit; 0 is flat and needs none)."""

    def order_margins(
        self,
        instrument: Instrument,
        orders: Sequence[MarginOrder],
        *,
        held: Decimal,
        prices: MarginPrices,
        account: MarginAccount | None = None,
    ) -> tuple[MarginRequirement, ...]:
        """Margin of all resting orders on `instrument`, in their order, beside a position `held`.

        `account` is read by the models whose rules look at the balance.
        """

    def margin_balance(self, *, cash: Decimal, futures_profit: Decimal) -> Decimal:
        """What counts against the requirement; value of options never does under these models.

        `futures_profit` is that of the session, realised and not, which is not yet cash.
        """

    def statement(self, book: MarginBook) -> MarginStatement:
        """Margin of a whole book; a leg that can not be margined is excluded with its reason."""


class AccountFeed(Protocol):
    """One private connection to a venue: frames of an account out, in the order received.

    As `MarketFeed`, whose frames another decoder reads; no frame holds a key, token or listen key.
    """

    @property
    def name(self) -> str:
        """Connection name, equal to `RawFrame.connection` of its frames."""

    @property
    def venue(self) -> str:
        """Venue name, "binance"."""

    @property
    def state(self) -> str:
        """ "connecting", "live", "reconnecting", "maintenance" or "closed"."""

    @property
    def reconnects(self) -> int:
        """How often the connection was made again."""

    @property
    def last_problem(self) -> str:
        """One sentence on what went wrong last, "" where nothing did."""

    @property
    def rights(self) -> str:
        """What the venue says that the key may do, in its words; "" where it does not say."""

    def frames(self) -> AsyncIterator[RawFrame]:
        """Frames until the feed is closed. Reconnects inside; ends only on `close`."""

    async def close(self) -> None:
        """Close the socket and end `frames`."""


class BanStore(Protocol):
    """Where the end of a venue's ban is kept, so that a restart does not prolong it."""

    def banned_until_ns(self, address: str) -> int | None:
        """UTC nanoseconds at which the ban of `address` ends; None where none is known."""

    def note_ban(self, address: str, until_ns: int) -> None:
        """Keep that `address` refuses us until `until_ns`. Raises StorageError if it can not."""


class Runner(Protocol):
    """Where chunks of a large calculation run: in this process or in others. The answers are equal.

    Work that must be the same wherever it runs is cut up by its caller, never by the number of
    workers.
    """

    def map(
        self,
        function: Callable[[Shared, Item], Result],
        items: Sequence[Item],
        *,
        shared: Shared,
    ) -> Iterator[Result]:
        """`function(shared, item)` of each item, in the items' order.

        `function` is of a module's top level; `shared` is handed to each worker once. What
        `function` raises is raised here.
        """
