"""Venues' bans in one small file, so that a restarted desk keeps away until they end.

The file is JSON, `{"format":1,"bans":{"<host>":<UTC nanoseconds>}}`, written beside and moved into
place, readable by its owner only.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from quantdesk.errors import StorageError
from quantdesk.storage.whole_files import OWNER_ONLY, write_whole

FORMAT = 1
FILE_BYTES_MAX = 64 * 1024
BANS_MAX = 64
"""Addresses that are kept; with more, those whose ban ends first are forgotten."""


class _Bans(msgspec.Struct, forbid_unknown_fields=True):
    format: int
    bans: dict[str, int]


class JsonBanStore:
    """A `domain.ports.BanStore` in the file at `path`, which need not exist yet."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._bans: dict[str, int] = {}
        self._seen: tuple[int, int, int] | None = None

    def banned_until_ns(self, address: str) -> int | None:
        """UTC nanoseconds at which the ban of `address` ends; None where none is known.

        Raises StorageError where the file can not be read or is none of ours.
        """
        self._refresh()
        return self._bans.get(address)

    def note_ban(self, address: str, until_ns: int) -> None:
        """Keep that `address` refuses us until `until_ns`, replacing what was known of it.

        Raises StorageError where the file can not be read or written.
        """
        self._refresh()
        self._bans[address] = until_ns
        latest = sorted(self._bans.items(), key=lambda ban: ban[1], reverse=True)[:BANS_MAX]
        self._bans = dict(sorted(latest))
        self._write(msgspec.json.encode(_Bans(format=FORMAT, bans=self._bans)))

    def _refresh(self) -> None:
        """Read the file again where another desk has written it meanwhile."""
        try:
            now = self._path.stat()
        except (FileNotFoundError, NotADirectoryError):
            return
        except OSError as error:
            raise StorageError(f"{self._path}: can not be read: {error.strerror}") from error
        seen = (now.st_ino, now.st_mtime_ns, now.st_size)
        if seen != self._seen:
            self._bans = self._read()
            self._seen = seen

    def _read(self) -> dict[str, int]:
        try:
            with self._path.open("rb") as file:
                text = file.read(FILE_BYTES_MAX + 1)
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise StorageError(f"{self._path}: can not be read: {error.strerror}") from error
        try:
            kept = msgspec.json.decode(text, type=_Bans)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError) as error:
            raise StorageError(self._misfit(str(error))) from error
        if kept.format != FORMAT or len(text) > FILE_BYTES_MAX:
            raise StorageError(self._misfit(f"format {kept.format}, {FORMAT} is read"))
        return kept.bans

    def _misfit(self, reason: str) -> str:
        return (
            f"{self._path}: is no list of bans ({reason}); if no venue has banned this address,"
            " delete the file"
        )

    def _write(self, text: bytes) -> None:
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            write_whole(self._path, text, mode=OWNER_ONLY)
        except OSError as error:
            raise StorageError(f"{self._path}: can not be written: {error.strerror}") from error
