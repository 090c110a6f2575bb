"""The one way in: a file of any recorded layout, recognised by what it holds."""

from __future__ import annotations

import json
import re
from decimal import Decimal
from pathlib import Path

import msgspec

from quantdesk.errors import ChainFileError
from quantdesk.storage.chain_files.assembly import Collection
from quantdesk.storage.chain_files.book_csv import BOOK_CSV, NESTED_BOOK_CSV
from quantdesk.storage.chain_files.contents import read_contents
from quantdesk.storage.chain_files.csv_table import CsvLayout, CsvText, read_csv
from quantdesk.storage.chain_files.desk_json import SCHEMA, read_desk_json
from quantdesk.storage.chain_files.eod_csv import EOD_CSV
from quantdesk.storage.chain_files.hourly_iv_csv import HOURLY_IV_CSV
from quantdesk.storage.chain_files.market_file import MarketFile
from quantdesk.storage.chain_files.names import parse_name
from quantdesk.storage.chain_files.quotes_csv import NAME_COLUMN, QUOTES_CSV
from quantdesk.storage.chain_files.tardis_csv import TARDIS_CSV
from quantdesk.storage.chain_files.ticker_csv import TICKER_CSV
from quantdesk.storage.chain_files.ticker_json import LAYOUT as TICKER_JSON
from quantdesk.storage.chain_files.ticker_json import read_ticker_json

# An order book holds all that a ticker does: it has to be recognised first.
CSV_LAYOUTS = (
    BOOK_CSV,
    NESTED_BOOK_CSV,
    TICKER_CSV,
    TARDIS_CSV,
    EOD_CSV,
    HOURLY_IV_CSV,
    QUOTES_CSV,
)

LAYOUTS = (SCHEMA, TICKER_JSON, *(layout.name for layout in CSV_LAYOUTS))
"""Names of every layout that is understood."""

_LENIENT_BYTES_MAX = 32 << 20
"""Content that may be read a second, slower way, in which it takes some ten times its size."""

_INT_DIGITS = 19
"""A whole number of more digits does not fit 64 bits."""

_COIN_IN_NAME = re.compile(r"(?<![a-z])(btc|eth|sol|xrp|matic)(?![a-z])", re.IGNORECASE)
_fields_decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
_text_decoder = msgspec.json.Decoder(str)


def read_market_file(
    path: Path, *, at_ns: int | None = None, underlying: str | None = None
) -> MarketFile:
    """The chain of `underlying` in a recorded market file, at its last moment not after `at_ns`.

    Without `at_ns` the last moment; without `underlying` the only one there is. Takes gzip, zstd or
    plain content up to 256 MiB of any layout in `LAYOUTS`. A faulty record is left out and counted.

    Raises ChainFileError, in one sentence, where the file can not be read, is of no known layout,
    has no such underlying or moment, or not one usable option.
    """
    content = read_contents(path)
    start = content.removeprefix(b"\xef\xbb\xbf").lstrip()[:1]
    if start == b"{":
        collection = _read_json(path, content, at_ns=at_ns, underlying=underlying)
    else:
        collection = _read_csv(path, content, at_ns=at_ns, underlying=underlying)
    return collection.to_market_file()


def _read_json(
    path: Path, content: bytes, *, at_ns: int | None, underlying: str | None
) -> Collection:
    content = content.removeprefix(b"\xef\xbb\xbf")
    try:
        fields = _fields_decoder.decode(content)
    except (msgspec.DecodeError, RecursionError) as error:
        content = _with_words_for_no_numbers(content)
        if not content:
            raise ChainFileError(f"{path}: not one JSON object: {error}") from None
        fields = _fields_decoder.decode(content)
    if "schema" in fields:
        try:
            schema = _text_decoder.decode(fields["schema"])
        except msgspec.DecodeError:
            schema = "of another type"
        if schema != SCHEMA:
            raise ChainFileError(f"{path}: schema {schema[:64]!r}; this program reads {SCHEMA}")
        return read_desk_json(path, content, at_ns=at_ns, underlying=underlying)
    if "instruments" in fields and "tickers" in fields:
        return read_ticker_json(path, fields, at_ns=at_ns, underlying=underlying)
    raise _unknown(path)


def _with_words_for_no_numbers(content: bytes) -> bytes:
    """JSON whose NaN and Infinity, which are none, became texts; empty where it is no object.

    Some programs write them. As texts they cost the record that holds them, not the file.
    """
    if len(content) > _LENIENT_BYTES_MAX:
        return b""
    try:
        document = json.loads(
            content,
            parse_float=Decimal,
            parse_int=lambda digits: int(digits) if len(digits) <= _INT_DIGITS else Decimal(digits),
            parse_constant=str,
        )
        return msgspec.json.encode(document) if isinstance(document, dict) else b""
    except (ValueError, OverflowError, RecursionError):
        return b""


def _read_csv(
    path: Path, content: bytes, *, at_ns: int | None, underlying: str | None
) -> Collection:
    text = CsvText(path, content)
    layout = _csv_layout(text.header)
    if layout is None:
        raise _unknown(path)
    if not layout.needs_coin:
        return read_csv(text, layout, at_ns=at_ns, underlying=underlying, coin="")
    if _names_coins(text):
        collection = read_csv(text, layout, at_ns=at_ns, underlying=underlying, coin="")
        collection.notes.append("The coin is read from the names of the instruments.")
        return collection
    coin, note = _coin_of(path, underlying)
    collection = read_csv(text, layout, at_ns=at_ns, underlying=underlying, coin=coin)
    collection.notes.append(note)
    return collection


def _csv_layout(header: list[str]) -> CsvLayout | None:
    there = set(header)
    return next((layout for layout in CSV_LAYOUTS if layout.columns <= there), None)


def _names_coins(text: CsvText) -> bool:
    """Whether a row holds the name of an instrument, which says the coin."""
    if NAME_COLUMN not in text.header:
        return False
    at = text.header.index(NAME_COLUMN)
    return any(len(cells) > at and parse_name(cells[at]) is not None for _, cells in text.rows())


def _coin_of(path: Path, underlying: str | None) -> tuple[str, str]:
    """(coin, a note on how it is known) of a file whose rows do not say."""
    found = set(_COIN_IN_NAME.findall(path.name.lower()))
    if len(found) == 1:
        coin = found.pop().upper()
        return coin, f"The rows name no coin: {coin} is taken from the file's name."
    if underlying is not None:
        coin = underlying.upper().partition("_")[0]
        return coin, f"The rows name no coin: {coin} is what was asked for."
    raise ChainFileError(
        f"{path}: its rows name no coin, and its name holds none or several (btc…): say which "
        "underlying it is of (--underlying BTC)"
    )


def _unknown(path: Path) -> ChainFileError:
    return ChainFileError(
        f"{path}: none of the market file layouts known here: {', '.join(LAYOUTS)}"
    )
