"""`quantdesk limits`: use and room of every limit, and what they say of a ticket."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any, TypeVar

import click

from quantdesk.app.cli.book_options import (
    LEFT_OUT_EXIT_CODE,
    book_options,
    open_from_options,
    tell_left_out,
)
from quantdesk.app.cli.limit_results import OPTIONS, notes_of, parse_results
from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.risk_options import read_scenarios
from quantdesk.app.cli.structure_options import LegsCommand, asked_coin, read_plan
from quantdesk.app.cli.ticket_market import chains_of_plans, named_chains, ticket_market
from quantdesk.app.cli.verb_list import VerbList
from quantdesk.app.render.limits_formats import (
    SHOW_FORMATS,
    TEST_FORMATS,
    decision_bytes,
    limits_bytes,
)
from quantdesk.domain.instrument import Instrument
from quantdesk.errors import InvalidInput, StorageError
from quantdesk.market.market_data import MarketData, UnderlyingMarket
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.risk.limits.example import EXAMPLE
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.ticket import Ticket, TicketLeg
from quantdesk.risk.limits.use_report import limit_report
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.limit_books import gate_over
from quantdesk.runtime.limits_file import EXAMPLE_HINT, limits_path, read_limits
from quantdesk.runtime.settings import load_settings
from quantdesk.structures.plan import StructurePlan
from quantdesk.structures.resolve import resolve
from quantdesk.views.safe_text import safe_text

Command = TypeVar("Command", bound=Callable[..., Any])

BREACH_EXIT_CODE = 5
"""A limit is breached, or would be."""


def limit_options(function: Command) -> Command:
    """--limits, --stresses, --day-pnl, --drawdown and --equity."""
    options = [
        click.option(
            "--limits",
            "limits_file",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Limits, TOML [[limit]]; else QUANTDESK_LIMITS, or limits.toml beside the "
            "config file. Without limits there is no trading.",
        ),
        click.option(
            "--scenarios",
            metavar="FILE",
            type=click.Path(path_type=Path),
            help="Scenarios of one's own that stress limits count too.",
        ),
        click.option(
            "--day-pnl",
            metavar="[SCOPE:]USD",
            multiple=True,
            help="P&L of the day so far, of the desk or of a scope: -5000, account=main:-5000, "
            "underlying=BTC,expiry=27MAR26:-900. May be repeated, as the next two.",
        ),
        click.option(
            "--drawdown",
            metavar="[SCOPE:]USD",
            multiple=True,
            help="From the peak of equity, from 0 up.",
        ),
        click.option(
            "--equity",
            metavar="[SCOPE:]USD",
            multiple=True,
            help="Equity, for margin shares; else what connected accounts report.",
        ),
    ]
    for option in reversed(options):
        function = option(function)
    return function


@click.group("limits", cls=VerbList)
def command() -> None:
    """Limits that block: what they allow, what is used, what a ticket would do.

    Without --book and --account nothing is held. Vols are each option's own, the venue's mark IV
    first; a fitted surface serves only what no quote gives a vol. Ends with code 5 where a hard
    limit is breached or would be, or where there are no limits, with 3 where one is unknown.
    """


def _print_example(ctx: click.Context, _param: click.Parameter, is_asked: bool) -> None:
    if is_asked and not ctx.resilient_parsing:
        click.echo(EXAMPLE, nl=False)
        ctx.exit()


@command.command("show")
@click.option(
    "--example",
    is_flag=True,
    is_eager=True,
    expose_value=False,
    callback=_print_example,
    help="Print a limits file with one limit of each measure and scope, and end.",
)
@book_options
@limit_options
@output_options(SHOW_FORMATS)
@click.pass_context
def show_command(ctx: click.Context, /, **options: Any) -> None:
    """Every limit with its use, room and state on a book, open orders in their worst case."""
    format_, output = options.pop("format_"), options.pop("output")
    gate, opened = _open(options)
    if gate.limits is None:
        closed = f"{gate.closed}: no trading, cancels stay allowed; {EXAMPLE_HINT}"
        click.echo(f"quantdesk: {closed}", err=True)
        ctx.exit(BREACH_EXIT_CODE)
    report = limit_report(gate, opened.market.as_of_ns)
    write_output(limits_bytes(report, format_), output)
    if report.breaches:
        ctx.exit(BREACH_EXIT_CODE)
    if unknown := len(report.unknown):
        words = f"{unknown} hard limit{'s are' if unknown > 1 else ' is'} UNKNOWN"
        click.echo(f"quantdesk: note: {words}: orders that need them are refused", err=True)
    if unknown or opened.refused:
        ctx.exit(LEFT_OUT_EXIT_CODE)


@command.command("test", cls=LegsCommand)
@click.argument("structure")
@click.argument("underlying", default="")
@book_options
@limit_options
@click.option("--as-account", metavar="NAME", default="", help="Account the ticket is sent by.")
@click.option("--strategy", metavar="NAME", default="", help="Strategy the ticket is sent by.")
@output_options(TEST_FORMATS)
@click.pass_context
def test_command(ctx: click.Context, /, **options: Any) -> None:
    """What the limits say of STRUCTURE: legs ("-10 C 20d monthly, +10 C +5000") or a file of them.

    Each leg counts as an order by itself. A leg without a limit (@ price) is taken at its mark,
    at a tick where that is rounded to 0.
    Ends with code 0 where it would be let through, with 5 and the largest size that passes where
    it would be refused. Nothing is sent.
    """
    plan = read_plan(options.pop("structure"))
    plan = replace(plan, underlying=asked_coin(plan, options.pop("underlying")))
    account, strategy = options.pop("as_account"), options.pop("strategy")
    format_, output = options.pop("format_"), options.pop("output")
    gate, opened = _open(options, plan)
    market = ticket_market(plan, opened.market, of="structure")
    ticket = _ticket(plan, market, opened.market, account=account, strategy=strategy)
    decision = gate.review(ticket, opened.market.as_of_ns)
    write_output(decision_bytes(decision, format_), output)
    if not decision.is_allowed:
        ctx.exit(BREACH_EXIT_CODE)


def _open(options: dict[str, Any], plan: StructurePlan | None = None) -> tuple[LimitGate, OpenBook]:
    """The gate over the book that the options name, or over nothing, on a market with the chains
    of `plan`; says on stderr what was left out.
    """
    path = limits_path(options.pop("limits_file"))
    scenarios, is_strict = options.pop("scenarios"), options.pop("strict")
    told = parse_results(
        {name: options.pop(name.removeprefix("--").replace("-", "_")) for name in OPTIONS}
    )
    limits = read_limits(path)
    plans = () if plan is None else (plan,)
    opened = open_from_options(
        load_settings(),
        **options,
        also=chains_of_plans(plans),
        without_book=[chain for one in plans for chain in named_chains(one)],
    )
    for note in opened.notes:
        click.echo(f"quantdesk: note: {safe_text(note, 400)}", err=True)
    made = gate_over(
        opened,
        limits,
        own_scenarios=() if scenarios is None else read_scenarios(scenarios),
        results=told,
        reason=f"there is no limits file {path}",
    )
    unseen = [f"limit {number}: {reason}" for number, reason in made.gate.unseen.items()]
    for note in (*unseen, *notes_of(made.gate, told.items())):
        click.echo(f"quantdesk: note: {safe_text(note, 400)}", err=True)
    reasons = [safe_text(reason, 300) for reason in made.left_out]
    tell_left_out(reasons)
    if reasons and is_strict:
        raise StorageError(f"--strict: {len(reasons)} rows or orders would be left out")
    return made.gate, opened


def _ticket(
    plan: StructurePlan,
    market: UnderlyingMarket,
    whole: MarketData,
    *,
    account: str,
    strategy: str,
) -> Ticket:
    resolved = resolve(plan, market)
    for warning in resolved.warnings:
        click.echo(f"quantdesk: note: {safe_text(warning, 400)}", err=True)
    marks = LegMarks(replace(whole, markets=(market,)))
    legs = []
    for leg in resolved.structure.legs:
        price: Decimal | None = leg.price
        if price is None and marks.instrument(market.venue, leg.instrument.name) is not None:
            price = _priced_at_mark(leg.instrument, marks)
        legs.append(TicketLeg(instrument=leg.instrument, quantity=leg.quantity, price=price))
    return Ticket(legs=tuple(legs), account=account, strategy=strategy)


def _priced_at_mark(instrument: Instrument, marks: LegMarks) -> Decimal | None:
    """The mark, or the least price of an order where the venue rounds it to 0; None without one."""
    try:
        mark = marks.mark(instrument).mark
    except InvalidInput as error:
        click.echo(f"quantdesk: note: no price: {safe_text(str(error), 400)}", err=True)
        return None
    return max(mark, instrument.ticks.tick)
