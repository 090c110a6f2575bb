"""A runner over processes of this machine, started anew and not forked: threads do not survive."""

from __future__ import annotations

import multiprocessing
import os
import pickle
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import Any

from quantdesk.domain.ports import Item, Result, Shared
from quantdesk.errors import InvalidInput, WorkerLost

AHEAD = 4
"""Items in flight for each worker: enough that none waits, few enough to bound the memory."""

WORKERS_MAX = 256


class ProcessPoolRunner:
    """Runs items in `workers` processes (one a core if None), which live for one `map` each.

    Raises InvalidInput for a number of workers that makes no sense.
    """

    def __init__(self, workers: int | None = None) -> None:
        if workers is not None and not 1 <= workers <= WORKERS_MAX:
            raise InvalidInput("workers", workers, f"must be from 1 to {WORKERS_MAX}")
        self.workers = workers or min(os.cpu_count() or 1, WORKERS_MAX)

    def map(
        self,
        function: Callable[[Shared, Item], Result],
        items: Sequence[Item],
        *,
        shared: Shared,
    ) -> Iterator[Result]:
        """`function(shared, item)` of each item, in the items' order; see `domain.ports.Runner`.

        `function`, `shared`, items and results are pickled. Raises WorkerLost where a process dies.
        """
        parcel = pickle.dumps((function, shared), protocol=pickle.HIGHEST_PROTOCOL)
        context = multiprocessing.get_context("spawn")
        pool = ProcessPoolExecutor(
            self.workers, mp_context=context, initializer=_unpack, initargs=(parcel,)
        )
        try:
            waiting: deque[Future[Any]] = deque()
            for item in items:
                waiting.append(pool.submit(_call, item))
                if len(waiting) >= self.workers * AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        except BrokenProcessPool:
            raise WorkerLost(
                f"one of {self.workers} worker processes ended before its work did (killed, or out "
                "of memory): use fewer workers, or none"
            ) from None
        finally:
            pool.shutdown(cancel_futures=True)


_work: dict[str, Any] = {}
"""What this worker process was handed when it started; empty in any other process."""


def _unpack(parcel: bytes) -> None:
    _work["function"], _work["shared"] = pickle.loads(parcel)


def _call(item: Any) -> Any:
    return _work["function"](_work["shared"], item)
