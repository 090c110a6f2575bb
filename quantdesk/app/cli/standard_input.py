"""Standard input in the place of a file: `-`."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from quantdesk.errors import ConfigError, QuantDeskError

STANDARD_INPUT = Path("-")
INPUT_NAME = "standard input"

COPY_BYTES = 1 << 20


@contextmanager
def file_or_input(path: Path) -> Iterator[Path]:
    """`path`; of `-` a copy of standard input, which is removed afterwards.

    A market file is looked at more than once, which a pipe can not be. Errors raised inside name
    standard input, not the copy. Raises ConfigError where standard input is a terminal: nobody
    types a market file.
    """
    if path != STANDARD_INPUT:
        yield path
        return
    if sys.stdin.isatty():
        raise ConfigError("-: standard input is a terminal; pipe a market file into it")
    with TemporaryDirectory(prefix="quantdesk-") as folder:
        copy = Path(folder) / "standard-input"
        with copy.open("wb") as file:
            shutil.copyfileobj(sys.stdin.buffer, file, COPY_BYTES)
        try:
            yield copy
        except QuantDeskError as error:
            error.args = tuple(
                each.replace(f"{copy}", INPUT_NAME) if isinstance(each, str) else each
                for each in error.args
            )
            raise


def file_words(path: Path) -> str:
    """How a message names `path`."""
    return INPUT_NAME if path == STANDARD_INPUT else f"{path}"
