"""A chain that the desk wrote down carries the same surface as the file that it came from."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from quantdesk.app.render.chain_record import chain_record, to_json
from quantdesk.app.render.surface_formats import grid_csv, quotes_csv
from quantdesk.domain.times import format_instant, parse_instant
from quantdesk.errors import ChainFileError
from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.runtime.file_moments import every_moment_of, read_moment
from quantdesk.runtime.surfaces import quotes_of, read_chain, read_quotes
from quantdesk.storage.chain_files import read_market_file

FIXTURES = Path(__file__).parents[2] / "fixtures"
SHARED = Path(__file__).parents[4] / "shared" / "data" / "deribit"

SHIPPED = (
    "surface/btc_2026-04-27_quotes.csv.gz",
    "surface/btc_2026-05-21_quotes.csv.gz",
    "chain_files/btc_2026-06-27_tickers.json",
    "chain_files/eth_2026-01-31_quotes.csv",
    "chain_files/desk_chain_1.json",
)

RECORDED = (
    ("chains_book/btc_2020-05-14.csv.gz", None),
    ("chains_book/btc_2021-02-11.csv.gz", None),
    ("chains_eod/btc_eod_2022-01.csv.gz", None),
    ("chains_quotes/btc_2023-07-07T1158Z.csv.gz", None),
    ("chains_ticker/btc_2026-06-27_rest.json.gz", None),
    ("chains_ticker/btc_all_kinds_2024-04-28.csv.gz", "BTC"),
    ("chains_ticker/tardis_options_chain_sample_2020-06-08.csv", "BTC"),
    ("iv_hourly/btc_2026-01-23_24h.csv.gz", None),
)
"""One of each layout, and what it takes to tell its chain."""


def assert_same_surface(path: Path, underlying: str | None, folder: Path) -> None:
    chain = read_chain(path, underlying, None)
    written = folder / "chain.json"
    written.write_bytes(to_json(chain_record(chain)))
    again = read_quotes(written, None, None)
    quotes = quotes_of(chain)
    assert again.as_of_ns == quotes.as_of_ns
    first, second = fit_surface(quotes), fit_surface(again)
    assert isinstance(first, SurfaceFit) == isinstance(second, SurfaceFit)
    assert quotes_csv(again, second) == quotes_csv(quotes, first)
    if isinstance(first, SurfaceFit) and isinstance(second, SurfaceFit):
        assert grid_csv(second) == grid_csv(first)


@pytest.mark.parametrize("name", SHIPPED)
def test_surface_of_written_chain_is_that_of_its_file(name: str, tmp_path: Path) -> None:
    assert_same_surface(FIXTURES / name, None, tmp_path)


@pytest.mark.skipif(not SHARED.is_dir(), reason="the recorded chains are not here")
@pytest.mark.parametrize(("name", "underlying"), RECORDED)
def test_surface_of_written_chain_is_that_of_its_recording(
    name: str, underlying: str | None, tmp_path: Path
) -> None:
    assert_same_surface(SHARED / name, underlying, tmp_path)


HOURLY = SHARED / "iv_hourly" / "btc_2026-01-23_24h.csv.gz"


@pytest.mark.skipif(not HOURLY.is_file(), reason="the recorded hourly chains are not here")
def test_a_moment_is_chosen_by_when_its_greeks_were_made() -> None:
    # The label says 11:00, the Greeks 11:21: at 11:10 it was not known yet.
    before = read_quotes(HOURLY, None, parse_instant("2026-01-23T11:10:00Z"))
    assert format_instant(before.as_of_ns) == "2026-01-23T10:26:00Z"
    after = read_quotes(HOURLY, None, parse_instant("2026-01-23T11:21:00Z"))
    assert format_instant(after.as_of_ns) == "2026-01-23T11:21:00Z"
    assert read_chain(HOURLY, None, after.as_of_ns).as_of_ns == after.as_of_ns


@pytest.mark.skipif(not HOURLY.is_file(), reason="the recorded hourly chains are not here")
def test_a_moment_before_the_first_is_refused_with_those_there_are() -> None:
    with pytest.raises(
        ChainFileError, match=r"begins at 2026-01-23T01:48:00Z, after .* 24 moments"
    ):
        read_quotes(HOURLY, None, parse_instant("2026-01-23T01:10:00Z"))


@pytest.mark.skipif(not HOURLY.is_file(), reason="the recorded hourly chains are not here")
def test_a_label_means_the_rows_that_bear_it_whenever_they_were_made() -> None:
    labels = read_market_file(HOURLY).moments_ns
    assert len(labels) == 24
    made = list(every_moment_of(HOURLY, None))
    for label_ns, rows in zip(labels, made, strict=True):
        chosen = read_moment(HOURLY, None, label_ns)
        assert chosen == rows
        # The rows of that label in the file itself, but for when they were made.
        plain = read_market_file(HOURLY, at_ns=label_ns)
        assert [replace(each, event_ns=label_ns, recv_ns=label_ns) for each in chosen.quotes] == [
            replace(each, event_ns=label_ns, recv_ns=label_ns) for each in plain.quotes
        ]
    # Rows may be made before their label or after it, and two labels may bear the same rows.
    assert format_instant(made[1].as_of_ns) == "2026-01-23T01:48:00Z"
    assert format_instant(made[12].as_of_ns) == "2026-01-23T13:43:00Z"
    assert made[-1].quotes == made[-2].quotes
    # A second beside a label is no label, and is told nothing later.
    just_after = read_moment(HOURLY, None, labels[12] + 10**9)
    assert format_instant(just_after.as_of_ns) == "2026-01-23T12:49:00Z"
