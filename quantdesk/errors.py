"""Every exception quantdesk raises on purpose, drawn as one tree.

QuantDeskError
├── PricingError                 a number the kernel refuses or can not reach
│   ├── InvalidInput             an argument outside its domain; carries field, value, rule
│   ├── OutOfDomain              arguments fine one by one, not together
│   └── NotConverged             a solver stopped short; carries model, iterations, residual
├── VenueError                   the exchange, or the way to it
│   ├── Transient                try again after a pause
│   ├── RateLimited              try again after `retry_after_s`
│   ├── Rejected                 the venue understood and said no; carries code and reason
│   └── ProtocolError            bytes that the protocol does not allow; carries kind and detail
├── StorageError                 a file or database that can not be read or written
│   └── RecordingDamaged         a recording that stops making sense; carries path and offset
├── ChainFileError               a market file whose layout or content is not understood
└── ConfigError                  a setting, argument or environment that is not allowed

Knows nothing else of the project. Refusals and misfits that a user meets in normal work are values,
not exceptions; what is here is a caller's mistake or the world's fault.
"""

from __future__ import annotations

import math
from typing import Any


class QuantDeskError(Exception):
    """Base of all errors raised on purpose. `exit_code` is what the command line ends with.

    It is 3 where nothing else is said: what was asked for is missing. 1 is for checks that failed,
    which are answers and no errors.

    Survives pickling with all its attributes, so that a worker process can raise it.
    """

    exit_code = 3

    def __reduce__(self) -> tuple[Any, ...]:
        return _restored, (type(self), self.args, self.__dict__)


def _restored(
    kind: type[QuantDeskError], arguments: tuple[Any, ...], attributes: dict[str, Any]
) -> QuantDeskError:
    # Not by calling `kind`: a constructor takes fields, and `args` holds the sentence they made.
    error = kind.__new__(kind, *arguments)
    error.__dict__.update(attributes)
    return error


class WorkerLost(QuantDeskError):
    """A worker process that ended before its work did: killed, or out of memory."""


class PricingError(QuantDeskError):
    """A number the kernel refuses or can not reach."""


class InvalidInput(PricingError, ValueError):
    """An argument outside its domain.

    Attributes
    ----------
    field : name of the argument
    value : what came
    rule : what is allowed, as a phrase
    """

    exit_code = 2

    def __init__(self, field: str, value: object, rule: str) -> None:
        super().__init__(f"{field} = {value!r}: {rule}")
        self.field = field
        self.value = value
        self.rule = rule


class OutOfDomain(PricingError, ValueError):
    """Arguments that are fine one by one but have no answer together."""


class NotConverged(PricingError):
    """A solver that stopped before its tolerance; nothing it held is returned.

    residual : what was left; infinite where no step came to anything
    """

    def __init__(self, model: str, iterations: int, residual: float) -> None:
        left = f"residual {residual:.3e}" if math.isfinite(residual) else "no solution"
        super().__init__(f"{model} did not converge: {left} after {iterations} steps")
        self.model = model
        self.iterations = iterations
        self.residual = residual


class VenueError(QuantDeskError):
    """The exchange, or the way to it. `retryable` says whether trying again can help."""

    retryable = False


class Transient(VenueError):
    """A fault that a later attempt may not meet: connection lost, maintenance, a busy engine."""

    retryable = True


class RateLimited(VenueError):
    """The venue asks for a pause of `retry_after_s` seconds (None where it does not say)."""

    retryable = True

    def __init__(self, message: str, retry_after_s: float | None = None) -> None:
        super().__init__(message)
        self.retry_after_s = retry_after_s


class Rejected(VenueError):
    """The venue understood the request and refused it."""

    exit_code = 4

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"venue error {code}: {reason}")
        self.code = code
        self.reason = reason


class ProtocolError(VenueError):
    """Bytes that the protocol does not allow; `kind` is a short word that counters go by."""

    def __init__(self, kind: str, detail: str) -> None:
        super().__init__(f"{kind}: {detail}")
        self.kind = kind
        self.detail = detail


class StorageError(QuantDeskError):
    """A file or database that can not be read or written."""


class RecordingDamaged(StorageError):
    """A recording whose bytes stop making sense at `offset` of `path`."""

    def __init__(self, path: str, offset: int, reason: str) -> None:
        super().__init__(f"{path}: damaged at byte {offset}: {reason}")
        self.path = path
        self.offset = offset
        self.reason = reason


class ChainFileError(QuantDeskError):
    """A market file whose layout or content is not understood."""


class ConfigError(QuantDeskError):
    """A setting, argument or environment that is not allowed; says what is."""

    exit_code = 2
