"""Deribit over its JSON-RPC WebSocket: market data, and reading an account.

Start reading at `feed` and `events`; of an account at `account_feed` and `account_events`.
"""

from quantdesk.venues.deribit.account_events import account_events_of
from quantdesk.venues.deribit.account_feed import DeribitAccountFeed
from quantdesk.venues.deribit.events import events_of
from quantdesk.venues.deribit.feed import DeribitFeed
from quantdesk.venues.deribit.settings import DeribitSettings
from quantdesk.venues.deribit.signing import DeribitCredentials

__all__ = [
    "DeribitAccountFeed",
    "DeribitCredentials",
    "DeribitFeed",
    "DeribitSettings",
    "account_events_of",
    "events_of",
]
