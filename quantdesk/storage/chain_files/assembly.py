"""What a layout's reader collects, and the market file that is made of it."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from quantdesk.domain.events import FutureUpdate, IndexUpdate, QuoteUpdate
from quantdesk.domain.instrument import Instrument, OptionType
from quantdesk.domain.times import format_instant
from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files.contract_rules import index_name_of
from quantdesk.storage.chain_files.market_file import MarketFile
from quantdesk.storage.chain_files.repeats import agreed_future, agreed_quote

MOMENTS_NAMED = 6
"""Moments of a file that a refusal names one by one."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OptionValue:
    """An option and its quote; None where it is listed and was not quoted yet."""

    instrument: Instrument
    quote: QuoteUpdate | None


@dataclass(slots=True, kw_only=True)
class Collection:
    """Readable records of one underlying at one moment, and what was left out."""

    path: Path
    layout: str
    venue: str
    underlying: str
    as_of_ns: int
    moments_ns: tuple[int, ...]
    environment: str = "replay"
    rows: int = 0
    rows_elsewhere: int = 0
    options: dict[str, OptionValue] = field(default_factory=dict)
    futures: dict[str, FutureUpdate] = field(default_factory=dict)
    indices: list[IndexUpdate] = field(default_factory=list)
    skipped: Counter[str] = field(default_factory=Counter)
    notes: list[str] = field(default_factory=list)

    def add(self, value: OptionValue | FutureUpdate | IndexUpdate) -> None:
        """Take a record in; of a name that comes again only what both say is kept, and counted."""
        if isinstance(value, IndexUpdate):
            self.indices.append(value)
        elif isinstance(value, FutureUpdate):
            self._add_future(value)
        else:
            self._add_option(value)

    def _add_future(self, value: FutureUpdate) -> None:
        before = self.futures.get(value.instrument_name)
        if before is not None:
            value, reason = agreed_future(before, value)
            self.skipped[reason] += 1
        self.futures[value.instrument_name] = value

    def _add_option(self, value: OptionValue) -> None:
        name = value.instrument.name
        before = self.options.get(name)
        if before is None or before.quote is None:
            self.options[name] = value
        elif value.quote is not None:
            quote, reason = agreed_quote(before.quote, value.quote)
            self.skipped[reason] += 1
            self.options[name] = OptionValue(instrument=before.instrument, quote=quote)

    def to_market_file(self) -> MarketFile:
        """The finished file. Raises ChainFileError where not one option could be read."""
        if not self.options:
            reasons = ", ".join(
                f"{count} {reason}" for reason, count in self.skipped.most_common(3)
            )
            why = f" ({reasons})" if reasons else ""
            raise ChainFileError(f"{self.path}: not one usable {self.underlying} option in it{why}")
        options = sorted(self.options.values(), key=_chain_order)
        quotes = tuple(option.quote for option in options if option.quote is not None)
        indices = sorted(self.indices, key=lambda index: index.event_ns)
        return MarketFile(
            path=str(self.path),
            layout=self.layout,
            venue=self.venue,
            underlying=self.underlying,
            as_of_ns=self.as_of_ns,
            moments_ns=self.moments_ns,
            instruments=tuple(option.instrument for option in options),
            quotes=quotes,
            futures=tuple(self.futures[name] for name in sorted(self.futures)),
            indices=tuple(indices) or self._index_of(quotes),
            environment=self.environment,
            rows=self.rows,
            rows_elsewhere=self.rows_elsewhere,
            skipped=tuple(sorted(self.skipped.items())),
            notes=tuple(self.notes),
        )

    def _index_of(self, quotes: tuple[QuoteUpdate, ...]) -> tuple[IndexUpdate, ...]:
        """The index as the latest ticker that carries it says."""
        latest = max(
            (quote for quote in quotes if quote.index_price is not None),
            key=lambda quote: quote.event_ns,
            default=None,
        )
        if latest is None or latest.index_price is None:
            return ()
        index = IndexUpdate(
            venue=self.venue,
            index_name=index_name_of(self.venue, self.underlying),
            event_ns=latest.event_ns,
            recv_ns=latest.recv_ns,
            price=latest.index_price,
        )
        return (index,)


def _chain_order(option: OptionValue) -> tuple[int, float, bool, str]:
    instrument = option.instrument
    assert instrument.expiry_ns is not None
    assert instrument.strike is not None
    is_put = instrument.option_type is OptionType.PUT
    return (instrument.expiry_ns, float(instrument.strike), is_put, instrument.name)


def choose_moment(path: Path, moments_ns: tuple[int, ...], at_ns: int | None) -> int:
    """Place of the last of the ascending `moments_ns` that is not after `at_ns` (None: the last).

    Raises ChainFileError naming those there are where all are later.
    """
    if at_ns is None:
        return len(moments_ns) - 1
    places = [place for place, moment_ns in enumerate(moments_ns) if moment_ns <= at_ns]
    if not places:
        raise ChainFileError(
            f"{path}: begins at {format_instant(moments_ns[0])}, after {format_instant(at_ns)}; "
            f"it holds {_moments_words(moments_ns)}"
        )
    return places[-1]


def _moments_words(moments_ns: tuple[int, ...]) -> str:
    """The moments of a file; of many the first two and the last."""
    words = [format_instant(moment_ns) for moment_ns in moments_ns]
    if len(words) > MOMENTS_NAMED:
        words = [*words[:2], "…", words[-1]]
    count = len(moments_ns)
    return f"{count} moment{'s' if count > 1 else ''}: {', '.join(words)}"


def choose_underlying(path: Path, found: set[str], asked: str | None) -> str:
    """The underlying to read. Raises ChainFileError naming those there are."""
    listed = " and ".join(sorted(found))
    if asked is not None:
        if asked.upper() not in found:
            raise ChainFileError(f"{path}: holds {listed}, not {asked}")
        return asked.upper()
    if len(found) > 1:
        raise ChainFileError(
            f"{path}: holds {listed}: say which one to read (--underlying {sorted(found)[0]})"
        )
    return next(iter(found))
