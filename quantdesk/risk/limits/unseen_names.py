"""Limits whose names nothing bears: `name = "btc"` is no error, and looks at nothing for ever."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import fields

from quantdesk.domain.instrument import Instrument
from quantdesk.market.market_data import MarketData
from quantdesk.risk.limits.cells import expiry_of, wanted
from quantdesk.risk.limits.limit import EACH, Filters, Limit, LimitSet

Named = tuple[Instrument, str, str]
"""An instrument, with the account and strategy that hold it."""

_OF_MARKET = ("venue", "underlying", "expiry")
_OF_BOOK = ("account", "strategy")


def unseen_names(limits: LimitSet, market: MarketData, held: Iterable[Named]) -> Mapping[int, str]:
    """By number of the limit, from 1: which of its names is of nothing in `market` or `held`.

    An account or strategy is looked for where the book names any: orders may bring others later.
    Where there is neither market nor book nothing can be said.
    """
    rows = [_names(*one) for one in held]
    for one in market.markets:
        listed = (*one.chain.instruments, *(quote.instrument for quote in one.futures.values()))
        rows += [_names(instrument, "", "") for instrument in listed]
    found: dict[int, str] = {}
    for number, limit in enumerate(limits.limits if rows else (), start=1):
        if sentence := _unseen(limit, rows):
            found[number] = sentence
    return found


def _names(instrument: Instrument, account: str, strategy: str) -> Filters:
    return Filters(
        account=account,
        venue=instrument.venue,
        strategy=strategy,
        underlying=instrument.underlying,
        expiry=expiry_of(instrument),
    )


def _unseen(limit: Limit, rows: Sequence[Filters]) -> str:
    given = {one.name: getattr(wanted(limit), one.name) for one in fields(Filters)}
    names = {key: name for key, name in given.items() if name not in ("", EACH)}
    for key, name in names.items():
        known = {getattr(row, key) for row in rows} - {""}
        if name not in known and (known or key in _OF_MARKET):
            return f"{key} {name}: nothing in this book or market is of it{_nearest(name, known)}"
    for keys in (_OF_MARKET, _OF_BOOK):
        asked = {key: name for key, name in names.items() if key in keys}
        if asked and not any(
            all(getattr(row, key) in ("", name) for key, name in asked.items()) for row in rows
        ):
            words = ", ".join(f"{key} {name}" for key, name in asked.items())
            return f"{words}: nothing in this book or market is of all of them"
    return ""


def _nearest(name: str, known: Iterable[str]) -> str:
    by_letters = {one.casefold(): one for one in known}
    near = difflib.get_close_matches(name.casefold(), by_letters, n=1, cutoff=0.5)
    return f"; did you mean {by_letters[near[0]]}?" if near else ""
