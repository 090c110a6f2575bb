"""Each quote that a surface does not use says why, in its own words."""

from __future__ import annotations

import csv
import gzip
import io
import re
from collections.abc import Callable
from functools import partial
from pathlib import Path

import numpy as np

from quantdesk.market.fitting import SurfaceFit, fit_surface
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.surface_quotes import SurfaceQuotes
from quantdesk.runtime.live_surfaces import chain_quotes
from quantdesk.runtime.surfaces import read_chain, read_quotes
from tests.unit.surface.chains import FIXTURES, RECORDED

Row = dict[str, str]

OPTION = "BTC-24MAY26-74000-P"


def is_option(row: Row) -> bool:
    """Whether a recorded row is of `OPTION`."""
    return (row["maturity"], row["strike"], row["option_type"]) == (
        "2026-05-24T08:00:00Z",
        "74000",
        "put",
    )


def changed(folder: Path, change: Callable[[list[Row]], None]) -> Path:
    """The recorded chain with its rows changed."""
    rows = list(csv.DictReader(io.StringIO(gzip.decompress(RECORDED.read_bytes()).decode())))
    change(rows)
    path = folder / "btc_changed.csv"
    with path.open("w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)
    return path


def reasons_of(quotes: SurfaceQuotes, strike: float) -> dict[str, str]:
    """Reasons by name, of one strike of the first expiry that lists `OPTION`."""
    expiry = next(each for each in quotes.expiries if OPTION in each.names)
    rows = np.flatnonzero(expiry.strike == strike).tolist()
    return {expiry.names[row]: expiry.reasons[row] for row in rows}


def test_rows_that_contradict_each_other_are_dropped_by_name(tmp_path: Path) -> None:
    def repeat(rows: list[Row]) -> None:
        row = next(row for row in rows if is_option(row))
        rows.append(row | {"bid": "0.0012", "iv_bid": "0.37", "ask": "0.0014", "iv_ask": "0.38"})

    quotes = read_quotes(changed(tmp_path, repeat), None, None)
    found = reasons_of(quotes, 74_000.0)
    assert found[OPTION] == "duplicate: records of one moment disagree on bid and ask"
    assert quotes.notes == (
        "1 record left out: record of one moment that contradicts another of the same instrument",
    )
    fit = fit_surface(quotes)
    assert isinstance(fit, SurfaceFit)
    assert fit.in_spread > 0.98


def test_contradictions_in_the_money_are_named_too(tmp_path: Path) -> None:
    def repeat(rows: list[Row]) -> None:
        put = next(row for row in rows if is_option(row))
        call = put | {"option_type": "call", "bid": "0.047", "ask": "0.048"}
        rows += [call, call | {"bid": "0.046"}]

    found = reasons_of(read_quotes(changed(tmp_path, repeat), None, None), 74_000.0)
    assert found == {
        OPTION: "",
        "BTC-24MAY26-74000-C": "duplicate: records of one moment disagree on bid",
    }


def test_the_order_of_contradicting_rows_does_not_matter(tmp_path: Path) -> None:
    def repeat(rows: list[Row], at: int) -> None:
        row = next(row for row in rows if is_option(row))
        rows.insert(at, row | {"bid": "0.0012"})

    digests = set()
    for at in (0, 800):
        path = changed(tmp_path, partial(repeat, at=at))
        fit = fit_surface(read_quotes(path, None, None))
        assert isinstance(fit, SurfaceFit)
        digests.add(fit.digest)
    assert len(digests) == 1


def test_identical_rows_count_once_and_are_said(tmp_path: Path) -> None:
    plain = fit_surface(read_quotes(RECORDED, None, None))
    quotes = read_quotes(
        changed(tmp_path, lambda rows: rows.extend([dict(rows[40]), dict(rows[41])])), None, None
    )
    fit = fit_surface(quotes)
    assert isinstance(fit, SurfaceFit)
    assert isinstance(plain, SurfaceFit)
    assert fit.digest == plain.digest
    assert quotes.notes == ("2 records left out: identical record repeated within one moment",)


def test_a_crossed_quote_keeps_its_own_reason(tmp_path: Path) -> None:
    def cross(rows: list[Row]) -> None:
        for row in rows:
            if is_option(row):
                row |= {"bid": row["ask"], "ask": row["bid"]}

    found = reasons_of(read_quotes(changed(tmp_path, cross), None, None), 74_000.0)
    assert found[OPTION] == "crossed"
    # Its two-sided twin in the money is not left out silently either.
    assert found.pop("BTC-24MAY26-74000-C", "in the money").startswith("in the money")


def test_a_stale_quote_names_its_age_and_the_limit() -> None:
    chain = read_chain(FIXTURES / "btc_2026-06-27_tickers.json", None, None)
    quotes = chain_quotes(chain, SurfaceChoice(stale_after_s=0.5))
    reasons = {reason for each in quotes.expiries for reason in each.reasons}
    assert any(re.fullmatch(r"stale: \d+ s old, the limit is 0.5 s", one) for one in reasons)
