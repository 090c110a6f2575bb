"""A decimal context of our own: the process's may be changed by anyone, money may not."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Context, localcontext
from functools import wraps
from typing import ParamSpec, TypeVar

EXACT = Context(prec=60)
"""Digits enough that no product of a price, an amount and a size is ever rounded by accident."""

_P = ParamSpec("_P")
_R = TypeVar("_R")


def exactly(function: Callable[_P, _R]) -> Callable[_P, _R]:
    """`function`, run in `EXACT` whatever the process has set."""

    @wraps(function)
    def in_context(*args: _P.args, **kwargs: _P.kwargs) -> _R:
        with localcontext(EXACT):
            return function(*args, **kwargs)

    return in_context
