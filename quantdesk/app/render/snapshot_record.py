"""A desk snapshot as one record: the schema `quantdesk.snapshot/1`."""

from __future__ import annotations

from typing import Any

from quantdesk.app.render.chain_record import chain_record
from quantdesk.domain.times import format_instant
from quantdesk.snapshot import DeskSnapshot, LinkHealth

SCHEMA = "quantdesk.snapshot/1"


def snapshot_record(snapshot: DeskSnapshot) -> dict[str, Any]:
    """Sequence, time, health of each connection and every chain."""
    return {
        "schema": SCHEMA,
        "seq": snapshot.seq,
        "ts": format_instant(snapshot.ts_ns),
        "environment": snapshot.environment.value,
        "is_simulated": snapshot.is_simulated,
        "source": snapshot.source,
        "links": [_link_record(link) for link in snapshot.links],
        "chains": [chain_record(chain) for chain in snapshot.chains],
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
    }
