"""Exact rows that errors are measured on: computed at 60 digits, shipped with the package.

`exact.csv` says where it is from. Errors are relative; those of an implied vol are also given in
multiples of what the rounded price determines, `2.2e-16·(4 + price/(σ·vega))`.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import numpy as np
import numpy.typing as npt

from quantdesk.app.bench.samples import FloatArray, Sample

GREEKS = ("delta", "gamma", "vega")
"""Partials that the rows hold and that every package means alike."""

WRONG_FROM = 1e-6
"""A number that is off by more is wrong, not inexact."""

DETERMINED = 1e-14
"""Relative error to which the price of a row at least determines its vol, to be compared."""

_EPSILON = 2.2e-16


@dataclass(frozen=True, slots=True, kw_only=True)
class Exact:
    """Options with exact answers.

    Attributes
    ----------
    sample : the options; `sample.price` is the exact discounted price
    outputs : exact price, delta, gamma and vega, by name
    implied : exact vol of the rounded price, NaN where it determines none
    """

    sample: Sample
    outputs: dict[str, FloatArray]
    implied: FloatArray

    def without_rate(self) -> Exact:
        """The rows whose price is not discounted and determines a vol."""
        keep = (self.sample.rate == 0.0) & np.isfinite(self.implied)
        return Exact(
            sample=rows(self.sample, keep),
            outputs={name: column[keep] for name, column in self.outputs.items()},
            implied=self.implied[keep],
        )


def rows(sample: Sample, keep: npt.NDArray[np.bool_] | slice) -> Sample:
    """Some rows of a sample."""
    return Sample(**{name: getattr(sample, name)[keep] for name in Sample.__dataclass_fields__})


@cache
def exact() -> Exact:
    """The rows of `exact.csv`."""
    text = (files("quantdesk.app.bench") / "exact.csv").read_text(encoding="utf-8")
    lines = [line for line in text.splitlines() if not line.startswith("#")]
    found = list(csv.DictReader(lines))

    def column(name: str) -> FloatArray:
        return np.array([float(row[name]) if row[name] else np.nan for row in found])

    outputs = {name: column(name) for name in ("price", *GREEKS)}
    sample = Sample(
        is_call=column("is_call") == 1.0,
        forward=column("forward"),
        strike=column("strike"),
        years=column("t"),
        vol=column("sigma"),
        rate=column("rate"),
        price=outputs["price"],
    )
    return Exact(sample=sample, outputs=outputs, implied=column("iv_of_price"))


@dataclass(frozen=True, slots=True)
class Error:
    """How far off a package is.

    Attributes
    ----------
    size : worst relative error of what is not wrong; of implied vols, among those that the price
        determines to `DETERMINED`
    wrong : share of numbers that are missing or off by more than `WRONG_FROM` (and, for a vol, by
        more than its price explains)
    multiple : of implied vols, the 99th percentile in multiples of the attainable error
    """

    size: float
    wrong: float
    multiple: float | None = None


def error_of(found: FloatArray, expected: FloatArray) -> Error:
    """Error of numbers against exact ones."""
    relative = _relative(found, expected)
    return Error(_largest(relative), float(np.mean(~(relative <= WRONG_FROM))))


def implied_error(found: FloatArray, reference: Exact) -> Error:
    """Error of implied vols."""
    relative = _relative(found, reference.implied)
    vega = reference.outputs["vega"]
    attainable = _EPSILON * (4.0 + reference.sample.price / (reference.implied * vega))
    is_wrong = ~(relative <= np.maximum(WRONG_FROM, 1e3 * attainable))
    multiples = (relative / attainable)[~is_wrong]
    multiple = float(np.percentile(multiples, 99)) if multiples.size else float("nan")
    worst = _largest(relative[attainable <= DETERMINED])
    return Error(worst, float(np.mean(is_wrong)), multiple)


def _relative(found: FloatArray, expected: FloatArray) -> FloatArray:
    with np.errstate(all="ignore"):
        return np.abs(np.asarray(found, dtype=np.float64) / expected - 1.0)


def _largest(relative: FloatArray) -> float:
    good = relative[relative <= WRONG_FROM]
    return float(good.max()) if good.size else float("nan")
