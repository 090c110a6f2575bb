"""Scripts of faults: TOML or JSON that says what is to go wrong and when.

    [[faults]]
    kind = "gap"              # one of FaultKind's words
    venue = "deribit"         # absent: every venue that knows the kind
    at_s = 5.0                # seconds after the simulator is ready
    channel = "book.BTC-*"    # and what else the kind takes: see FIELDS

JSON has the same keys: `{"faults": [{"kind": "gap", …}]}`. Unknown keys, keys that mean nothing to
a kind and values out of range are refused by name.
"""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path

from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.simulator.faults import (
    BAD_BYTES_DEFAULT,
    PLANNED_MAX,
    VENUES,
    Fault,
    FaultKind,
)

SCRIPT_BYTES_MAX = 1024 * 1024
FAULTS_MAX = 1_000
AT_S_MAX = SECONDS_MAX = 7 * 86_400
EVERY_S_MIN = 0.01
PAYLOAD_MAX = 65_536
_TEXT_MAX = 200

_ALWAYS = ("kind", "venue", "at_s", "times", "every_s")
_MESSAGES = ("count", "channel", "connection")
FIELDS: dict[FaultKind, tuple[str, ...]] = {
    FaultKind.GAP: _MESSAGES,
    FaultKind.LOST: _MESSAGES,
    FaultKind.DUPLICATE: _MESSAGES,
    FaultKind.LATE: _MESSAGES,
    FaultKind.LOST_ACK: ("count", "request"),
    FaultKind.DISCONNECT: ("connection",),
    FaultKind.STALL: ("seconds", "connection"),
    FaultKind.RATE_LIMIT: ("count", "seconds", "request"),
    FaultKind.BAN: ("seconds",),
    FaultKind.MAINTENANCE: ("seconds",),
    FaultKind.TOKEN_EXPIRY: (),
    FaultKind.BAD_BYTES: ("payload", "payload_hex", "connection"),
    FaultKind.RESTART: (),
}
"""What each kind takes besides kind, venue, at_s, times and every_s."""

SECONDS_DEFAULT = {
    FaultKind.STALL: 5.0,
    FaultKind.RATE_LIMIT: 1.0,
    FaultKind.BAN: 120.0,
    FaultKind.MAINTENANCE: 5.0,
}
BOOKS = {"deribit": "book.*", "binance": "*@depth*"}
"""What a gap befalls where no channel is named: losing other messages leaves no gap."""

VENUES_OF: dict[FaultKind, tuple[str, ...]] = {FaultKind.BAN: ("binance",)}
"""Kinds that not every venue knows: Deribit refuses (rate-limit) and never bans an address."""


def read_fault_script(path: Path) -> tuple[Fault, ...]:
    """The faults of a script file. Raises ConfigError naming file, field, value and rule."""
    try:
        with path.open("rb") as file:
            content = file.read(SCRIPT_BYTES_MAX + 1)
    except OSError as error:
        raise ConfigError(f"--faults {path}: can not be read: {error.strerror or error}") from error
    if len(content) > SCRIPT_BYTES_MAX:
        raise ConfigError(f"--faults {path}: must be at most {SCRIPT_BYTES_MAX} bytes")
    try:
        text = content.decode()
        document = json.loads(text) if path.suffix.lower() == ".json" else tomllib.loads(text)
    except (ValueError, RecursionError) as error:
        raise ConfigError(
            f"--faults {path}: must be TOML, or JSON in a file named .json: {error}"
        ) from error
    try:
        return parse_faults(document)
    except InvalidInput as error:
        raise ConfigError(f"--faults {path}: {error}") from error


def parse_faults(document: object, *, venue: str | None = None) -> tuple[Fault, ...]:
    """The faults of a script's content: a table with `faults`, or one fault alone.

    venue : meant where a fault names none; None means every venue that knows its kind
    Raises InvalidInput naming the field, the value and what is allowed.
    """
    if not isinstance(document, Mapping):
        raise InvalidInput("faults", _short(document), "must be a table with faults, or one fault")
    if "faults" not in document:
        return _faults_of(document, "fault", venue)
    strange = sorted(set(document) - {"faults"})
    if strange:
        raise InvalidInput(str(strange[0]), _short(document[strange[0]]), "only faults is allowed")
    rows = document["faults"]
    if not isinstance(rows, list) or len(rows) > FAULTS_MAX:
        raise InvalidInput("faults", _short(rows), f"must be a list of at most {FAULTS_MAX}")
    faults: list[Fault] = []
    for number, row in enumerate(rows, start=1):
        name = f"faults[{number}]"
        if not isinstance(row, Mapping):
            raise InvalidInput(name, _short(row), "must be a table with a kind")
        faults.extend(_faults_of(row, name, venue))
    return tuple(faults)


def _faults_of(row: Mapping[str, object], name: str, venue: str | None) -> tuple[Fault, ...]:
    """One row as a fault of each venue it is meant for."""
    kind = _kind(row, name)
    allowed = (*_ALWAYS, *FIELDS[kind])
    for key in row:
        if key not in allowed:
            raise InvalidInput(
                f"{name}.{key}", _short(row[key]), f"{kind.value} takes {', '.join(allowed)}"
            )
    known = VENUES_OF.get(kind, VENUES)
    meant = row.get("venue", venue)
    if meant is not None and meant not in known:
        raise InvalidInput(f"{name}.venue", _short(meant), f"{kind.value} is of {', '.join(known)}")
    times = _whole(row, name, "times", 1)
    every_s = _number(row, name, "every_s", 0.0, SECONDS_MAX)
    if times > 1 and every_s < EVERY_S_MIN:
        rule = f"must be at least {EVERY_S_MIN} where times is above 1"
        raise InvalidInput(f"{name}.every_s", every_s, rule)
    payload, is_text = _payload(row, name)
    return tuple(
        Fault(
            kind=kind,
            venue=each,
            at_s=_number(row, name, "at_s", 0.0, AT_S_MAX),
            count=_whole(row, name, "count", 1),
            seconds=_seconds(row, name, kind),
            channel=_text(row, name, "channel", BOOKS[each] if kind is FaultKind.GAP else "*"),
            connection=_whole(row, name, "connection", 0) or None,
            request=_text(row, name, "request", "*"),
            payload=payload,
            is_text=is_text,
            times=times,
            every_s=every_s,
        )
        for each in (known if meant is None else (str(meant),))
    )


def _kind(row: Mapping[str, object], name: str) -> FaultKind:
    words = {kind.value: kind for kind in FaultKind}
    word = row.get("kind")
    kind = words.get(word) if isinstance(word, str) else None
    if kind is None:
        raise InvalidInput(f"{name}.kind", _short(word), f"must be one of {', '.join(words)}")
    return kind


def _seconds(row: Mapping[str, object], name: str, kind: FaultKind) -> float:
    seconds = _number(row, name, "seconds", SECONDS_DEFAULT.get(kind, 0.0), SECONDS_MAX)
    if "seconds" in row and not seconds:
        raise InvalidInput(f"{name}.seconds", seconds, "must be positive")
    return seconds


def _number(
    row: Mapping[str, object], name: str, key: str, default: float, highest: float
) -> float:
    value = row.get(key, default)
    # NaN is in no range.
    if isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value <= highest:
        return float(value)
    rule = f"must be a number of seconds from 0 to {highest:g}"
    raise InvalidInput(f"{name}.{key}", _short(value), rule)


def _whole(row: Mapping[str, object], name: str, key: str, default: int) -> int:
    if key not in row:
        return default
    value = row[key]
    if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= PLANNED_MAX:
        rule = f"must be a whole number from 1 to {PLANNED_MAX}"
        raise InvalidInput(f"{name}.{key}", _short(value), rule)
    return value


def _text(row: Mapping[str, object], name: str, key: str, default: str) -> str:
    value = row.get(key, default)
    if not isinstance(value, str) or not 0 < len(value) <= _TEXT_MAX:
        rule = f"must be a pattern of 1 to {_TEXT_MAX} characters"
        raise InvalidInput(f"{name}.{key}", _short(value), rule)
    return value


def _payload(row: Mapping[str, object], name: str) -> tuple[bytes, bool]:
    """The bytes to send, and whether as a text frame."""
    if "payload" in row and "payload_hex" in row:
        raise InvalidInput(f"{name}.payload_hex", _short(row["payload_hex"]), "not beside payload")
    key = "payload_hex" if "payload_hex" in row else "payload"
    if key not in row:
        return BAD_BYTES_DEFAULT, False
    value = row[key]
    if isinstance(value, str) and len(value) <= PAYLOAD_MAX:
        if key == "payload":
            return value.encode("utf-8", "surrogatepass"), True
        try:
            return bytes.fromhex(value), False
        except ValueError:
            pass
    rule = f"must be {'hex digits' if key == 'payload_hex' else 'text'} of at most {PAYLOAD_MAX}"
    raise InvalidInput(f"{name}.{key}", _short(value), rule)


def _short(value: object) -> object:
    """The value as it goes into a message: of bounded length."""
    text = repr(value)
    return value if len(text) <= _TEXT_MAX else f"{text[:_TEXT_MAX]}…"
