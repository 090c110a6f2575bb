"""The surfaces of a running desk: which are due to be fitted again, and what came of it.

The desk asks `due` on its clock, a worker runs `run_fit` on the snapshot it is given, and the
result comes back as a `SurfaceFitted` that names the snapshot it was based on. Nothing is fitted
where nothing changed; the slices of one chain bound each other, so a quote of one expiry makes the
chain of its venue due and no other venue's. A fit that failed never replaces the last good one.
Reads no clock and starts no task.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.errors import InvalidInput, QuantDeskError
from quantdesk.market.chain import Chain
from quantdesk.market.fitting import SurfaceFit, fit_surface, keep_last_good
from quantdesk.market.surface_choice import DEFAULT_CHOICE, SurfaceChoice
from quantdesk.market.surface_quotes import SurfaceQuotes, surface_quotes
from quantdesk.snapshot import ChainSnapshot, ChainSurface, DeskSnapshot

REFIT_INTERVAL_NS = 1_000_000_000
"""A chain is fitted at most once a second: theos move with the market, not with each message."""

REUSED_FOR_NS = 60_000_000_000
"""A fit whose quotes did not change serves so long; then it is fitted again at its new time."""

PAST_INTERVAL_NS = 15_000_000_000
PAST_FITS_MAX = 240
"""Earlier fits at hand, so far apart: the last hour for a screen to go back through."""

Key = tuple[str, str]
"""(venue, underlying)."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class FitRequest:
    """A chain to be fitted: the snapshot's number, the chain, how, and where to start from."""

    seq: int
    chain: ChainSnapshot
    choice: SurfaceChoice
    previous: SurfaceFit | None

    @property
    def key(self) -> Key:
        """(venue, underlying)."""
        return self.chain.venue, self.chain.underlying


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceFitted:
    """What a worker made of a request: a fit, or why there is none; `seq` it was based on."""

    key: Key
    seq: int
    choice: SurfaceChoice
    fit: SurfaceFit | None
    problem: str


def run_fit(request: FitRequest) -> SurfaceFitted:
    """Fit the chain of `request`. Pure: runs anywhere; failure is a value."""
    problem, fit = "", None
    try:
        quotes, previous = chain_quotes(request.chain, request.choice), request.previous
        if previous is not None and _is_still_good(previous, quotes, request.choice):
            return SurfaceFitted(
                key=request.key, seq=request.seq, choice=request.choice, fit=previous, problem=""
            )
        found = fit_surface(quotes, options=request.choice.options, previous=previous)
        if isinstance(found, SurfaceFit):
            fit = found
        else:
            problem = found.reason
    except (QuantDeskError, ArithmeticError, np.linalg.LinAlgError) as error:
        problem = f"{error}"
    return SurfaceFitted(
        key=request.key, seq=request.seq, choice=request.choice, fit=fit, problem=problem
    )


def _is_still_good(fit: SurfaceFit, quotes: SurfaceQuotes, choice: SurfaceChoice) -> bool:
    """Whether no vol that `fit` was fitted to has changed: then no theo may.

    Marks, open interest and sizes change a chain without touching its surface. Time does, slowly.
    """
    passed_ns = quotes.as_of_ns - fit.as_of_ns
    if fit.options != choice.options or not 0 <= passed_ns < REUSED_FOR_NS:
        return False
    usable = [each for each in quotes.expiries if not each.refusal]
    if [each.expiry_ns for each in usable] != [each.expiry_ns for each in fit.slices]:
        return False
    return all(
        new.names == held.quotes.names
        and new.reasons == held.quotes.reasons
        and new.forward == held.forward
        and np.array_equal(new.log_moneyness, held.quotes.log_moneyness)
        and np.array_equal(new.bid_iv, held.quotes.bid_iv, equal_nan=True)
        and np.array_equal(new.ask_iv, held.quotes.ask_iv, equal_nan=True)
        for new, held in zip(usable, fit.slices, strict=True)
    )


def chain_quotes(chain: ChainSnapshot, choice: SurfaceChoice) -> SurfaceQuotes:
    """What the surface of `chain` is fitted to, by the filters of `choice`."""
    return surface_quotes(
        chain.chain,
        chain.values,
        {expiry.expiry_ns: expiry.forward for expiry in chain.expiries},
        as_of_ns=chain.as_of_ns,
        index_price=chain.index_price,
        stale_after_ns=choice.stale_after_ns,
        excluded=choice.excluded,
    )


@dataclass(slots=True, kw_only=True)
class _Held:
    """What is known of one chain's surface. `asked_chain` is what the newest request saw."""

    choice: SurfaceChoice = DEFAULT_CHOICE
    fit: SurfaceFit | None = None
    seq: int = 0
    problem: str = ""
    asked_chain: Chain | None = None
    asked_choice: SurfaceChoice | None = None
    asked_ns: int = 0
    is_pending: bool = False
    past: tuple[SurfaceFit, ...] = ()


class LiveSurfaces:
    """Surfaces of every chain of a desk. One writer: the desk's own loop or thread."""

    def __init__(self) -> None:
        self._held: dict[Key, _Held] = {}

    def choose(self, key: Key, choice: SurfaceChoice) -> None:
        """Fit the chain of `key` by `choice` from now on; own vols count at once."""
        self._held.setdefault(key, _Held()).choice = choice

    def choice(self, key: Key) -> SurfaceChoice:
        """The choice in force for the chain of `key`."""
        held = self._held.get(key)
        return DEFAULT_CHOICE if held is None else held.choice

    def due(self, snapshot: DeskSnapshot) -> list[FitRequest]:
        """Chains to be fitted now: changed since they were last asked for, and not just then.

        Each is pending until its result is applied.
        """
        requests = []
        for chain in snapshot.chains:
            held = self._held.setdefault((chain.venue, chain.underlying), _Held())
            if held.is_pending or not self._is_due(held, chain, snapshot.ts_ns):
                continue
            held.asked_chain, held.asked_choice = chain.chain, held.choice
            held.asked_ns, held.is_pending = snapshot.ts_ns, True
            requests.append(
                FitRequest(seq=snapshot.seq, chain=chain, choice=held.choice, previous=held.fit)
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
        held = self._held.setdefault(event.key, _Held())
        held.is_pending = False
        if event.seq < held.seq or not event.choice.is_fitted_alike(held.choice):
            return
        held.problem = event.problem
        if event.fit is not None:
            held.fit, held.seq = keep_last_good(event.fit, held.fit), event.seq
            last_ns = held.past[-1].as_of_ns if held.past else None
            if last_ns is None or event.fit.as_of_ns - last_ns >= PAST_INTERVAL_NS:
                held.past = (*held.past, event.fit)[-PAST_FITS_MAX:]

    def recall(self, key: Key, fits: Sequence[SurfaceFit]) -> None:
        """Put kept fits, ascending in time, before what was fitted since; later ones are left out.

        A simulated venue that starts anew must not be shown what it will do.
        """
        held = self._held.setdefault(key, _Held())
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
