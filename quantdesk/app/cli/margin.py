"""`quantdesk margin`: standard and portfolio margin of a book, by leg and by currency."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from pathlib import Path

import click

from quantdesk.app.cli.book_options import (
    LEFT_OUT_EXIT_CODE,
    book_options,
    open_from_options,
    tell_left_out,
)
from quantdesk.app.cli.margin_ticket import (
    account_for,
    parse_cash,
    read_tickets,
    resolve_tickets,
)
from quantdesk.app.cli.options import output_options
from quantdesk.app.cli.output import write_output
from quantdesk.app.cli.ticket_market import chains_of_plans
from quantdesk.app.render.margin_answer import ANSWER_FORMATS, MarginAnswer
from quantdesk.domain.position import Position
from quantdesk.errors import ConfigError, StorageError
from quantdesk.margin import BookMargin
from quantdesk.margin.book_margin import ExcludedPosition
from quantdesk.margin.deribit_portfolio import MarginMode
from quantdesk.margin.margin_change import MarginChange, portfolio_changes, standard_changes
from quantdesk.margin.parameter_choices import (
    ParameterChoice,
    option_underlying_of,
    parse_choice,
)
from quantdesk.margin.portfolio_statement import PortfolioStatement
from quantdesk.runtime.books import OpenBook
from quantdesk.runtime.settings import load_settings
from quantdesk.structures.plan import StructurePlan
from quantdesk.views.safe_text import safe_text

MODELS = ("standard", "portfolio", "both")
AUTO = "auto"


@click.command("margin")
@book_options
@click.option(
    "--model",
    type=click.Choice(MODELS),
    default="standard",
    show_default=True,
    help="Each venue's standard margin, Deribit's portfolio margin with its grid, or both.",
)
@click.option(
    "--mode",
    type=click.Choice([AUTO, *(mode.value for mode in MarginMode)]),
    default=AUTO,
    show_default=True,
    help="Portfolio margin of each settlement currency by itself, or of all together in USD; auto "
    "is the connected account's own, else segregated.",
)
@click.option(
    "--cash",
    metavar="CURRENCY=AMOUNT",
    multiple=True,
    help="Cash of the account, BTC=1.5; may be repeated. With the worth of what is open it is the "
    "margin balance that liquidation distances need. An account's own equity serves without it.",
)
@click.option(
    "--add",
    metavar="LEGS",
    multiple=True,
    help='A hypothetical ticket, "-1 C 20d 30d, +1 C +5000" or a structure file: margin before and '
    "after it. May be repeated.",
)
@click.option(
    "--add-to", metavar="ACCOUNT", help="Account of the ticket, where the book has several."
)
@click.option(
    "--parameter",
    metavar="NAME=VALUE",
    multiple=True,
    help="A margin parameter in place of the captured one, roll_delta=premium-adjusted or "
    "btc_usd.price_range=0.14; option_underlying=index is the standard model's. May be repeated; "
    "names are in the answer's list of parameters.",
)
@output_options(ANSWER_FORMATS)
@click.pass_context
def command(
    ctx: click.Context,
    book: Path | None,
    account: tuple[str, ...],
    market: tuple[Path, ...],
    replay: Path | None,
    at: str | None,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    strict: bool,
    model: str,
    mode: str,
    cash: tuple[str, ...],
    add: tuple[str, ...],
    add_to: str | None,
    parameter: tuple[str, ...],
    format_: str,
    output: Path | None,
) -> None:
    """Initial and maintenance margin of a book, standard or portfolio, and what a ticket adds.

    Computed offline from the market's marks and dated parameters, each with its status (verified,
    derived, uncertain); the venue's own figure stands beside ours where --account is read. Standard
    margin offsets nothing. Portfolio margin is Deribit's: 27 cells of spot and vol, the extended
    table, shocks, the part of each leg, and with --cash the way to liquidation; its option part is
    unproved, and Binance has none. Ends with code 3 where a row or leg was left out.
    """
    if model == "standard" and (cash or mode != AUTO):
        given = "--cash" if cash else "--mode"
        raise ConfigError(f"{given}: goes with --model portfolio or both")
    if add_to is not None and not add:
        raise ConfigError("--add-to: goes with --add")
    balance, plans = parse_cash(cash), read_tickets(add)
    choices = tuple(parse_choice(text) for text in parameter)
    for one in choices:
        if model == ("portfolio" if one.is_of_standard else "standard"):
            raise ConfigError(f"--parameter {one.name}: is not of --model {model}")
    opened = open_from_options(
        load_settings(),
        book=book,
        account=account,
        market=market,
        replay=replay,
        at=at,
        venue=venue,
        endpoint=endpoint,
        also=chains_of_plans(plans),
    )
    for note in opened.notes:
        click.echo(f"quantdesk: note: {safe_text(note, 400)}", err=True)
    chosen = None if mode == AUTO else MarginMode(mode)
    ask = _Ask(model=model, mode=chosen, cash=balance, choices=choices)
    answer = _answer(opened, ask, plans, add_to)
    reasons = _reasons(answer)
    tell_left_out(reasons)
    if strict and reasons:
        raise StorageError(
            f"--strict: {len(reasons)} rows or legs of {opened.name} would be left out"
        )
    write_output(ANSWER_FORMATS[format_](answer), output, is_binary=format_ == "parquet")
    if reasons:
        ctx.exit(LEFT_OUT_EXIT_CODE)


@dataclass(frozen=True, slots=True, kw_only=True)
class _Ask:
    """Which models, and by what."""

    model: str
    mode: MarginMode | None
    cash: dict[str, Decimal]
    choices: tuple[ParameterChoice, ...]

    def standard(self, opened: OpenBook, added: Sequence[Position] = ()) -> BookMargin | None:
        if self.model == "portfolio":
            return None
        return opened.margin(added, option_underlying=option_underlying_of(self.choices))

    def portfolio(
        self, opened: OpenBook, added: Sequence[Position] = ()
    ) -> PortfolioStatement | None:
        if self.model == "standard":
            return None
        return opened.portfolio_margin(
            mode=self.mode, cash=self.cash, added=added, choices=self.choices
        )


def _answer(
    opened: OpenBook, ask: _Ask, plans: tuple[StructurePlan, ...], add_to: str | None
) -> MarginAnswer:
    """The models asked for, of the book as it is, and the changes that the tickets make."""
    standard, portfolio = ask.standard(opened), ask.portfolio(opened)
    if not plans:
        return MarginAnswer(standard=standard, portfolio=portfolio, refused=opened.refused)
    bare = resolve_tickets(plans, opened.market, account="")
    venues = {one.instrument.venue for one in bare.positions}
    account = account_for(opened.positions, venues, add_to)
    tickets = [replace(one, account=account) for one in bare.positions]
    changes: list[MarginChange] = []
    missed: list[str] = []
    after, then = ask.standard(opened, tickets), ask.portfolio(opened, tickets)
    if standard is not None and after is not None:
        changes += standard_changes(standard, after)
        missed += _missed(standard.excluded, after.excluded)
    if portfolio is not None and then is not None:
        changes += portfolio_changes(portfolio, then)
        missed += _missed(portfolio.excluded, then.excluded)
    return MarginAnswer(
        standard=standard,
        portfolio=portfolio,
        refused=opened.refused,
        ticket=bare.line,
        warnings=bare.warnings,
        missed=tuple(dict.fromkeys(missed)),
        changes=tuple(changes),
    )


def _missed(before: Sequence[ExcludedPosition], after: Sequence[ExcludedPosition]) -> list[str]:
    """Legs of a ticket that a model leaves out: its change misses them."""
    known = {(one.instrument_name, one.account) for one in before}
    return [
        f"the change misses {one.instrument_name}: {one.reason}"
        for one in after
        if (one.instrument_name, one.account) not in known
    ]


def _reasons(answer: MarginAnswer) -> list[str]:
    found = [
        f"{'' if one.row is None else f'row {one.row}: '}{safe_text(one.reason, 300)}"
        for one in answer.refused
    ]
    found += [safe_text(reason, 300) for reason in answer.missed]
    if answer.standard is not None:
        found += [safe_text(one.reason, 300) for one in answer.standard.excluded]
    if answer.portfolio is not None:
        found += [safe_text(f"portfolio: {one.reason}", 300) for one in answer.portfolio.excluded]
    return found
