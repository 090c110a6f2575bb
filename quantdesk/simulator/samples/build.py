"""Makes the shipped samples from the folder of recorded market data.

    python -m quantdesk.simulator.samples.build SHARED_DATA_DIR [--out FOLDER]

Standard library and numpy only, so that it runs before the kernel is built. The same input gives
the same bytes. What is recorded stays as recorded; what is made by rule is named in the sample's
`simulated` field (`eth_rules` holds those rules). PROVENANCE.md tells sources and licences.
"""

from __future__ import annotations

import argparse
import csv
import gzip
import io
import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from quantdesk.simulator.samples import eth_rules

SAMPLE_FORMAT = "quantdesk.simulator.sample/1"
PATH_FORMAT = "quantdesk.simulator.path/1"
PATH_NAME = "underlying-path-2024-08-08"

PATH_STEP_NS = 250_000_000
"""Fixed step of the underlying path: the spot mid changes in about a fifth of such steps."""

RETURN_UNIT = 1e-8
"""Log returns are stored as whole numbers of this unit: 1/100 of a cent on a 60,000 USD coin."""

BTC_FILE = "deribit/chains_ticker/btc_2026-06-27_rest.json.gz"
ETH_FILE = "deribit/chains_quotes/eth_2026-01-31T1225Z.csv.gz"
PATH_FILES = (
    "binance/l2_captures/spot_btcusdt_20240808.jsonl.gz",
    "binance/l2_captures/spot_btcusdt_20240809.jsonl.gz",
)


def btc_sample(capture: dict[str, Any]) -> dict[str, Any]:
    """The BTC chain of 2026-06-27: instrument records and tickers verbatim.

    The opening moment is the capture's own end (`captured_at`, cut to ms), which no ticker is later
    than. The opening index is the one in the latest ticker: the index recorded beside the tickers
    is two minutes older.
    """
    instruments = capture["instruments"]
    tickers = [capture["tickers"][record["instrument_name"]] for record in instruments]
    opened_at = datetime.fromisoformat(capture["captured_at"])
    latest = max(tickers, key=lambda ticker: int(ticker["timestamp"]))
    return {
        "format": SAMPLE_FORMAT,
        "name": "btc-2026-06-27",
        "underlying": "BTC",
        "index_name": "btc_usd",
        "opened_ms": int(opened_at.timestamp() * 1000),
        "index_price": latest["index_price"],
        "path": PATH_NAME,
        "beta": 1.0,
        "simulated": {},
        "instruments": instruments,
        "tickers": tickers,
    }


def underlying_path(folder: Path) -> dict[str, Any]:
    """Log returns of the recorded spot mid, resampled to `PATH_STEP_NS` by the last value before.

    Rounding carries its remainder on, so that the sum of the returns stays that of the recording.
    """
    stamps, mids = zip(*_spot_mids(folder), strict=True)
    stamp_ns = np.array(stamps, dtype=np.int64)
    grid_ns = np.arange(stamp_ns[0], stamp_ns[-1], PATH_STEP_NS, dtype=np.int64)
    held = np.array(mids)[np.searchsorted(stamp_ns, grid_ns, side="right") - 1]
    levels = np.rint(np.log(held / held[0]) / RETURN_UNIT).astype(np.int64)
    return {
        "format": PATH_FORMAT,
        "name": PATH_NAME,
        "step_ns": PATH_STEP_NS,
        "return_unit": RETURN_UNIT,
        "returns": np.diff(levels).tolist(),
    }


def _spot_mids(folder: Path) -> Iterator[tuple[int, float]]:
    for name in PATH_FILES:
        with gzip.open(folder / name, "rt", encoding="utf-8") as lines:
            for line in lines:
                stamp, _, text = line.partition(" ")
                if "bookTicker" not in text:
                    continue
                quote = json.loads(text)["data"]
                yield int(stamp), (float(quote["b"]) + float(quote["a"])) / 2


def _read_json(path: Path) -> dict[str, Any]:
    with gzip.open(path, "rt", encoding="utf-8") as file:
        document: dict[str, Any] = json.load(file)
    return document


def _read_rows(path: Path) -> list[dict[str, str]]:
    with gzip.open(path, "rt", encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def _write(path: Path, document: dict[str, Any]) -> None:
    text = json.dumps(document, separators=(",", ":"), ensure_ascii=True)
    packed = io.BytesIO()
    # No file name and no time in the header: the same content gives the same bytes.
    with gzip.GzipFile(filename="", mode="wb", compresslevel=9, fileobj=packed, mtime=0) as file:
        file.write(text.encode("ascii"))
    path.write_bytes(packed.getvalue())


def build(data_folder: Path, out_folder: Path) -> list[Path]:
    """Write every sample of `data_folder` to `out_folder`; returns what was written.

    Raises OSError where a source is missing, KeyError or ValueError where its layout changed.
    """
    btc = btc_sample(_read_json(data_folder / BTC_FILE))
    eth = eth_rules.eth_sample(
        _read_rows(data_folder / ETH_FILE), btc=btc, sample_format=SAMPLE_FORMAT, path=PATH_NAME
    )
    written = []
    for document in (btc, eth, underlying_path(data_folder)):
        path = out_folder / f"{document['name']}.json.gz"
        _write(path, document)
        written.append(path)
    return written


def main() -> None:
    """Command line: build, then name each file with its size."""
    parser = argparse.ArgumentParser(description="Build the simulated venue's shipped samples.")
    parser.add_argument("data_folder", type=Path, help="folder of recorded market data")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent, help="where to write")
    arguments = parser.parse_args()
    for path in build(arguments.data_folder, arguments.out):
        print(f"{path.name}: {path.stat().st_size} bytes")


if __name__ == "__main__":
    main()
