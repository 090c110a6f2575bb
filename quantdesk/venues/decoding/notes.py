"""Events that say what in a frame was not understood, for every venue alike."""

from __future__ import annotations

from collections import Counter

from quantdesk.domain.events import FrameSetAside, RawFrame
from quantdesk.venues.decoding.ranges import safe_text

SAMPLE_LENGTH = 200
DETAIL_LENGTH = 200


def set_aside(frame: RawFrame, kind: str, detail: str, *, is_refused: bool = True) -> FrameSetAside:
    """What in `frame` was not understood, with a bounded, printable sample.

    kind : name of the counter
    is_refused : false where the rest of the frame was believed
    """
    return FrameSetAside(
        venue=frame.venue,
        recv_ns=frame.recv_ns,
        kind=kind,
        detail=safe_text(detail, DETAIL_LENGTH),
        sample=safe_text(frame.payload[:SAMPLE_LENGTH].decode("latin-1"), SAMPLE_LENGTH),
        is_refused=is_refused,
    )


class LeftOut:
    """Records of one frame that were left out, by reason, with the first of each told."""

    def __init__(self) -> None:
        self._count: Counter[str] = Counter()
        self._first: dict[str, str] = {}

    def note(self, kind: str, detail: str) -> None:
        """One more for `kind`."""
        self._count[kind] += 1
        self._first.setdefault(kind, detail)

    def events(self, frame: RawFrame) -> tuple[FrameSetAside, ...]:
        """One event a kind, in their order."""
        return tuple(
            set_aside(
                frame,
                kind,
                f"{self._first[kind]} ({count} records left out)",
                is_refused=False,
            )
            for kind, count in sorted(self._count.items())
        )
