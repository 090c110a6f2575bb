"""`quantdesk doctor`: what works here and on a venue's connection, step by step."""

from __future__ import annotations

import asyncio

import click

from quantdesk.app.cli.options import account_option, parse_choices, venue_options
from quantdesk.runtime.accounts import load_accounts
from quantdesk.runtime.doctor import examine
from quantdesk.runtime.settings import load_settings
from quantdesk.runtime.venues import checked_underlyings


@click.command("doctor")
@account_option
@venue_options
@click.pass_context
def command(
    ctx: click.Context,
    venue: tuple[str, ...],
    endpoint: tuple[str, ...],
    account: tuple[str, ...],
) -> None:
    """Look at the kernel, the settings, the data folder, the venues' connections and accounts.

    Ends with 1 where something does not work, and says what to do about it.
    """
    settings = load_settings()
    choices = parse_choices(settings, venue, endpoint)
    accounts = load_accounts(account, settings, venues=choices)
    coins = checked_underlyings(choices, [])

    async def run() -> bool:
        is_well = True
        async for step in examine(choices, coins, settings, accounts):
            click.echo(f"{'ok  ' if step.is_ok else 'FAIL'} {step.name:20} {step.found}")
            if not step.is_ok:
                is_well = False
                click.echo(f"     {'':20} {step.advice}")
        return is_well

    if not asyncio.run(run()):
        ctx.exit(1)
