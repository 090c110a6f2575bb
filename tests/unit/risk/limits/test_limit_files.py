"""The limits file: what is understood, and every way in which it is refused."""

from __future__ import annotations

import re

import pytest

from quantdesk.errors import ConfigError
from quantdesk.risk.limits import files
from quantdesk.risk.limits.example import EXAMPLE
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.gate import LimitGate
from quantdesk.risk.limits.limit import CONVENTIONS, Measure, Scope
from quantdesk.risk.stresses import STRESSES
from tests.unit.risk.limits.units import MadeUnits

GOOD = """
schema = 1
[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"
soft = 40
hard = 50
"""


def refused(text: str) -> str:
    with pytest.raises(ConfigError) as caught:
        parse_limits(text, "limits.toml")
    message = str(caught.value)
    assert message.startswith("limits.toml: ")
    return message


def one(**keys: object) -> str:
    lines = [f"{key} = {value!r}".replace("'", '"') for key, value in keys.items()]
    return "\n".join(["schema = 1", "[[limit]]", *lines])


def test_a_limit_is_read_with_its_levels_and_words() -> None:
    (limit,) = parse_limits(GOOD, "limits.toml").limits
    assert (limit.scope, limit.name, limit.measure) == (Scope.UNDERLYING, "BTC", Measure.NET_DELTA)
    assert (limit.soft, limit.hard) == (40.0, 50.0)
    assert limit.measure_words == "net delta (black)"
    assert limit.scope_words == "underlying BTC"
    assert limit.unit_words == "BTC"


def test_the_example_in_the_documentation_is_a_valid_file() -> None:
    assert files.__doc__ is not None
    indented = re.findall(r"^    .*$|^$", files.__doc__, re.MULTILINE)
    limits = parse_limits("\n".join(line[4:] for line in indented), "example").limits
    assert len(limits) == 4
    assert {one.measure for one in limits} >= {Measure.NET_DELTA, Measure.ALLOW_LIST}


def test_the_example_has_every_measure_and_scope_and_makes_a_gate() -> None:
    limits = parse_limits(EXAMPLE, "example")
    assert {one.measure for one in limits.limits} == set(Measure)
    assert {one.scope for one in limits.limits} == set(Scope)
    margins = {one.convention for one in limits.limits if one.measure is Measure.MARGIN_USE}
    assert margins == set(CONVENTIONS["margin_use"])
    gate = LimitGate(limits, MadeUnits({}), stress_names=[one.name for one in STRESSES])
    assert not gate.closed
    assert {measure for check in gate.checks for measure in check.measures} == set(Measure)


@pytest.mark.parametrize("measure", [one for one in Measure if one.root in CONVENTIONS])
def test_a_measure_with_several_conventions_must_name_one(measure: Measure) -> None:
    text = one(scope="underlying", name="BTC", measure=measure.value, hard=1)
    message = refused(text)
    assert "convention" in message
    for convention in CONVENTIONS[measure.root]:
        assert convention in message
        parse_limits(text + f'\nconvention = "{convention}"', "limits.toml")


def test_a_convention_that_is_not_one_is_refused() -> None:
    assert "black or premium-adjusted" in refused(GOOD.replace("black", "forward"))


@pytest.mark.parametrize(
    ("wrong", "right"),
    [("hard", "hrad"), ("measure", "measur"), ("scope", "scoop"), ("convention", "conventoin")],
)
def test_an_unknown_key_is_refused_with_the_nearest_name(wrong: str, right: str) -> None:
    text = GOOD.replace(f"\n{wrong} =", f"\n{wrong} = 1\n{right} =", 1)
    message = refused(text.replace(f"\n{wrong} = 1\n", "\n"))
    assert f"{right}: unknown key" in message
    assert f"did you mean {wrong}?" in message


def test_an_unknown_measure_or_scope_is_refused_with_the_nearest_name() -> None:
    assert "did you mean net_delta?" in refused(GOOD.replace("net_delta", "delta"))
    assert "did you mean underlying?" in refused(GOOD.replace('"underlying"', '"underlyings"'))
    assert "did you mean limit?" in refused("schema = 1\n[[limits]]\nhard = 1")


@pytest.mark.parametrize("level", ['"50"', "true", "nan", "inf", "-1", "[50]"])
def test_a_level_must_be_a_number_from_zero_up(level: str) -> None:
    assert "hard" in refused(GOOD.replace("hard = 50", f"hard = {level}"))


SHARES = {
    "margin_use": {"convention": "deribit-standard"},
    "price_band": {},
}


@pytest.mark.parametrize("unit", [{}, {"unit": "share"}])
@pytest.mark.parametrize("level", ["soft", "hard"])
@pytest.mark.parametrize("measure", SHARES)
def test_a_percentage_typed_for_a_share_is_refused(
    measure: str, level: str, unit: dict[str, str]
) -> None:
    keys: dict[str, object] = {"scope": "desk", "measure": measure, **SHARES[measure], **unit}
    for percent in (1.01, 5, 80, 100):
        message = refused(one(**keys, **{level: percent}))
        assert f"limit 1: {level} = {float(percent)!r}: of the {measure} limit" in message
        assert "must be from 0 to 1" in message
        assert f"{percent / 100:g} is {percent:g} %" in message
    assert "0.8 is 80 %" in refused(one(**keys, **{level: 1e9}))
    for share in (0, 0.8, 1):
        (limit,) = parse_limits(one(**keys, **{level: share}), "limits.toml").limits
        assert getattr(limit, level) == share


@pytest.mark.parametrize(("measure", "unit"), [("margin_use", "usd"), ("price_band", "quote")])
def test_money_has_no_such_bound(measure: str, unit: str) -> None:
    keys: dict[str, object] = {"scope": "desk", "measure": measure, **SHARES[measure]}
    (limit,) = parse_limits(one(**keys, unit=unit, hard=80), "limits.toml").limits
    assert limit.hard == 80
    assert f'unit = "{unit}"' in refused(one(**keys, hard=80))


def test_soft_above_hard_is_refused() -> None:
    assert "must be at most hard = 50" in refused(GOOD.replace("soft = 40", "soft = 60"))


def test_a_limit_without_a_level_is_refused() -> None:
    text = GOOD.replace("soft = 40", "").replace("hard = 50", "")
    assert "hard or soft must be given" in refused(text)


@pytest.mark.parametrize("text", ["schema = 1", "schema = 1\nlimit = []"])
def test_a_file_without_limits_is_refused(text: str) -> None:
    assert "without limits nothing is traded" in refused(text)


@pytest.mark.parametrize("text", ["", "schema = 2", "schema = true", 'schema = "1"'])
def test_another_schema_is_refused(text: str) -> None:
    assert "schema" in refused(text)


def test_what_is_no_toml_is_refused() -> None:
    assert "is no TOML" in refused("schema = 1\n[[limit")


def test_coins_of_several_underlyings_are_never_added() -> None:
    text = one(scope="desk", measure="net_delta", convention="black", hard=1)
    assert "underlying" in refused(text)
    parse_limits(text + '\nunit = "usd"', "limits.toml")
    parse_limits(text + '\nunderlying = "BTC"', "limits.toml")


def test_an_expiry_limit_needs_its_underlying_and_a_date() -> None:
    text = one(scope="expiry", name="27MAR26", measure="gross_gamma", hard=1)
    assert "underlying" in refused(text)
    ok = text + '\nunderlying = "BTC"'
    (limit,) = parse_limits(ok, "limits.toml").limits
    assert limit.scope_words == "expiry BTC 27MAR26"
    (same,) = parse_limits(ok.replace("27MAR26", "2026-03-27"), "limits.toml").limits
    assert same.name == "27MAR26"
    for no_day in ("soon", "30FEB26", "0JAN26", "2026-13-01", "2126-03-27", "1926-03-27"):
        assert "27MAR26, PERP or *" in refused(ok.replace("27MAR26", no_day))


def test_a_name_belongs_to_every_scope_but_the_desk() -> None:
    assert "name" in refused(one(scope="desk", name="x", measure="open_orders", hard=1))
    assert "name" in refused(one(scope="account", measure="open_orders", hard=1))


def test_a_key_of_another_measure_is_refused() -> None:
    text = one(scope="desk", measure="open_orders", hard=1, per_s=5)
    assert "per_s: goes with order_rate" in refused(text)
    assert "allow" in refused(one(scope="desk", measure="open_orders", hard=1, allow=["BTC"]))


def test_the_same_limit_twice_is_refused() -> None:
    assert "is already limit 1" in refused(GOOD + GOOD.replace("schema = 1", ""))


def test_every_measure_can_be_limited() -> None:
    for measure in Measure:
        keys: dict[str, object] = {"scope": "underlying", "name": "BTC", "measure": measure.value}
        if measure is Measure.ALLOW_LIST:
            keys["allow"] = ["BTC*"]
        else:
            keys["hard"] = 1
        if measure.root in CONVENTIONS:
            keys["convention"] = CONVENTIONS[measure.root][0]
        (limit,) = parse_limits(one(**keys), "limits.toml").limits
        assert limit.measure is measure
