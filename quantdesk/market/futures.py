"""The futures and perpetuals of one underlying: what is listed and what was last quoted.

Knows no options. A future that is quoted and not listed (a recorded file that holds quotes alone)
serves as a forward, but has no contract to trade or to value.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal

from quantdesk.domain.events import FutureUpdate
from quantdesk.domain.instrument import Instrument
from quantdesk.market.market_data import FutureQuote


class FuturesBoard:
    """Futures and perpetuals of one underlying at one venue."""

    def __init__(self) -> None:
        self._contracts: dict[str, Instrument] = {}
        self._latest: dict[str, FutureUpdate] = {}
        self._quotes: Mapping[str, FutureQuote] | None = None

    def __contains__(self, name: str) -> bool:
        """Whether the contract is listed."""
        return name in self._contracts

    def list_contracts(self, instruments: Iterable[Instrument]) -> None:
        """Make those of `instruments` that are futures or perpetuals the listed ones."""
        contracts = {each.name: each for each in instruments if each.is_future}
        if contracts == self._contracts:
            return
        for gone in self._contracts.keys() - contracts.keys():
            self._latest.pop(gone, None)
        self._contracts = contracts
        self._quotes = None

    def remove(self, name: str) -> bool:
        """Take `name` from the board; whether it was there."""
        self._latest.pop(name, None)
        if self._contracts.pop(name, None) is None:
            return False
        self._quotes = None
        return True

    def apply(self, update: FutureUpdate) -> bool:
        """Keep `update` unless a later one of its contract is known; whether it was kept."""
        last = self._latest.get(update.instrument_name)
        if last is not None and update.event_ns < last.event_ns:
            return False
        self._latest[update.instrument_name] = update
        self._quotes = None
        return True

    def dated(self) -> Mapping[int, FutureUpdate]:
        """The last update of each dated future, by its expiry instant."""
        return {u.expiry_ns: u for u in self._latest.values() if u.expiry_ns is not None}

    def quotes(self) -> Mapping[str, FutureQuote]:
        """The last quote of each listed contract by name, in order; unchanged: the same mapping."""
        if self._quotes is None:
            self._quotes = {
                name: _quote(self._contracts[name], self._latest[name])
                for name in sorted(self._contracts.keys() & self._latest.keys())
            }
        return self._quotes


def _quote(instrument: Instrument, update: FutureUpdate) -> FutureQuote:
    return FutureQuote(
        instrument=instrument,
        event_ns=update.event_ns,
        mark=_number(update.mark),
        bid=_number(update.bid),
        ask=_number(update.ask),
    )


def _number(value: Decimal | None) -> float | None:
    return None if value is None else float(value)
