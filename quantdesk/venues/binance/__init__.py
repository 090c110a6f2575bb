"""Binance European options: market data and account over REST and streams.

Start reading at `feed` and `events` for the market, `account_feed` and `account_normalize` for the
account.
"""

from quantdesk.venues.binance.account_feed import BinanceAccountFeed
from quantdesk.venues.binance.account_normalize import account_events_of
from quantdesk.venues.binance.events import events_of
from quantdesk.venues.binance.feed import BinanceFeed
from quantdesk.venues.binance.rest import Credentials
from quantdesk.venues.binance.settings import BinanceSettings

__all__ = [
    "BinanceAccountFeed",
    "BinanceFeed",
    "BinanceSettings",
    "Credentials",
    "account_events_of",
    "events_of",
]
