"""The exact rows that the numeric tests compare with."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
FIXTURE = Path(__file__).parents[1] / "fixtures" / "pricing" / "black76_sample.csv"


@dataclass(frozen=True, slots=True, kw_only=True)
class Rows:
    """Columns of the file: inputs are exact doubles, outputs are exact and rounded once."""

    is_call: npt.NDArray[np.bool_]
    forward: FloatArray
    strike: FloatArray
    years: FloatArray
    vol: FloatArray
    rate: FloatArray
    exact: dict[str, FloatArray]
    stratum: npt.NDArray[np.str_]

    @property
    def arguments(self) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
        """Forward, strike, years, vol, rate."""
        return self.forward, self.strike, self.years, self.vol, self.rate


@cache
def rows() -> Rows:
    """The sample of the reference file that travels with the tests."""
    with FIXTURE.open(encoding="utf-8") as lines:
        table = list(csv.DictReader(line for line in lines if not line.startswith("#")))

    def column(name: str) -> FloatArray:
        return np.array([float(row[name] or "nan") for row in table])

    outputs = ("price", "delta", "gamma", "vega", "theta", "rho", "vanna", "volga", "iv_of_price")
    return Rows(
        is_call=column("is_call") == 1.0,
        forward=column("forward"),
        strike=column("strike"),
        years=column("t"),
        vol=column("sigma"),
        rate=column("rate"),
        exact={name: column(name) for name in outputs},
        stratum=np.array([row["stratum"] for row in table]),
    )


def sizes(r: Rows) -> dict[str, FloatArray]:
    """What an output's error is divided by, as the reference file's README states."""
    total = r.vol * np.sqrt(r.years)
    d1 = np.log(r.forward / r.strike) / total + 0.5 * total
    d2 = d1 - total
    exact = r.exact
    carried = r.rate * exact["price"]
    spread = exact["vega"] / (r.forward * np.sqrt(r.years))
    return {
        **{name: np.abs(exact[name]) for name in ("price", "delta", "gamma", "vega", "rho")},
        "theta": np.abs(exact["theta"] - carried) + np.abs(carried),
        "vanna": spread / r.vol * np.maximum(np.abs(d2), 1.0),
        "volga": exact["vega"] / r.vol * np.maximum(np.abs(d1 * d2), 1.0),
    }
