"""The two text forms: what is written is read back; what is wrong is named."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.errors import InvalidInput
from quantdesk.structures.anchors import AnchorKind, StrikeAnchor, parse_anchor, plain
from quantdesk.structures.catalogue import CATALOGUE, plan_structure
from quantdesk.structures.plan import LegKind, LegPlan, StructurePlan
from quantdesk.structures.text import format_line, format_toml, parse_line, parse_plan, parse_toml

sizes = st.decimals(
    min_value=Decimal("0.01"), max_value=Decimal(99), places=2, allow_nan=False
).map(plain)


@st.composite
def anchors(draw: st.DrawFn) -> StrikeAnchor:
    kind = draw(st.sampled_from(AnchorKind))
    sign = draw(st.sampled_from((-1, 1)))
    if kind is AnchorKind.ATM:
        return StrikeAnchor(kind=kind)
    if kind in (AnchorKind.STRIKE, AnchorKind.DELTA, AnchorKind.DELTA_PREMIUM_ADJUSTED):
        return StrikeAnchor(kind=kind, size=draw(sizes))
    if kind is AnchorKind.DISTANCE:
        leg = draw(st.integers(0, 9))
        return StrikeAnchor(kind=kind, size=sign * draw(sizes), is_signed=True, leg=leg)
    size = min(draw(sizes), Decimal(9))
    is_signed = draw(st.booleans())
    return StrikeAnchor(kind=kind, size=sign * size if is_signed else size, is_signed=is_signed)


@st.composite
def legs(draw: st.DrawFn) -> LegPlan:
    kind = draw(st.sampled_from(LegKind))
    expiry = draw(st.sampled_from(("", "27MAR26", "monthly", "30d", "2026-03-27")))
    price = draw(st.none() | sizes)
    return LegPlan(
        quantity=draw(st.sampled_from((-1, 1))) * draw(sizes),
        kind=kind,
        strike=draw(anchors()) if kind.is_option else None,
        expiry=expiry if kind.is_option or kind is LegKind.FUTURE else "",
        name="BTC-27MAR26-70000-C" if kind is LegKind.NAMED else "",
        price=price,
    )


plans = st.builds(
    StructurePlan,
    legs=st.lists(legs(), min_size=1, max_size=6).map(tuple),
    name=st.sampled_from(("", "iron condor", "ic-27mar", "my 3rd idea")),
    venue=st.sampled_from(("", "deribit", "binance")),
    underlying=st.sampled_from(("", "BTC", "ETH")),
)


@given(plans)
def test_both_forms_read_back_to_the_same_plan(plan: StructurePlan) -> None:
    assert parse_line(format_line(plan)) == plan
    assert parse_toml(format_toml(plan)) == plan
    assert parse_plan(format_line(plan)) == parse_plan(format_toml(plan)) == plan


@pytest.mark.parametrize("name", sorted(CATALOGUE))
def test_every_named_structure_round_trips(name: str) -> None:
    plan = plan_structure(name)
    assert parse_line(format_line(plan)) == plan
    assert parse_toml(format_toml(plan)) == plan


def test_the_issue_example_is_read() -> None:
    plan = parse_line("-1 C 20d 27MAR26, +1 C +5000 27MAR26")
    assert [leg.quantity for leg in plan.legs] == [-1, 1]
    assert str(plan.legs[0].strike) == "20d"
    assert plan.legs[1].strike == StrikeAnchor(
        kind=AnchorKind.DISTANCE, size=Decimal(5000), is_signed=True
    )


def test_side_and_ratio_are_read_as_other_tools_write_them() -> None:
    plan = parse_toml(
        'name = "ic-27mar"\nunderlying = "BTC"\n[[leg]]\nside = "sell"\nkind = "call"\n'
        'expiry = "2026-03-27"\nstrike = "20d"\nratio = 2\n'
    )
    assert plan.legs[0].quantity == -2


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("", "leg"),
        ("1", "leg"),
        ("+1 C", "leg"),
        ("+1 X 70000 27MAR26", "leg"),
        ("0 C 70000 27MAR26", "quantity"),
        ("nan C 70000 27MAR26", "leg"),
        ("+1 C -70000d 27MAR26", "strike"),
        ("+1 C 120d 27MAR26", "strike"),
        ("+1 C 70000 27MAR26 extra", "leg"),
        ("+1 PERP 27MAR26", "leg"),
        ("+1 C 70000 27MAR26 @ x", "price"),
        ("+1 C 70000 27MAR26 @ -1", "price"),
        ("+1 C 70000 27MAR26 @ NaN", "price"),
        ("BTC; rm: +1 C 70000 27MAR26", "head"),
        (", ".join(["+1 C 70000 27MAR26"] * 30), "legs"),
    ],
)
def test_a_bad_line_names_what_is_wrong(text: str, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_line(text)
    assert named in caught.value.field


@pytest.mark.parametrize(
    ("text", "named"),
    [
        ("x", "structure file"),
        ("schema = 2\n[[leg]]\nquantity = 1", "schema"),
        ("leg = 1", "leg"),
        ("colour = 1\n[[leg]]\nquantity = 1", "field"),
        ('[[leg]]\nquantity = 1\nkind = "swap"', "kind"),
        ('[[leg]]\nquantity = 1\nkind = "call"', "strike"),
        ('[[leg]]\nside = "hold"\nkind = "call"\nstrike = 1', "side"),
        ('[[leg]]\nside = "buy"\nratio = -1\nkind = "call"\nstrike = 1', "ratio"),
        ('[[leg]]\nside = "buy"\nquantity = 1\nkind = "call"\nstrike = 1', "quantity"),
        ('[[leg]]\nquantity = "inf"\nkind = "call"\nstrike = 1', "quantity"),
        ('[[leg]]\nquantity = 1\nname = "x"', "name"),
        ('name = "BTC"\n[[leg]]\nquantity = 1\nkind = "perpetual"', "name"),
        ('underlying = "btc coin"\n[[leg]]\nquantity = 1\nkind = "perpetual"', "underlying"),
    ],
)
def test_a_bad_file_names_what_is_wrong(text: str, named: str) -> None:
    with pytest.raises(InvalidInput) as caught:
        parse_toml(text)
    assert caught.value.field == named


@pytest.mark.parametrize(
    ("text", "kind", "size"),
    [
        ("70,000", AnchorKind.STRIKE, 70_000),
        ("70_000.50", AnchorKind.STRIKE, Decimal("70000.5")),
        ("20D", AnchorKind.DELTA, 20),
        ("20d-pa", AnchorKind.DELTA_PREMIUM_ADJUSTED, 20),
        ("-5%", AnchorKind.PERCENT, -5),
        ("1.5s", AnchorKind.SIGMA, Decimal("1.5")),
        ("+0", AnchorKind.DISTANCE, 0),
        ("ATM", AnchorKind.ATM, 0),
    ],
)
def test_anchors_are_read(text: str, kind: AnchorKind, size: Decimal) -> None:
    anchor = parse_anchor(text)
    assert (anchor.kind, anchor.size) == (kind, size)


@pytest.mark.parametrize(
    "text", ["", "d", "0d", "+20d", "-100%", "2000%", "11s", "0", "1e5", "#1", "#1+5d", "70000 C"]
)
def test_an_anchor_that_means_nothing_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="strike"):
        parse_anchor(text)
