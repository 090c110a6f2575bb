"""Scripts of faults: what is read, what is refused in which words, and when it happens."""

from __future__ import annotations

import asyncio
import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.simulator import Sample, read_fault_script
from quantdesk.simulator.fault_conductor import WAITING_MAX
from quantdesk.simulator.fault_script import FAULTS_MAX, FIELDS, SCRIPT_BYTES_MAX, parse_faults
from quantdesk.simulator.faults import PLANNED_MAX, Fate, Fault, FaultKind, Plan
from tests.unit.simulator.faults.conftest import Rig, running

TOML = """
[[faults]]
kind = "gap"
venue = "deribit"
at_s = 1.5
count = 3

[[faults]]
kind = "stall"
seconds = 0.5
times = 2
every_s = 10
"""


def test_toml_and_json_say_the_same(tmp_path: Path) -> None:
    toml, json_file = tmp_path / "faults.toml", tmp_path / "faults.json"
    toml.write_text(TOML)
    rows = [
        {"kind": "gap", "venue": "deribit", "at_s": 1.5, "count": 3},
        {"kind": "stall", "seconds": 0.5, "times": 2, "every_s": 10},
    ]
    json_file.write_text(json.dumps({"faults": rows}))
    read = read_fault_script(toml)
    assert read == read_fault_script(json_file)
    gap, *stalls = read
    assert (gap.kind, gap.at_s, gap.count, gap.channel) == (FaultKind.GAP, 1.5, 3, "book.*")
    assert [(one.venue, one.seconds, one.times) for one in stalls] == [
        ("deribit", 0.5, 2),
        ("binance", 0.5, 2),
    ]


@pytest.mark.parametrize("kind", list(FaultKind))
def test_each_kind_can_be_written_alone(kind: FaultKind) -> None:
    venues = {fault.venue for fault in parse_faults({"kind": kind.value})}
    assert venues == ({"binance"} if kind is FaultKind.BAN else {"deribit", "binance"})
    assert kind in FIELDS


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"kind": "gapp"}, ["fault.kind", "'gapp'", "gap, lost"]),
        ({}, ["fault.kind", "None"]),
        ({"kind": "gap", "seconds": 3}, ["fault.seconds = 3", "gap takes", "channel"]),
        ({"kind": "ban", "venue": "deribit"}, ["fault.venue", "'deribit'", "ban is of binance"]),
        ({"kind": "gap", "venue": "okx"}, ["fault.venue", "'okx'", "deribit, binance"]),
        ({"kind": "gap", "count": 0}, ["fault.count = 0", "1 to"]),
        ({"kind": "gap", "count": True}, ["fault.count = True"]),
        ({"kind": "gap", "count": 1.5}, ["fault.count = 1.5", "whole"]),
        ({"kind": "gap", "at_s": -1}, ["fault.at_s = -1", "from 0"]),
        ({"kind": "gap", "at_s": float("nan")}, ["fault.at_s = nan"]),
        ({"kind": "gap", "at_s": 10**400}, ["fault.at_s", "from 0"]),
        ({"kind": "gap", "at_s": "5"}, ["fault.at_s = '5'"]),
        ({"kind": "stall", "seconds": 0}, ["fault.seconds", "positive"]),
        ({"kind": "gap", "times": 2}, ["fault.every_s", "times is above 1"]),
        ({"kind": "gap", "channel": ""}, ["fault.channel = ''", "pattern"]),
        ({"kind": "gap", "connection": "1"}, ["fault.connection = '1'"]),
        ({"kind": "bad-bytes", "payload_hex": "zz"}, ["fault.payload_hex", "hex"]),
        ({"kind": "bad-bytes", "payload": "a", "payload_hex": "00"}, ["payload_hex", "not beside"]),
        ({"faults": [{"kind": "gap"}, {"kind": "x"}]}, ["faults[2].kind = 'x'"]),
        ({"faults": [3]}, ["faults[1] = 3", "table"]),
        ({"faults": {}}, ["faults", "list"]),
        ({"faults": [{}] * (FAULTS_MAX + 1)}, ["at most"]),
        ({"faults": [], "speed": 2}, ["speed = 2", "only faults"]),
        ([], ["faults = []"]),
        (None, ["faults = None"]),
    ],
)
def test_mistake_is_told_by_field_value_and_rule(row: object, words: list[str]) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_faults(row)
    for word in words:
        assert word in str(refused.value)


@pytest.mark.parametrize(
    ("name", "content", "word"),
    [
        ("a.toml", b"[[faults", "TOML"),
        ("a.json", b"{", "JSON"),
        ("a.json", b"[" * 100_000, "JSON"),
        ("a.toml", b"\xff\xfe", "TOML"),
        ("a.toml", b'[[faults]]\nkind = "x"', "faults[1].kind"),
        ("a.toml", b"#" * (SCRIPT_BYTES_MAX + 1), "bytes"),
    ],
)
def test_file_that_is_no_script_is_refused(
    tmp_path: Path, name: str, content: bytes, word: str
) -> None:
    path = tmp_path / name
    path.write_bytes(content)
    with pytest.raises(ConfigError) as refused:
        read_fault_script(path)
    assert word in str(refused.value)
    assert str(path) in str(refused.value)


def test_absent_file_and_folder_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path / "none.toml", tmp_path):
        with pytest.raises(ConfigError, match="can not be read"):
            read_fault_script(path)


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=9),
        lambda inner: (
            st.lists(inner, max_size=3)
            | st.dictionaries(
                st.sampled_from(["faults", "kind", "venue", "at_s", "count", "payload"]), inner
            )
        ),
        max_leaves=10,
    )
)
def test_any_content_is_faults_or_a_refusal(content: object) -> None:
    try:
        faults = parse_faults(content)
    except InvalidInput:
        return
    assert all(isinstance(fault, Fault) for fault in faults)


def test_plan_is_first_come_first_served_by_name_and_connection() -> None:
    plan: Plan[Fate] = Plan()
    plan.add(Fate.LOST, 2, pattern="book.*")
    plan.add(Fate.TWICE, connection=7)
    plan.add(Fate.LATE)
    assert plan.take("BOOK.A", 1) is Fate.LOST
    assert plan.take("ticker.A", 7) is Fate.TWICE
    assert plan.take("ticker.A", 7) is Fate.LATE
    assert plan.take("ticker.A", 7) is None
    assert plan.take("book.B", 7) is Fate.LOST
    assert plan.take("book.B", 7) is None


def test_plan_is_bounded() -> None:
    plan: Plan[Fate] = Plan()
    plan.add(Fate.LOST, PLANNED_MAX)
    with pytest.raises(InvalidInput, match="planned"):
        plan.add(Fate.LOST)
    assert plan.take() is Fate.LOST
    plan.add(Fate.LOST)


def test_readme_tells_of_every_kind_and_its_script_is_good() -> None:
    text = (Path(__file__).parents[4] / "README.md").read_text(encoding="utf-8")
    blocks = [block for block in text.split("```toml\n")[1:] if block.startswith("[[faults]]")]
    (block,) = blocks
    faults = parse_faults(tomllib.loads(block.split("```")[0]))
    assert [(one.kind.value, one.venue) for one in faults] == [
        ("gap", "deribit"),
        ("maintenance", "deribit"),
        ("maintenance", "binance"),
    ]
    rows = [line for line in text.splitlines() if line.startswith("| `")]
    for kind, fields in FIELDS.items():
        (row,) = [row for row in rows if f"`{kind.value}`" in row.split("|")[1]]
        assert all(f"`{field}`" in row.split("|")[3] for field in fields)


async def test_script_happens_at_its_moments(btc: Sample) -> None:
    script = parse_faults(
        {
            "faults": [
                {"kind": "rate-limit", "venue": "binance", "count": 1},
                {"kind": "restart", "venue": "deribit", "at_s": 3600},
                {"kind": "restart", "at_s": 0.2, "times": 2, "every_s": 0.1, "venue": "binance"},
            ]
        }
    )
    async with running(btc, script) as rig:
        listed = await rig.listed("deribit")
        assert [one["kind"] for one in listed["done"]] == ["rate-limit"]
        async with rig.session.get(f"{rig.binance.rest_url}/eapi/v1/ping") as response:
            assert response.status == 429
        async with asyncio.timeout(5):
            while len(listed["done"]) < 3:
                listed = await rig.listed("binance")
        moments = [one["done_s"] for one in listed["done"][1:]]
        assert 0.2 <= moments[0] <= moments[1] - 0.05
        (later,) = listed["waiting"]
        assert (later["kind"], later["venue"]) == ("restart", "deribit")
        assert 3590 < later["in_s"] < 3600


async def test_control_endpoint_refuses_what_a_script_may_not_say(rig: Rig) -> None:
    status, body = await rig.ask("deribit", {"kind": "ban"})
    assert (status, "ban is of binance" in body["error"]) == (400, True)
    url = f"{rig.binance.rest_url}/simulator/faults"
    for content in (b"{", b"\xff", b"[" * 10_000, b""):
        async with rig.session.post(url, data=content) as response:
            assert response.status == 400
            assert "JSON" in (await response.json())["error"]
    rows = [{"kind": "restart", "at_s": 60}] * FAULTS_MAX
    for _ in range(WAITING_MAX // FAULTS_MAX):
        status, _ = await rig.ask("deribit", {"faults": rows})
        assert status == 200
    status, body = await rig.ask("deribit", {"kind": "restart"})
    assert (status, "waiting" in body["error"]) == (400, True)


async def test_one_endpoint_reaches_the_other_venue_by_name(rig: Rig) -> None:
    status, _ = await rig.ask("deribit", {"kind": "rate-limit", "venue": "binance"})
    assert status == 200
    async with rig.session.get(f"{rig.binance.rest_url}/eapi/v1/ping") as response:
        assert response.status == 429
