"""Time and error of the kernel and its peers on this machine, side by side in one run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial

import numpy as np

from quantdesk import pricing
from quantdesk.app.bench.exact import Error, Exact, error_of, exact, implied_error, rows
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, Missing, Peer, Task, find_peers
from quantdesk.app.bench.samples import Sample, book, chain, grid_rows, options

KERNEL = "quantdesk"
FIVE_GREEKS = ("price", "delta", "gamma", "vega", "theta", "rho")
GRID_SPOTS, GRID_VOLS = pricing.grid(np.linspace(-0.2, 0.2, 15), np.linspace(-0.1, 0.1, 15))


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One call of one package.

    Attributes
    ----------
    task : what was asked: price, greeks, implied vol, chain, grid
    package : whose call
    ns : best nanoseconds an option (a position and scenario, for the grid)
    error : against exact rows; None where not compared
    """

    task: str
    package: str
    ns: float
    error: Error | None = None


@dataclass(frozen=True, slots=True)
class _Call:
    """What is timed: a package's task on so many rows."""

    package: str
    run: Callable[[], object]
    rows: int
    error: Error | None = None


def measure(rows: int, *, rounds: int = 5, threads: int = 1) -> tuple[list[Line], list[Missing]]:
    """Lines for prices, Greeks, implied vols, the chain and the grid, and the peers not there.

    Parameters
    ----------
    rows : options a call; loops over single options are timed on fewer
    rounds : how often each call is timed; rounds of all packages are interleaved
    threads : of the kernel; peers use what they use
    """
    peers, missing = find_peers()
    ours = _kernel(threads)
    sample, quoted = options(rows), options(rows, is_quoted=True)
    reference = exact()
    lines = _timed("price", _calls([ours, *peers], "price", sample, reference), rounds)
    lines += _timed("price + 5 Greeks", _calls([ours, *peers], "greeks", sample, reference), rounds)
    undiscounted = reference.without_rate()
    lines += _timed("implied vol", _calls([ours, *peers], "implied", quoted, undiscounted), rounds)
    lines += _timed("chain, price + 5 Greeks", _chain_calls(rows, threads), rounds)
    lines += _timed("grid, 1,000 positions × 225", _grid_calls(peers, threads), rounds)
    return lines, missing


def head(sample: Sample, count: int) -> Sample:
    """The first `count` options."""
    return rows(sample, slice(count))


def _kernel(threads: int) -> Peer:
    return Peer(
        name=KERNEL,
        price=lambda s: pricing.price(
            s.is_call, s.forward, s.strike, s.years, s.vol, s.rate, threads=threads
        ),
        greeks=lambda s: pricing.greeks(
            s.is_call,
            s.forward,
            s.strike,
            s.years,
            s.vol,
            s.rate,
            which=FIVE_GREEKS,
            threads=threads,
        ),
        read_greeks=lambda found: found._asdict(),
        implied=lambda s: (
            pricing.implied_vol(
                s.price, s.is_call, s.forward, s.strike, s.years, threads=threads
            ).vol
        ),
    )


def _calls(peers: Iterable[Peer], kind: str, sample: Sample, reference: Exact) -> list[_Call]:
    found = []
    for peer in peers:
        task: Task | None = getattr(peer, kind)
        if task is not None:
            columns = head(sample, LOOP_ROWS_MAX) if peer.is_loop else sample
            error = _error(peer, kind, reference)
            found.append(_Call(peer.name, partial(task, columns), columns.rows, error))
    return found


def _error(peer: Peer, kind: str, reference: Exact) -> Error | None:
    """Error of a peer on the exact rows, None where its numbers can not be read."""
    with np.errstate(all="ignore"):
        if kind == "price" and peer.price is not None:
            return error_of(peer.price(reference.sample), reference.outputs["price"])
        if kind == "implied" and peer.implied is not None:
            return implied_error(peer.implied(reference.sample), reference)
        if peer.greeks is None or peer.read_greeks is None:
            return None
        found = peer.read_greeks(peer.greeks(reference.sample))
    errors = [error_of(found[name], column) for name, column in reference.outputs.items()]
    return Error(max(e.size for e in errors), float(np.mean([e.wrong for e in errors])))


def _chain_calls(rows: int, threads: int) -> list[_Call]:
    c = chain(rows)
    flat = c.flat()

    def call() -> object:
        return pricing.chain_greeks(
            c.is_call,
            c.strike,
            c.vol,
            starts=c.starts,
            forward=c.forward,
            years=c.years,
            rate=c.rate,
            which=FIVE_GREEKS,
            threads=threads,
        )

    greeks = _kernel(threads).greeks
    assert greeks is not None
    return [
        _Call(KERNEL, call, rows),
        _Call(f"{KERNEL}, flat call", partial(greeks, flat), rows),
    ]


def _grid_calls(peers: Iterable[Peer], threads: int) -> list[_Call]:
    """The kernel's call, and peers pricing the product of positions and scenarios laid out."""
    positions = book(1_000)
    laid_out = grid_rows(positions, GRID_SPOTS, GRID_VOLS)
    pnl = partial(
        pricing.scenarios, positions, spot_move=GRID_SPOTS, vol_move=GRID_VOLS, threads=threads
    )
    found = [_Call(KERNEL, pnl, laid_out.rows)]
    for peer in peers:
        if peer.price is not None:
            columns = head(laid_out, LOOP_ROWS_MAX) if peer.is_loop else laid_out
            found.append(_Call(peer.name, partial(peer.price, columns), columns.rows))
    return found


def _timed(task: str, calls: list[_Call], rounds: int) -> list[Line]:
    times: dict[str, list[float]] = {call.package: [] for call in calls}
    for call in calls:
        call.run()
    for _ in range(rounds):
        for call in calls:
            times[call.package].append(_seconds(call.run) / call.rows * 1e9)
    return [
        Line(
            task=task,
            package=call.package,
            ns=min(times[call.package]),
            error=call.error,
        )
        for call in calls
    ]


def _seconds(call: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
