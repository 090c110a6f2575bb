"""The surfaces of a running desk: which are due to be fitted again, and what came of it.

The desk asks `due` on its clock, a worker runs `run_fit` on the snapshot it is given, and the
result comes back as a `SurfaceFitted` that names the snapshot it was based on. Nothing is fitted
where no vol changed. A fit that failed never replaces the last good one. Reads no clock and starts
no task.

What a change reaches is the kernel's own to say, as slices of one chain bound each other: it is
handed the earlier slices and solves those whose quotes or bounds are not what they were; the others
are kept to the last bit. A vol and a moneyness are of their own quote's forward and moment, so that
neither the index nor another expiry makes an expiry dirty. Time would: so years are counted from
the moment of an earlier fit until a share of the nearest expiry's time is gone.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.errors import InvalidInput, QuantDeskError
from quantdesk.market.chain import Chain
from quantdesk.market.fitting import FitRefusal, SurfaceFit, keep_last_good
from quantdesk.market.last_good import HeldFit, fit_or_hold
from quantdesk.market.quote_changes import is_unchanged
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.market.surface_clock import fit_on_clock
from quantdesk.market.surface_quotes import SurfaceQuotes, surface_quotes
from quantdesk.snapshot import ChainSnapshot, ChainSurface, DeskSnapshot

REFIT_INTERVAL_NS = 1_000_000_000
"""A chain is fitted at most once a second: theos move with the market, not with each message."""

TIME_SHARE = 0.01
"""Years are counted from one moment until this share of the nearest expiry's time is gone: vols at
listed expiries do not know it, those between them would drift by half as much. A slice at a vol
that stands while time passes only moves away from every arbitrage: w falls in proportion to its
time, that of a shorter expiry by more, and g(aw) ≥ a g(w) for a ≤ 1."""

PAST_INTERVAL_NS = 15_000_000_000
PAST_FITS_MAX = 240
"""Earlier fits at hand, so far apart: the last hour for a screen to go back through."""

Key = tuple[str, str]
"""(venue, underlying)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceFitted:
    """What a worker made of a request: a fit, or why there is none; `seq` it was based on.

    `quotes_ns` is the moment of the quotes that it stands for, on the venue's clock. `quotes` are
    the first ones since which nothing changed, None where they could not be read, and `held` is
    what they came to, None where it was no fit to go on from.
    """

    key: Key
    seq: int
    quotes_ns: int
    choice: SurfaceChoice
    fit: SurfaceFit | None
    problem: str
    quotes: SurfaceQuotes | None = None
    held: HeldFit | None = None

    @property
    def solved(self) -> int:
        """Slices that the kernel solved for it."""
        return 0 if self.held is None else self.held.solved


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitRequest:
    """A chain to be fitted: the snapshot's number, the chain, how, and where to start from.

    `previous`, the last good fit, was made by `previous_choice`; `latest` is what the newest
    request came to, which may be no fit.
    """

    seq: int
    chain: ChainSnapshot
    choice: SurfaceChoice
    previous: SurfaceFit | None = None
    previous_choice: SurfaceChoice | None = None
    latest: SurfaceFitted | None = None

    @property
    def key(self) -> Key:
        """(venue, underlying)."""
        return self.chain.venue, self.chain.underlying


def run_fit(request: FitRequest) -> SurfaceFitted:
    """Fit the chain of `request`. Pure: runs anywhere; failure is a value."""
    event = SurfaceFitted(
        key=request.key,
        seq=request.seq,
        quotes_ns=request.chain.as_of_ns,
        choice=request.choice,
        fit=None,
        problem="",
    )
    try:
        quotes = chain_quotes(request.chain, request.choice, held_reference(request))
        latest = _latest_alike(request)
        if latest is not None and still_stands(request, quotes):
            known = None if latest.held is None else replace(latest.held, solved=0)
            return replace(
                event, fit=latest.fit, problem=latest.problem, quotes=latest.quotes, held=known
            )
        held = _fitted(request, quotes)
    except (QuantDeskError, ArithmeticError, np.linalg.LinAlgError) as error:
        return replace(event, problem=f"{error}")
    event = replace(event, quotes=quotes, held=held)
    if isinstance(held.fit, FitRefusal):
        return replace(event, problem=held.fit.reason)
    if all(each.quotes.held for each in held.fit.slices):
        why = held.fit.slices[-1].quotes.held
        return replace(event, problem=f"no expiry's quotes make a smile: {why}")
    return replace(event, fit=held.fit)


def _fitted(request: FitRequest, quotes: SurfaceQuotes) -> HeldFit:
    choice, previous, made_by = request.choice, request.previous, request.previous_choice
    if previous is not None and made_by is not None and choice.is_fitted_alike(made_by):
        latest = _latest_alike(request)
        before = None if latest is None else latest.held
        return fit_or_hold(quotes, choice=choice, previous=previous, before=before)
    fit = fit_on_clock(quotes, options=choice.options, choice=choice.clock, previous=previous)
    return HeldFit(fit=fit, solved=0 if isinstance(fit, FitRefusal) else fit.refitted or 0)


def _latest_alike(request: FitRequest) -> SurfaceFitted | None:
    latest = request.latest
    is_alike = latest is not None and request.choice.is_fitted_alike(latest.choice)
    return latest if is_alike else None


def held_reference(request: FitRequest) -> int | None:
    """The instant to go on counting years from; None where it is the chain's own moment again."""
    fit = request.previous
    if fit is None:
        return None
    passed_ns = request.chain.as_of_ns - fit.reference_ns
    nearest_ns = fit.slices[0].expiry_ns - fit.reference_ns
    return fit.reference_ns if 0 <= passed_ns < TIME_SHARE * nearest_ns else None


def still_stands(request: FitRequest, quotes: SurfaceQuotes) -> bool:
    """Whether what the newest request came to is the answer to `quotes` too: no theo moves.

    Marks, open interest and sizes change a chain without touching its surface. The quotes of an
    expiry that is held are compared with those that failed, not with those held.
    """
    latest = _latest_alike(request)
    return latest is not None and latest.quotes is not None and is_unchanged(quotes, latest.quotes)


def chain_quotes(
    chain: ChainSnapshot, choice: SurfaceChoice, reference_ns: int | None = None
) -> SurfaceQuotes:
    """What the surface of `chain` is fitted to, by the filters of `choice`.

    Years are counted from `reference_ns`; None is the chain's own moment.
    """
    return surface_quotes(
        chain.chain,
        chain.values,
        {expiry.expiry_ns: expiry.forward for expiry in chain.expiries},
        as_of_ns=chain.as_of_ns,
        index_price=chain.index_price,
        reference_ns=reference_ns,
        stale_after_ns=choice.stale_after_ns,
        excluded=choice.excluded,
    )


@dataclass(slots=True, kw_only=True)
class _Held:
    """What is known of one chain's surface. `asked_chain` is what the newest request saw."""

    choice: SurfaceChoice
    fit: SurfaceFit | None = None
    fit_choice: SurfaceChoice | None = None
    latest: SurfaceFitted | None = None
    seq: int = 0
    quotes_ns: int = 0
    problem: str = ""
    asked_chain: Chain | None = None
    asked_choice: SurfaceChoice | None = None
    asked_ns: int = 0
    is_pending: bool = False
    past: tuple[SurfaceFit, ...] = ()


class LiveSurfaces:
    """Surfaces of every chain of a desk. One writer: the desk's own loop or thread.

    Parameters
    ----------
    standard : how a chain is fitted of which nothing else was said
    """

    def __init__(self, standard: SurfaceChoice = DEFAULT_CHOICE) -> None:
        self._standard = standard
        self._held: dict[Key, _Held] = {}

    def _of(self, key: Key) -> _Held:
        held = self._held.get(key)
        if held is None:
            held = self._held[key] = _Held(choice=self._standard)
        return held

    def set_standard(self, choice: SurfaceChoice) -> None:
        """Fit by `choice` each chain of which nothing is held yet."""
        self._standard = choice

    def choose(self, key: Key, choice: SurfaceChoice) -> None:
        """Fit the chain of `key` by `choice` from now on; own vols count at once."""
        self._of(key).choice = choice

    def choice(self, key: Key) -> SurfaceChoice:
        """The choice in force for the chain of `key`."""
        held = self._held.get(key)
        return self._standard if held is None else held.choice

    def due(self, snapshot: DeskSnapshot) -> list[FitRequest]:
        """Chains to be fitted now: changed since they were last asked for, and not just then.

        Each is pending until its result is applied.
        """
        requests = []
        for chain in snapshot.chains:
            held = self._of((chain.venue, chain.underlying))
            # A chain of which nothing was quoted yet is on its way, and no failure.
            is_empty = not chain.chain.event_ns.any()
            if held.is_pending or is_empty or not self._is_due(held, chain, snapshot.ts_ns):
                continue
            held.asked_chain, held.asked_choice = chain.chain, held.choice
            held.asked_ns, held.is_pending = snapshot.ts_ns, True
            requests.append(
                FitRequest(
                    seq=snapshot.seq,
                    chain=chain,
                    choice=held.choice,
                    previous=held.fit,
                    previous_choice=held.fit_choice,
                    latest=held.latest,
                )
            )
        return requests

    @staticmethod
    def _is_due(held: _Held, chain: ChainSnapshot, now_ns: int) -> bool:
        asked = held.asked_choice
        if asked is None or not held.choice.is_fitted_alike(asked):
            return True
        # The market hands out the same chain while no quote of it changed.
        is_dirty = chain.chain is not held.asked_chain
        return is_dirty and now_ns - held.asked_ns >= REFIT_INTERVAL_NS

    def apply(self, event: SurfaceFitted) -> None:
        """Take a worker's result in. What is older than what is held changes nothing."""
        held = self._of(event.key)
        held.is_pending = False
        if event.seq < held.seq or not event.choice.is_fitted_alike(held.choice):
            return
        held.problem, held.latest = event.problem, event
        if event.fit is not None:
            held.fit, held.seq = keep_last_good(event.fit, held.fit), event.seq
            held.fit_choice, held.quotes_ns = event.choice, event.quotes_ns
            last_ns = held.past[-1].as_of_ns if held.past else None
            if last_ns is None or event.fit.as_of_ns - last_ns >= PAST_INTERVAL_NS:
                held.past = (*held.past, event.fit)[-PAST_FITS_MAX:]

    def recall(self, key: Key, fits: Sequence[SurfaceFit]) -> None:
        """Put kept fits, ascending in time, before what was fitted since; later ones are left out.

        A simulated venue that starts anew must not be shown what it will do.
        """
        held = self._of(key)
        first_ns = held.past[0].as_of_ns if held.past else None
        earlier = [fit for fit in fits if first_ns is None or fit.as_of_ns < first_ns]
        held.past = (*earlier, *held.past)[-PAST_FITS_MAX:]

    def attached(self, chain: ChainSnapshot) -> ChainSnapshot:
        """`chain` with what is held of its surface; as it is where nothing is."""
        held = self._held.get((chain.venue, chain.underlying))
        if held is None or (held.fit is None and not held.problem):
            return chain
        surface = ChainSurface(
            fit=held.fit,
            based_on_seq=held.seq,
            quotes_ns=held.quotes_ns,
            choice=held.choice,
            problem=held.problem,
            past=held.past,
        )
        return replace(chain, surface=surface)

    def fit_now(self, snapshot: DeskSnapshot) -> DeskSnapshot:
        """`snapshot` with each due chain fitted on the spot: for replays and files."""
        for request in self.due(snapshot):
            self.apply(run_fit(request))
        return replace(snapshot, chains=tuple(self.attached(chain) for chain in snapshot.chains))


def with_surfaces(
    snapshot: DeskSnapshot,
    choices: Iterable[tuple[Key, SurfaceChoice]] = (),
) -> DeskSnapshot:
    """`snapshot` with the surface of each of its chains fitted, by the desk's default choice.

    Raises InvalidInput for a choice of a chain that is not there.
    """
    surfaces = LiveSurfaces()
    keys = [(chain.venue, chain.underlying) for chain in snapshot.chains]
    for key, choice in choices:
        if key not in keys:
            raise InvalidInput("choices", "/".join(key), "must be of a chain of the snapshot")
        surfaces.choose(key, choice)
    return surfaces.fit_now(snapshot)
