"""Recorded market files: one reader a layout, one answer for all, `MarketFile`.

The layout is recognised by content, never by the file's name. A faulty row is left out and
counted; a faulty file is refused in one sentence. Prices stay exact. No file is written here.
"""

from quantdesk.storage.chain_files.market_file import MarketFile
from quantdesk.storage.chain_files.reader import read_market_file

__all__ = ["MarketFile", "read_market_file"]
