"""The pace of packages at one question, and its table: times the kernel's."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from quantdesk.app.bench.measure import KERNEL

NotePace = Callable[..., None]
"""`note(rows, package)`: what the benches' fixture of that name gives; `package` is the kernel
where it is left out."""


@dataclass(frozen=True, slots=True)
class Pace:
    """Best nanoseconds a row of one package at one question."""

    question: str
    package: str
    ns: float


def pace_tables(paces: Iterable[Pace]) -> dict[str, list[str]]:
    """Lines by question, in the order they came: package, nanoseconds, times the kernel's."""
    all_paces = list(paces)
    tables: dict[str, list[str]] = {}
    for question in dict.fromkeys(pace.question for pace in all_paces):
        mine = [pace for pace in all_paces if pace.question == question]
        ours = [pace.ns for pace in mine if pace.package == KERNEL]
        tables[question] = [
            f"{pace.package:<44}{pace.ns:>12.2f}" + (f"{pace.ns / ours[0]:>11.2f}×" if ours else "")
            for pace in mine
        ]
    return tables
