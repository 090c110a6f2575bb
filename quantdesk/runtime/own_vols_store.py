"""The user's own vols across restarts: read when a desk opens, written when they change.

They are kept by environment: what is said of a simulated market never moves a live one.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from quantdesk.errors import ConfigError, InvalidInput, StorageError
from quantdesk.market.own_vols import VolOverride
from quantdesk.storage.own_vols import OwnVolRow, OwnVolsFile

OWN_VOLS_FILE = "own_vols.json"
"""In the data folder."""

Key = tuple[str, str]
"""(venue, underlying)."""


def own_vols_path(data_folder: Path) -> Path:
    """Where the desk keeps own vols."""
    return data_folder / OWN_VOLS_FILE


class OwnVolsKeeper:
    """Own vols of one environment, and what of them has not been written yet.

    `problem` says what could not be read or written, "" where all went well. A file that can not
    be understood is renamed and never written over; where that fails nothing is written. Used by
    one thread at a time.
    """

    def __init__(self, file: OwnVolsFile, *, origin: str) -> None:
        self._file = file
        self._origin = origin
        self._changed: dict[Key, tuple[VolOverride, ...]] = {}
        self._failed: dict[Key, tuple[VolOverride, ...]] = {}
        self.problem = ""

    def restored(self, now_ns: int | None) -> Mapping[Key, tuple[VolOverride, ...]]:
        """Own vols kept earlier, by chain, ascending in expiry.

        Those of expiries before `now_ns` are left out; None, for a world with a clock of its own,
        leaves none out.
        """
        try:
            found = _by_chain(self._read(), self._origin)
        except StorageError as error:
            self.problem = f"own vols: {error}"
            return {}
        if now_ns is None:
            return found
        return {
            key: tuple(each for each in overrides if each.expiry_ns > now_ns)
            for key, overrides in found.items()
        }

    def note(self, key: Key, overrides: Sequence[VolOverride]) -> None:
        """Remember that the own vols of a chain are now `overrides`, to be written next."""
        self._changed[key] = tuple(overrides)

    @property
    def is_due(self) -> bool:
        """Whether something changed that no write has been tried for."""
        return bool(self._changed)

    def write(self) -> None:
        """Write what has changed, and what could not be written before.

        What another desk wrote of other chains stays.
        """
        changed = self._failed | self._changed
        self._changed, self._failed = {}, {}
        if not changed:
            return
        try:
            kept = [
                row
                for row in self._read()
                if row.origin != self._origin or (row.venue, row.underlying) not in changed
            ]
            rows = [
                _row(self._origin, key, each)
                for key, overrides in changed.items()
                for each in overrides
            ]
            self._file.write([*kept, *rows])
        except StorageError as error:
            self._failed = changed
            self.problem = f"own vols not kept: {error}"
            return
        self.problem = ""

    def _read(self) -> tuple[OwnVolRow, ...]:
        """Rows of the file; none, and a problem, where it had to be set aside."""
        try:
            rows = self._file.read()
            _by_chain(rows, self._origin)
        except ConfigError as error:
            aside = self._file.set_aside()
            self.problem = f"own vols: {error}; it is kept as {aside.name}"
            return ()
        return rows


def _by_chain(rows: Sequence[OwnVolRow], origin: str) -> dict[Key, tuple[VolOverride, ...]]:
    """Overrides of one environment by chain. Raises ConfigError for rows that make none."""
    found: dict[Key, list[VolOverride]] = {}
    for row in rows:
        try:
            override = VolOverride(
                expiry_ns=row.expiry_ns, shift=row.shift, tilt=row.tilt, pins=row.pins
            )
        except InvalidInput as error:
            raise ConfigError(f"own vols of {row.venue} {row.underlying}: {error}") from error
        if row.origin == origin:
            found.setdefault((row.venue, row.underlying), []).append(override)
    for key, overrides in found.items():
        overrides.sort(key=lambda each: each.expiry_ns)
        instants = [each.expiry_ns for each in overrides]
        if len(set(instants)) != len(instants):
            raise ConfigError(f"own vols of {key[0]} {key[1]}: an expiry stands there twice")
    return {key: tuple(overrides) for key, overrides in found.items()}


def _row(origin: str, key: Key, override: VolOverride) -> OwnVolRow:
    return OwnVolRow(
        origin=origin,
        venue=key[0],
        underlying=key[1],
        expiry_ns=override.expiry_ns,
        shift=override.shift,
        tilt=override.tilt,
        pins=override.pins,
    )
