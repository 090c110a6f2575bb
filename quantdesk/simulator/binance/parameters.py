"""Request parameters: text of query string and body to typed values, or the venue's error.

Pure. Raises `RequestRefused` only.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import unquote_plus

import msgspec

from quantdesk.simulator.binance.refusals import RequestRefused, invalid, missing, refuse

PARAMETERS_MAX = 64
INTEGER_MAX = 2**63 - 1

_INTEGER = re.compile(r"[0-9]{1,19}\Z")
_DECIMAL = re.compile(r"[0-9]{1,20}(\.[0-9]{1,20})?\Z")
_SYMBOL = re.compile(r"[A-Z0-9]{1,20}(-[0-9A-Z.]{1,20}){0,3}\Z")
_CLIENT_ID = re.compile(r"[.A-Za-z0-9:/_-]{1,36}\Z")


def parse_form(text: str) -> dict[str, str]:
    """Names to values of `a=1&b=2`; of a name that comes twice the first counts."""
    found: dict[str, str] = {}
    for part in text.split("&"):
        name, _, value = part.partition("=")
        if name:
            found.setdefault(unquote_plus(name), unquote_plus(value))
        if len(found) > PARAMETERS_MAX:
            raise refuse(-1101, "Too many parameters; expected fewer.")
    return found


class Parameters:
    """Values of one request by name."""

    def __init__(self, values: Mapping[str, str]) -> None:
        self._values = values

    def has(self, name: str) -> bool:
        """Whether it was sent, and not empty."""
        return bool(self._values.get(name))

    def text(self, name: str) -> str:
        """A mandatory text."""
        value = self._values.get(name, "")
        if not value:
            raise missing(name)
        return value

    def symbol(self, name: str = "symbol") -> str:
        """A mandatory symbol; whether it is listed is for the caller to say."""
        value = self.text(name)
        if not _SYMBOL.match(value):
            raise refuse(-1121, "Invalid symbol.")
        return value

    def integer(self, name: str, default: int | None = None) -> int | None:
        """A whole number from 0 up."""
        if not self.has(name):
            return default
        value = self._values[name]
        if not _INTEGER.match(value) or int(value) > INTEGER_MAX:
            raise refuse(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^[0-9]{1,19}$'.",
            )
        return int(value)

    def limit(self, default: int, most: int) -> int:
        """`limit`: at least 1, at most `most`, or `default`."""
        value = self.integer("limit", default)
        if value is None or not 1 <= value <= most:
            raise refuse(-6008, "Parameter 'limit' is invalid.")
        return value

    def span(self, now_ms: int) -> tuple[int, int]:
        """startTime and endTime, ms, whole history up to now by default."""
        start = self.integer("startTime", 0)
        end = self.integer("endTime", now_ms)
        if start is None or end is None or start > end:
            raise refuse(-6031, "Start time is greater than end time.")
        return start, end

    def decimal(self, name: str) -> Decimal | None:
        """A decimal number from 0 up, exact; None where it was not sent."""
        if not self.has(name):
            return None
        value = self._values[name]
        if not _DECIMAL.match(value):
            raise refuse(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^([0-9]{1,20})(\\.[0-9]{1,20})?$'.",
            )
        return Decimal(value)

    def boolean(self, name: str) -> bool:
        """`true` or `false` in any case, false where it was not sent."""
        value = self._values.get(name, "").lower() or "false"
        if value not in ("true", "false"):
            raise invalid(name)
        return value == "true"

    def choice(self, name: str, allowed: Mapping[str, Any], error: RequestRefused) -> Any:
        """What a mandatory word of `allowed` stands for; raises `error` for another word."""
        word = self.text(name)
        if word not in allowed:
            raise error
        return allowed[word]

    def client_id(self, name: str = "clientOrderId") -> str:
        """A client's own order id, "" where it was not sent."""
        value = self._values.get(name, "")
        if value and not _CLIENT_ID.match(value):
            raise refuse(
                -1100,
                f"Illegal characters found in parameter '{name}'; "
                "legal range is '^[\\.A-Z\\:/a-z0-9_-]{1,36}$'.",
            )
        return value

    def json_list(self, name: str) -> list[Any]:
        """A mandatory JSON list."""
        try:
            value = msgspec.json.decode(self.text(name).encode())
        except (msgspec.DecodeError, RecursionError) as error:
            raise invalid(name) from error
        if not isinstance(value, list) or not value:
            raise invalid(name)
        return value


def as_parameters(record: Any) -> Parameters:
    """One order of a batch as if each field had been a parameter of its own request."""
    if not isinstance(record, dict) or len(record) > PARAMETERS_MAX:
        raise invalid("orders")
    values: dict[str, str] = {}
    for name, value in record.items():
        if isinstance(value, bool):
            values[name] = "true" if value else "false"
        elif isinstance(value, int | float | str):
            values[name] = _number_text(value) if isinstance(value, float) else str(value)
        elif value is not None:
            raise invalid("orders")
    return Parameters(values)


def _number_text(value: float) -> str:
    """A JSON number as a client wrote it: shortest decimal form, without an exponent."""
    return f"{Decimal(repr(value)).normalize():f}"
