"""Recorded market files: one reader a layout, one answer for all, `MarketFile`.

The layout is recognised by content, never by the file's name. A faulty row is left out and
counted; a faulty file is refused in one sentence. Prices stay exact. No file is written here.
"""

from quantdesk.storage.chain_files.future_rules import future_by_rule
from quantdesk.storage.chain_files.market_file import MarketFile
from quantdesk.storage.chain_files.names import FutureName, OptionName, parse_name
from quantdesk.storage.chain_files.reader import read_market_file

__all__ = [
    "FutureName",
    "MarketFile",
    "OptionName",
    "future_by_rule",
    "parse_name",
    "read_market_file",
]
