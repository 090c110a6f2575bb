"""Structure files as people name them: read in any form, written as TOML, never over a stranger."""

from __future__ import annotations

import json
from pathlib import Path

from quantdesk.errors import InvalidInput, StorageError
from quantdesk.storage.whole_files import write_whole
from quantdesk.structures.plan import StructurePlan
from quantdesk.structures.text import format_line, format_toml, parse_plan

FILE_BYTES_MAX = 1_000_000
"""Larger than any structure file; what is larger is something else."""

OVERWRITE = "!"
"""At the end of a name: write over what is there."""


def read_structure_file(text: str) -> tuple[Path, StructurePlan]:
    """Path and plan of a file: TOML, a line of legs, or the JSON that `build` writes.

    Raises StorageError where it can not be read, InvalidInput where it is no structure.
    """
    path = Path(text).expanduser()
    try:
        if path.stat().st_size > FILE_BYTES_MAX:
            raise StorageError(f"{path}: is no structure file: larger than {FILE_BYTES_MAX} bytes")
        content = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(f"{path}: can not be read: {reason}") from error
    return path, parse_structure(content)


def parse_structure(content: str) -> StructurePlan:
    """The plan that a file's content means: TOML, a line of legs, or the JSON of `build`.

    Raises InvalidInput saying what is allowed.
    """
    content = content.strip()
    if not content.startswith("{"):
        return parse_plan(content)
    try:
        document = json.loads(content)
    except ValueError as error:
        raise InvalidInput("structure file", str(error), "must be JSON, TOML or a line") from None
    line = document.get("structure")
    if not isinstance(line, str):
        raise InvalidInput("structure", line, "must be the line of legs that `build` writes")
    return parse_plan(line)


def write_structure_file(text: str, plan: StructurePlan, *, known: Path | None) -> Path:
    """Write `plan` to the file that `text` names, and say which that is.

    TOML, or a single line where the name ends in .txt or .line. A file that is there already is
    written over only if it is `known`, or the name ends in "!". Raises StorageError.
    """
    may_overwrite = text.endswith(OVERWRITE)
    path = Path(text.removesuffix(OVERWRITE).strip()).expanduser()
    is_line = path.suffix in (".txt", ".line")
    content = f"{format_line(plan)}\n" if is_line else format_toml(plan)
    try:
        if path.exists() and path != known and not may_overwrite:
            raise StorageError(f"{path}: is there already; end the name with ! to write over it")
        write_whole(path, content.encode())
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise StorageError(f"{path}: can not be written: {reason}") from error
    return path
