"""The command line's entry: finds the verb, turns errors into one sentence and an exit code.

Exit codes: 0 fine, 1 a check failed, 2 usage, 3 data missing, left out or damaged, 4 refused by the
venue, 5 a hard limit is breached or no limits are set, 130 interrupted.
"""

from __future__ import annotations

import importlib
import os
import sys

import click

from quantdesk import __version__
from quantdesk.app.cli.verb_list import VerbList
from quantdesk.errors import QuantDeskError

VERBS = {
    "bench": "quantdesk.app.cli.bench",
    "build": "quantdesk.app.cli.build",
    "chain": "quantdesk.app.cli.chain",
    "compare": "quantdesk.app.cli.compare",
    "doctor": "quantdesk.app.cli.doctor",
    "greeks": "quantdesk.app.cli.greeks",
    "iv": "quantdesk.app.cli.iv",
    "limits": "quantdesk.app.cli.limits",
    "margin": "quantdesk.app.cli.margin",
    "payoff": "quantdesk.app.cli.payoff",
    "pnl": "quantdesk.app.cli.pnl",
    "positions": "quantdesk.app.cli.positions",
    "price": "quantdesk.app.cli.price",
    "record": "quantdesk.app.cli.record",
    "replay": "quantdesk.app.cli.replay",
    "risk": "quantdesk.app.cli.risk",
    "simulate": "quantdesk.app.cli.simulate",
    "surface": "quantdesk.app.cli.surface",
    "tui": "quantdesk.app.cli.tui",
    "whatif": "quantdesk.app.cli.whatif",
}
"""Each verb's module, which holds a click command of the name `command`; imported when used."""

DEFAULT_VERB = "tui"


class VerbGroup(VerbList):
    """A group whose verbs are imported only when they are used or listed."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all verbs."""
        return sorted(VERBS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of a verb, None where there is no such verb."""
        module = VERBS.get(cmd_name)
        if module is None:
            return None
        command = importlib.import_module(module).command
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """As click does, with the verbs there are in the message."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            raise click.UsageError(f"{error.message} Verbs: {', '.join(sorted(VERBS))}.") from None


@click.group(
    cls=VerbGroup,
    invoke_without_command=True,
    epilog="Exit codes: 0 fine, 1 a check failed, 2 usage, 3 data missing, left out or damaged, or "
    "without an answer in it (quotes that carry no surface), "
    "4 refused by the venue, 5 a hard limit is breached or no limits are set, 130 interrupted.",
)
@click.version_option(__version__, prog_name="quantdesk")
@click.pass_context
def cli(ctx: click.Context) -> None:
    """Options and derivatives desk for the terminal. Without a verb it opens the screen."""
    if ctx.invoked_subcommand is None:
        command = cli.get_command(ctx, DEFAULT_VERB)
        assert command is not None
        ctx.invoke(command)


def main() -> None:
    """Run the command line and exit with its code."""
    try:
        code = cli.main(standalone_mode=False, prog_name="quantdesk")
    except click.exceptions.Exit as exit_:
        code = exit_.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        code = 130
    except QuantDeskError as error:
        click.echo(f"quantdesk: {error}", err=True)
        code = error.exit_code
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        # The reader of a pipe left (`| head`): keep the interpreter from complaining at its end.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        code = 0
    sys.exit(code if isinstance(code, int) else 0)
