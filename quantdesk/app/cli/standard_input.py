"""Standard input in the place of a file: `-`."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import click

from quantdesk.errors import ConfigError

STANDARD_INPUT = Path("-")

COPY_BYTES = 1 << 20


def file_or_input(path: Path) -> Path:
    """`path`; of `-` a copy of standard input, which is removed when the command ends.

    A market file is looked at more than once, which a pipe can not be. Raises ConfigError where
    standard input is a terminal: nobody types a market file.
    """
    if path != STANDARD_INPUT:
        return path
    if sys.stdin.isatty():
        raise ConfigError("-: standard input is a terminal; pipe a market file into it")
    folder = click.get_current_context().with_resource(TemporaryDirectory(prefix="quantdesk-"))
    copy = Path(folder) / "standard-input"
    with copy.open("wb") as file:
        shutil.copyfileobj(sys.stdin.buffer, file, COPY_BYTES)
    return copy
