"""What the verbs on structures share: reading one, its market, and its analysis."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable
from dataclasses import dataclass, fields, replace
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.app.cli.options import parse_source, source_options
from quantdesk.app.structure_files import FILE_BYTES_MAX, parse_structure
from quantdesk.domain.instrument import InstrumentKind
from quantdesk.domain.position import Position
from quantdesk.domain.structure import Structure
from quantdesk.errors import ConfigError, StorageError
from quantdesk.margin import BookMargin, statement_for
from quantdesk.margin.fees import combo_fees, trade_fee
from quantdesk.margin.portfolio_statement import PortfolioStatement, portfolio_statement
from quantdesk.margin.sizes import DERIBIT
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.risk.fitted import fit_surfaces
from quantdesk.risk.valuation import as_positions
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.sources import read_snapshot
from quantdesk.structures.analysis import StructureAnalysis, View, analyse
from quantdesk.structures.net import FeeLaw, PriceBasis
from quantdesk.structures.plan import StructurePlan
from quantdesk.structures.resolve import resolve
from quantdesk.structures.text import parse_plan

Command = TypeVar("Command", bound=Callable[..., Any])

FEES = FeeLaw(trade=trade_fee, combo=combo_fees)
"""Both venues' trading fees and Deribit's combo rule."""

SIGNED = re.compile(r"-[\d.]")


@dataclass(frozen=True, slots=True, kw_only=True)
class MarketOptions:
    """The source options of a verb on structures."""

    venue: tuple[str, ...]
    endpoint: tuple[str, ...]
    market: Path | None
    replay: Path | None
    at: str | None
    is_fitted: bool


class LegsCommand(click.Command):
    """A command whose arguments may begin like "-1 C 20d": a sold leg is no option."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """As click does, a minus before a digit being a number's sign."""
        return super().parse_args(ctx, [f" {a}" if SIGNED.match(a) else a for a in args])


def market_options(function: Callable[..., None]) -> Callable[..., None]:
    """The source options and --surface/--no-surface, handed on as one `options`."""

    @wraps(function)
    def gathered(**given: Any) -> None:
        named = {field.name: given.pop(field.name) for field in fields(MarketOptions)}
        function(options=MarketOptions(**named), **given)

    return source_options(_surface_option(gathered))


def _surface_option(function: Command) -> Command:
    return click.option(
        "--surface/--no-surface",
        "is_fitted",
        default=True,
        show_default=True,
        help="Fit the volatility surface: deltas are taken on it, smiles move along it, and its "
        "density gives a second law of chances. Without it the chain's own mark vols serve.",
    )(function)


def analysis_options(function: Command) -> Command:
    """--price-at and --view."""
    function = click.option(
        "--view",
        metavar="DRIFT,VOL",
        help="Your own lognormal law beside the others, a year: 0.10,0.55 is +10 % and 55 %.",
    )(function)
    return click.option(
        "--price-at",
        type=click.Choice([basis.value for basis in PriceBasis]),
        default=PriceBasis.MID.value,
        show_default=True,
        help="Price the options are entered at in payoff and chances; limit takes each leg's own.",
    )(function)


def read_plan(text: str) -> StructurePlan:
    """The plan that an argument means: a line of legs, a file of one, or - for standard input.

    A file may be TOML, a line, or the JSON that `build` writes. Raises ConfigError, StorageError or
    InvalidInput saying what is allowed.
    """
    if text == "-":
        return parse_structure(sys.stdin.read(FILE_BYTES_MAX))
    text = text.strip()
    path = Path(text)
    looks_like_legs = " " in text or text.startswith(("+", "-"))
    if looks_like_legs and not path.is_file():
        return parse_plan(text)
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise StorageError(f"{path}: is no structure file: larger than {FILE_BYTES_MAX} bytes")
        return parse_structure(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(
            f"structure {text!r}: is neither legs (-1 C 20d 27MAR26, …) nor a file: {reason}"
        ) from error


def asked_coin(plan: StructurePlan, underlying: str) -> str:
    """The underlying that the argument or the plan names; "" where neither does.

    Raises ConfigError where they differ.
    """
    coin = (underlying or plan.underlying).upper()
    if plan.underlying and coin != plan.underlying:
        raise ConfigError(f"underlying {coin}: the structure is on {plan.underlying}")
    return coin


def open_market(options: MarketOptions, plan: StructurePlan, underlying: str) -> UnderlyingMarket:
    """The market a plan is looked at on.

    Underlying and venue come from the argument, the plan, and the source, in this order. Raises
    ConfigError where nothing says on what, StorageError where the source does not have it.
    """
    coin = asked_coin(plan, underlying)
    if not coin:
        raise ConfigError("underlying: is missing; name it, as in `… BTC`, or in the structure")
    settings = load_settings()
    venue = options.venue
    if not venue and options.market is None and options.replay is None:
        venue = (plan.venue or settings.venue.partition(",")[0],)
    source = parse_source(
        settings,
        venue=venue,
        endpoint=options.endpoint,
        market=options.market,
        replay=options.replay,
        at=options.at,
    )
    snapshot = read_snapshot(source, coin, settings)
    for chain in snapshot.chains:
        if chain.underlying == coin and plan.venue in ("", chain.venue):
            return fitted_market(chain.market()) if options.is_fitted else chain.market()
    wanted = f"{plan.venue} {coin}".strip()
    raise StorageError(f"{snapshot.source}: no {wanted} options in it")


def fitted_market(market: UnderlyingMarket) -> UnderlyingMarket:
    """`market` with the surface its quotes carry, unchanged where they carry none."""
    fitted = fit_surfaces(MarketData(markets=(market,), source=""))
    surface = fitted.surfaces.get((market.venue, market.underlying))
    return market if surface is None else replace(market, surface=surface)


def parse_view(text: str | None) -> View | None:
    """The law of --view. Raises ConfigError."""
    if text is None:
        return None
    drift, separator, vol = text.partition(",")
    try:
        if not separator:
            raise ValueError
        return View(drift=float(drift), vol=float(vol))
    except ValueError:
        raise ConfigError(
            f"--view {text!r}: must be drift and vol a year, as in 0.10,0.55"
        ) from None


def analysed(
    plan: StructurePlan,
    market: UnderlyingMarket,
    *,
    price_at: str,
    view: str | None,
    warnings: tuple[str, ...] = (),
) -> StructureAnalysis:
    """The analysis of a plan on a market, with both venues' fees; `warnings` come before its own.

    Raises InvalidInput.
    """
    resolved = resolve(plan, market)
    return analyse(
        resolved.structure,
        market,
        basis=PriceBasis(price_at),
        fee_law=FEES,
        view=parse_view(view),
        warnings=(*warnings, *resolved.warnings),
    )


def structure_margin(structure: Structure, market: UnderlyingMarket) -> BookMargin:
    """Standard margin of the structure alone, by its venue's law; held coin needs none."""
    return statement_for(_margined(structure), MarketData(markets=(market,), source=""))


def structure_portfolio_margin(
    structure: Structure, market: UnderlyingMarket
) -> PortfolioStatement | None:
    """Deribit portfolio margin of the structure alone; None at a venue that has none."""
    if market.venue != DERIBIT:
        return None
    return portfolio_statement(_margined(structure), MarketData(markets=(market,), source=""))


def _margined(structure: Structure) -> list[Position]:
    return [
        position
        for position in as_positions(structure)
        if position.instrument.kind is not InstrumentKind.SPOT
    ]
