"""From a chain's quotes to a surface: one frozen value that says how good it is.

`fit_surface` is a pure function of quotes, model, clock and (for speed alone) an earlier fit. What
the quotes do not carry is refused in words, per expiry or as a whole; `keep_last_good` decides
between a new answer and an old one. Knows no venue, file, screen or clock of the machine.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, fields, replace

import numpy as np

from quantdesk.errors import InvalidInput, OutOfDomain
from quantdesk.market.chain import BoolArray, FloatArray, IntArray
from quantdesk.market.fitting_grades import (
    Grade,
    between_flags,
    common_grid_faults,
    grade_slice,
    off_curve,
    slice_flags,
    worst_grade,
)
from quantdesk.market.surface_quotes import ExpiryQuotes, SurfaceQuotes
from quantdesk.market.variance_clock import CALENDAR, VarianceClock
from quantdesk.pricing.smile import (
    HALF_SPREAD_FLOOR,
    JumpWings,
    RawSvi,
    Slice,
    svi_to_jump_wings,
)
from quantdesk.pricing.surface import (
    G_MARGIN,
    MODELS,
    SMOOTHING,
    FittedSlice,
    SliceQuotes,
    VarianceSurface,
    fit_slices,
)

__all__ = [
    "MODELS",
    "AppliedShock",
    "FitOptions",
    "FitRefusal",
    "Grade",
    "SliceFit",
    "SurfaceFit",
    "fit_surface",
    "keep_last_good",
]

INSIDE_TOLERANCE = 1e-9
"""Vol by which a fit may lie outside a side and count as on it: rounding, not a miss."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FitOptions:
    """What a fit may be told.

    model : one of `MODELS`
    smoothing : weight of roughness against residuals in half-spreads
    floor : half-spreads count as at least this, a fraction
    margin : g stays above this where it is enforced
    """

    model: str = "spline"
    smoothing: float = SMOOTHING
    floor: float = HALF_SPREAD_FLOOR
    margin: float = G_MARGIN

    def __post_init__(self) -> None:
        if self.model not in MODELS:
            raise InvalidInput("model", self.model, f"must be one of {', '.join(MODELS)}")
        for field in fields(self)[1:]:
            value = getattr(self, field.name)
            if not (np.isfinite(value) and value > 0):
                raise InvalidInput(field.name, value, "must be finite and above 0")


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SliceFit:
    """The fitted smile of one expiry and its fitness.

    quotes : all rows, used or not, with reasons
    fit_iv, residual : (n,) of the quotes' rows; residual is fit − mid, NaN on rows not scored
    is_inside : (n,) fit within bid and ask
    in_spread : share of scored rows inside (used, and outliers); RMSEs are vols over the same rows
    in_spread_core, rmse_core : the same within 5 to 95 delta; NaN without such a row
    g_min : smallest of Durrleman's g; below 0 is a butterfly
    calendar_slack : smallest total variance below the next longer slice; infinite for the longest
    fallback : why a simpler model stands in for the one asked for; "" where it does not
    flags : what to know before trusting it, as sentences
    fitted : what the kernel made, for a later fit to keep or to start from; None of a fit from the
        history
    """

    expiry_ns: int
    years: float
    clock_years: float
    forward: float
    forward_source: str
    model: str
    smile: Slice
    coefficients: FloatArray
    quotes: ExpiryQuotes
    fit_iv: FloatArray
    residual: FloatArray
    is_inside: BoolArray
    atm_iv: float
    in_spread: float
    in_spread_core: float
    rmse: float
    rmse_core: float
    g_min: float
    calendar_slack: float
    steps: int
    fallback: str
    flags: tuple[str, ...]
    grade: Grade
    fitted: FittedSlice | None = None

    @property
    def parameters(self) -> FloatArray:
        """The slice's numbers: (a, b, rho, m, s) of SVI; knots, then terms of a spline."""
        return self.smile.parameters

    @property
    def jump_wings(self) -> JumpWings | None:
        """The jump wings of an SVI slice, ACT/365; None of a spline, or of a flat slice."""
        if self.smile.kind != "svi":
            return None
        try:
            return svi_to_jump_wings(RawSvi(*self.parameters.tolist()), self.years)
        except OutOfDomain:
            return None


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitRefusal:
    """No surface, and why: by expiry instant, and in one sentence."""

    venue: str
    underlying: str
    as_of_ns: int
    model: str
    reason: str
    refused: tuple[tuple[int, str], ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class AppliedShock:
    """What a surface was moved by, in words, and the largest distances of a vol from that.

    gap : at all slices' quotes and on the common grid, k = −3…3;  quoted_gap : at quotes alone
    met : share of the quotes' places with the asked vol to within the floor of a half-spread
    """

    words: str
    gap: float
    quoted_gap: float
    met: float


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceFit:
    """A fitted surface: slices ascending in expiry, and how good they are together.

    refused : expiries without a slice and why
    digest : of all inputs, hexadecimal; equal digests mean equal surfaces
    in_spread, rmse : over the scored rows of all slices, *_core within 5 to 95 delta
    g_min, calendar_slack : the worst of the slices
    faults : violations on the common grid in words, empty where there are none
    between : where g falls below 0 at dates between listed expiries or after the last, in words
    reference_ns : instant that years and the clock's time are counted from: `as_of_ns`, or shortly
        before it where a desk holds it still, so that slices without a change stay what they are
    refitted : how many slices were solved for this fit, the others being those of the fit before;
        None of a fit from the history
    shock : what it was moved by; None of a surface that quotes were fitted to. Grades of a shocked
        surface say how near it came to what was asked, not how near to quotes
    """

    venue: str
    underlying: str
    as_of_ns: int
    options: FitOptions
    clock: VarianceClock
    slices: tuple[SliceFit, ...]
    refused: tuple[tuple[int, str], ...]
    digest: str
    in_spread: float
    in_spread_core: float
    rmse: float
    rmse_core: float
    g_min: float
    calendar_slack: float
    faults: tuple[str, ...]
    grade: Grade
    surface: VarianceSurface
    reference_ns: int
    between: tuple[str, ...] = ()
    refitted: int | None = None
    shock: AppliedShock | None = None

    def slice_at(self, expiry_ns: int) -> SliceFit | None:
        """The slice of a fitted expiry, None for any other instant."""
        return next((each for each in self.slices if each.expiry_ns == expiry_ns), None)

    def years(self, expiry_ns: int | IntArray) -> FloatArray:
        """ACT/365 from the surface's reference, any shape."""
        return np.asarray(CALENDAR.years(self.reference_ns, expiry_ns), dtype=np.float64)

    def clock_years(self, expiry_ns: int | IntArray) -> FloatArray:
        """The variance clock's time from the surface's reference, any shape."""
        return np.asarray(self.clock.years(self.reference_ns, expiry_ns), dtype=np.float64)

    def forward(self, expiry_ns: int | IntArray) -> FloatArray:
        """Forward at any instant: the basis, ln F, linear in time between expiries.

        Before the first expiry and after the last the forward of that expiry.
        """
        at = np.asarray(expiry_ns, dtype=np.int64)
        known = np.array([each.expiry_ns for each in self.slices], dtype=np.int64)
        logs = np.log([each.forward for each in self.slices])
        # Relative to the moment, nanoseconds lose nothing as floats.
        offsets = (known - self.as_of_ns).astype(np.float64)
        return np.exp(np.interp((at - self.as_of_ns).astype(np.float64), offsets, logs))

    def total_variance(self, expiry_ns: int | IntArray, log_moneyness: FloatArray) -> FloatArray:
        """w at any instant and k = ln(K/F), broadcast; NaN for instants not ahead."""
        instants = np.asarray(expiry_ns, dtype=np.int64)
        ahead = np.where(instants > self.as_of_ns, self.clock_years(instants), np.nan)
        return self.surface.total_variance(ahead, log_moneyness)

    def implied_vol(self, expiry_ns: IntArray, strikes: FloatArray) -> FloatArray:
        """Implied vol (broadcast shape) as a fraction, ACT/365; NaN where strike or time is none.

        Between expiries total variance is linear on the variance clock along constant ln(K/F);
        before the first it is proportional to the clock's time. After the last the forward
        variance at the money of the last interval (of a single expiry its own variance at the
        money) is added to the last expiry's at every ln(K/F); the forward stays that of the last.
        """
        instants = np.asarray(expiry_ns, dtype=np.int64)
        at = np.asarray(strikes, dtype=np.float64)
        with np.errstate(invalid="ignore", divide="ignore"):
            k = np.log(np.where(at > 0, at, np.nan) / self.forward(instants))
            w = self.total_variance(instants, k)
            return np.asarray(np.sqrt(w / self.years(instants)), dtype=np.float64)


def fit_surface(
    quotes: SurfaceQuotes,
    *,
    options: FitOptions | None = None,
    clock: VarianceClock = CALENDAR,
    previous: SurfaceFit | None = None,
) -> SurfaceFit | FitRefusal:
    """The surface that `quotes` carry, or why they carry none.

    `previous`, of the same chain, gives starting points; with unchanged input it is the answer
    itself, so that no theo moves. Slices that no change reaches are those of `previous` to the last
    bit. The answer does not depend on it otherwise, to about 1e-7 vol points.
    """
    options = options or FitOptions()
    digest = fit_digest(quotes, options, clock)
    if previous is not None and previous.digest == digest:
        return previous
    usable = [each for each in quotes.expiries if not each.refusal]
    refused = [(each.expiry_ns, each.refusal) for each in quotes.expiries if each.refusal]
    known = {} if previous is None else {each.expiry_ns: each for each in previous.slices}
    before = [known.get(each.expiry_ns) for each in usable]
    earlier = [None if each is None else each.fitted for each in before]
    found = fit_slices(
        [kernel_quotes(each) for each in usable],
        model=options.model,
        warm=[None if each is None else each.coefficients for each in before],
        earlier=earlier,
        smoothing=options.smoothing,
        floor=options.floor,
        margin=options.margin,
    )
    slices, off_lines = [], off_curve(usable)
    for expiry, fitted in zip(usable, found, strict=True):
        if fitted.smile is None:
            refused.append((expiry.expiry_ns, fitted.reason))
        else:
            clock_years = float(clock.years(_reference_ns(quotes), expiry.expiry_ns))
            off_line = off_lines.get(expiry.expiry_ns, "")
            slices.append(
                _slice_fit(expiry, fitted, fitted.smile, clock_years, options, off_line=off_line)
            )
    if not slices:
        count = len(quotes.expiries)
        reason = "no expiry is listed" if count == 0 else f"none of {count} expiries can be fitted"
        if refused:
            reason = f"{reason}: {refused[0][1]}"
        return FitRefusal(
            venue=quotes.venue,
            underlying=quotes.underlying,
            as_of_ns=quotes.as_of_ns,
            model=options.model,
            reason=reason,
            refused=tuple(sorted(refused)),
        )
    fit = _assembled(
        quotes, options=options, clock=clock, slices=slices, refused=refused, digest=digest
    )
    solved = sum(new is not old for new, old in zip(found, earlier, strict=True))
    return replace(fit, refitted=solved)


def keep_last_good(new: SurfaceFit | FitRefusal, last: SurfaceFit | None) -> SurfaceFit | None:
    """The surface to go on with: `new` where it is one, else the last good one."""
    return new if isinstance(new, SurfaceFit) else last


def fit_digest(quotes: SurfaceQuotes, options: FitOptions, clock: VarianceClock) -> str:
    """SHA-256 of all that a fit depends on, hexadecimal."""
    digest = hashlib.sha256()
    # The reference is told by the years of each expiry.
    head = (quotes.venue, quotes.underlying, quotes.as_of_ns, options, clock)
    digest.update(repr(head).encode())
    for each in quotes.expiries:
        names = (each.names, each.reasons, each.refusal, each.held)
        digest.update(repr((each.expiry_ns, each.years, each.forward, *names)).encode())
        columns = (each.log_moneyness, each.bid_iv, each.ask_iv, each.is_used, each.weight)
        for column in columns:
            digest.update(np.ascontiguousarray(column).tobytes())
    return digest.hexdigest()


def kernel_quotes(expiry: ExpiryQuotes) -> SliceQuotes:
    """What the kernel fits to: rows with any weight, with their trust."""
    weight = expiry.weight
    rows = weight > 0
    return SliceQuotes(
        years=expiry.years,
        log_moneyness=expiry.log_moneyness[rows],
        bid_iv=expiry.bid_iv[rows],
        ask_iv=expiry.ask_iv[rows],
        trust=weight[rows],
    )


def _reference_ns(quotes: SurfaceQuotes) -> int:
    return quotes.as_of_ns if quotes.reference_ns is None else quotes.reference_ns


def _slice_fit(
    expiry: ExpiryQuotes,
    fitted: FittedSlice,
    smile: Slice,
    clock_years: float,
    options: FitOptions,
    *,
    off_line: str,
) -> SliceFit:
    k = np.append(expiry.log_moneyness, 0.0)
    w = np.empty(k.size)
    slope, bend = np.empty(k.size), np.empty(k.size)
    smile.jets(k, w, slope, bend)
    vols = np.sqrt(np.maximum(w, 0.0) / expiry.years)
    fit_iv, atm_iv = vols[:-1], float(vols[-1])
    both = expiry.is_scored
    bid, ask = expiry.bid_iv, expiry.ask_iv
    with np.errstate(invalid="ignore"):
        inside = both & (fit_iv >= bid - INSIDE_TOLERANCE) & (fit_iv <= ask + INSIDE_TOLERANCE)
        residual = np.where(both, fit_iv - expiry.mid_iv, np.nan)
    core = both & core_rows(expiry)
    fallback = fitted.reason
    model = "ssvi" if fallback and options.model != "svi-free" else options.model
    in_spread = _share(inside, both)
    flags = slice_flags(expiry, fitted, fallback, off_line)
    return SliceFit(
        expiry_ns=expiry.expiry_ns,
        years=expiry.years,
        clock_years=clock_years,
        forward=expiry.forward,
        forward_source=expiry.forward_source,
        model=model,
        smile=smile,
        coefficients=fitted.coefficients,
        quotes=expiry,
        fit_iv=fit_iv,
        residual=residual,
        is_inside=inside,
        atm_iv=atm_iv,
        in_spread=in_spread,
        in_spread_core=_share(inside, core),
        rmse=_rms(residual[both]),
        rmse_core=_rms(residual[core]),
        g_min=fitted.g_min,
        calendar_slack=fitted.calendar_slack,
        steps=fitted.steps,
        fallback=fallback,
        flags=flags,
        grade=grade_slice(in_spread, fitted, flags),
        fitted=fitted,
    )


def core_rows(expiry: ExpiryQuotes) -> BoolArray:
    """Rows within 5 to 95 delta: Black, on the forward, at the row's mid vol."""
    with np.errstate(invalid="ignore", divide="ignore"):
        deviation = expiry.mid_iv * np.sqrt(expiry.years)
        d1 = -expiry.log_moneyness / deviation + deviation / 2
        # Φ(±1.6448536269514722) = 0.95 and 0.05.
        return np.asarray(np.abs(d1) < 1.6448536269514722, dtype=np.bool_)


def _assembled(
    quotes: SurfaceQuotes,
    *,
    options: FitOptions,
    clock: VarianceClock,
    slices: list[SliceFit],
    refused: list[tuple[int, str]],
    digest: str,
) -> SurfaceFit:
    residuals = np.concatenate([each.residual for each in slices])
    inside = np.concatenate([each.is_inside for each in slices])
    both = ~np.isnan(residuals)
    core = both & np.concatenate([core_rows(each.quotes) for each in slices])
    smiles = [(each.expiry_ns, each.smile) for each in slices]
    faults = common_grid_faults(smiles)
    return SurfaceFit(
        venue=quotes.venue,
        underlying=quotes.underlying,
        as_of_ns=quotes.as_of_ns,
        options=options,
        clock=clock,
        slices=tuple(slices),
        refused=tuple(sorted(refused)),
        digest=digest,
        in_spread=_share(inside, both),
        in_spread_core=_share(inside, core),
        rmse=_rms(residuals[both]),
        rmse_core=_rms(residuals[core]),
        g_min=min(each.g_min for each in slices),
        calendar_slack=min(each.calendar_slack for each in slices),
        faults=faults,
        grade=worst_grade(_share(inside, both), [each.grade for each in slices], faults),
        surface=VarianceSurface(
            [each.clock_years for each in slices], [each.smile for each in slices]
        ),
        reference_ns=_reference_ns(quotes),
        between=between_flags(smiles),
    )


def _share(inside: BoolArray, rows: BoolArray) -> float:
    count = int(rows.sum())
    return float((inside & rows).sum() / count) if count else float("nan")


def _rms(values: FloatArray) -> float:
    return float(np.sqrt(np.mean(values**2))) if values.size else float("nan")
