"""Fitted surfaces in a DuckDB file, each with the digest and the quotes it was fitted to.

Plain columns: what a surface means is `market`'s business. A file is opened for one write or one
question and closed again, so that a desk that runs and a command beside it share it. A question
about a moment never answers with a later fit. The file carries the version of its schema; older
files are brought up to date when they are written to, and read as they are.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
from numpy.typing import NDArray

from quantdesk.errors import StorageError
from quantdesk.storage.history_schema import (
    FITS_COLUMNS_SINCE,
    MIGRATIONS,
    SCHEMA_VERSION,
    SLICES_COLUMNS_SINCE,
)

FITS_MAX = 20_000
"""Fits kept in one file: two weeks of one a minute. The oldest of all go first."""

LOCK_ATTEMPTS, LOCK_PAUSE_S = 20, 0.05
"""A file is held for milliseconds; a second of waiting means that somebody keeps it open."""

Floats = NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredSlice:
    """One expiry of a stored fit; arrays of quotes are (n,), ascending in log-moneyness.

    The fields with a default were not kept by earlier versions: `trust` of each quote, and what
    the forward was held against, of which `parity_pairs` is None where nothing is known.
    """

    expiry_ns: int
    years: float
    clock_years: float
    forward: float
    forward_source: str
    model: str
    kind: str
    knots: int
    parameters: Floats
    coefficients: Floats
    atm_iv: float
    in_spread: float
    in_spread_core: float
    rmse: float
    rmse_core: float
    g_min: float
    calendar_slack: float
    steps: int
    fallback: str
    flags: tuple[str, ...]
    grade: str
    names: tuple[str, ...]
    strike: Floats
    is_call: NDArray[np.bool_]
    log_moneyness: Floats
    bid_iv: Floats
    ask_iv: Floats
    is_used: NDArray[np.bool_]
    reasons: tuple[str, ...]
    trust: Floats | None = None
    venue_price: float | None = None
    future_price: float | None = None
    parity_price: float | None = None
    parity_low: float | None = None
    parity_high: float | None = None
    parity_pairs: int | None = None
    is_consistent: bool | None = None
    basis: float | None = None
    discount: float | None = None
    discount_source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitSummary:
    """One fit in a line: where and when, by what model, how good. Instants are UTC nanoseconds.

    `as_of_ns` is the moment of the quotes, on the venue's clock; `saved_ns` when it was stored, on
    the desk's. `digest` is of all inputs. `origin` says what the quotes came from.
    """

    digest: str
    venue: str
    underlying: str
    origin: str
    as_of_ns: int
    saved_ns: int
    model: str
    smoothing: float
    floor: float
    margin: float
    day_weights: tuple[float, ...]
    events: str
    grade: str
    in_spread: float
    in_spread_core: float
    rmse: float
    rmse_core: float
    g_min: float
    calendar_slack: float
    faults: tuple[str, ...]
    between_dates: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class StoredFit:
    """A fit with its slices, ascending in expiry, and the expiries that were refused, with why."""

    summary: FitSummary
    slices: tuple[StoredSlice, ...]
    refused: tuple[tuple[int, str], ...]


_SUMMARY = tuple(each.name for each in fields(FitSummary))
_SLICE = tuple(each.name for each in fields(StoredSlice))


class SurfaceHistory:
    """The history in the file at `path`, which need not exist yet."""

    def __init__(self, path: Path, *, fits_max: int = FITS_MAX) -> None:
        self._path = path
        self._fits_max = fits_max

    def append(self, fit: StoredFit) -> bool:
        """Keep `fit`; false where one of the same origin and digest is kept already.

        Raises StorageError where the file can not be written, or is none of ours.
        """
        with self._opened(is_written=True) as connection:
            known = connection.execute(
                "SELECT fit_id FROM fits WHERE digest = ? AND origin = ?",
                [fit.summary.digest, fit.summary.origin],
            ).fetchone()
            if known is not None:
                return False
            _insert(connection, fit)
            _prune(connection, self._fits_max)
            return True

    def as_of(
        self,
        underlying: str,
        *,
        venue: str | None = None,
        at_ns: int | None = None,
        origin: str | None = None,
    ) -> StoredFit | None:
        """The last fit of `underlying` whose quotes are not later than `at_ns`; None is the end.

        None where there is no such fit, or no file. Raises StorageError.
        """
        found = self.summaries(underlying, venue=venue, end_ns=at_ns, origin=origin, limit=1)
        if not found:
            return None
        return self.fit(found[-1])

    def summaries(
        self,
        underlying: str | None = None,
        *,
        venue: str | None = None,
        start_ns: int | None = None,
        end_ns: int | None = None,
        origin: str | None = None,
        limit: int = 1000,
    ) -> list[FitSummary]:
        """The last `limit` fits from `start_ns` to `end_ns`, both included, ascending in time."""
        if not self._path.exists():
            return []
        where, values = _where(
            underlying=underlying, venue=venue, origin=origin, start_ns=start_ns, end_ns=end_ns
        )
        with self._opened() as connection:
            columns = _fits_columns(_version(connection))
            rows = connection.execute(
                f"SELECT {', '.join(columns)} FROM fits WHERE {where} "
                "ORDER BY as_of_ns DESC, fit_id DESC LIMIT ?",
                [*values, limit],
            ).fetchall()
        return [_summary(row) for row in reversed(rows)]

    def chains(
        self,
        underlying: str | None = None,
        *,
        venue: str | None = None,
        end_ns: int | None = None,
        origin: str | None = None,
    ) -> list[tuple[str, str]]:
        """(venue, underlying) of every chain with a fit up to `end_ns`, included; sorted."""
        if not self._path.exists():
            return []
        where, values = _where(
            underlying=underlying, venue=venue, origin=origin, start_ns=None, end_ns=end_ns
        )
        with self._opened() as connection:
            rows = connection.execute(
                f"SELECT DISTINCT venue, underlying FROM fits WHERE {where} ORDER BY ALL", values
            ).fetchall()
        return [(str(at), str(name)) for at, name in rows]

    def fit(self, summary: FitSummary) -> StoredFit:
        """The whole fit that a line of `summaries` is about. Raises StorageError if it is gone."""
        return self.whole_fits([summary])[0]

    def whole_fits(self, summaries: Sequence[FitSummary]) -> list[StoredFit]:
        """The whole fits that `summaries` are about, in their order, read at once.

        Raises StorageError if one is gone.
        """
        if not summaries:
            return []
        with self._opened() as connection:
            return _whole(connection, summaries)

    @contextmanager
    def _opened(self, *, is_written: bool = False) -> Iterator[duckdb.DuckDBPyConnection]:
        try:
            if is_written:
                self._path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            connection = self._connected(is_written)
        except (duckdb.Error, OSError) as error:
            raise StorageError(f"{self._path}: {_reason(error)}") from error
        try:
            if is_written:
                connection.begin()
                _migrate(connection, self._path)
            else:
                _check_version(_version(connection), self._path)
            yield connection
            if is_written:
                connection.commit()
        except duckdb.Error as error:
            raise StorageError(f"{self._path}: {_reason(error)}") from error
        finally:
            # What was begun and not committed is undone by this.
            connection.close()

    def _connected(self, is_written: bool) -> duckdb.DuckDBPyConnection:
        settings: dict[str, Any] = {
            "autoinstall_known_extensions": False,
            "autoload_known_extensions": False,
            "threads": 1,
        }
        for attempt in range(LOCK_ATTEMPTS):
            try:
                return duckdb.connect(str(self._path), read_only=not is_written, config=settings)
            except duckdb.IOException as error:
                if "lock" not in str(error) or attempt == LOCK_ATTEMPTS - 1:
                    raise
            time.sleep(LOCK_PAUSE_S)
        raise AssertionError("the last attempt returns or raises")


def _where(
    *,
    underlying: str | None,
    venue: str | None,
    origin: str | None,
    start_ns: int | None,
    end_ns: int | None,
) -> tuple[str, list[str | int]]:
    """The condition of a question about fits, and the values of its places."""
    wanted = (
        ("underlying = ?", underlying),
        ("venue = ?", venue),
        ("as_of_ns >= ?", start_ns),
        ("as_of_ns <= ?", end_ns),
        ("origin = ?", origin),
    )
    rules = [(rule, value) for rule, value in wanted if value is not None]
    return " AND ".join(["true", *(rule for rule, _ in rules)]), [value for _, value in rules]


def _reason(error: BaseException) -> str:
    if isinstance(error, OSError):
        return f"can not be written: {error.strerror}"
    words = str(error).splitlines()[0]
    if "lock" in words:
        return "is held open by another program; close it and try again"
    return f"is no surface history that can be used: {words}"


def _version(connection: duckdb.DuckDBPyConnection) -> int:
    found = connection.execute(
        "SELECT count(*) FROM information_schema.tables WHERE table_name = 'quantdesk_history'"
    ).fetchone()
    if found is None or not found[0]:
        tables = connection.execute("SELECT count(*) FROM information_schema.tables").fetchone()
        return 0 if tables is not None and not tables[0] else -1
    row = connection.execute("SELECT version FROM quantdesk_history").fetchone()
    return -1 if row is None else int(row[0])


def _check_version(version: int, path: Path) -> None:
    if version < 0:
        raise StorageError(f"{path}: is a database of something else, no surface history")
    if version > SCHEMA_VERSION:
        raise StorageError(
            f"{path}: has version {version} of the surface history; this quantdesk reads up to "
            f"{SCHEMA_VERSION}: a newer one wrote it"
        )


def _migrate(connection: duckdb.DuckDBPyConnection, path: Path) -> None:
    version = _version(connection)
    _check_version(version, path)
    for step in MIGRATIONS[version:]:
        for statement in step:
            connection.execute(statement)
    if version < SCHEMA_VERSION:
        connection.execute("DELETE FROM quantdesk_history")
        connection.execute("INSERT INTO quantdesk_history VALUES (?)", [SCHEMA_VERSION])


def _insert(connection: duckdb.DuckDBPyConnection, fit: StoredFit) -> None:
    row = connection.execute("SELECT coalesce(max(fit_id), 0) + 1 FROM fits").fetchone()
    assert row is not None, "an aggregate gives a row"
    number = int(row[0])
    names = ("fit_id", *_SUMMARY)
    values = [number, *(_plain(getattr(fit.summary, name)) for name in _SUMMARY)]
    _insert_rows(connection, "fits", names, [values])
    slices = [[number, *(_plain(getattr(each, name)) for name in _SLICE)] for each in fit.slices]
    _insert_rows(connection, "slices", ("fit_id", *_SLICE), slices)
    refused = [[number, expiry_ns, reason] for expiry_ns, reason in fit.refused]
    _insert_rows(connection, "refused", ("fit_id", "expiry_ns", "reason"), refused)


def _insert_rows(
    connection: duckdb.DuckDBPyConnection,
    table: str,
    names: Sequence[str],
    rows: Sequence[Sequence[Any]],
) -> None:
    if rows:
        places = ", ".join("?" for _ in names)
        columns = ", ".join(f'"{name}"' for name in names)
        connection.executemany(f"INSERT INTO {table} ({columns}) VALUES ({places})", rows)


def _plain(value: Any) -> Any:
    if isinstance(value, np.ndarray):
        return value.tolist()
    return list(value) if isinstance(value, tuple) else value


def _prune(connection: duckdb.DuckDBPyConnection, fits_max: int) -> None:
    old = connection.execute(
        "SELECT fit_id FROM fits ORDER BY saved_ns DESC, fit_id DESC OFFSET ?", [fits_max]
    ).fetchall()
    for table in ("slices", "refused", "fits"):
        if old:
            connection.executemany(f"DELETE FROM {table} WHERE fit_id = ?", old)


def _fits_columns(version: int) -> list[str]:
    """Columns of a summary as a file of `version` has them."""
    return [
        name if FITS_COLUMNS_SINCE.get(name, 1) <= version else "[]::VARCHAR[]" for name in _SUMMARY
    ]


def _slices_columns(version: int) -> list[str]:
    """Columns of a slice as a file of `version` has them."""
    return [
        f'"{name}"' if SLICES_COLUMNS_SINCE.get(name, 1) <= version else "NULL" for name in _SLICE
    ]


def _summary(row: Sequence[Any]) -> FitSummary:
    values = dict(zip(_SUMMARY, row, strict=True))
    for name in ("day_weights", "faults", "between_dates"):
        values[name] = tuple(values[name])
    return FitSummary(**values)


def _whole(
    connection: duckdb.DuckDBPyConnection, summaries: Sequence[FitSummary]
) -> list[StoredFit]:
    digests = [each.digest for each in summaries]
    known = connection.execute(
        "SELECT digest, origin, fit_id FROM fits WHERE digest IN (SELECT unnest(?))", [digests]
    ).fetchall()
    numbers = {(digest, origin): int(number) for digest, origin, number in known}
    for each in summaries:
        if (each.digest, each.origin) not in numbers:
            raise StorageError(f"fit {each.digest[:12]}: is no longer kept")
    wanted = [numbers[each.digest, each.origin] for each in summaries]
    slices: dict[int, list[StoredSlice]] = {number: [] for number in wanted}
    refused: dict[int, list[tuple[int, str]]] = {number: [] for number in wanted}
    columns = ", ".join(["fit_id", *_slices_columns(_version(connection))])
    for number, *row in _rows_of(connection, "slices", columns, wanted):
        slices[number].append(_slice(row))
    for number, expiry_ns, reason in _rows_of(
        connection, "refused", "fit_id, expiry_ns, reason", wanted
    ):
        refused[number].append((int(expiry_ns), str(reason)))
    return [
        StoredFit(summary=each, slices=tuple(slices[number]), refused=tuple(refused[number]))
        for each, number in zip(summaries, wanted, strict=True)
    ]


def _rows_of(
    connection: duckdb.DuckDBPyConnection, table: str, columns: str, numbers: Sequence[int]
) -> list[tuple[Any, ...]]:
    """Rows of the fits of these numbers, ascending in expiry."""
    return connection.execute(
        f"SELECT {columns} FROM {table} WHERE fit_id IN (SELECT unnest(?)) "
        "ORDER BY fit_id, expiry_ns",
        [list(numbers)],
    ).fetchall()


_FLOATS = ("parameters", "coefficients", "strike", "log_moneyness", "bid_iv", "ask_iv")


def _slice(row: Sequence[Any]) -> StoredSlice:
    values = dict(zip(_SLICE, row, strict=True))
    for name in _FLOATS:
        values[name] = np.array(values[name], dtype=np.float64)
    if values["trust"] is not None:
        values["trust"] = np.array(values["trust"], dtype=np.float64)
    for name in ("is_call", "is_used"):
        values[name] = np.array(values[name], dtype=np.bool_)
    for name in ("flags", "names", "reasons"):
        values[name] = tuple(values[name])
    return StoredSlice(**values)
