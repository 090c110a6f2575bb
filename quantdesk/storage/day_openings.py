"""The opening moment of a day on disk: one file a chain, an account, or a file of positions.

A file is `MAGIC`, the SHA-256 of what follows, and deflated MessagePack. It is written beside and
moved into place, so that a desk that is killed leaves the old one or the new one; one that is cut,
damaged or of another version is refused by name. Readable by its owner only.
"""

from __future__ import annotations

import hashlib
import re
import zlib
from pathlib import Path
from typing import TypeVar

import msgspec

from quantdesk.domain.account import AccountSnapshot
from quantdesk.domain.instrument import Instrument
from quantdesk.domain.position import PositionRow
from quantdesk.errors import QuantDeskError, StorageError
from quantdesk.storage.whole_files import OWNER_ONLY, write_whole

MAGIC = b"quantdesk opening 1\n"
FILE_BYTES_MAX = 16 << 20
CONTENT_BYTES_MAX = 128 << 20
"""Some hundred times the largest chain there is."""

NAME = re.compile(r"[a-z0-9][a-z0-9_.\-]{0,99}", re.ASCII)
SUFFIX = ".opening"
_DIGEST_BYTES = 32


class StoredColumn(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """One array (n,): its type as numpy writes it, "<f8", and its bytes."""

    dtype: str
    data: bytes


class StoredFuture(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A future's quote."""

    instrument: Instrument
    event_ns: int
    mark: float | None
    bid: float | None
    ask: float | None


class StoredChain(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="chain"):
    """A chain at its opening: `columns` are what was quoted, `values` what the desk made of it.

    forwards : fields of the forward of each expiry, by its instant
    day_ns : start of the day that it opens;  at_start : whether the desk was there by then
    """

    day_ns: int
    at_start: bool
    venue: str
    underlying: str
    as_of_ns: int
    index_price: float | None
    index_source: str
    instruments: tuple[Instrument, ...]
    forward_index: tuple[str, ...]
    columns: dict[str, StoredColumn]
    values: dict[str, StoredColumn]
    forwards: dict[int, dict[str, float | int | str | None]]
    futures: tuple[StoredFuture, ...]


class StoredAccount(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="account"):
    """What an account held at the opening."""

    day_ns: int
    account: AccountSnapshot


class StoredRows(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag="rows"):
    """What a file of positions said at the opening."""

    day_ns: int
    path: str
    rows: tuple[PositionRow, ...]


Stored = StoredChain | StoredAccount | StoredRows
Kind = TypeVar("Kind", StoredChain, StoredAccount, StoredRows)

_encoder = msgspec.msgpack.Encoder()


class OpeningStore:
    """The openings in `folder`, which need not exist yet."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def path(self, name: str) -> Path:
        """Where `name` is kept. Raises StorageError for a name that is no file's."""
        if NAME.fullmatch(name) is None:
            raise StorageError(f"{self._folder}: {name[:40]!r} is no name of an opening")
        return self._folder / f"{name}{SUFFIX}"

    def read(self, name: str, kind: type[Kind]) -> Kind | None:
        """What is kept as `name`; None where nothing is.

        Raises StorageError where it can not be read, is damaged, or is no `kind`.
        """
        path = self.path(name)
        try:
            with path.open("rb") as file:
                content = file.read(FILE_BYTES_MAX + 1)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as error:
            raise StorageError(f"{path}: can not be read: {error.strerror}") from error
        try:
            return msgspec.msgpack.decode(_payload(content), type=kind)
        except (msgspec.DecodeError, RecursionError, QuantDeskError, zlib.error) as error:
            raise StorageError(f"{path}: is no opening of this version: {error}") from None

    def write(self, name: str, stored: Stored) -> None:
        """Keep `stored` as `name`, in place of what was there. Raises StorageError."""
        path = self.path(name)
        payload = zlib.compress(_encoder.encode(stored), 1)
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            content = MAGIC + hashlib.sha256(payload).digest() + payload
            write_whole(path, content, mode=OWNER_ONLY, is_durable=True)
        except OSError as error:
            raise StorageError(f"{path}: can not be written: {error.strerror}") from error


def _payload(content: bytes) -> bytes:
    """The MessagePack of a file's content. Raises StorageError, zlib.error."""
    if len(content) > FILE_BYTES_MAX:
        raise StorageError(f"larger than {FILE_BYTES_MAX:,} bytes")
    if not content.startswith(MAGIC):
        raise StorageError(f"it does not begin with {MAGIC.decode().strip()!r}")
    head = len(MAGIC) + _DIGEST_BYTES
    payload = content[head:]
    if hashlib.sha256(payload).digest() != content[len(MAGIC) : head]:
        raise StorageError("it is cut or damaged: its SHA-256 is another")
    inflater = zlib.decompressobj()
    plain = inflater.decompress(payload, CONTENT_BYTES_MAX)
    if inflater.unconsumed_tail or not inflater.eof:
        raise StorageError(f"its content is more than {CONTENT_BYTES_MAX:,} bytes or cut")
    return plain
