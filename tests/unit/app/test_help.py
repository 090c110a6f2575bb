"""What `--help` says of the verbs."""

from __future__ import annotations

import click
import pytest
from click.testing import CliRunner

from quantdesk.app.cli.main import VERBS, cli


def _help(*verb: str) -> str:
    result = CliRunner().invoke(cli, [*verb, "--help"])
    assert result.exit_code == 0
    return result.output


def _verbs() -> list[tuple[str, ...]]:
    found: list[tuple[str, ...]] = []
    for name in sorted(VERBS):
        command = cli.get_command(click.Context(cli), name)
        assert command is not None
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in sorted(command.commands)]
    return found


@pytest.mark.parametrize("group", [(), ("limits",), ("pnl",), ("risk",), ("surface",)])
def test_a_list_of_verbs_cuts_no_sentence(group: tuple[str, ...]) -> None:
    assert "..." not in _help(*group).partition("Commands:")[2]


def test_help_names_the_exit_codes() -> None:
    text = " ".join(_help().split())
    for code in ("0 fine", "1 a check failed", "2 usage", "3 data", "4 refused", "5 a hard limit"):
        assert code in text


@pytest.mark.parametrize("verb", _verbs(), ids=" ".join)
def test_each_choice_of_a_format_names_its_default(verb: tuple[str, ...]) -> None:
    text = " ".join(_help(*verb).split())
    if "--format [" in text and "--format [ndjson]" not in text:
        after = text.partition("--format [")[2]
        assert after.partition("]")[2].strip().startswith("[default: table]"), verb
