"""Large kernel calls let other Python threads run."""

from __future__ import annotations

import threading

import numpy as np

from quantdesk import pricing

ROUNDS = 5


def test_another_thread_runs_during_each_large_call() -> None:
    """It counts while a flag is up, which is set just before the call and taken down just after.

    Were the interpreter's lock held, the thread could run only in the instants around the call; by
    chance once, but not in every round.
    """
    strike = np.linspace(20_000.0, 140_000.0, 2_000_000)
    is_inside, stop, ready = threading.Event(), threading.Event(), threading.Event()
    counts = [0]

    def count() -> None:
        ready.set()
        while not stop.is_set():
            if is_inside.is_set():
                counts[-1] += 1

    thread = threading.Thread(target=count, daemon=True)
    thread.start()
    ready.wait()
    try:
        for _ in range(ROUNDS):
            is_inside.set()
            pricing.price(True, 60_000.0, strike, 0.5, 0.6, threads=1)
            is_inside.clear()
            counts.append(0)
    finally:
        stop.set()
        thread.join()
    assert min(counts[:ROUNDS]) > 100, counts
