"""A venue through the desk itself: socket, lists, quotes, an order book, streams, allowance.

The same feeds and the same path as a screen's, so that what works here works there.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence

import numpy as np

from quantdesk.domain.account import AccountSnapshot
from quantdesk.errors import QuantDeskError
from quantdesk.runtime.doctor.step import Step
from quantdesk.runtime.followed_books import BookKey
from quantdesk.runtime.live import LiveDesk
from quantdesk.runtime.venues import VenueChoice
from quantdesk.snapshot import ChainSnapshot, DeskSnapshot, LinkHealth, LinkState

CONNECT_TIMEOUT_S = 15.0
QUOTES_TIMEOUT_S = 30.0
BOOK_TIMEOUT_S = 20.0
ACCOUNTS_TIMEOUT_S = 20.0

BOOKS_TRIED = 8
"""A book is proven by its first change: of several near the money one moves soon."""


async def connection_steps(live: LiveDesk, choice: VenueChoice) -> AsyncIterator[Step]:
    """Whether the venue's sockets stand."""

    def is_settled(snapshot: DeskSnapshot) -> bool:
        return all(link.state is LinkState.LIVE for link in _links(snapshot, choice.venue))

    snapshot = await _until(live, is_settled, CONNECT_TIMEOUT_S)
    links = _links(snapshot, choice.venue)
    said = "; ".join(f"{link.name} {link.state.value}" for link in links)
    problem = next((link.last_problem for link in links if link.last_problem), "")
    yield Step(
        name=f"{choice.venue} connection",
        is_ok=is_settled(snapshot),
        found=said + (f" ({problem})" if problem else ""),
        advice="maintenance: wait; else check the network, --venue and --endpoint",
    )


async def venue_steps(
    live: LiveDesk, choice: VenueChoice, underlyings: Sequence[str]
) -> AsyncIterator[Step]:
    """Lists, quotes, a book, streams, allowance and frames of one venue that is connected."""
    venue = choice.venue
    try:
        snapshot = await live.quoted(underlyings, QUOTES_TIMEOUT_S)
    except QuantDeskError as error:
        yield Step(
            name=f"{venue} quotes",
            is_ok=False,
            found=str(error),
            advice="the venue is slow or leaves options unquoted: try again; see the frames below",
        )
        snapshot = live.refresh()
    chains = [chain for chain in snapshot.chains if chain.venue == venue]
    for chain in chains:
        yield _chain_step(chain)
        yield _ticker_step(chain)
    for step in _line_steps(live, venue):
        yield step
    if chains:
        yield await _book_step(live, chains[0])
    yield _frames_step(live.refresh(), venue)


async def account_steps(live: LiveDesk) -> AsyncIterator[Step]:
    """Each account read whole, and what its key may do."""
    if not live.accounts:
        return
    try:
        snapshot = await live.accounts_read(ACCOUNTS_TIMEOUT_S)
    except QuantDeskError as error:
        yield Step(
            name="accounts",
            is_ok=False,
            found=str(error),
            advice="check key, secret and environment; a new key may need minutes; the key needs "
            "read rights only, and must not be able to withdraw",
        )
        snapshot = live.refresh()
    for line in live.accounts:
        account = snapshot.account(line.account, line.feed.venue)
        if account is not None and account.is_whole:
            yield _account_step(account, line.feed.rights)


async def _until(
    live: LiveDesk, condition: Callable[[DeskSnapshot], bool], timeout_s: float
) -> DeskSnapshot:
    """The first snapshot that meets `condition`, or the last one before time was up."""
    loop = asyncio.get_running_loop()
    deadline_s = loop.time() + timeout_s
    snapshot = live.refresh()
    while not condition(snapshot) and loop.time() < deadline_s:
        await asyncio.sleep(live.interval_s)
        snapshot = live.refresh()
    return snapshot


def _links(snapshot: DeskSnapshot, venue: str) -> tuple[LinkHealth, ...]:
    return tuple(link for link in snapshot.links if link.venue == venue and not link.account)


def _chain_step(chain: ChainSnapshot) -> Step:
    quoted = int(np.count_nonzero(chain.chain.event_ns))
    listed = len(chain.chain)
    futures = f", {len(chain.futures)} futures" if chain.futures else ""
    return Step(
        name=f"{chain.venue} {chain.underlying} chain",
        is_ok=quoted == listed > 0,
        found=f"{listed} options in {len(chain.expiries)} expiries{futures}, "
        + ("all quoted" if quoted == listed else f"{quoted} of them quoted"),
        advice="try again; record it (quantdesk record) and report it where that does not help",
    )


def _ticker_step(chain: ChainSnapshot) -> Step:
    """The quote of the option nearest to the money."""
    name = f"{chain.venue} {chain.underlying} ticker"
    rows = _near_money(chain)
    raw = chain.chain
    two_sided = [row for row in rows if raw.bid[row] > 0 and raw.ask[row] > 0]
    if not two_sided:
        return Step(
            name=name,
            is_ok=False,
            found="no option near the money has a bid and an ask",
            advice="the market may be halted: see the venue's status page",
        )
    row = two_sided[0]
    money = raw.instruments[row].quote_currency
    age_s = (chain.as_of_ns - int(raw.event_ns[row])) / 1e9
    return Step(
        name=name,
        is_ok=True,
        found=f"{raw.instruments[row].name} {raw.bid[row]:g} / {raw.ask[row]:g} {money}, "
        f"{max(age_s, 0.0):.1f} s old, forward {chain.values.forward[row]:,.2f}",
    )


def _near_money(chain: ChainSnapshot) -> list[int]:
    """Rows of the first expiries with a forward, nearest to it first."""
    rows: list[int] = []
    for expiry in chain.expiries[:2]:
        price = expiry.forward.price
        if price is not None:
            part = range(*expiry.rows)
            rows += sorted(part, key=lambda row: abs(float(chain.chain.strike[row]) - price))
    return rows


async def _book_step(live: LiveDesk, chain: ChainSnapshot) -> Step:
    """Follow a few books until one is proven to be the venue's."""
    keys: list[BookKey] = [
        (chain.venue, chain.chain.instruments[row].name) for row in _near_money(chain)[:BOOKS_TRIED]
    ]
    keys += [(chain.venue, name) for name in chain.futures if name.endswith("-PERPETUAL")]
    live.follow_books(keys)
    snapshot = await _until(
        live, lambda now: any(book.is_good for book in now.books), BOOK_TIMEOUT_S
    )
    live.follow_books([])
    proven = next((book for book in snapshot.books if book.is_good), None)
    name = f"{chain.venue} order book"
    if proven is None:
        reasons = sorted({book.bad_reason for book in snapshot.books})
        return Step(
            name=name,
            is_ok=False,
            found=f"none of {len(keys)} proven within {BOOK_TIMEOUT_S:g} s: {'; '.join(reasons)}",
            advice="a market at rest proves no book: try again when it moves",
        )
    return Step(
        name=name,
        is_ok=True,
        found=f"{proven.instrument_name}: {proven.levels_bid} bids, {proven.levels_ask} asks, "
        f"in sequence to change {proven.change_id}",
    )


def _line_steps(live: LiveDesk, venue: str) -> list[Step]:
    steps = []
    for line in live.lines:
        if line.feed.venue != venue:
            continue
        report = line.feed.report()
        words = [
            f"{report.granted} streams on {report.connections} connection"
            + ("s" if report.connections != 1 else ""),
            f"{report.missing} missing" if report.missing else "",
            f"{len(report.silent)} silent, {report.silent[0]} one of them" if report.silent else "",
        ]
        steps.append(
            Step(
                name=f"{line.feed.name} streams",
                is_ok=not report.missing and not report.silent,
                found=", ".join(filter(None, words)),
                advice="missing ones are asked for again by themselves, half a minute apart",
            )
        )
        steps.append(Step(name=f"{line.feed.name} limits", is_ok=True, found=report.budget))
    return steps


def _frames_step(snapshot: DeskSnapshot, venue: str) -> Step:
    links = _links(snapshot, venue)
    frames = sum(link.frames for link in links)
    refused = sum(link.refused for link in links)
    kinds: dict[str, int] = {}
    for link in links:
        for kind, count in link.problems:
            kinds[kind] = kinds.get(kind, 0) + count
    found = f"{frames} received, {refused} refused"
    if kinds:
        found += ": " + ", ".join(f"{kind} {count}" for kind, count in sorted(kinds.items()))
    return Step(
        name=f"{venue} frames",
        is_ok=refused == 0,
        found=found,
        advice="record them (quantdesk record) and report them",
    )


def _account_step(account: AccountSnapshot, rights: str) -> Step:
    money = ", ".join(
        f"{balance.currency} {balance.equity:f}"
        for balance in account.balances
        if balance.equity is not None
    )
    found = (
        f"equity {money or 'none'}; {len(account.positions)} positions, "
        f"{len(account.open_orders)} open orders, {len(account.trades)} trades; "
    )
    if rights:
        found += f"the key may: {rights}"
    else:
        found += "the venue does not tell what this key may do: see that it can read and no more"
    return Step(name=f"account {account.account}", is_ok=True, found=found)
