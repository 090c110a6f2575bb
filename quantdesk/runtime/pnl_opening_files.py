"""Openings to and from their files: markets on one side, plain columns on the other.

A chain comes back value for value, with what the desk had computed of it: nothing is quoted again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, fields
from typing import Any

import numpy as np

from quantdesk.errors import InvalidInput, StorageError
from quantdesk.market.chain import Chain
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.market_data import FutureQuote, UnderlyingMarket
from quantdesk.market.valuation import ChainValues
from quantdesk.storage.day_openings import (
    StoredChain,
    StoredColumn,
    StoredFuture,
)

_DTYPES = ("<f8", "<i8", "|b1", "|u1", "|i1")

_FORWARD_FIELDS_LATER = {"parity_bid", "parity_ask", "bound_pairs"}
"""Fields of a forward that files of earlier versions do not have: nothing bounds it then."""


def stored_chain(market: UnderlyingMarket, *, day_ns: int, at_start: bool) -> StoredChain:
    """`market` as it is kept; its surface is fitted anew when it comes back."""
    return StoredChain(
        day_ns=day_ns,
        at_start=at_start,
        venue=market.venue,
        underlying=market.underlying,
        as_of_ns=market.as_of_ns,
        index_price=market.index_price,
        index_source=market.index_source,
        instruments=market.chain.instruments,
        forward_index=market.chain.forward_index,
        columns=_columns(market.chain),
        values=_columns(market.values),
        forwards={expiry_ns: asdict(one) for expiry_ns, one in sorted(market.forwards.items())},
        futures=tuple(
            StoredFuture(
                instrument=one.instrument,
                event_ns=one.event_ns,
                mark=one.mark,
                bid=one.bid,
                ask=one.ask,
            )
            for _, one in sorted(market.futures.items())
        ),
    )


def restored_market(stored: StoredChain) -> UnderlyingMarket:
    """The market that was kept. Raises StorageError where its columns do not fit each other."""
    rows = len(stored.instruments)
    try:
        chain = Chain(
            venue=stored.venue,
            underlying=stored.underlying,
            instruments=stored.instruments,
            forward_index=stored.forward_index,
            **_arrays(Chain, stored.columns, rows),
        )
        values = ChainValues(**_arrays(ChainValues, stored.values, rows))
    except InvalidInput as error:
        raise StorageError(f"opening of {stored.venue} {stored.underlying}: {error}") from None
    if len(stored.forward_index) != rows:
        text = f"{len(stored.forward_index)} forwards' names for {rows} options"
        raise StorageError(f"opening of {stored.venue} {stored.underlying}: {text}")
    return UnderlyingMarket(
        venue=stored.venue,
        underlying=stored.underlying,
        as_of_ns=stored.as_of_ns,
        index_price=stored.index_price,
        index_source=stored.index_source,
        chain=chain,
        values=values,
        forwards={expiry_ns: _forward(kept) for expiry_ns, kept in stored.forwards.items()},
        futures={
            one.instrument.name: FutureQuote(
                instrument=one.instrument,
                event_ns=one.event_ns,
                mark=one.mark,
                bid=one.bid,
                ask=one.ask,
            )
            for one in stored.futures
        },
    )


def _forward(kept: Mapping[str, Any]) -> ExpiryForward:
    names = {field.name for field in fields(ExpiryForward)}
    odd_names = (names ^ kept.keys()) - (_FORWARD_FIELDS_LATER - kept.keys())
    if odd_names:
        odd = ", ".join(sorted(odd_names))
        raise StorageError(f"opening: a forward's {odd} are missing or unknown")
    return ExpiryForward(**kept)


def _columns(holder: Chain | ChainValues) -> dict[str, StoredColumn]:
    found = {}
    for field in fields(holder):
        value = getattr(holder, field.name)
        if isinstance(value, np.ndarray):
            plain = value.astype(value.dtype.newbyteorder("<"))
            found[field.name] = StoredColumn(dtype=plain.dtype.str, data=plain.tobytes())
    return found


def _arrays(kind: type[Chain | ChainValues], kept: dict[str, StoredColumn], rows: int) -> Any:
    """The arrays (n,) of `kind` by name, all of them and no other. Raises StorageError."""
    names = {field.name for field in fields(kind) if "Array" in str(field.type)}
    if names != kept.keys():
        odd = ", ".join(sorted(names ^ kept.keys()))
        raise StorageError(f"opening: columns {odd} are missing or unknown")
    found = {}
    for name, column in kept.items():
        if column.dtype not in _DTYPES:
            raise StorageError(f"opening: column {name} is of type {column.dtype[:8]!r}")
        dtype = np.dtype(column.dtype)
        if len(column.data) != rows * dtype.itemsize:
            text = f"{len(column.data)} bytes, not {rows} × {dtype.itemsize}"
            raise StorageError(f"opening: column {name} has {text}")
        found[name] = np.frombuffer(column.data, dtype=dtype) if rows else np.zeros(0, dtype=dtype)
    return found
