"""The adapters read; nothing in them can send an order, move money or change an account."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

VENUES = Path(__file__).parents[3] / "quantdesk" / "venues"

ALLOWED = frozenset(
    {
        "private/subscribe",
        "private/get_account_summaries",
        "private/get_positions",
        "private/get_open_orders",
        "private/get_user_trades_by_currency_and_time",
    }
)
"""Every private method of Deribit's that the desk may ask."""

DECODED = ALLOWED | {"private/unsubscribe"}
BINANCE_PATHS = frozenset({"private/ws"})
METHOD = re.compile(r"private/[a-z_]+")
ORDER_WORDS = re.compile(r"\b(?:buy|sell|edit|cancel|close_position|mass_quote|withdraw)[a-z_]*\b")


def literals() -> list[tuple[str, str]]:
    """(file, text) of each string literal in the adapters that is no docstring."""
    found = []
    for path in sorted(VENUES.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        docs = {
            id(node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)
        }
        found += [
            (path.name, node.value)
            for node in ast.walk(tree)
            if isinstance(node, ast.Constant)
            and isinstance(node.value, str)
            and id(node) not in docs
        ]
    return found


def test_no_private_method_but_those_that_read_is_named() -> None:
    named = {method for _, text in literals() for method in METHOD.findall(text)} - BINANCE_PATHS
    assert named == DECODED


def test_no_literal_joins_private_with_an_order_word() -> None:
    guilty = [(f, t) for f, t in literals() if "private" in t and ORDER_WORDS.search(t)]
    assert guilty == []


@pytest.mark.parametrize("method", ["private/buy", "private/cancel_all"])
def test_the_search_itself_finds_what_it_looks_for(method: str) -> None:
    assert METHOD.fullmatch(method)
    assert ORDER_WORDS.search(method)
