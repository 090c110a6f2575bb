"""A desk snapshot as one record: the schema `quantdesk.snapshot/1`."""

from __future__ import annotations

from typing import Any

import msgspec

from quantdesk.app.render.chain_record import chain_record
from quantdesk.domain.times import format_instant
from quantdesk.snapshot import BookDepth, DeskSnapshot, LinkHealth

SCHEMA = "quantdesk.snapshot/1"


def snapshot_record(snapshot: DeskSnapshot) -> dict[str, Any]:
    """Sequence, time, health of each connection, every chain, account and followed order book."""
    return {
        "schema": SCHEMA,
        "seq": snapshot.seq,
        "ts": format_instant(snapshot.ts_ns),
        "environment": snapshot.environment.value,
        "is_simulated": snapshot.is_simulated,
        "source": snapshot.source,
        "links": [_link_record(link) for link in snapshot.links],
        "chains": [chain_record(chain) for chain in snapshot.chains],
        "accounts": [msgspec.to_builtins(account) for account in snapshot.accounts],
        "books": [_book_record(book) for book in snapshot.books],
    }


def _book_record(book: BookDepth) -> dict[str, Any]:
    """An order book as deep as the desk shows it: [price, amount] of each level, exact, best first.

    Only a good book has levels.
    """
    return {
        "venue": book.venue,
        "instrument_name": book.instrument_name,
        "is_good": book.is_good,
        "bad_reason": book.bad_reason,
        "change_id": book.change_id,
        "event_ns": book.event_ns,
        "recv_ns": book.recv_ns,
        "bids": [[str(price), str(amount)] for price, amount in book.bids],
        "asks": [[str(price), str(amount)] for price, amount in book.asks],
        "levels_bid": book.levels_bid,
        "levels_ask": book.levels_ask,
        "gaps": book.gaps,
    }


def _link_record(link: LinkHealth) -> dict[str, Any]:
    return {
        "name": link.name,
        "venue": link.venue,
        "state": link.state.value,
        "last_recv": format_instant(link.last_recv_ns) if link.last_recv_ns else None,
        "frames": link.frames,
        "reconnects": link.reconnects,
        "refused": link.refused,
        "problems": dict(link.problems),
        "last_problem": link.last_problem,
        "account": link.account or None,
        "silent": list(link.silent),
        "dropped": link.dropped,
    }
