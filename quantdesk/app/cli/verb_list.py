"""Groups of verbs whose help tells the first sentence of each verb, whole."""

from __future__ import annotations

import click

WHOLE = 1_000
"""Characters: longer than any first sentence, so that click cuts none."""


class VerbList(click.Group):
    """A group that wraps what it says of its verbs; click would cut it at the line's end."""

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The section of verbs."""
        rows = []
        for name in self.list_commands(ctx):
            verb = self.get_command(ctx, name)
            if verb is not None:
                rows.append((name, verb.get_short_help_str(WHOLE)))
        with formatter.section("Commands"):
            formatter.write_dl(rows)
