"""Books on their markets: several files, both simulated venues, a connected account."""

from __future__ import annotations

import asyncio
import gzip
import json
from decimal import Decimal
from pathlib import Path

import aiohttp
import pytest

from quantdesk.domain.position import PositionRow
from quantdesk.errors import ChainFileError, ConfigError, StorageError
from quantdesk.runtime.books import (
    CHAINS_MAX,
    BookSources,
    book_of_accounts,
    chains_of,
    open_accounts,
    open_book,
    read_markets,
)
from quantdesk.runtime.clock import SystemClock
from quantdesk.runtime.contract_names import read_contract_name
from quantdesk.runtime.recordings import record_venues
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.simulation import SimulationPlan, running_simulation
from quantdesk.runtime.sources import live_desk
from quantdesk.runtime.venues import parse_venues
from tests.unit.runtime.test_live_accounts import Exchange, exchange

BTC = Path("tests/fixtures/chain_files/btc_2026-06-27_tickers.json")
ETH = Path("tests/fixtures/chain_files/eth_2026-01-31_quotes.csv")


def book(folder: Path, *rows: str) -> Path:
    """A book of `venue,name,quantity` rows."""
    path = folder / "book.csv"
    path.write_text("venue,instrument_name,quantity\n" + "".join(f"{row}\n" for row in rows))
    return path


def test_chains_are_those_of_the_names_most_rows_first() -> None:
    names = ["BTC_USDC-25SEP26-70000-C", "ETH-PERPETUAL", "ETH-25SEP26", "nonsense"]
    rows = [
        PositionRow(row=number, venue=" Deribit ", instrument_name=name)
        for number, name in enumerate(names)
    ]
    rows.append(PositionRow(row=9, venue="binance", instrument_name="BNB-260925-700-P"))
    assert chains_of(rows) == {"binance": ("BNB",), "deribit": ("ETH", "BTC_USDC")}


def test_a_book_of_nonsense_asks_for_few_chains() -> None:
    rows = [
        PositionRow(row=number, venue="deribit", instrument_name=f"X{number}-PERPETUAL")
        for number in range(5_000)
    ]
    assert len(chains_of(rows)["deribit"]) == CHAINS_MAX


@pytest.mark.parametrize(
    ("venue", "name", "chain", "made"),
    [
        ("deribit", "BTC-PERPETUAL", "BTC", True),
        ("deribit", "SOL_USDC-PERPETUAL", "SOL_USDC", True),
        ("deribit", "FOO-PERPETUAL", "FOO", False),
        ("deribit", "BTC-25SEP26-70000-C", "BTC", False),
        ("binance", "BTC-260925-70000-C", "BTC", False),
    ],
)
def test_names_say_their_chain_and_futures_their_contract(
    venue: str, name: str, chain: str, made: bool
) -> None:
    said = read_contract_name(venue, name)
    assert said is not None
    assert said.chain == chain
    assert (said.instrument is not None) is made
    assert read_contract_name("okx", name) is None


def test_several_market_files_make_one_market(tmp_path: Path) -> None:
    opened = open_book(
        book(tmp_path, "deribit,BTC-26MAR27-82000-C,-1", "deribit,ETH-PERPETUAL,-100"),
        BookSources(markets=(BTC, ETH)),
        Settings(),
    )
    assert [one.underlying for one in opened.market.markets] == ["BTC", "ETH"]
    assert opened.refused == ()
    margin = opened.margin()
    assert [total.currency for total in margin.accounts[0].statement.totals] == ["BTC", "ETH"]


def test_a_file_without_any_chain_of_the_book_still_tells_each_row(tmp_path: Path) -> None:
    opened = open_book(
        book(tmp_path, "deribit,ETH-PERPETUAL,-100"), BookSources(markets=(BTC,)), Settings()
    )
    assert "known of deribit here: BTC" in opened.refused[0].reason


def test_a_damaged_market_file_is_refused(tmp_path: Path) -> None:
    damaged = tmp_path / "market.json.gz"
    damaged.write_bytes(gzip.compress(BTC.read_bytes())[:200])
    for rows in ((), ("deribit,BTC-26MAR27-82000-C,-1",)):
        with pytest.raises(ChainFileError, match="damaged gzip"):
            open_book(book(tmp_path, *rows), BookSources(markets=(damaged,)), Settings())


def test_a_moment_that_a_file_does_not_reach_is_the_error_that_is_told(tmp_path: Path) -> None:
    path = book(tmp_path, "deribit,BTC-26MAR27-82000-C,-1")
    with pytest.raises(ChainFileError, match=r"begins at 2026.*the book needs BTC"):
        open_book(path, BookSources(markets=(BTC,), at_ns=1_600_000_000_000_000_000), Settings())


def test_a_recording_answers_with_what_it_holds(tmp_path: Path) -> None:
    folder = tmp_path / "recording"
    asyncio.run(
        record_venues(
            parse_venues(["deribit"]),
            ["BTC"],
            folder,
            settings=Settings(),
            run_id="test",
            seconds=2.0,
            stop=asyncio.Event(),
        )
    )
    path = book(tmp_path, "deribit,BTC-25SEP26-70000-C,-1", "deribit,ETH-PERPETUAL,10")
    opened = open_book(path, BookSources(replay=folder), Settings())
    assert [one.instrument.name for one in opened.positions] == ["BTC-25SEP26-70000-C"]
    assert "needs the ETH market" in opened.refused[0].reason
    assert opened.margin().legs[0].requirement.initial > 0
    with pytest.raises(StorageError):
        open_book(path, BookSources(replay=tmp_path / "nothing"), Settings())


def test_both_simulated_venues_answer_for_one_book(tmp_path: Path) -> None:
    opened = open_book(
        book(
            tmp_path,
            "deribit,BTC-25SEP26-70000-C,-1.5",
            "binance,BTC-260925-70000-C,-1",
            "deribit,BTC-PERPETUAL,-10000",
        ),
        BookSources(venues=parse_venues(["deribit,binance"])),
        Settings(),
    )
    assert opened.refused == ()
    totals = {
        (one.venue, total.currency): total.initial
        for one in opened.margin().accounts
        for total in one.statement.totals
    }
    assert set(totals) == {("deribit", "BTC"), ("binance", "USDT")}
    assert all(initial > 0 for initial in totals.values())


def test_venues_that_the_book_does_not_name_are_not_opened() -> None:
    venues = parse_venues(["deribit,binance"])
    market = read_markets({}, BookSources(venues=venues), Settings())
    assert market.markets == ()


async def with_positions(venue: Exchange) -> None:
    """A short, a long, a future and two resting orders, sent by a client that is none of ours."""
    base = venue.ready["deribit"]["http"]
    key, secret = (venue.environ[f"QUANTDESK_DERIBIT_{part}"] for part in ("KEY", "SECRET"))
    headers = {"Authorization": aiohttp.encode_basic_auth(key, secret)}
    orders = [
        ("sell", "BTC-25SEP26-70000-C", "1.5", "market", None),
        ("buy", "BTC-25SEP26-60000-C", "1", "market", None),
        ("sell", "BTC-PERPETUAL", "10000", "market", None),
        ("sell", "BTC-25SEP26-80000-C", "1", "limit", "0.05"),
        ("buy", "BTC-PERPETUAL", "30000", "limit", "40000"),
    ]
    async with aiohttp.ClientSession() as client:
        for side, name, amount, kind, price in orders:
            query = {"instrument_name": name, "amount": amount, "type": kind}
            if price is not None:
                query["price"] = price
            async with client.get(
                f"{base}/private/{side}", params=query, headers=headers
            ) as answer:
                assert answer.status == 200, await answer.text()


async def test_margin_of_a_connected_account_stands_beside_the_venues_own() -> None:
    async with exchange() as venue:
        await with_positions(venue)
        async with live_desk(
            venue.venues[:1], ("BTC",), settings=Settings(), accounts=venue.accounts("deribit")
        ) as live:
            await live.accounts_read(30)
            opened = book_of_accounts(await live.quoted(("BTC",), 30))
    assert {one.instrument.name: one.quantity for one in opened.positions} == {
        "BTC-25SEP26-70000-C": Decimal("-1.5"),
        "BTC-25SEP26-60000-C": Decimal(1),
        "BTC-PERPETUAL": Decimal(-10000),
    }
    assert {one.account for one in opened.positions} == {"deribit"}
    margin = opened.margin()
    assert margin.is_complete
    gap = next(one for one in margin.accounts[0].gaps if one.venue_figure.currency == "BTC")
    assert gap.initial_gap is not None
    assert gap.maintenance_gap is not None
    # The venue rounds to nine digits; its marks may have moved by a tick between the two reports.
    assert abs(gap.initial_gap) < Decimal("0.001")
    assert abs(gap.maintenance_gap) < Decimal("0.001")
    assert gap.initial > Decimal("0.29")


async def test_an_account_is_opened_whole_from_its_venue() -> None:
    async with running_simulation(
        SimulationPlan(underlyings=("BTC", "ETH")), clock=SystemClock()
    ) as running:
        venue = Exchange(json.loads(running.ready_line()))
        sources = BookSources(venues=venue.venues[:1], accounts=venue.accounts("deribit"))
        opened = await asyncio.to_thread(open_accounts, sources, Settings())
    assert opened.positions == ()
    assert {figure.currency for figure in opened.figures} >= {"BTC", "ETH"}
    assert [one.underlying for one in opened.market.markets] == ["BTC", "ETH"]


def test_sources_that_contradict_are_refused() -> None:
    with pytest.raises(ConfigError, match="give exactly one"):
        BookSources()
    with pytest.raises(ConfigError, match="give exactly one"):
        BookSources(markets=(BTC,), replay=Path())
    with pytest.raises(ConfigError, match="name the account"):
        open_accounts(BookSources(venues=parse_venues(["deribit"])), Settings())
