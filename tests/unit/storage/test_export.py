"""Parquet export: exact types, real NULLs, whole files."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from quantdesk.errors import InvalidInput, StorageError
from quantdesk.storage.export import Column, write_parquet


def read(path: Path, what: str = "*") -> list[tuple[Any, ...]]:
    with duckdb.connect(":memory:") as connection:
        return connection.execute(f"SELECT {what} FROM '{path}'").fetchall()


def types(path: Path) -> dict[str, str]:
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(f"DESCRIBE SELECT * FROM '{path}'").fetchall()
    return {row[0]: row[1] for row in rows}


def test_each_sort_of_column_keeps_its_type_and_its_gaps(tmp_path: Path) -> None:
    path = tmp_path / "chain.parquet"
    rows = write_parquet(
        path,
        {
            "price": [0.1, None, float("nan")],
            "mixed": [1, 2.5, None],
            "event_ns": [1_782_552_297_563_000_001, None, -3],
            "name": ["BTC-28JUN26-60000-C", None, "it's"],
            "is_stale": [True, None, False],
            "nothing": [None, None, None],
            "array": np.array([1.5, np.nan, np.inf]),
            "counts": np.array([1, 2, 3], dtype=np.int32),
            "words": np.array(["a", "b", "c"]),
            "flags": np.array([True, False, True]),
            "objects": np.array(["x", None, "z"], dtype=object),
            "instant": np.array(
                ["2026-06-27T09:26:59.679159001", "NaT", "1969-12-31T23:59:59.999999999"],
                dtype="datetime64[ns]",
            ),
        },
    )
    assert rows == 3
    assert types(path) == {
        "price": "DOUBLE",
        "mixed": "DOUBLE",
        "event_ns": "BIGINT",
        "name": "VARCHAR",
        "is_stale": "BOOLEAN",
        "nothing": "DOUBLE",
        "array": "DOUBLE",
        "counts": "BIGINT",
        "words": "VARCHAR",
        "flags": "BOOLEAN",
        "objects": "VARCHAR",
        "instant": "TIMESTAMPTZ_NS",
    }
    columns = "price, mixed, event_ns, name, is_stale, nothing, array, objects, epoch_ns(instant)"
    columns = columns.replace("array", '"array"')
    assert read(path, columns) == [
        (0.1, 1.0, 1_782_552_297_563_000_001, "BTC-28JUN26-60000-C", True, None, 1.5, "x",
         1_782_552_419_679_159_001),
        (None, 2.5, None, None, None, None, None, None, None),
        (None, None, -3, "it's", False, None, float("inf"), "z", -1),
    ]  # fmt: skip


def test_instants_are_marked_as_utc_with_nanoseconds(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    write_parquet(path, {"instant": np.array(["2026-06-27T09:26:59"], dtype="datetime64[s]")})
    with duckdb.connect(":memory:") as connection:
        row = connection.execute(
            f"SELECT logical_type FROM parquet_schema('{path}') WHERE name = 'instant'"
        ).fetchone()
    assert row is not None
    assert "isAdjustedToUTC=1" in row[0]
    assert "NANOS=NanoSeconds" in row[0]


def test_metadata_is_kept_to_the_letter(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    kept = {"quantdesk.chain/1": '{"a": "it\'s"}', "unit": "σ √year"}
    write_parquet(path, {"x": [1.0]}, metadata=kept)
    with duckdb.connect(":memory:") as connection:
        rows = connection.execute(
            f"SELECT key, value FROM parquet_kv_metadata('{path}')"
        ).fetchall()
    assert {key.decode(): value.decode() for key, value in rows} == kept


def test_a_table_without_rows_keeps_its_columns(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    assert write_parquet(path, {"x": np.array([], dtype=np.int64), "y": []}) == 0
    assert types(path) == {"x": "BIGINT", "y": "DOUBLE"}


def test_the_same_columns_give_the_same_bytes(tmp_path: Path) -> None:
    columns: dict[str, Column] = {
        "x": np.arange(10_000) / 7,
        "name": [f"row {i}" for i in range(10_000)],
    }
    write_parquet(tmp_path / "a", columns)
    write_parquet(tmp_path / "b", columns)
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(
    rows=st.lists(
        st.tuples(
            st.none() | st.floats(allow_nan=False),
            st.none() | st.integers(-(1 << 63), (1 << 63) - 1),
            st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20),
        ),
        min_size=1,
        max_size=30,
    )
)
def test_any_values_come_back_exactly(
    tmp_path: Path, rows: list[tuple[float | None, int | None, str | None]]
) -> None:
    path = tmp_path / "x.parquet"
    price, count, name = zip(*rows, strict=True)
    write_parquet(path, {"price": price, "count": count, "name": name})
    if any(value is not None for value in name):
        assert read(path, "price, name") == [(row[0], row[2]) for row in rows]
    if any(value is not None for value in count):
        assert [row[0] for row in read(path, "count")] == list(count)


def test_what_is_there_is_replaced_whole_and_nothing_is_left_beside(tmp_path: Path) -> None:
    path = tmp_path / "x.parquet"
    path.write_text("old")
    write_parquet(path, {"x": [1.0]})
    assert read(path) == [(1.0,)]
    assert list(tmp_path.iterdir()) == [path]


def test_a_link_is_written_through(tmp_path: Path) -> None:
    link = tmp_path / "link.parquet"
    link.symlink_to(tmp_path / "real.parquet")
    write_parquet(link, {"x": [1.0]})
    assert link.is_symlink()
    assert read(tmp_path / "real.parquet") == [(1.0,)]


def test_places_that_can_not_be_written_are_said(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    for path, message in (
        (tmp_path, "is a folder; give a file name"),
        (tmp_path / "absent" / "x.parquet", "No such file or directory"),
        (tmp_path / "file" / "x.parquet", "can not be written"),
        (Path("/dev/null"), "is no regular file"),
    ):
        with pytest.raises(StorageError, match=message) as caught:
            write_parquet(path, {"x": [1.0]})
        assert "\n" not in str(caught.value)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["file"]


@pytest.mark.parametrize(
    ("columns", "field"),
    [
        ({}, "columns"),
        ({"Bad name": [1.0]}, "columns"),
        ({"x": [1.0], "y": [1.0, 2.0]}, "y"),
        ({"x": [1, "a"]}, "x"),
        ({"x": [True, 1.0]}, "x"),
        ({"x": [1 << 63]}, "x"),
        ({"x": np.zeros((2, 2))}, "x"),
        ({"x": np.zeros(2, dtype=np.complex128)}, "x"),
        ({"x": np.zeros(2, dtype=np.uint64)}, "x"),
        ({"x": [b"bytes"]}, "x"),
    ],
)
def test_a_column_that_can_not_be_kept_exactly_is_refused(
    tmp_path: Path, columns: dict[str, Any], field: str
) -> None:
    with pytest.raises(InvalidInput) as caught:
        write_parquet(tmp_path / "x.parquet", columns)
    assert caught.value.field == field
    assert list(tmp_path.iterdir()) == []
