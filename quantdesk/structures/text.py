"""The text forms of a plan: one line, and TOML. Both round-trip.

One line, legs apart by commas, words of a leg by blanks::

    -1 C 20d 27MAR26, +1 C +5000, -1 P 20d, +1 P -5000
    +0.5 BTC-27MAR26-70000-C @ 0.0125, -0.5 PERP

A leg is a signed quantity; C or P with a strike anchor, FUT, PERP, SPOT, or an instrument's name;
an expiry (left out: that of the leg before); and a limit price after "@". An optional head
"<venue> <underlying> <name>:" says where, on what and what it is called.
"""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation

from quantdesk.errors import InvalidInput
from quantdesk.structures.anchors import parse_anchor, plain
from quantdesk.structures.plan import VENUES, LegKind, LegPlan, StructurePlan

SCHEMA = 1
"""Version of the TOML form; an older one must still be read, a newer one is refused."""

LEG_WORDS = (
    "quantity, then C or P and a strike, FUT, PERP, SPOT or an instrument name, then an expiry "
    "(-1 C 20d 27MAR26), and a limit after @"
)

_QUANTITY = re.compile(r"[+-]?\d{1,12}(?:\.\d{1,10})?")
_HEAD = re.compile(r"[A-Za-z0-9 _/.%-]*")
_NAME = re.compile(r"[A-Z0-9_]+-[A-Za-z0-9_.-]+")


def parse_line(text: str) -> StructurePlan:
    """The plan that one line writes. Raises InvalidInput naming the leg and what is allowed."""
    head, separator, body = text.rpartition(":")
    if not separator:
        head, body = "", text
    words = [part.strip() for part in body.split(",")]
    if words and words[-1] == "":
        words.pop()
    legs = tuple(_parse_leg(number, word) for number, word in enumerate(words, start=1))
    venue, underlying, name = _parse_head(head)
    return StructurePlan(legs=legs, name=name, venue=venue, underlying=underlying)


def format_line(plan: StructurePlan) -> str:
    """One line that `parse_line` reads back to the same plan."""
    legs = ", ".join(_format_leg(leg) for leg in plan.legs)
    head = " ".join(word for word in (plan.venue, plan.underlying, plan.name) if word)
    return f"{head}: {legs}" if head else legs


def _parse_head(head: str) -> tuple[str, str, str]:
    if not _HEAD.fullmatch(head):
        raise InvalidInput("head", head, "must be words: venue, underlying, name")
    words = head.split()
    venue = underlying = ""
    if words and words[0].lower() in VENUES:
        venue = words.pop(0).lower()
    if words and re.fullmatch(r"[A-Z][A-Z0-9]{1,9}", words[0]):
        underlying = words.pop(0)
    return venue, underlying, " ".join(words)


def _parse_leg(number: int, text: str) -> LegPlan:
    where = f"of leg {number}"
    body, separator, limit = text.partition("@")
    words = body.split()
    if len(words) < 2 or not _QUANTITY.fullmatch(words[0]):
        raise InvalidInput("leg", text, f"{where} must be {LEG_WORDS}")
    price = _decimal("price", limit.strip(), where) if separator else None
    quantity, what, rest = Decimal(words[0]), words[1], words[2:]
    kind, strike, name = LegKind.NAMED, None, ""
    if what.upper() in ("C", "P", "CALL", "PUT"):
        kind = LegKind(what[0].upper())
        if not rest:
            raise InvalidInput("leg", text, f"{where} needs a strike: {LEG_WORDS}")
        strike = parse_anchor(rest.pop(0))
    elif what.upper() in ("FUT", "PERP", "SPOT"):
        kind = LegKind(what.upper())
        if rest and rest[0] == "+0":
            strike = parse_anchor(rest.pop(0))
    elif _NAME.fullmatch(what):
        name = what
    else:
        raise InvalidInput("leg", text, f"{where} must be {LEG_WORDS}")
    if len(rest) > 1 or (rest and kind in (LegKind.PERPETUAL, LegKind.SPOT, LegKind.NAMED)):
        raise InvalidInput("leg", text, f"{where} has words too many: {LEG_WORDS}")
    return LegPlan(
        quantity=quantity,
        kind=kind,
        strike=strike,
        expiry=rest[0] if rest else "",
        name=name,
        price=price,
    )


def _format_leg(leg: LegPlan) -> str:
    words = [f"{plain(leg.quantity):+f}", leg.name or leg.kind.value]
    if leg.strike is not None:
        words.append(str(leg.strike))
    if leg.expiry:
        words.append(leg.expiry)
    if leg.price is not None:
        words.append(f"@ {plain(leg.price):f}")
    return " ".join(words)


def _decimal(field: str, text: object, where: str) -> Decimal:
    try:
        number = Decimal(str(text))
    except InvalidOperation:
        raise InvalidInput(field, text, f"{where} must be a number") from None
    if not number.is_finite():
        raise InvalidInput(field, text, f"{where} must be finite")
    return number


def format_toml(plan: StructurePlan) -> str:
    """A TOML document that `parse_toml` reads back to the same plan."""
    lines = [f"schema = {SCHEMA}"]
    heads = (("name", plan.name), ("venue", plan.venue), ("underlying", plan.underlying))
    lines += [f'{field} = "{value}"' for field, value in heads if value]
    for leg in plan.legs:
        lines += ["", "[[leg]]", f'quantity = "{plain(leg.quantity):f}"']
        if leg.name:
            lines.append(f'name = "{leg.name}"')
        else:
            lines.append(f'kind = "{_KIND_WORDS[leg.kind]}"')
        if leg.strike is not None:
            lines.append(f'strike = "{leg.strike}"')
        if leg.expiry:
            lines.append(f'expiry = "{leg.expiry}"')
        if leg.price is not None:
            lines.append(f'price = "{plain(leg.price):f}"')
    return "\n".join(lines) + "\n"


_KIND_WORDS = {
    LegKind.CALL: "call",
    LegKind.PUT: "put",
    LegKind.FUTURE: "future",
    LegKind.PERPETUAL: "perpetual",
    LegKind.SPOT: "spot",
}

_LEG_FIELDS = ("quantity", "side", "ratio", "kind", "name", "strike", "expiry", "price")
_PLAN_FIELDS = ("schema", "name", "venue", "underlying", "leg")


def parse_toml(text: str) -> StructurePlan:
    """The plan of a TOML document. Raises InvalidInput naming the field and what is allowed.

    A leg has `quantity` (signed), or `side` ("buy" or "sell") and `ratio` as in other tools.
    """
    try:
        document = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise InvalidInput("structure file", str(error), "must be TOML") from None
    _require_known("field", document, _PLAN_FIELDS, "of a structure")
    schema = document.get("schema", SCHEMA)
    if schema != SCHEMA:
        raise InvalidInput("schema", schema, f"must be {SCHEMA}, the version this desk reads")
    legs = document.get("leg", [])
    if not isinstance(legs, list) or not all(isinstance(leg, dict) for leg in legs):
        raise InvalidInput("leg", legs, "must be tables written [[leg]]")
    return StructurePlan(
        legs=tuple(_toml_leg(number, leg) for number, leg in enumerate(legs, start=1)),
        name=_word(document, "name", "of a structure"),
        venue=_word(document, "venue", "of a structure"),
        underlying=_word(document, "underlying", "of a structure"),
    )


def _toml_leg(number: int, leg: Mapping[str, object]) -> LegPlan:
    where = f"of leg {number}"
    _require_known("field", leg, _LEG_FIELDS, where)
    name = _word(leg, "name", where)
    if name and not _NAME.fullmatch(name):
        raise InvalidInput("name", name, f"{where} must be an instrument name: BTC-27MAR26-70000-C")
    kinds = {word: kind for kind, word in _KIND_WORDS.items()}
    kind = LegKind.NAMED if name else kinds.get(str(leg.get("kind", "")).lower())
    if kind is None or (name and "kind" in leg):
        rule = f"{where} must be {', '.join(kinds)}, or `name` given in its place"
        raise InvalidInput("kind", leg.get("kind"), rule)
    strike = leg.get("strike")
    if kind.is_option and strike is None:
        raise InvalidInput("strike", None, f"{where} must be given")
    price = leg.get("price")
    return LegPlan(
        quantity=_toml_quantity(leg, where),
        kind=kind,
        strike=None if strike is None else parse_anchor(str(strike)),
        expiry=str(leg.get("expiry", "")),
        name=name,
        price=None if price is None else _decimal("price", price, where),
    )


def _toml_quantity(leg: Mapping[str, object], where: str) -> Decimal:
    if "quantity" in leg:
        if "side" in leg or "ratio" in leg:
            raise InvalidInput("quantity", leg["quantity"], f"{where}: or side and ratio, not both")
        return _decimal("quantity", leg["quantity"], where)
    side = leg.get("side")
    if side not in ("buy", "sell"):
        raise InvalidInput("side", side, f"{where} must be buy or sell")
    ratio = _decimal("ratio", leg.get("ratio", 1), where)
    if ratio <= 0:
        raise InvalidInput("ratio", str(ratio), f"{where} must be above 0")
    return ratio if side == "buy" else -ratio


def _word(table: Mapping[str, object], field: str, where: str) -> str:
    value = table.get(field, "")
    if not isinstance(value, str):
        raise InvalidInput(field, value, f"{where} must be text")
    return value


def _require_known(
    field: str, table: Mapping[str, object], known: tuple[str, ...], where: str
) -> None:
    for key in table:
        if key not in known:
            raise InvalidInput(field, key, f"{where} must be one of {', '.join(known)}")


def parse_plan(text: str) -> StructurePlan:
    """A plan from either form: TOML has an "=", a line has none."""
    return parse_toml(text) if "=" in text else parse_line(text)
