"""What the desk holds of a chain's surface, as one object beside the chain's rows.

Parameters stand there by their digest: `quantdesk surface fit` writes them out.
"""

from __future__ import annotations

import hashlib
from dataclasses import asdict
from typing import Any

from quantdesk.app.render.known_numbers import known
from quantdesk.domain.times import format_instant
from quantdesk.market.fitting import SliceFit, SurfaceFit
from quantdesk.market.own_vols import VolOverride
from quantdesk.market.surface_choice import SurfaceChoice
from quantdesk.market.variance_clock import VarianceClock
from quantdesk.snapshot import ChainSnapshot


def surface_record(snapshot: ChainSnapshot) -> dict[str, Any] | None:
    """The surface of `snapshot`; None where none was asked for.

    `problem` says why there is no fit, or why the last good one is shown.
    """
    surface = snapshot.surface
    if surface is None:
        return None
    record = {
        "problem": surface.problem or None,
        "choice": _choice_record(surface.choice),
        "own_vols": [_own_record(each) for each in surface.choice.overrides],
        "own_vols_arbitrage": [] if surface.own is None else list(surface.own.faults()),
        "fit": None,
    }
    if surface.fit is not None:
        record["fit"] = _fit_record(surface.fit) | {
            "age_s": (snapshot.as_of_ns - surface.fit.as_of_ns) / 1e9,
            "quotes_as_of": format_instant(surface.quotes_ns),
            "based_on_seq": surface.based_on_seq,
        }
    return record


def _fit_record(fit: SurfaceFit) -> dict[str, Any]:
    return {
        "as_of": format_instant(fit.as_of_ns),
        "model": fit.options.model,
        "grade": fit.grade.value,
        "in_spread": known(fit.in_spread),
        "in_spread_core": known(fit.in_spread_core),
        "rmse": known(fit.rmse),
        "rmse_core": known(fit.rmse_core),
        "g_min": known(fit.g_min),
        "calendar_slack": known(fit.calendar_slack),
        "faults": list(fit.faults),
        "between": list(fit.between),
        "clock": clock_record(fit.clock),
        "digest": fit.digest,
        "parameters_digest": parameters_digest(fit),
        "expiries": [_slice_record(each) for each in fit.slices],
        "refused": [{"expiry": format_instant(at), "reason": reason} for at, reason in fit.refused],
    }


def _slice_record(each: SliceFit) -> dict[str, Any]:
    return {
        "expiry": format_instant(each.expiry_ns),
        "model": each.model,
        "grade": each.grade.value,
        "forward": each.forward,
        "atm_iv": each.atm_iv,
        "quotes": len(each.fit_iv),
        "used": int(each.quotes.is_used.sum()),
        "in_spread": known(each.in_spread),
        "rmse": known(each.rmse),
        "flags": list(each.flags),
    }


def _choice_record(choice: SurfaceChoice) -> dict[str, Any]:
    return {
        "model": choice.options.model,
        "smoothing": choice.options.smoothing,
        "floor": choice.options.floor,
        "stale_after_s": choice.stale_after_s,
        "excluded": list(choice.excluded),
        "clock": choice.clock.name,
    }


def _own_record(own: VolOverride) -> dict[str, Any]:
    return {
        "expiry": format_instant(own.expiry_ns),
        "shift": own.shift,
        "tilt": own.tilt,
        "pins": [{"strike": strike, "iv": vol} for strike, vol in own.pins],
    }


def clock_record(clock: VarianceClock) -> dict[str, Any]:
    """Weights of the days, Monday first, with a mean of 1, and events."""
    return {
        "day_weights": list(clock.day_weights),
        "events": [asdict(event) for event in clock.events],
    }


def parameters_digest(fit: SurfaceFit) -> str:
    """SHA-256 of the slices alone, hexadecimal: equal for surfaces that say the same everywhere."""
    digest = hashlib.sha256()
    for each in fit.slices:
        head = (each.expiry_ns, each.years, each.clock_years, each.forward, each.smile.kind)
        digest.update(repr(head).encode())
        digest.update(each.parameters.tobytes())
    return digest.hexdigest()
