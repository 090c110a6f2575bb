"""The thorough second look at a message: what a fast typed decoder lets through.

A typed decoder keeps the last of duplicate keys, passes over fields it does not know, and takes
text for a Decimal. None of these can happen without quotation marks that the decoded value does
not account for: `quotes_of` counts what a value needs, and only where the bytes hold more is the
whole text read again here. So each frame is judged by its own bytes alone, and the normal frame
pays for one count.
"""

from __future__ import annotations

import json
import math
import types
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Never, TypeAlias, Union, get_args, get_origin, get_type_hints

import msgspec
from msgspec import Struct, UnsetType

from quantdesk.domain.secret import Secret
from quantdesk.errors import ProtocolError

Json: TypeAlias = dict[str, "Json"] | list["Json"] | str | int | float | bool | None

UNKNOWN_NAMED_MAX = 8
"""Unknown fields that are named; a frame of nothing else still makes one short sentence."""


def quotes_of(value: Struct) -> int:
    """Quotation marks that a decoded struct needs in JSON: two for each key and each text.

    The bytes of an object hold at least as many. They hold exactly as many where each key is known
    and stands once, no number is text and no mark is escaped. Raw parts count nothing.
    """
    parts = msgspec.structs.astuple(value)
    kinds = list(map(type, parts))
    count = 2 * (len(kinds) - kinds.count(UnsetType) + kinds.count(str))
    for place in _inner_places(type(value)):
        count += _quotes_in(parts[place])
    return count


def _quotes_in(part: object) -> int:
    """As `quotes_of` for a struct, or a list of structs, texts or lists."""
    if isinstance(part, Struct):
        return quotes_of(part)
    if not isinstance(part, list):
        return 0
    return sum(2 if isinstance(item, str) else _quotes_in(item) for item in part)


def audit(
    payload: bytes,
    kind: type[Struct],
    *,
    at: tuple[str, ...] = (),
    inner: type[Struct] | None = None,
) -> tuple[str, ...]:
    """Paths of fields in `payload` that `kind` does not know, sorted, at most 8 of them.

    `inner` is what the value at the path `at` is, which `kind` leaves open.
    Raises ProtocolError: "not_json", "duplicate_field", "out_of_range" for a number that is not
    finite in float, "bad_text" for half a surrogate pair, "bad_field" for a number sent as text.
    """
    tree = parse_strictly(payload)
    unknown: set[str] = set()
    _compare(tree, kind, "", unknown)
    if inner is not None:
        for name in at:
            tree = tree.get(name) if isinstance(tree, dict) else None
        _compare(tree, inner, ".".join(at), unknown)
    return tuple(sorted(unknown)[:UNKNOWN_NAMED_MAX])


def parse_strictly(payload: bytes) -> Json:
    """The JSON value of `payload`, with repeated keys, NaN and infinities refused.

    Raises ProtocolError as `audit` does.
    """
    try:
        value: Json = json.loads(
            payload.decode("utf-8"),
            object_pairs_hook=_unique_pairs,
            parse_constant=_refuse_constant,
            parse_float=_finite_float,
        )
    except UnicodeDecodeError as error:
        raise ProtocolError("not_utf8", str(error)) from error
    except RecursionError as error:
        raise ProtocolError("too_deep", "nested beyond what is read") from error
    except ValueError as error:
        raise ProtocolError("not_json", str(error)) from error
    return value


def _unique_pairs(pairs: list[tuple[str, Json]]) -> dict[str, Json]:
    made = dict(pairs)
    if len(made) != len(pairs):
        twice, _ = Counter(name for name, _ in pairs).most_common(1)[0]
        raise ProtocolError("duplicate_field", f"{twice} stands more than once in one object")
    for name, value in pairs:
        for text in (name, value):
            if isinstance(text, str) and not text.isascii():
                _check_text(text)
    return made


def _check_text(text: str) -> None:
    try:
        text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise ProtocolError("bad_text", "half of a surrogate pair") from error


def _refuse_constant(name: str) -> Never:
    raise ProtocolError("not_json", f"{name} is no JSON number")


def _finite_float(token: str) -> float:
    number = float(token)
    if not math.isfinite(number):
        raise ProtocolError("out_of_range", f"{token[:40]} is not finite")
    return number


@dataclass(frozen=True, slots=True)
class _Field:
    """What the audit must know of a field: may it be text, and which struct it holds, if any."""

    may_be_text: bool
    struct: type[Struct] | None


_TEXT_KINDS = {str, msgspec.Raw, Secret}


@cache
def _fields_of(kind: type[Struct]) -> Mapping[str, _Field]:
    hints = get_type_hints(kind)
    return {
        field.encode_name: _Field(
            may_be_text=not _TEXT_KINDS.isdisjoint(_members(hints[field.name])),
            struct=next((t for t in _members(hints[field.name]) if _is_struct(t)), None),
        )
        for field in msgspec.structs.fields(kind)
    }


@cache
def _inner_places(kind: type[Struct]) -> tuple[int, ...]:
    """Where in `kind` further structs stand, or lists of anything."""
    hints = get_type_hints(kind)
    return tuple(
        place
        for place, field in enumerate(msgspec.structs.fields(kind))
        if _holds_inner(hints[field.name])
    )


def _holds_inner(hint: Any) -> bool:
    if get_origin(hint) in (types.UnionType, Union):
        return any(_holds_inner(part) for part in get_args(hint))
    return get_origin(hint) is list or _is_struct(hint)


def _members(hint: Any) -> tuple[Any, ...]:
    """Types that a field may hold; for a list, those of its items."""
    if get_origin(hint) in (types.UnionType, Union, list):
        return tuple(member for part in get_args(hint) for member in _members(part))
    return (hint,)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Struct)


def _compare(value: Json, kind: type[Struct], path: str, unknown: set[str]) -> None:
    """Note the fields of `value` that `kind` does not have; refuse text where it takes none."""
    for item in value if isinstance(value, list) else (value,):
        if not isinstance(item, dict):
            continue
        known = _fields_of(kind)
        for name, part in item.items():
            field = known.get(name)
            where = f"{path}.{name}" if path else name
            if field is None:
                unknown.add(where)
            elif isinstance(part, str) and not field.may_be_text:
                raise ProtocolError("bad_field", f"{where} is text, expected a number")
            elif field.struct is not None:
                _compare(part, field.struct, where, unknown)
