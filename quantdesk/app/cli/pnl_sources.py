"""Where the two moments of `pnl explain` are: each a time, a file, a recording or a venue."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from quantdesk.app.cli.options import parse_choices
from quantdesk.domain.times import parse_instant
from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.runtime.books import BookSources
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.venues import VenueChoice, parse_venues

DAY = "day"
"""--from day: the opening that a desk kept."""


@dataclass(slots=True, kw_only=True)
class _Moment:
    """What one of --from and --to says, or the options that stand for them."""

    option: str
    at_ns: int | None = None
    files: list[Path] = field(default_factory=list)
    replay: Path | None = None
    venues: list[str] = field(default_factory=list)
    is_day: bool = False

    def add(self, text: str) -> None:
        """Take one word. Raises ConfigError for one that means nothing, or contradicts."""
        path = Path(text)
        if text == DAY and self.option == "--from":
            self.is_day = True
        elif path.is_dir():
            if self.replay is not None:
                raise ConfigError(f"{self.option} {text}: give one recording")
            self.replay = path
        elif path.exists():
            self.files.append(path)
        elif _is_venue(text):
            self.venues.append(text)
        else:
            self._add_time(text)

    def _add_time(self, text: str) -> None:
        try:
            instant_ns = parse_instant(text)
        except InvalidInput:
            raise ConfigError(
                f"{self.option} {text[:80]!r}: is no time like 2026-06-27T09:30:00Z, no market "
                "file or recording that is here, and no venue"
            ) from None
        if self.at_ns is not None:
            raise ConfigError(f"{self.option} {text}: give one time")
        self.at_ns = instant_ns


def _is_venue(text: str) -> bool:
    try:
        return bool(parse_venues([text], ()))
    except ConfigError:
        return False


def pnl_sources(
    settings: Settings,
    *,
    from_: Sequence[str],
    to: Sequence[str] = (),
    market: Sequence[Path] = (),
    to_market: Sequence[Path] = (),
    replay: Path | None = None,
    venue: Sequence[str] = (),
    endpoint: Sequence[str] = (),
    options: tuple[str, str] = ("--from", "--to"),
) -> tuple[BookSources | None, BookSources]:
    """Where both moments are read from; an opening of None is the one that the desk kept.

    options : names of both on the command line, for what is refused. Raises ConfigError where they
    contradict, are one, or name nothing.
    """
    first, last = (_Moment(option=name) for name in options)
    for moment, words in ((first, from_), (last, to)):
        for word in words:
            moment.add(word)
    if first.venues:
        raise ConfigError(
            f"{first.option} {first.venues[0]}: a venue only has now; it goes with {last.option}"
        )
    first.files += market
    last.files += to_market
    if first.replay is not None and replay not in (None, first.replay):
        raise ConfigError(f"{first.option} {first.replay}: is one recording, --replay another")
    first.replay = first.replay or replay
    choices: tuple[VenueChoice, ...] = ()
    if last.venues or venue or endpoint:
        choices = parse_choices(settings, (*last.venues, *venue), endpoint)
    _check(first, last, bool(choices))
    if not (last.files or last.replay or choices):
        last.files, last.replay = list(first.files), first.replay
    closing = BookSources(
        markets=tuple(last.files), replay=last.replay, venues=choices, at_ns=last.at_ns
    )
    if first.is_day:
        return None, closing
    return (
        BookSources(markets=tuple(first.files), replay=first.replay, at_ns=first.at_ns),
        closing,
    )


def _check(first: _Moment, last: _Moment, has_venue: bool) -> None:
    given = bool(first.files) + (first.replay is not None) + first.is_day
    if given != 1:
        raise ConfigError(
            "--from: give one opening: a market FILE, a recording, a TIME with --market or "
            "--replay, or day"
        )
    is_elsewhere = bool(last.files) + (last.replay is not None) + has_venue
    if is_elsewhere > 1:
        raise ConfigError("--to: give one close: a market FILE, a recording or a VENUE")
    if first.is_day and not has_venue:
        raise ConfigError("--from day: goes with --to VENUE, whose desk kept its opening")
    if not is_elsewhere and first.at_ns is None:
        raise ConfigError("--from TIME: is missing; or give the close by --to FILE or --to VENUE")
    if has_venue and last.at_ns is not None:
        raise ConfigError("--to TIME: a venue only has now")
    if first.at_ns is not None and last.at_ns is not None and last.at_ns <= first.at_ns:
        raise ConfigError(f"{last.option}: must be later than {first.option}")
