"""A runner that runs here: no workers, nothing pickled."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from quantdesk.domain.ports import Item, Result, Shared


class InlineRunner:
    """Calls the function for each item, one after the other."""

    def map(
        self,
        function: Callable[[Shared, Item], Result],
        items: Sequence[Item],
        *,
        shared: Shared,
    ) -> Iterator[Result]:
        """`function(shared, item)` of each item, in the items' order."""
        return (function(shared, item) for item in items)
