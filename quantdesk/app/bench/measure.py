"""Time and error of the kernel and its peers on this machine, side by side in one run."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from quantdesk import pricing
from quantdesk.app.bench.peers import LOOP_ROWS_MAX, Missing, Peer, Task, find_peers
from quantdesk.app.bench.samples import Sample, book, chain, options

KERNEL = "quantdesk"
FIVE_GREEKS = ("price", "delta", "gamma", "vega", "theta", "rho")


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One call of one package.

    Attributes
    ----------
    task : what was asked: price, greeks, implied vol, chain, grid
    package : whose call
    ns : median nanoseconds an option (a position and scenario, for the grid)
    error : worst relative error against the exact vol or our price; None where not compared
    wrong : share of rows that are NaN or off by more than 1e-6; None where not compared
    """

    task: str
    package: str
    ns: float
    error: float | None = None
    wrong: float | None = None


def measure(rows: int, *, rounds: int = 5, threads: int = 1) -> tuple[list[Line], list[Missing]]:
    """Lines for prices, Greeks, implied vols, the chain and the grid, and the peers not there.

    Parameters
    ----------
    rows : options a call; loops over single options are timed on fewer
    rounds : how often each call is timed; rounds of all packages are interleaved
    threads : of the kernel; peers use what they use
    """
    peers, missing = find_peers()
    sample, quoted = options(rows), options(rows, is_quoted=True)
    kernel = (_kernel_price(threads), _kernel_greeks(threads), _kernel_implied(threads))
    tasks = (
        ("price", sample, kernel[0], _with(peers, "price")),
        ("price + 5 Greeks", sample, kernel[1], _with(peers, "greeks")),
        ("implied vol", quoted, kernel[2], _with(peers, "implied")),
    )
    lines = [line for task in tasks for line in _compare(*task, rounds)]
    lines += [_chain_line(rows, rounds, threads), _grid_line(rounds, threads)]
    return lines, missing


def _kernel_price(threads: int) -> Task:
    return lambda s: pricing.price(
        s.is_call, s.forward, s.strike, s.years, s.vol, s.rate, threads=threads
    )


def _kernel_greeks(threads: int) -> Task:
    return lambda s: pricing.greeks(
        s.is_call, s.forward, s.strike, s.years, s.vol, s.rate, which=FIVE_GREEKS, threads=threads
    )


def _kernel_implied(threads: int) -> Task:
    return lambda s: (
        pricing.implied_vol(s.price, s.is_call, s.forward, s.strike, s.years, threads=threads).vol
    )


def _with(peers: Iterable[Peer], kind: str) -> list[tuple[str, Task, bool]]:
    found = [(peer.name, getattr(peer, kind), peer.is_loop) for peer in peers]
    return [(name, task, is_loop) for name, task, is_loop in found if task is not None]


def _compare(
    task: str, sample: Sample, kernel: Task, peers: list[tuple[str, Task, bool]], rounds: int
) -> list[Line]:
    few = head(sample, LOOP_ROWS_MAX)
    calls = [(KERNEL, kernel, sample)]
    calls += [(name, call, few if is_loop else sample) for name, call, is_loop in peers]
    times: dict[str, list[float]] = {name: [] for name, _, _ in calls}
    for _ in range(rounds):
        for name, call, columns in calls:
            times[name].append(_seconds(partial(call, columns)) / columns.rows * 1e9)
    lines = []
    for name, call, columns in calls:
        error, wrong = _error(task, call, columns)
        ns = float(np.median(times[name]))
        lines.append(Line(task=task, package=name, ns=ns, error=error, wrong=wrong))
    return lines


def head(sample: Sample, rows: int) -> Sample:
    """The first `rows` options."""
    return Sample(**{name: getattr(sample, name)[:rows] for name in Sample.__dataclass_fields__})


def _error(task: str, call: Task, s: Sample) -> tuple[float | None, float | None]:
    """Worst error and share wrong: vols against those that made the prices, prices against ours."""
    if task == "implied vol":
        exact = s.vol
    elif task == "price":
        exact = _own_price(s)
    else:
        return None, None
    with np.errstate(divide="ignore", invalid="ignore"):
        error = np.abs(np.asarray(call(s), dtype=np.float64) / exact - 1.0)
    good = error[np.isfinite(error)]
    worst = float(good.max()) if good.size else float("nan")
    return worst, float(np.mean(~(error <= 1e-6)))


def _own_price(s: Sample) -> np.ndarray[Any, np.dtype[np.float64]]:
    """The kernel's price, whose own error `pricing-core/tests/reference.rs` holds to 2e-14."""
    return np.array(pricing.price(s.is_call, s.forward, s.strike, s.years, s.vol, s.rate))


def _chain_line(rows: int, rounds: int, threads: int) -> Line:
    c = chain(rows)

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

    return Line(task="chain, price + 5 Greeks", package=KERNEL, ns=_median(call, rounds) / rows)


def _grid_line(rounds: int, threads: int) -> Line:
    positions = book(1_000)
    spots, vols = pricing.grid(np.linspace(-0.2, 0.2, 15), np.linspace(-0.1, 0.1, 15))

    def call() -> object:
        return pricing.scenarios(positions, spot_move=spots, vol_move=vols, threads=threads)

    return Line(
        task="grid, 1,000 positions × 225", package=KERNEL, ns=_median(call, rounds) / 225_000
    )


def _median(call: Callable[[], object], rounds: int) -> float:
    call()
    return float(np.median([_seconds(call) for _ in range(rounds)])) * 1e9


def _seconds(call: Callable[[], object]) -> float:
    gc.collect()
    start = time.perf_counter()
    call()
    return time.perf_counter() - start
