"""The risk report as PDF: read back by another library; what is said where there can be none."""

from __future__ import annotations

import ctypes.util
import os
import subprocess
import sys
from io import BytesIO
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pypdf import PdfReader

from quantdesk.app.cli.risk import command as risk
from quantdesk.app.render.pdf import html_pdf

SAMPLE = Path(__file__).parents[2] / "fixtures" / "chain_files" / "btc_2026-06-27_tickers.json"
NAME = "BTC-28JUN26-60000-C"


needs_pango = pytest.mark.skipif(
    ctypes.util.find_library("pangoft2-1.0") is None,
    reason="this system has no Pango, which WeasyPrint needs",
)


@pytest.fixture(scope="module")
def book(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("book") / "book.csv"
    path.write_text(
        "venue,instrument_name,quantity,average_price,strategy\n"
        "deribit,BTC-PERPETUAL,10000,60000,\n"
        f"deribit,{NAME},-10,0.05,<b>wing & tail</b>\n"
    )
    return path


def arguments(book: Path, *options: str) -> list[str]:
    return ["report", "--book", str(book), "--market", str(SAMPLE), "--format", "pdf", *options]


def report(book: Path, *options: str) -> Result:
    return CliRunner().invoke(risk, arguments(book, *options))


@pytest.fixture(scope="module")
def document(book: Path) -> bytes:
    out = book.with_name("risk.pdf")
    done = report(book, "--no-plots", "--collateral", "BTC=2", "-o", str(out))
    assert done.exit_code == 0, done.stderr
    assert not done.stdout
    return out.read_bytes()


def text_of(data: bytes) -> str:
    return "\n".join(page.extract_text() for page in PdfReader(BytesIO(data)).pages)


@needs_pango
def test_the_report_is_pages_that_another_library_reads(document: bytes) -> None:
    reader = PdfReader(BytesIO(document))
    assert reader.metadata is not None
    assert str(reader.metadata.title).startswith("Risk report, 2026-06-27")
    count = len(reader.pages)
    assert count > 1
    for number, page in enumerate(reader.pages, start=1):
        assert page.mediabox.width > page.mediabox.height
        assert f"page {number} of {count}" in page.extract_text()
    assert "<b>wing&tail</b>" in "".join(text_of(document).split())


@needs_pango
def test_the_pages_hold_what_the_html_holds(book: Path, document: bytes) -> None:
    options = [*arguments(book)[:-1], "html", "--no-plots", "--collateral", "BTC=2"]
    html = CliRunner().invoke(risk, options)
    titles = [part.split("</h2>")[0] for part in html.stdout.split("<h2>")[1:]]
    assert len(titles) > 10
    together = "".join(text_of(document).split())
    for title in titles:
        plain = title.replace("&amp;", "&").replace("&gt;", ">").replace("&lt;", "<")
        assert "".join(plain.split()) in together


@needs_pango
def test_pictures_are_drawn_into_the_pages(book: Path, document: bytes) -> None:
    pictured = report(book, "--plots").stdout_bytes
    caption = "BTC: P&L by spot, 0 days on, without collateral"
    assert caption not in text_of(document)
    assert caption in text_of(pictured)


@needs_pango
@pytest.mark.parametrize("verb", ["ladder", "scenario", "var"])
def test_the_other_verbs_print_too(verb: str, book: Path) -> None:
    options = ["--no-backtest"] if verb == "var" else []
    done = CliRunner().invoke(risk, [verb, *arguments(book)[1:], *options])
    assert done.exit_code == 0, done.stderr
    assert PdfReader(BytesIO(done.stdout_bytes)).pages


@needs_pango
def test_nothing_is_fetched_for_the_pages(tmp_path: Path) -> None:
    secret = tmp_path / "secret.txt"
    secret.write_text("not for the report")
    page = f'<html><body>shown<object data="{secret.as_uri()}"></object></body></html>'
    assert text_of(html_pdf(page.encode())).strip() == "shown"


def run_with(folder: Path, book: Path) -> subprocess.CompletedProcess[str]:
    code = "from quantdesk.app.cli.main import main; main()"
    environment = os.environ | {"PYTHONPATH": f"{folder}{os.pathsep}{Path(__file__).parents[3]}"}
    return subprocess.run(
        [sys.executable, "-c", code, "risk", *arguments(book, "--no-plots")],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
        timeout=60,
    )


@pytest.mark.parametrize(
    ("source", "said"),
    [
        ("raise ImportError('no weasyprint here')", "install quantdesk[pdf]"),
        (
            "print('advice'); raise OSError(\"cannot load library 'libpango-1.0.so.0'\")",
            "needs the Pango text library of the system",
        ),
    ],
    ids=["no WeasyPrint", "no Pango"],
)
def test_what_is_missing_is_said_in_a_sentence(
    book: Path, tmp_path: Path, source: str, said: str
) -> None:
    (tmp_path / "weasyprint.py").write_text(f"{source}\n")
    done = run_with(tmp_path, book)
    assert done.returncode == 2
    assert not done.stdout
    assert said in done.stderr
    assert "--format html" in done.stderr
    assert "Traceback" not in done.stderr
