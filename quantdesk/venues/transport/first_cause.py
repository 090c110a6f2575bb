"""What ended a connection's tasks: one error out of a task group's."""

from __future__ import annotations

from quantdesk.errors import VenueError


def first_cause(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The first plain exception of nested groups; a bug before a venue's fault."""
    plain = [
        first_cause(error) if isinstance(error, BaseExceptionGroup) else error
        for error in group.exceptions
    ]
    return next((e for e in plain if not isinstance(e, VenueError)), plain[0])
