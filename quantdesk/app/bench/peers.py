"""Other packages that price options, as far as they are installed, behind one face.

A peer that is not installed, or whose compiled part does not load on this Python, is reported with
the reason and never imported again. Each call gets the same columns and one thread where the
package lets one choose.
"""

from __future__ import annotations

import importlib
import importlib.metadata
import sys
import warnings
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from quantdesk.app.bench.samples import FloatArray, Sample, options
from quantdesk.app.bench.textbook import textbook_greeks, textbook_price

Task = Callable[[Sample], Any]

LOOP_ROWS_MAX = 2_000
"""Packages called once an option are timed on so many rows and scaled."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Peer:
    """A package's calls; None where it has none of the kind.

    Attributes
    ----------
    name : package and version
    price : sample → prices (n,), discounted
    greeks : sample → anything, price and five Greeks or as many as it has
    read_greeks : what `greeks` gave → price, delta, gamma and vega by name, as raw partials
    implied : sample → vols (n,) of `sample.price`, undiscounted
    is_loop : called once an option
    """

    name: str
    price: Task | None = None
    greeks: Task | None = None
    read_greeks: Callable[[Any], Mapping[str, FloatArray]] | None = None
    implied: Task | None = None
    is_loop: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Missing:
    """A peer that can not be used here, and why."""

    name: str
    reason: str


def find_peers() -> tuple[list[Peer], list[Missing]]:
    """Peers that can be called here, NumPy's textbook formula first, and those that can not."""
    found: list[Peer] = []
    missing: list[Missing] = []
    for name, build in _BUILDERS.items():
        try:
            with warnings.catch_warnings():
                # What a package thinks of its own age is not our user's matter.
                warnings.simplefilter("ignore")
                found.append(build())
        except (ImportError, OSError) as error:
            missing.append(Missing(name=name, reason=str(error).splitlines()[0]))
    return found, missing


def _version(name: str) -> str:
    return f"{name} {importlib.metadata.version(name)}"


def _by_kind(s: Sample, call: Callable[[Any, bool], Any]) -> FloatArray:
    """Calls and puts apart, for packages that take one kind a call."""
    result = np.empty(s.rows)
    for is_call in (True, False):
        rows = s.is_call == is_call
        if rows.any():
            result[rows] = call(rows, is_call)
    return result


def _by_place(found: Sequence[FloatArray]) -> dict[str, FloatArray]:
    """Price, delta, gamma and vega of columns that begin with them."""
    return dict(zip(("price", "delta", "gamma", "vega"), found, strict=False))


def _by_row(found: Sequence[tuple[float, ...]]) -> dict[str, FloatArray]:
    """Price, delta, gamma and vega of rows that begin with them."""
    return _by_place(list(np.array(found, dtype=np.float64).T))


def _numpy() -> Peer:
    importlib.import_module("scipy.special")
    return Peer(
        name=f"numpy {np.__version__} textbook",
        price=lambda s: textbook_price(s.is_call, s.forward, s.strike, s.years, s.vol, s.rate),
        greeks=lambda s: textbook_greeks(s.is_call, s.forward, s.strike, s.years, s.vol, s.rate),
        read_greeks=_by_place,
    )


def _vollib() -> Peer:
    black = importlib.import_module("vollib.black").black
    partials = importlib.import_module("vollib.black.greeks.analytical")
    implied = importlib.import_module("vollib.black.implied_volatility")
    calls = (partials.delta, partials.gamma, partials.vega, partials.theta, partials.rho)
    invert = implied.implied_volatility_of_undiscounted_option_price

    def kinds(s: Sample) -> list[str]:
        return ["c" if is_call else "p" for is_call in s.is_call]

    def rows(s: Sample) -> Any:
        columns = (s.forward, s.strike, s.years, s.rate, s.vol)
        return zip(kinds(s), *(column.tolist() for column in columns), strict=True)

    def greeks(s: Sample) -> list[tuple[float, ...]]:
        return [
            (black(k, f, x, t, r, v), *(call(k, f, x, t, r, v) for call in calls))
            for k, f, x, t, r, v in rows(s)
        ]

    def vols(s: Sample) -> FloatArray:
        prices = s.price.tolist()
        found = (
            invert(p, f, x, t, k) for p, (k, f, x, t, _, _) in zip(prices, rows(s), strict=True)
        )
        return np.fromiter(found, dtype=np.float64)

    return Peer(
        name=_version("vollib"),
        price=lambda s: np.array([black(k, f, x, t, r, v) for k, f, x, t, r, v in rows(s)]),
        greeks=greeks,
        read_greeks=lambda found: _by_row(found) | {"vega": 100.0 * _by_row(found)["vega"]},
        implied=vols,
        is_loop=True,
    )


def _quantlib() -> Peer:
    ql = importlib.import_module("QuantLib")

    def prices(s: Sample) -> FloatArray:
        kinds = np.where(s.is_call, ql.Option.Call, ql.Option.Put).tolist()
        deviations = (s.vol * np.sqrt(s.years)).tolist()
        discounts = np.exp(-s.rate * s.years).tolist()
        columns = zip(
            kinds, s.strike.tolist(), s.forward.tolist(), deviations, discounts, strict=True
        )
        return np.array([ql.blackFormula(k, x, f, v, d) for k, x, f, v, d in columns])

    def greeks(s: Sample) -> list[tuple[float, ...]]:
        found: list[tuple[float, ...]] = []
        deviations = (s.vol * np.sqrt(s.years)).tolist()
        discounts = np.exp(-s.rate * s.years).tolist()
        columns = zip(
            s.is_call.tolist(),
            s.strike.tolist(),
            s.forward.tolist(),
            deviations,
            discounts,
            s.years.tolist(),
            strict=True,
        )
        for is_call, x, f, v, d, t in columns:
            kind = ql.Option.Call if is_call else ql.Option.Put
            one = ql.BlackCalculator(ql.PlainVanillaPayoff(kind, x), f, v, d)
            found.append(
                (one.value(), one.deltaForward(), one.gammaForward(), one.vega(t), one.theta(f, t))
            )
        return found

    def vols(s: Sample) -> FloatArray:
        kinds = np.where(s.is_call, ql.Option.Call, ql.Option.Put).tolist()
        columns = zip(kinds, s.strike.tolist(), s.forward.tolist(), s.price.tolist(), strict=True)
        found = [ql.blackFormulaImpliedStdDev(k, x, f, p, 1.0) for k, x, f, p in columns]
        return np.array(found) / np.sqrt(s.years)

    return Peer(
        name=f"QuantLib {ql.__version__}",
        price=prices,
        greeks=greeks,
        read_greeks=_by_row,
        implied=vols,
        is_loop=True,
    )


def _lbriv() -> Peer:
    lbriv = importlib.import_module("lbriv")

    def vols(s: Sample) -> FloatArray:
        # It takes one strike a call: prices and forwards in units of the strike make that 1.
        price, forward = s.price / s.strike, s.forward / s.strike
        total = _by_kind(
            s,
            lambda rows, is_call: lbriv.vectorized_implied_vol(
                price[rows], forward[rows], 1.0, 1 if is_call else -1
            ),
        )
        return total / np.sqrt(s.years)

    return Peer(name=_version("lbriv"), implied=vols)


def _pyvolr() -> Peer:
    black = importlib.import_module("pyvolr.black76")

    def kinds(s: Sample) -> Any:
        return np.where(s.is_call, 1, -1).astype(np.int8)

    return Peer(
        name=_version("pyvolr"),
        price=lambda s: black.price(
            kinds(s), F=s.forward, K=s.strike, T=s.years, r=s.rate, sigma=s.vol
        ),
        greeks=lambda s: (
            black.price(kinds(s), F=s.forward, K=s.strike, T=s.years, r=s.rate, sigma=s.vol),
            black.greeks(kinds(s), F=s.forward, K=s.strike, T=s.years, r=s.rate, sigma=s.vol),
        ),
        read_greeks=lambda found: {"price": found[0], **found[1]},
        implied=lambda s: black.implied_vol(
            s.price, kinds(s), F=s.forward, K=s.strike, T=s.years, r=0.0
        ),
    )


def _iv_engine() -> Peer:
    engine = importlib.import_module("iv_engine.batch")

    def price(s: Sample) -> FloatArray:
        undiscounted = _by_kind(
            s,
            lambda rows, is_call: engine.black_prices(
                s.forward[rows], s.strike[rows], s.years[rows], s.vol[rows], is_call, False
            ),
        )
        return np.asarray(undiscounted * np.exp(-s.rate * s.years))

    def vols(s: Sample) -> FloatArray:
        return _by_kind(
            s,
            lambda rows, is_call: engine.implied_volatilities(
                s.price[rows], s.forward[rows], s.strike[rows], s.years[rows], is_call, False
            ),
        )

    return Peer(name=_version("iv-engine"), price=price, implied=vols)


def _import_unpatching(name: str, patched: set[str]) -> Any:
    """Import a package that puts its own functions into others, and put theirs back."""
    kept = {
        module: dict(vars(module))
        for full_name, module in list(sys.modules.items())
        if full_name.partition(".")[0] in patched
    }
    package = importlib.import_module(name)
    for module, functions in kept.items():
        vars(module).update(functions)
    return package


def _py_vollib_vectorized() -> Peer:
    package = _import_unpatching("py_vollib_vectorized", {"vollib", "py_vollib"})
    compiler_error = importlib.import_module("numba.core.errors").NumbaError

    def kinds(s: Sample) -> Any:
        return np.where(s.is_call, "c", "p")

    def price(s: Sample) -> Any:
        return package.vectorized_black(
            kinds(s), s.forward, s.strike, s.years, s.rate, s.vol, return_as="numpy"
        )

    def vols(s: Sample) -> Any:
        return package.vectorized_implied_volatility_black(
            s.price, s.forward, s.strike, 0.0, s.years, kinds(s), return_as="numpy"
        )

    try:
        # It is compiled when first called, which a newer numba refuses.
        for call in (price, vols):
            call(options(2))
    except compiler_error as error:
        raise ImportError(f"this numba does not compile it: {error}") from error
    return Peer(name=_version("py-vollib-vectorized"), price=price, implied=vols)


_BUILDERS: dict[str, Callable[[], Peer]] = {
    "numpy and scipy": _numpy,
    "vollib": _vollib,
    "QuantLib": _quantlib,
    "lbriv": _lbriv,
    "pyvolr": _pyvolr,
    "iv-engine": _iv_engine,
    "py-vollib-vectorized": _py_vollib_vectorized,
}
