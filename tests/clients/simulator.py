"""`quantdesk simulate` as a process of its own, for clients that know nothing of quantdesk.

QUANTDESK names the command where it is not that of the checkout's `.venv`.
"""

from __future__ import annotations

import json
import os
import selectors
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

READY_WITHIN_S = 60.0
STOP_WITHIN_S = 20.0
_CHECKOUT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Simulator:
    """Where the simulated venues are, and who may trade there: what the ready line says."""

    rest: str
    ws: str
    api_key: str
    api_secret: str
    usdt: float
    deribit_http: str
    deribit_ws: str
    client_id: str
    client_secret: str
    coins: dict[str, float]
    other_id: str
    other_secret: str


@contextmanager
def running(*options: str) -> Iterator[Simulator]:
    """Start it, read its one line, and end it with SIGTERM; it says nothing more."""
    command = os.environ.get("QUANTDESK", str(_CHECKOUT / ".venv" / "bin" / "quantdesk"))
    with subprocess.Popen(
        [command, "simulate", "--underlying", "BTC,ETH", *options],
        stdout=subprocess.PIPE,
        cwd=_CHECKOUT,
    ) as process:
        rest = b""
        try:
            ready = json.loads(_first_line(process))
            yield _simulator(ready)
        finally:
            process.terminate()
            rest, _ = process.communicate(timeout=STOP_WITHIN_S)
    assert (process.returncode, rest) == (0, b"")


def _first_line(process: subprocess.Popen[bytes]) -> bytes:
    assert process.stdout is not None
    with selectors.DefaultSelector() as selector:
        selector.register(process.stdout, selectors.EVENT_READ)
        assert selector.select(READY_WITHIN_S), "the simulator did not get ready"
    return process.stdout.readline()


def _simulator(ready: dict[str, Any]) -> Simulator:
    account = ready["accounts"]["binance"][0]
    first, second = ready["accounts"]["deribit"]
    return Simulator(
        rest=ready["binance"]["rest"],
        ws=ready["binance"]["ws"],
        api_key=account["api_key"],
        api_secret=account["api_secret"],
        usdt=float(account["balances"]["USDT"]),
        deribit_http=ready["deribit"]["http"],
        deribit_ws=ready["deribit"]["ws"],
        client_id=first["client_id"],
        client_secret=first["client_secret"],
        coins={coin: float(amount) for coin, amount in first["balances"].items()},
        other_id=second["client_id"],
        other_secret=second["client_secret"],
    )
