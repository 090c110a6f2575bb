"""What the command line ends with: the README's table, the help and the code say one thing."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from quantdesk.app.cli.main import cli
from quantdesk.errors import QuantDeskError
from tests.unit.surface.bad_chains import quote_rows, write_rows

README = Path(__file__).parents[3] / "README.md"


def kinds_below(kind: type[QuantDeskError]) -> list[type[QuantDeskError]]:
    return [kind, *(each for below in kind.__subclasses__() for each in kinds_below(below))]


def test_no_error_ends_like_a_check_that_failed() -> None:
    kinds = kinds_below(QuantDeskError)
    assert len(kinds) > 10
    assert {kind.exit_code for kind in kinds} == {2, 3, 4}


@pytest.mark.parametrize(
    "words",
    [
        ["fit", "FILE"],
        ["check", "FILE"],
        ["grade", "FILE"],
        ["at", "FILE", "--date", "30d"],
        ["plot", "FILE", "-o", "out.svg"],
        ["diff", "FILE", "FILE"],
    ],
    ids=lambda words: words[0],
)
def test_quotes_that_carry_no_surface_are_data_missing(words: list[str], tmp_path: Path) -> None:
    file = str(write_rows(tmp_path, quote_rows(strikes=(75_000, 85_000))))
    done = subprocess.run(
        [
            *(sys.executable, "-c", "from quantdesk.app.cli.main import main; main()", "surface"),
            *(file if word == "FILE" else word for word in words),
        ],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=90,
        check=False,
        cwd=tmp_path,
    )
    assert done.returncode == 3, done.stderr
    assert b"Traceback" not in done.stderr


def test_readme_and_help_tell_the_same_codes() -> None:
    table = README.read_text(encoding="utf-8").split("| exit code | what it says |")[1]
    rows = dict(
        line.strip("| ").split(" | ", 1) for line in table.split("\n\n")[0].splitlines()[2:]
    )
    assert rows["1"] == "a check failed (`doctor`, `surface check`)"
    assert "quotes that carry no surface" in rows["3"]
    told = " ".join(CliRunner().invoke(cli, ["--help"]).output.split())
    assert "1 a check failed" in told
    assert "quotes that carry no surface" in told
