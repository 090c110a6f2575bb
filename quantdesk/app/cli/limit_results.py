"""`--day-pnl`, `--drawdown` and `--equity` of `quantdesk limits`: USD of the desk or of a scope."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import fields, replace

from quantdesk.errors import ConfigError
from quantdesk.risk.limits.cells import Cell
from quantdesk.risk.limits.files import expiry_name, nearest_of
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import Filters, Measure
from quantdesk.risk.limits.trial import Result

OPTIONS = {"--day-pnl": "day_pnl_usd", "--drawdown": "drawdown_usd", "--equity": "equity_usd"}
"""Options and what of a result each one says."""

_KEYS = tuple(one.name for one in fields(Filters))
_MEASURES = {
    "day_pnl_usd": Measure.DAY_LOSS,
    "drawdown_usd": Measure.DRAWDOWN,
    "equity_usd": Measure.MARGIN_USE,
}


def parse_results(texts: dict[str, Sequence[str]]) -> dict[Filters, Result]:
    """What was told by scope, of texts by option as "-5000" or "account=main:-5000".

    Raises ConfigError naming option, key and what is allowed.
    """
    found: dict[Filters, Result] = {}
    for option, given in texts.items():
        name = OPTIONS[option]
        for text in given:
            names, usd = _scoped(option, text)
            before = found.get(names, Result())
            if getattr(before, name) is not None:
                raise ConfigError(f"{option} {text[:80]!r}: this scope is given twice")
            found[names] = replace(before, **{name: usd})
    return found


def _scoped(option: str, text: str) -> tuple[Filters, float]:
    scope, _, number = text.rpartition(":")
    try:
        usd = float(number)
    except ValueError:
        usd = math.nan
    if not math.isfinite(usd):
        rule = "must be USD, -5000, or USD of a scope, account=main:-5000"
        raise ConfigError(f"{option} {text[:80]!r}: {rule}")
    if usd < 0 and option != "--day-pnl":
        raise ConfigError(f"{option} {text[:80]!r}: must be from 0 up")
    names: dict[str, str] = {}
    for part in scope.split(",") if scope else ():
        key, _, name = part.partition("=")
        key, name = key.strip(), name.strip()
        if key not in _KEYS:
            raise ConfigError(f"{option} {text[:80]!r}: {key}: unknown key{nearest_of(key, _KEYS)}")
        if not name or key in names:
            raise ConfigError(f"{option} {text[:80]!r}: {key}: must be given once, as {key}=NAME")
        names[key] = expiry_name(name, option) if key == "expiry" else name
    return Filters(**names), usd


def notes_of(gate: LimitGate, told: Iterable[tuple[Filters, Result]]) -> list[str]:
    """A sentence for each thing told that no limit looks at."""
    cells = [cell for check in gate.checks for cell in check.cells]
    notes = []
    for names, result in told:
        for option, name in OPTIONS.items():
            if getattr(result, name) is None:
                continue
            own = [cell for cell in cells if cell.limit.measure is _MEASURES[name]]
            if all(cell.names != names for cell in own):
                notes.append(f"{option} of {_words(names)}: {_none_looks(own)}")
    return notes


def _none_looks(cells: Sequence[Cell]) -> str:
    if not cells:
        return "no limit is on it"
    return f"no limit looks at that; there are limits of {', '.join(one.label for one in cells)}"


def _words(names: Filters) -> str:
    given = [f"{key} {getattr(names, key)}" for key in _KEYS if getattr(names, key)]
    return ", ".join(given) or "the desk"
