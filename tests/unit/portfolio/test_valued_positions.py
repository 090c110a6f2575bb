"""Positions at their marks: value, open profit, and the tree of their sums."""

from __future__ import annotations

from decimal import Decimal

import pytest

from quantdesk.domain.position import Position, RefusedRow
from quantdesk.errors import InvalidInput
from quantdesk.portfolio.leg_marks import LegMarks
from quantdesk.portfolio.valued_positions import (
    BY_TAG,
    PositionBranch,
    ValuedPosition,
    tree,
    value_positions,
)
from quantdesk.views.positions import branch_name, positions_view
from tests.unit.portfolio.markets import btc, sample_market, with_columns

CALL, PUT, PERPETUAL = "BTC-25SEP26-70000-C", "BTC-25SEP26-50000-P", "BTC-PERPETUAL"


def position(
    name: str, quantity: str, average: str | None = None, *, strategy: str = ""
) -> Position:
    """A position in an instrument of the sample."""
    instrument = LegMarks(sample_market()).instrument("deribit", name)
    assert instrument is not None
    return Position(
        instrument=instrument,
        quantity=Decimal(quantity),
        average_price=None if average is None else Decimal(average),
        strategy=strategy,
    )


def valued(*positions: Position) -> tuple[ValuedPosition, ...]:
    """Positions at the marks of the sample."""
    return value_positions(positions, LegMarks(sample_market()))


def book() -> PositionBranch:
    """Two options of one expiry and a perpetual, under two tags."""
    return tree(
        valued(
            position(CALL, "-1.5", "0.03", strategy="vol"),
            position(PUT, "2", strategy="vol"),
            position(PERPETUAL, "-60000", "60000", strategy="hedge"),
        )
    )


def test_option_has_its_worth_and_its_profit_from_average_to_mark() -> None:
    (leg,) = valued(position(CALL, "-1.5", "0.03"))
    assert (leg.value, leg.unrealised) == (Decimal("-0.04155"), Decimal("0.00345"))
    assert leg.value_usd == Decimal("-0.04155") * Decimal("60266.69")


def test_future_is_worth_its_profit_and_nothing_is_known_without_an_average() -> None:
    (known,) = valued(position(PERPETUAL, "-60277.38", "30138.69"))
    # 60,277.38 USD short from 30,138.69 to 60,277.38: 1 − 2 coins.
    assert known.value == known.unrealised == -1
    (unknown,) = valued(position(PERPETUAL, "-10"))
    assert (unknown.value, unknown.unrealised, unknown.reason) == (None, None, "")


def test_leg_without_a_mark_says_why_and_is_in_no_sum() -> None:
    marks = LegMarks(with_columns(btc(), mark={CALL: 0.0}))
    legs = value_positions([position(CALL, "1", "0.1"), position(PUT, "1", "0.02")], marks)
    assert "must be above 0" in legs[0].reason
    sums = tree(legs).by_currency["BTC"]
    assert (sums.value, sums.unrealised) == (Decimal("0.0271"), Decimal("0.0071"))
    assert (sums.unknown_value, sums.unknown_unrealised) == (1, 1)


def test_tree_goes_underlying_expiry_strike() -> None:
    root = book()
    (coin,) = root.branches
    perpetual, september = coin.branches
    assert (coin.path, coin.positions) == (("BTC",), 3)
    assert [branch_name(one) for one in (root, coin, perpetual, september)] == [
        "book", "BTC", "no expiry", "25SEP26",
    ]  # fmt: skip
    assert [branch_name(one) for one in september.branches] == ["50,000", "70,000"]
    assert [leg.position.instrument.name for leg in september.branches[1].legs] == [CALL]


def test_each_level_sums_to_the_one_above() -> None:
    pending = [book()]
    while pending:
        branch = pending.pop()
        if branch.branches:
            values = [one.by_currency["BTC"].value for one in branch.branches]
            assert sum(value for value in values if value is not None) == (
                branch.by_currency["BTC"].value
            )
            assert sum(one.positions for one in branch.branches) == branch.positions
        pending.extend(branch.branches)


def test_tree_by_tag() -> None:
    root = tree(valued(position(CALL, "1", strategy="vol"), position(PUT, "1")), BY_TAG)
    assert [branch_name(one) for one in root.branches] == ["no strategy", "vol"]


@pytest.mark.parametrize("by", [("colour",), ("strike", "strike")])
def test_a_level_that_is_none_or_twice_is_refused(by: tuple[str, ...]) -> None:
    with pytest.raises(InvalidInput, match="must be once, of venue, account"):
        tree((), by)


def test_view_opens_as_deep_as_asked_and_names_what_is_missing() -> None:
    refused = RefusedRow(row=9, venue="", instrument_name="X", quantity="", reason="why not")
    shut = positions_view(book(), depth_max=1)
    assert [line.cells[0].text for line in shut.lines] == ["book (3)", "  BTC (3)"]
    opened = positions_view(book(), [refused])
    legs = [line for line in opened.lines if line.key.startswith("leg:")]
    assert len(legs) == 3
    call = next(line for line in legs if CALL in line.cells[0].text)
    assert [cell.text for cell in call.cells[1:7]] == [
        "-1.5", "0.03", "0.0277", "-0.041550", "+0.003450", "BTC",
    ]  # fmt: skip
    assert opened.lines[-1].cells[-1].text == "left out: why not"
    assert "without P&L" in opened.lines[0].cells[-1].text
    assert len(positions_view(tree(()))) == 0
