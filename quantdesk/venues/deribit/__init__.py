"""Deribit over its JSON-RPC WebSocket: market data. Start reading at `feed` and `events`."""

from quantdesk.venues.deribit.events import events_of
from quantdesk.venues.deribit.feed import DeribitFeed
from quantdesk.venues.deribit.settings import DeribitSettings

__all__ = ["DeribitFeed", "DeribitSettings", "events_of"]
