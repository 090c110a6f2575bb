"""What a surface is fitted to: one quote a strike, with the reason where it takes no part.

The out-of-the-money option of each strike, its bid and ask vol at its own quote's forward and
time. Nothing is left out silently: a row that is not used says why. Weights are those of the fit:
a vol's half-spread is its price's half-spread over vega.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from quantdesk.domain.times import NS_PER_S
from quantdesk.market.calendar_order import MoneyRange, money_range, out_of_order
from quantdesk.market.chain import BoolArray, Chain, FloatArray
from quantdesk.market.fit_values import fit_values
from quantdesk.market.forward_curve import ForwardPoint, forward_point
from quantdesk.market.forwards import ExpiryForward
from quantdesk.market.valuation import ChainValues
from quantdesk.market.variance_clock import DAYS_PER_YEAR, NS_PER_DAY
from quantdesk.market.venue_moment import venue_moment
from quantdesk.pricing.surface import SliceQuotes, quote_trust

STALE_AFTER_NS = 600 * 1_000_000_000
"""A quote this much older than the chain is stale: a whole chain takes up to eight minutes to be
read instrument by instrument."""

VOL_MAX = 5.0
"""A vol above 500 % is a broken quote or a market that no surface describes."""

YEARS_MIN = 0.5 / 24 / DAYS_PER_YEAR
"""Half an hour: settlement averages the index over the last thirty minutes, in which the vol of a
European option on the index has no meaning."""

FORWARD_REACH = 1.5
"""A forward further than this factor outside the listed strikes, or off the index, is absurd."""

OUTLIER = "outlier: far from all that its neighbours say"
"""Reason of a quote that has lost most of its weight, or all; a fit is still scored on it."""

HIDDEN = "hidden from the fit that it judges"

TRUST_MIN = 0.5
"""Trust below which a quote is called an outlier."""

QUOTES_MIN = 3
"""Two-sided quotes that the simplest slice needs."""


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ExpiryQuotes:
    """Quotes of one expiry, ascending in log-moneyness; arrays (n,), NaN for a missing side.

    years : ACT/365 from the surface's reference
    forward : quote currency per coin; NaN where there is none
    log_moneyness : ln(K/F) at the row's own forward
    is_used, reasons : whether a row takes part, and why not ("" where it does)
    trust : share (n,) of a full weight that used rows and outliers have in the fit; None where
        all that are used have it
    evidence : the forward beside the venue's, a future's and parity's; None where not looked at
    refusal : why no slice can be fitted at all; "" where one can
    held : since when and why these stand for newer quotes, a sentence; "" where they are the newest
    """

    expiry_ns: int
    years: float
    forward: float
    forward_source: str
    names: tuple[str, ...]
    strike: FloatArray
    is_call: BoolArray
    log_moneyness: FloatArray
    bid_iv: FloatArray
    ask_iv: FloatArray
    is_used: BoolArray
    reasons: tuple[str, ...]
    refusal: str = ""
    trust: FloatArray | None = None
    evidence: ForwardPoint | None = None
    held: str = ""

    @property
    def is_two_sided(self) -> BoolArray:
        """Rows with a bid and an ask vol, the ask above the bid."""
        with np.errstate(invalid="ignore"):
            return (self.bid_iv > 0) & (self.ask_iv > self.bid_iv)

    @property
    def is_scored(self) -> BoolArray:
        """Rows that a fit is judged by: used, or left out as outliers only."""
        is_outlier: BoolArray = np.array([one == OUTLIER for one in self.reasons], dtype=np.bool_)
        return np.logical_or(self.is_used, is_outlier)

    @property
    def weight(self) -> FloatArray:
        """Share (n,) of a full weight that each row has in a fit, 0 for those without any."""
        if self.trust is None:
            return self.is_used.astype(np.float64)
        return np.where(self.is_scored, self.trust, 0.0)

    @property
    def mid_iv(self) -> FloatArray:
        """Middle of both sides, NaN where one is missing."""
        return (self.bid_iv + self.ask_iv) / 2


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class SurfaceQuotes:
    """The quotes of every expiry of one underlying at one venue, ascending in expiry.

    notes : what was left out before there were quotes, as sentences
    reference_ns : instant that years are counted from, not after `as_of_ns`; None is `as_of_ns`
    """

    venue: str
    underlying: str
    as_of_ns: int
    expiries: tuple[ExpiryQuotes, ...]
    notes: tuple[str, ...] = ()
    reference_ns: int | None = None


def surface_quotes(
    chain: Chain,
    values: ChainValues,
    forwards: Mapping[int, ExpiryForward],
    *,
    as_of_ns: int,
    index_price: float | None = None,
    reference_ns: int | None = None,
    stale_after_ns: int = STALE_AFTER_NS,
    excluded: Collection[str] = (),
) -> SurfaceQuotes:
    """The quotes of `chain` as a surface takes them.

    A chain without any price, from a recording of the venue's vols, is read at the moment that
    its Greeks were made (`venue_moment`).

    Parameters
    ----------
    forwards : by expiry instant; vols are read at what parity's bounds leave of them
    as_of_ns : the chain's moment
    reference_ns : a moment shortly before it to count years from, so that what did not change
        stays the same to the last bit; None is the chain's own
    excluded : names of instruments that the user left out
    """
    moment = venue_moment(chain, as_of_ns)
    at_ns = as_of_ns if moment is None else moment.as_of_ns
    if moment is not None or reference_ns is None:
        reference_ns = at_ns
    values = fit_values(chain, values, forwards)
    expiries = []
    for expiry_ns in np.unique(chain.expiry_ns).tolist():
        rows = np.flatnonzero(chain.expiry_ns == expiry_ns)
        forward = forwards.get(int(expiry_ns), ExpiryForward(price=None, source="none"))
        if moment is not None and int(expiry_ns) in moment.forwards:
            forward = ExpiryForward(
                price=moment.forwards[int(expiry_ns)], source="venue's delta and vega"
            )
        expiries.append(
            _expiry_quotes(
                chain,
                values,
                rows,
                forward,
                as_of_ns=at_ns,
                reference_ns=reference_ns,
                index_price=index_price,
                oldest_ns=as_of_ns - stale_after_ns,
                stale_after_ns=stale_after_ns,
                own_forwards=moment is None,
                excluded=excluded,
            )
        )
    return SurfaceQuotes(
        venue=chain.venue,
        underlying=chain.underlying,
        as_of_ns=at_ns,
        expiries=trusted(expiries),
        reference_ns=reference_ns,
    )


def _expiry_quotes(
    chain: Chain,
    values: ChainValues,
    rows: np.ndarray,
    forward: ExpiryForward,
    *,
    as_of_ns: int,
    reference_ns: int,
    index_price: float | None,
    oldest_ns: int,
    stale_after_ns: int,
    own_forwards: bool,
    excluded: Collection[str],
) -> ExpiryQuotes:
    years = int(chain.expiry_ns[rows[0]] - reference_ns) / (DAYS_PER_YEAR * NS_PER_DAY)
    bounded = forward.bounded_price
    price = float("nan") if bounded is None else bounded
    # A forward stated beyond reason says that the quotes are broken: bounds do not mend them.
    stated = float("nan") if forward.price is None else forward.price
    refusal = _refusal(years, stated, chain.strike[rows], index_price)
    evidence = forward_point(
        int(chain.expiry_ns[rows[0]]), forward, as_of_ns=as_of_ns, index_price=index_price
    )
    at_forward = np.full(rows.size, price)
    if own_forwards and not refusal:
        # Quotes of one capture are minutes apart: each is read at the forward it was made at.
        own = values.forward[rows]
        with np.errstate(invalid="ignore"):
            is_near = np.abs(own / price - 1.0) < 0.1
        at_forward = np.where(is_near, own, price)
    with np.errstate(invalid="ignore", divide="ignore"):
        k = np.log(chain.strike[rows] / at_forward)
    picked = _one_a_strike(chain, values, rows, k)
    rows, k = rows[picked], k[picked]
    order = np.argsort(k, kind="stable")
    rows, k = rows[order], k[order]
    bid, ask = values.bid_iv[rows].copy(), values.ask_iv[rows].copy()
    reasons = _row_reasons(
        chain,
        values,
        rows,
        k,
        oldest_ns=oldest_ns,
        stale_after_ns=stale_after_ns,
        excluded=excluded,
    )
    _name_duplicates(reasons, k, ask - bid)
    used = np.array([not reason for reason in reasons], dtype=np.bool_)
    refusal = refusal or _too_few(used)
    return ExpiryQuotes(
        expiry_ns=int(chain.expiry_ns[rows[0]]),
        years=years,
        forward=price,
        forward_source=evidence.source,
        names=tuple(chain.instruments[row].name for row in rows.tolist()),
        strike=chain.strike[rows],
        is_call=chain.is_call[rows],
        log_moneyness=k,
        bid_iv=bid,
        ask_iv=ask,
        is_used=used & (not refusal),
        reasons=tuple(reason or refusal for reason in reasons),
        refusal=refusal,
        evidence=evidence,
    )


def without_rows(expiry: ExpiryQuotes, hidden: BoolArray) -> ExpiryQuotes:
    """`expiry` with the rows of the mask (n,) out of the fit and of all that quotes say."""
    reasons = list(expiry.reasons)
    for row in np.flatnonzero(hidden).tolist():
        reasons[row] = HIDDEN
    return replace(expiry, is_used=expiry.is_used & ~hidden, reasons=tuple(reasons))


def trusted(expiries: Sequence[ExpiryQuotes]) -> tuple[ExpiryQuotes, ...]:
    """`expiries`, ascending, with each row's trust by what all their quotes now say of it.

    Rows that lose it are outliers, former outliers that have it again are used. An expiry that
    several others contradict at the money is refused. A refused one has no say and stays as it is.
    """
    expiries = _in_order(expiries)
    judged = [np.flatnonzero(each.is_scored & (not each.refusal)) for each in expiries]
    trusts = quote_trust(
        [
            SliceQuotes(
                years=each.years,
                log_moneyness=each.log_moneyness[rows],
                bid_iv=each.bid_iv[rows],
                ask_iv=each.ask_iv[rows],
            )
            for each, rows in zip(expiries, judged, strict=True)
        ]
    )
    return tuple(map(_with_trust, expiries, judged, trusts))


def _with_trust(expiry: ExpiryQuotes, judged: np.ndarray, trust: FloatArray) -> ExpiryQuotes:
    if expiry.refusal:
        return expiry
    reasons, used = list(expiry.reasons), expiry.is_used.copy()
    weight = np.zeros(used.size)
    weight[judged] = trust
    used[judged] = trust >= TRUST_MIN
    for row in judged.tolist():
        reasons[row] = "" if used[row] else OUTLIER
    found = replace(expiry, is_used=used, reasons=tuple(reasons), trust=weight)
    refusal = _too_few(used)
    return _refused(found, refusal) if refusal else found


def _in_order(expiries: Sequence[ExpiryQuotes]) -> list[ExpiryQuotes]:
    ranges = [_money_range(each) for each in expiries]
    broken = out_of_order([each for each in ranges if each is not None])
    return [
        _refused(each, broken[each.expiry_ns]) if each.expiry_ns in broken else each
        for each in expiries
    ]


def _money_range(expiry: ExpiryQuotes) -> MoneyRange | None:
    if expiry.refusal:
        return None
    rows = expiry.is_scored
    k, bid, ask = (column[rows] for column in (expiry.log_moneyness, expiry.bid_iv, expiry.ask_iv))
    return money_range(expiry.expiry_ns, expiry.years, k, bid, ask)


def _refused(expiry: ExpiryQuotes, refusal: str) -> ExpiryQuotes:
    return replace(
        expiry,
        is_used=np.zeros(expiry.is_used.size, dtype=np.bool_),
        reasons=tuple(reason or refusal for reason in expiry.reasons),
        refusal=refusal,
    )


def _too_few(used: BoolArray) -> str:
    if used.sum() >= QUOTES_MIN:
        return ""
    return f"{used.sum()} usable two-sided quotes; a slice needs {QUOTES_MIN}"


def _refusal(years: float, forward: float, strikes: FloatArray, index: float | None) -> str:
    """Why an expiry can carry no slice whatever its quotes; "" where it can."""
    reason = ""
    low, high = float(strikes.min()) / FORWARD_REACH, float(strikes.max()) * FORWARD_REACH
    if years <= 0:
        reason = "expired"
    elif years < YEARS_MIN:
        minutes = years * DAYS_PER_YEAR * 24 * 60
        reason = f"expires in {minutes:.0f} minutes; settlement averages the last 30"
    elif not np.isfinite(forward):
        reason = "no forward"
    elif forward <= 0:
        reason = f"forward {forward:g}; must be above 0"
    elif not low <= forward <= high:
        reason = f"forward {forward:g} lies far outside the listed strikes ({low:g} to {high:g})"
    elif index is not None and index > 0:
        ratio = forward / index
        if not 1 / FORWARD_REACH <= ratio <= FORWARD_REACH:
            reason = f"forward {forward:g} is {ratio:.2f} times the index {index:g}"
    return reason


def _one_a_strike(chain: Chain, values: ChainValues, rows: np.ndarray, k: FloatArray) -> np.ndarray:
    """Places in `rows` of one option a strike: out of the money, else the one that is quoted.

    Several listings of one option all stay, as duplicates. Where the option out of the money is
    broken, a two-sided one in the money stands beside it: each keeps its own reason. What is
    doubted always stays. Where nothing is quoted at all every option stays, to be counted.
    """
    is_otm = np.where(chain.is_call[rows], k >= 0, k < 0)
    with np.errstate(invalid="ignore"):
        has_both = (values.bid_iv[rows] > 0) & (values.ask_iv[rows] > values.bid_iv[rows])
    has_any, is_doubted = _is_quoted(chain, values, rows), _is_doubted(chain, rows)
    shown: list[int] = []
    strikes = chain.strike[rows]
    for strike in np.unique(strikes[has_any]).tolist():
        at_strike = has_any & (strikes == strike)
        outside = np.flatnonzero(at_strike & is_otm)
        inside = np.flatnonzero(at_strike & ~is_otm)
        if outside.size == 0:
            shown += inside.tolist()
            continue
        shown += outside.tolist()
        stays = is_doubted[inside]
        if not has_both[outside].any():
            stays = stays | has_both[inside]
        shown += inside[stays].tolist()
    if not shown:
        return np.arange(rows.size)
    return np.array(sorted(shown), dtype=np.intp)


def _is_quoted(chain: Chain, values: ChainValues, rows: np.ndarray) -> BoolArray:
    """Rows with a price or a vol on either side, or whose quote is doubted."""
    columns = (chain.bid, chain.ask, values.bid_iv, values.ask_iv)
    quoted = np.zeros(rows.size, dtype=np.bool_)
    for column in columns:
        quoted |= ~np.isnan(column[rows])
    return quoted | _is_doubted(chain, rows)


def _is_doubted(chain: Chain, rows: np.ndarray) -> BoolArray:
    if not chain.doubts:
        return np.zeros(rows.size, dtype=np.bool_)
    names = [chain.instruments[row].name for row in rows.tolist()]
    return np.array([name in chain.doubts for name in names], dtype=np.bool_)


def _row_reasons(
    chain: Chain,
    values: ChainValues,
    rows: np.ndarray,
    k: FloatArray,
    *,
    oldest_ns: int,
    stale_after_ns: int,
    excluded: Collection[str],
) -> list[str]:
    reasons = []
    for row, at in zip(rows.tolist(), k.tolist(), strict=True):
        bid, ask = float(values.bid_iv[row]), float(values.ask_iv[row])
        name = chain.instruments[row].name
        reason = chain.doubts.get(name, "") or _side_reason(chain, row, bid, ask)
        if not reason and bool(chain.is_call[row]) != (at >= 0):
            reason = "in the money; the out-of-the-money side has no two-sided quote"
        if name in excluded:
            reason = "excluded by hand"
        elif not reason and chain.event_ns[row] < oldest_ns:
            limit_s = stale_after_ns / NS_PER_S
            age_s = (oldest_ns + stale_after_ns - int(chain.event_ns[row])) / NS_PER_S
            reason = f"stale: {age_s:.0f} s old, the limit is {limit_s:g} s"
        elif not reason and ask > VOL_MAX:
            reason = f"vol {ask:.0%} is above {VOL_MAX:.0%}"
        reasons.append(reason)
    return reasons


def _name_duplicates(reasons: list[str], k: FloatArray, width: FloatArray) -> None:
    """Give all but the tightest of usable rows at one log-moneyness a reason."""
    kept: dict[float, int] = {}
    for row, at in enumerate(k.tolist()):
        if reasons[row]:
            continue
        if at not in kept:
            kept[at] = row
            continue
        looser, tighter = sorted((row, kept[at]), key=lambda each: -width[each])
        reasons[looser] = "duplicate strike: another quote of it is tighter"
        kept[at] = tighter


def _side_reason(chain: Chain, row: int, bid: float, ask: float) -> str:
    """Why a row is no two-sided quote; "" where it is one."""
    price_bid, price_ask = float(chain.bid[row]), float(chain.ask[row])
    if price_bid > price_ask or bid > ask:
        return "crossed"
    if price_bid <= 0 or price_ask <= 0:
        return "a price of zero"
    if bid > 0 and ask > 0:
        return "" if ask > bid else "locked: bid and ask are one"
    has_bid = bid > 0 or np.isfinite(price_bid)
    has_ask = ask > 0 or np.isfinite(price_ask)
    if not has_bid and not has_ask:
        return "no quote"
    if not has_bid or not has_ask:
        return "one-sided: no ask" if has_bid else "one-sided: no bid"
    side = "bid" if not bid > 0 else "ask"
    return f"the {side} has no implied vol: its price is outside 0 and what arbitrage allows"
