"""Makes `src/math/coefficients.rs`: the polynomials of the kernel, with their measured errors.

Run from anywhere: `python pricing-core/coefficients/generate.py` (needs mpmath). Each polynomial
interpolates its function at Chebyshev nodes, 40 digits; the error printed beside it is the worst
one over a fine grid after the coefficients are rounded to doubles, evaluated exactly, so that it
states the approximation and not the arithmetic. `--check` compares with the file, writes nothing.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from pathlib import Path

from mpmath import atanh, cos, erfc, exp, log, mp, mpf, nstr, pi, polyval, sqrt

mp.dps = 40
TARGET = Path(__file__).parent.parent / "src" / "math" / "coefficients.rs"

Function = Callable[[mpf], mpf]

MILLS_LOW = mpf(-1)  # the smallest argument of the Mills polynomial
MILLS_HIGH = mpf(41)  # the largest; exp(-a²/2) has left the normal doubles at 37.6
MILLS_POLE = mpf(6)  # u = 1/(a + pole); about 6 needs the fewest terms
MILLS_DEGREE = 24
EXP_DEGREE = 10
LOG_DEGREE = 8
LOG_SQUARE_MAX = mpf("0.0402")  # s² for a ratio whose bits differ by half an octave at most


def interpolate(function: Function, low: mpf, high: mpf, degree: int) -> list[mpf]:
    """Monomial coefficients, lowest first, of the Chebyshev interpolant on [low, high]."""
    count = degree + 1
    half, middle = (high - low) / 2, (high + low) / 2
    nodes = [cos(pi * (j + mpf(1) / 2) / count) for j in range(count)]
    values = [function(middle + half * node) for node in nodes]
    series = []
    for i in range(count):
        terms = [values[j] * cos(pi * i * (j + mpf(1) / 2) / count) for j in range(count)]
        series.append(2 * sum(terms) / count)
    series[0] /= 2
    in_unit = from_chebyshev(series)
    return compose_affine(in_unit, 1 / half, -middle / half)


def from_chebyshev(series: list[mpf]) -> list[mpf]:
    """Monomial coefficients of a Chebyshev series on [-1, 1]."""
    previous, current = [mpf(1)], [mpf(0), mpf(1)]
    total = [mpf(0)] * len(series)
    total[0] = series[0]
    for weight in series[1:]:
        for power, coefficient in enumerate(current):
            total[power] += weight * coefficient
        following = [mpf(0), *(2 * c for c in current)]
        for power, coefficient in enumerate(previous):
            following[power] -= coefficient
        previous, current = current, following
    return total


def compose_affine(coefficients: list[mpf], slope: mpf, offset: mpf) -> list[mpf]:
    """Coefficients of p(slope·x + offset)."""
    result = [mpf(0)]
    for coefficient in reversed(coefficients):
        shifted = [mpf(0), *(slope * c for c in result)]
        for power, c in enumerate(result):
            shifted[power] += offset * c
        shifted[0] += coefficient
        result = shifted
    return result[: len(coefficients)]


def rounded(coefficients: list[mpf]) -> list[float]:
    """The doubles nearest to the coefficients."""
    return [float(c) for c in coefficients]


def worst(error: Function, low: mpf, high: mpf, points: int = 600) -> mpf:
    """The largest |error| over Chebyshev-spaced points of [low, high]."""
    half, middle = (high - low) / 2, (high + low) / 2
    return max(abs(error(middle + half * cos(pi * i / points))) for i in range(points + 1))


def value(coefficients: list[float], x: mpf) -> mpf:
    """The polynomial at x, exactly."""
    return polyval([mpf(c) for c in reversed(coefficients)], x)


def mills(a: mpf) -> mpf:
    """The Mills ratio (1 − Φ(a)) / φ(a)."""
    return exp(a * a / 2) * sqrt(pi / 2) * erfc(a / sqrt(2))


def mills_section() -> str:
    """The Mills ratio as u·Q(y), u = 1/(a + pole), y affine in u and in [-1, 1]."""
    u_low, u_high = 1 / (MILLS_LOW + MILLS_POLE), 1 / (MILLS_HIGH + MILLS_POLE)
    scale = mpf(float(2 / (u_low - u_high)))
    offset = mpf(float(1 + scale * u_high))

    def quotient(y: mpf) -> mpf:
        u = (offset - y) / scale
        return mills(1 / u - MILLS_POLE) / u

    coefficients = rounded(interpolate(quotient, mpf(-1), mpf(1), MILLS_DEGREE))

    def ratio_error(y: mpf) -> mpf:
        return value(coefficients, y) / quotient(y) - 1

    def slope_error(y: mpf) -> mpf:
        u = (offset - y) / scale
        a = 1 / u - MILLS_POLE
        exact = 1 - a * mills(a)
        q, dq = polyval([mpf(c) for c in reversed(coefficients)], y, derivative=True)
        return (u**2 * q - scale * u**3 * dq) / exact - 1

    return "\n".join(
        [
            "/// Smallest argument of the Mills polynomial.",
            f"pub const MILLS_LOW: f64 = {literal(MILLS_LOW)};",
            "/// Largest argument of the Mills polynomial.",
            f"pub const MILLS_HIGH: f64 = {literal(MILLS_HIGH)};",
            "/// `u = 1/(a + MILLS_POLE)`.",
            f"pub const MILLS_POLE: f64 = {literal(MILLS_POLE)};",
            "/// `y = MILLS_OFFSET − MILLS_SCALE·u`, in [−1, 1].",
            f"pub const MILLS_SCALE: f64 = {literal(scale)};",
            "/// See [`MILLS_SCALE`].",
            f"pub const MILLS_OFFSET: f64 = {literal(offset)};",
            "/// `Q(y)` with Mills ratio `M(a) = u·Q(y)`, lowest power first.",
            "///",
            f"/// Worst relative error of M: {nstr(worst(ratio_error, mpf(-1), mpf(1)), 3)};",
            f"/// of its derivative: {nstr(worst(slope_error, mpf(-1), mpf(1)), 3)}.",
            array("MILLS", coefficients),
        ]
    )


def exp_section() -> str:
    """The exponential as 1 + r + r²·B(r) on half an octave about zero."""
    reach = log(2) / 2 * mpf("1.0001")

    def tail(r: mpf) -> mpf:
        if abs(r) < mpf(10) ** -12:
            return mpf(1) / 2 + r / 6
        return (exp(r) - 1 - r) / r**2

    coefficients = rounded(interpolate(tail, -reach, reach, EXP_DEGREE))

    def error(r: mpf) -> mpf:
        return (1 + r + r * r * value(coefficients, r)) / exp(r) - 1

    return "\n".join(
        [
            "/// `B(r)` with `exp(r) = 1 + r + r²·B(r)` for |r| ≤ ½ ln 2, lowest power first.",
            "///",
            f"/// Worst relative error of exp: {nstr(worst(error, -reach, reach), 3)}.",
            array("EXP", coefficients),
        ]
    )


def log_section() -> str:
    """ln(1+s)/(1−s) as 2s + s³·A(s²)."""

    def tail(z: mpf) -> mpf:
        if z < mpf(10) ** -12:
            return mpf(2) / 3 + 2 * z / 5
        s = sqrt(z)
        return 2 * (atanh(s) - s) / s**3

    coefficients = rounded(interpolate(tail, mpf(0), LOG_SQUARE_MAX, LOG_DEGREE))

    def error(z: mpf) -> mpf:
        if z == 0:
            return mpf(0)
        s = sqrt(z)
        return (2 * s + s**3 * value(coefficients, z)) / (2 * atanh(s)) - 1

    return "\n".join(
        [
            "/// `A(z)` with `ln((1+s)/(1−s)) = 2s + s³·A(s²)` for `s² ≤ 0.0402`, lowest first.",
            "///",
            f"/// Worst relative error of ln: {nstr(worst(error, mpf(0), LOG_SQUARE_MAX), 3)}.",
            array("LOG", coefficients),
        ]
    )


def literal(number: mpf) -> str:
    """A Rust literal that reads back as the same double."""
    text = repr(float(number))
    return text if any(c in text for c in ".e") else text + ".0"


def array(name: str, coefficients: list[float]) -> str:
    """A Rust array constant, one coefficient a line."""
    lines = "\n".join(f"    {literal(c)}," for c in coefficients)
    return f"pub const {name}: [f64; {len(coefficients)}] = [\n{lines}\n];"


def document() -> str:
    """The whole Rust file."""
    head = (
        "//! Polynomial coefficients. Written by `coefficients/generate.py`, which states their\n"
        "//! errors; change that script, not this file.\n"
    )
    return "\n".join([head, mills_section(), "", exp_section(), "", log_section(), ""])


def main(arguments: list[str]) -> int:
    """Write the file, or with `--check` say whether it is what this script makes."""
    text = document()
    if arguments == ["--check"]:
        same = TARGET.read_text(encoding="utf-8") == text
        print("coefficients.rs is up to date" if same else "coefficients.rs differs")
        return 0 if same else 1
    TARGET.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
