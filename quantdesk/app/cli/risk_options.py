"""Options of the risk verbs beside those of the book: cash, buckets, moves, own scenarios."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.errors import ConfigError, StorageError
from quantdesk.risk.scenario import Scenario, SmileRule, VolRule, VolTenor, VolUnit
from quantdesk.risk.scenario_files import parse_scenarios
from quantdesk.risk.scenarios import ScenarioAxes

Command = TypeVar("Command", bound=Callable[..., Any])
Value = TypeVar("Value")

SCENARIO_FILE_BYTES_MAX = 4 * 1024 * 1024
WORKERS_MAX = 256
PLAIN_MOVE_MAX = 3.0
"""A larger move without a per cent sign is a per cent that forgot it."""


@dataclass(frozen=True, slots=True, kw_only=True)
class RiskChoices:
    """What the options of a risk verb mean together."""

    axes: ScenarioAxes
    own_scenarios: tuple[Scenario, ...]
    collateral: dict[str, Decimal]
    strike_widths: dict[str, float]
    is_fitted: bool
    workers: int


def risk_options(function: Command) -> Command:
    """--collateral, --strike-width, the matrix's axes, --scenarios, --surface and --workers."""
    default = ScenarioAxes()
    options = [
        click.option(
            "--collateral",
            metavar="CURRENCY=AMOUNT",
            multiple=True,
            help="Cash of the account, BTC=10 or USDC=50000; may be repeated. With --account the "
            "account's own cash, unless given here.",
        ),
        click.option(
            "--strike-width",
            metavar="COIN=USD",
            multiple=True,
            help="Width of the strike buckets, BTC=5000; a round twentieth of the index else.",
        ),
        click.option(
            "--spot",
            metavar="MOVES",
            help=f"Moves of index and forwards, -20%,0,20% or -0.2,0,0.2 [{_listed(default.spot)}]",
        ),
        click.option(
            "--vol",
            metavar="MOVES",
            help=f"Moves of the vols, by --vol-unit; 10% is ten points [{_listed(default.vol)}]",
        ),
        click.option("--days", metavar="DAYS", help="Days that pass, 0,1,7 [0]"),
        click.option(
            "--basis", metavar="MOVES", help="Moves of the annual basis rate, -5%,0,5% [0]"
        ),
        click.option(
            "--vol-unit",
            type=click.Choice([one.value for one in VolUnit]),
            help="Points added to each vol, or a share of each vol [points]",
        ),
        click.option(
            "--vol-tenor",
            type=click.Choice([one.value for one in VolTenor]),
            help="The same move at each expiry, or times √(30/days) [parallel]",
        ),
        click.option(
            "--smile",
            type=click.Choice([one.value for one in SmileRule]),
            help="What keeps its vol when spot moves: a strike, or a moneyness [sticky-strike]",
        ),
        click.option(
            "--scenarios",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Scenarios of one's own, TOML: [[scenario]] with name, spot, vol, days, basis …",
        ),
        click.option(
            "--surface",
            type=click.Choice(["marks", "fit"]),
            default="marks",
            show_default=True,
            help="Vols of the venue's marks, or of a surface fitted on this market.",
        ),
        click.option(
            "--workers",
            type=click.IntRange(0, WORKERS_MAX),
            default=0,
            show_default=True,
            help="Processes for large books; 0 computes here. The answer is the same.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


def parse_risk_options(
    *,
    collateral: Sequence[str],
    strike_width: Sequence[str],
    spot: str | None,
    vol: str | None,
    days: str | None,
    basis: str | None,
    vol_unit: str | None,
    vol_tenor: str | None,
    smile: str | None,
    scenarios: Path | None,
    surface: str,
    workers: int,
) -> RiskChoices:
    """The choices. Raises ConfigError naming option and value, InvalidInput for absurd moves."""
    default = ScenarioAxes()
    return RiskChoices(
        axes=ScenarioAxes(
            spot=default.spot if spot is None else _moves("--spot", spot),
            vol=default.vol if vol is None else _moves("--vol", vol),
            days=default.days if days is None else _moves("--days", days),
            basis=default.basis if basis is None else _moves("--basis", basis),
            rule=VolRule(
                unit=VolUnit(vol_unit or VolUnit.POINTS.value),
                tenor=VolTenor(vol_tenor or VolTenor.PARALLEL.value),
                smile=SmileRule(smile or SmileRule.STICKY_STRIKE.value),
            ),
        ),
        own_scenarios=() if scenarios is None else read_scenarios(scenarios),
        collateral=parse_amounts(collateral),
        strike_widths=_each_once("--strike-width", map(_width, strike_width)),
        is_fitted=surface == "fit",
        workers=workers,
    )


def _listed(moves: Sequence[float]) -> str:
    return ",".join(f"{100 * move:g}%" if move else "0" for move in moves)


def _moves(option: str, text: str) -> tuple[float, ...]:
    found = []
    for part in text.split(","):
        word = part.strip()
        scale = 100.0 if word.endswith("%") else 1.0
        try:
            value = float(word.removesuffix("%").strip())
        except ValueError:
            value = math.nan
        if not math.isfinite(value):
            raise ConfigError(
                f"{option}: {word[:40]!r} in {text[:80]!r} must be a number, as -0.2 or -20%"
            )
        if option != "--days" and scale == 1.0 and abs(value) > PLAIN_MOVE_MAX:
            raise ConfigError(f"{option}: {word} is {value:,.0%}; write {word}% if that is meant")
        found.append(value / scale)
    return tuple(found)


def parse_amounts(texts: Iterable[str]) -> dict[str, Decimal]:
    """Amounts of --collateral by currency, each as "BTC=10".

    Raises ConfigError for what does not look so and for a currency that is given twice.
    """
    return _each_once("--collateral", map(_amount, texts))


def _each_once(option: str, pairs: Iterable[tuple[str, Value]]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    for name, value in pairs:
        if name in found:
            raise ConfigError(f"{option} {name}: is given twice")
        found[name] = value
    return found


def _amount(text: str) -> tuple[str, Decimal]:
    name, _, value = text.partition("=")
    try:
        amount = Decimal(value.strip())
    except InvalidOperation:
        amount = Decimal("NaN")
    if not name.strip().isalnum() or not amount.is_finite():
        raise ConfigError(f"--collateral {text[:80]!r}: must look like BTC=10")
    return name.strip().upper(), amount


def _width(text: str) -> tuple[str, float]:
    name, _, value = text.partition("=")
    try:
        width = float(value)
    except ValueError:
        width = math.nan
    if not name.strip().isalnum() or not (math.isfinite(width) and width > 0):
        raise ConfigError(f"--strike-width {text[:80]!r}: must look like BTC=5000, above 0")
    return name.strip().upper(), width


def read_scenarios(path: Path) -> tuple[Scenario, ...]:
    """Scenarios of the TOML file `path`. Raises StorageError and ConfigError."""
    try:
        with path.open("rb") as file:
            content = file.read(SCENARIO_FILE_BYTES_MAX + 1)
    except OSError as error:
        raise StorageError(f"{path}: can not be read: {error.strerror or error}") from None
    if len(content) > SCENARIO_FILE_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {SCENARIO_FILE_BYTES_MAX:,} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: is not UTF-8 text at byte {error.start}") from None
    return parse_scenarios(text, str(path))
