"""What the storage tests share: real captured frames and folders to put them in."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantdesk.domain.events import RawFrame

FIXTURES = Path(__file__).parents[2] / "fixtures"
SHARED_DATA = Path(__file__).parents[4] / "shared" / "data"

NS_PER_S = 1_000_000_000


def captured_frames() -> list[RawFrame]:
    """Frames of `recordings/deribit_ws_2021-07-22.txt`: `<unix seconds>: <frame>` a line."""
    frames = []
    text = (FIXTURES / "recordings" / "deribit_ws_2021-07-22.txt").read_text("utf-8")
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        seconds, _, payload = line.partition(": ")
        whole, _, part = seconds.partition(".")
        frames.append(
            RawFrame(
                venue="deribit",
                connection="deribit-btc",
                recv_ns=int(whole) * NS_PER_S + int(part.ljust(9, "0")),
                payload=payload.encode(),
            )
        )
    return frames


@pytest.fixture(scope="session")
def frames() -> list[RawFrame]:
    """Sixty real Deribit frames, in the order received."""
    return captured_frames()


@pytest.fixture(scope="session")
def fixtures() -> Path:
    """The folder of all fixtures."""
    return FIXTURES


@pytest.fixture
def shared_data() -> Path:
    """The recorded market data beside the checkout; the test is skipped where it is absent."""
    if not SHARED_DATA.is_dir():
        pytest.skip("../shared/data is not here")
    return SHARED_DATA
