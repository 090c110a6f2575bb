"""The wheel as a user gets it: installed clean, away from the checkout, driven like a person would.

Catches what an editable install hides: a missing data file, style sheet or dependency.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import venv
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.install.terminal import Terminal

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.timeout(600)


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The bin folder of a new environment with the locked dependencies and the wheel."""
    wheels = sorted((ROOT / "dist").glob("*.whl"))
    if not wheels:
        pytest.skip("no wheel in dist/: `make clean-install` builds it")
    folder = tmp_path_factory.mktemp("clean") / "venv"
    venv.create(folder, with_pip=True)
    pip = [str(folder / "bin" / "python"), "-m", "pip", "--disable-pip-version-check", "install"]
    lock = str(ROOT / "requirements" / "core.lock")
    subprocess.run([*pip, "-q", "--require-hashes", "-r", lock], check=True, timeout=500)
    subprocess.run([*pip, "-q", "--no-deps", str(wheels[-1])], check=True, timeout=120)
    return folder / "bin"


@pytest.fixture
def home(tmp_path: Path) -> dict[str, str]:
    """An environment of a user who has never started the desk."""
    kept = {name: os.environ[name] for name in ("PATH", "LANG") if name in os.environ}
    return kept | {"HOME": str(tmp_path), "TERM": "xterm-256color", "LC_ALL": "C.UTF-8"}


@pytest.fixture
def terminal(installed: Path, home: dict[str, str], tmp_path: Path) -> Iterator[Terminal]:
    running = Terminal([str(installed / "quantdesk")], env=home, cwd=tmp_path)
    yield running
    running.kill()


def run(installed: Path, home: dict[str, str], *args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [str(installed / "quantdesk"), *args],
        env=home,
        cwd=home["HOME"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_imports_come_from_the_wheel(installed: Path, home: dict[str, str]) -> None:
    code = "import quantdesk, quantdesk._core; print(quantdesk.__file__)"
    done = subprocess.run(
        [str(installed / "python"), "-c", code],
        env=home,
        cwd=home["HOME"],
        capture_output=True,
        text=True,
        check=True,
    )
    assert str(installed.parent) in done.stdout
    assert sys.prefix not in done.stdout


def test_desk_opens_moves_and_closes(terminal: Terminal) -> None:
    first = terminal.wait_for(
        lambda text: "SIMULATED" in text and "BTC" in text and "60,000" in text
    )
    terminal.wait_for(lambda text: text != first)
    terminal.send("?")
    terminal.wait_for(lambda text: "next expiry" in text)
    # Escape and a letter sent together would be Alt and that letter.
    terminal.send("\x1b")
    terminal.wait_for(lambda text: "next expiry" not in text)
    terminal.send("q")
    assert terminal.wait_for_exit() == 0
    assert b"Traceback" not in terminal.raw


def test_screen_is_printed_where_there_is_no_terminal(
    installed: Path, home: dict[str, str]
) -> None:
    done = run(installed, home)
    assert done.returncode == 0, done.stderr
    assert "SIMULATED" in done.stdout
    assert "\x1b" not in done.stdout


def test_chain_is_printed_as_json(installed: Path, home: dict[str, str]) -> None:
    done = run(installed, home, "chain", "ETH", "--format", "json")
    assert done.returncode == 0, done.stderr
    record = json.loads(done.stdout)
    assert record["schema"] == "quantdesk.chain/1"
    assert record["environment"] == "simulated"
    assert len(record["rows"]) > 400


def test_chain_is_written_as_parquet(installed: Path, home: dict[str, str], tmp_path: Path) -> None:
    out = tmp_path / "chain.parquet"
    done = run(installed, home, "chain", "BTC", "--format", "parquet", "-o", str(out))
    assert done.returncode == 0, done.stderr
    assert out.read_bytes()[:4] == b"PAR1"
