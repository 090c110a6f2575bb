"""Positions files: CSV, JSON and Parquet give the same rows of text; a faulty file is refused."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quantdesk.errors import StorageError
from quantdesk.storage import position_files
from quantdesk.storage.export import write_parquet
from quantdesk.storage.position_files import read_position_file

CSV = """venue,instrument_name,quantity,average_price,strategy
deribit,BTC-25SEP26-70000-C,-1.5,0.03,vol
binance,BTC-260925-70000-C,2,,
"""


def written(folder: Path, content: str | bytes, name: str = "book.csv") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def test_csv_rows_keep_their_text(tmp_path: Path) -> None:
    file = read_position_file(written(tmp_path, CSV))
    assert file.layout == "csv"
    first, second = file.rows
    assert (first.row, first.quantity, first.average_price, first.strategy) == (
        1, "-1.5", "0.03", "vol",
    )  # fmt: skip
    assert (second.row, second.venue, second.average_price, second.account) == (
        2, "binance", "", None,
    )  # fmt: skip


def test_layout_is_told_by_content_and_not_by_name(tmp_path: Path) -> None:
    text = '[{"venue": "deribit", "instrument_name": "X", "quantity": -1.50}]'
    file = read_position_file(written(tmp_path, text, "book.parquet"))
    assert file.layout == "json"
    assert file.rows[0].quantity == "-1.50"


def test_json_object_with_positions_and_gzip(tmp_path: Path) -> None:
    text = '{"positions": [{"venue": "deribit", "instrument_name": "X", "quantity": NaN}, 7]}'
    file = read_position_file(written(tmp_path, gzip.compress(text.encode()), "book.json.gz"))
    assert file.rows[0].quantity == "NaN"
    assert file.rows[1].fault == "is no object"


def test_parquet_of_numbers_and_text(tmp_path: Path) -> None:
    path = tmp_path / "book"
    write_parquet(
        path,
        {
            "venue": ["deribit", "deribit"],
            "instrument_name": ["A", "B"],
            "quantity": [0.1, float("nan")],
            "average_price": [None, 0.03],
        },
    )
    file = read_position_file(path)
    assert file.layout == "parquet"
    assert [(one.quantity, one.average_price) for one in file.rows] == [
        ("0.1", None),
        (None, "0.03"),
    ]


def test_columns_in_any_order_and_case_with_a_mark_of_bytes(tmp_path: Path) -> None:
    text = "\ufeffQuantity, Instrument_Name ,VENUE,Settlement_Currency,note\n1,X,deribit,BTC,hi\n"
    file = read_position_file(written(tmp_path, text))
    (row,) = file.rows
    assert (row.venue, row.instrument_name, row.quantity, row.currency) == (
        "deribit", "X", "1", "BTC",
    )  # fmt: skip
    assert file.ignored == ("note",)


def test_empty_lines_are_passed_over_and_short_or_long_rows_keep_their_place(
    tmp_path: Path,
) -> None:
    text = "venue,instrument_name,quantity\n\nderibit,A\n , ,\nderibit,B,1,2,3\nderibit,C,1,,\n"
    rows = read_position_file(written(tmp_path, text)).rows
    assert [row.row for row in rows] == [1, 2, 3]
    assert rows[0].quantity is None
    assert rows[1].fault == "has 5 cells where the header has 3"
    assert (rows[2].instrument_name, rows[2].fault) == ("C", "")


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("", "the file is empty"),
        ("venue,instrument_name\nderibit,X\n", "no column quantity"),
        ("venue,venue,instrument_name,quantity\n", "column venue stands twice"),
        ("[1, 2", "is not JSON"),
        ('{"rows": []}', 'object with "positions"'),
        (b"venue,instrument_name,quantity\nderibit,\xff,1\n", "not UTF-8 text at byte 39"),
        (b"PAR1 but nothing else", "no readable Parquet file"),
        (b"\x1f\x8bnot really", "damaged gzip"),
        ("[" * 100_000, "is not JSON"),
    ],
)
def test_faulty_file_is_refused_in_one_sentence(
    tmp_path: Path, content: str | bytes, message: str
) -> None:
    path = written(tmp_path, content)
    with pytest.raises(StorageError) as caught:
        read_position_file(path)
    assert message in str(caught.value)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("name", ["absent.csv", "."])
def test_no_such_file_and_folder_are_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(StorageError):
        read_position_file(tmp_path / name)


def test_rows_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(position_files, "ROWS_MAX", 1)
    with pytest.raises(StorageError, match="more than 1 rows"):
        read_position_file(written(tmp_path, CSV))
    json = '[{"venue": "a", "instrument_name": "X", "quantity": 1}, {}]'
    with pytest.raises(StorageError, match="more than 1 rows"):
        read_position_file(written(tmp_path, json))


def test_empty_book_has_no_rows(tmp_path: Path) -> None:
    assert read_position_file(written(tmp_path, "venue,instrument_name,quantity\n")).rows == ()
    assert read_position_file(written(tmp_path, "[]")).rows == ()


@settings(max_examples=150, deadline=None)
@given(content=st.binary(min_size=1, max_size=300))
def test_any_bytes_give_rows_or_a_storage_error(
    tmp_path_factory: pytest.TempPathFactory, content: bytes
) -> None:
    path = written(tmp_path_factory.mktemp("any"), content)
    try:
        read_position_file(path)
    except StorageError as error:
        assert str(path) in str(error)  # noqa: PT017 -- a file may also be read
