"""The house keeps its rules: layers, the one door to the kernel, light imports, no empty rooms."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "quantdesk"
SOURCES = sorted(PACKAGE.rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Absolute names of everything `path` imports, at any depth."""
    found: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found.update(alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module is not None:
            found.add(node.module)
            found.update(f"{node.module}.{alias.name}" for alias in node.names)
    return found


def test_import_contracts_hold() -> None:
    done = subprocess.run(
        [str(Path(sys.executable).with_name("lint-imports"))],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_only_pricing_imports_the_compiled_kernel() -> None:
    importers = {
        path.relative_to(PACKAGE).parts[0]
        for path in SOURCES
        if any(name.startswith("quantdesk._core") for name in imported_modules(path))
    }
    assert importers == {"pricing"}


def test_only_the_clock_reads_the_machine_time() -> None:
    banned = {("time", "time"), ("time", "time_ns"), ("datetime", "now"), ("datetime", "utcnow")}
    readers = set()
    for path in SOURCES:
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if not (isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)):
                continue
            if (node.value.id, node.attr) in banned:
                readers.add(str(path.relative_to(PACKAGE)))
    assert readers <= {"runtime/clock.py"}


@pytest.mark.parametrize(
    ("module", "absent"),
    [
        ("quantdesk", ["textual", "rich", "aiohttp", "duckdb", "sqlite3", "pydantic", "numpy"]),
        ("quantdesk.domain.events", ["numpy", "msgspec", "aiohttp"]),
        ("quantdesk.app.cli.main", ["textual", "rich", "aiohttp", "duckdb", "numpy"]),
        ("quantdesk.app.cli.chain", ["textual", "rich"]),
    ],
)
def test_import_stays_light(module: str, absent: list[str]) -> None:
    code = f"import sys, {module}; print([m for m in {absent!r} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_no_module_is_a_drawer_for_everything() -> None:
    drawers = {"utils", "util", "common", "helpers", "core", "manager", "misc", "base"}
    assert not [path for path in SOURCES if path.stem in drawers or path.parent.name in drawers]


def test_no_room_stands_empty() -> None:
    for folder in (path for path in PACKAGE.rglob("*") if path.is_dir()):
        if folder.name == "__pycache__":
            continue
        assert any(folder.rglob("*.*")), folder


def test_unsafe_code_stands_in_the_lanes_only() -> None:
    crate = ROOT / "pricing-core" / "src"
    users = {
        path.relative_to(crate).parts[0]
        for path in crate.rglob("*.rs")
        if any(
            "unsafe " in line and not line.lstrip().startswith("//")
            for line in path.read_text(encoding="utf-8").splitlines()
        )
    }
    assert users <= {"lanes", "lanes.rs"}
