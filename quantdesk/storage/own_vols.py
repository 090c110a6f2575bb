"""The user's own vols in a file: small, written whole, and never half.

JSON with a version of its own, beside the desk's other data. Rows are plain columns: what they mean
is not known here.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import msgspec

from quantdesk.errors import ConfigError, StorageError
from quantdesk.storage.whole_files import write_whole

SCHEMA = "quantdesk.own_vols/1"

BYTES_MAX = 4_000_000
"""A file of own vols is typed by hand: a larger one was not written here."""


class OwnVolRow(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is added to the smile of one expiry; vols as fractions.

    origin : the environment that the vols were typed in: what is said of a simulated market is not
        meant for a live one
    pins : (strike, vol)
    """

    origin: str
    venue: str
    underlying: str
    expiry_ns: int
    shift: float
    tilt: float
    pins: tuple[tuple[float, float], ...]


class _Document(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    schema: str
    vols: tuple[OwnVolRow, ...]


class OwnVolsFile:
    """The file at `path`, which need not be there yet."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def read(self) -> tuple[OwnVolRow, ...]:
        """Every row; none where there is no file.

        Raises StorageError for a file that can not be read now, ConfigError for one that holds
        something else.
        """
        try:
            if self.path.stat().st_size > BYTES_MAX:
                raise ConfigError(f"{self.path}: larger than {BYTES_MAX:,} bytes")
            document = msgspec.json.decode(self.path.read_bytes(), type=_Document)
        except FileNotFoundError:
            return ()
        except OSError as error:
            raise StorageError(f"{self.path}: can not be read: {error.strerror}") from error
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise ConfigError(f"{self.path}: no file of own vols: {error}") from error
        if document.schema != SCHEMA:
            raise ConfigError(f"{self.path}: schema is {document.schema!r}; {SCHEMA!r} is read")
        return document.vols

    def write(self, rows: Sequence[OwnVolRow]) -> None:
        """Put `rows` in the place of what was there: whole, or not at all. Raises StorageError."""
        ordered = sorted(
            rows, key=lambda row: (row.origin, row.venue, row.underlying, row.expiry_ns)
        )
        content = msgspec.json.encode(_Document(schema=SCHEMA, vols=tuple(ordered)))
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            write_whole(self.path, msgspec.json.format(content, indent=1) + b"\n")
        except OSError as error:
            raise StorageError(f"{self.path}: can not be written: {error.strerror}") from error

    def set_aside(self) -> Path:
        """Rename the file so that nothing writes over it; its new name. Raises StorageError."""
        number = 1
        while (aside := self.path.with_suffix(f".unreadable-{number}.json")).exists():
            number += 1
        try:
            self.path.rename(aside)
        except OSError as error:
            raise StorageError(f"{self.path}: can not be renamed: {error.strerror}") from error
        return aside
