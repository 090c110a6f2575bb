"""Desks for the screens' tests: a recorded excerpt, synthetic chains, hostile names, a still clock.

Values are computed by `market` and the kernel from the quotes, as the running desk does it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np

from quantdesk.domain.events import InstrumentsListed, QuoteUpdate, VenueGreeks
from quantdesk.domain.instrument import (
    Instrument,
    InstrumentKind,
    OptionType,
    Settlement,
    TickScheme,
)
from quantdesk.market.atm import atm_iv
from quantdesk.market.quality import stale_rows
from quantdesk.market.state import MarketState
from quantdesk.pricing import years_between
from quantdesk.snapshot import (
    ChainSnapshot,
    DeskSnapshot,
    Environment,
    ExpirySummary,
    LinkHealth,
    LinkState,
)

FIXTURE = Path(__file__).parents[1] / "fixtures" / "tui" / "rest_ticker_btc_excerpt.json"
SECOND_NS = 1_000_000_000
DAY_NS = 86_400 * SECOND_NS

VENUE_NS = 1_782_552_330 * SECOND_NS
"""2026-06-27 09:25:30 UTC, shortly after the first expiry of the excerpt was recorded."""

DESK_NS = 1_764_583_200 * SECOND_NS
"""2025-12-01 10:00:00 UTC on the desk's own clock."""

BTC_TICKS = TickScheme(tick=Decimal("0.0001"), steps=((Decimal("0.005"), Decimal("0.0005")),))


class StillClock:
    """A clock that stands until it is moved."""

    def __init__(self, now_ns: int = DESK_NS) -> None:
        self.instant_ns = now_ns

    def now_ns(self) -> int:
        return self.instant_ns


class OneSource:
    """A source that hands out whatever it was last given."""

    def __init__(self, snapshot: DeskSnapshot | None = None) -> None:
        self.snapshot = snapshot

    def latest(self) -> DeskSnapshot | None:
        return self.snapshot


def option(
    name: str,
    *,
    strike: float,
    is_call: bool,
    expiry_ns: int,
    underlying: str = "BTC",
    venue: str = "deribit",
    settlement: Settlement = Settlement.INVERSE,
    ticks: TickScheme = BTC_TICKS,
) -> Instrument:
    """An option's instrument record with the venue's usual law."""
    currency = underlying if settlement is Settlement.INVERSE else "USDC"
    return Instrument(
        venue=venue,
        name=name,
        kind=InstrumentKind.OPTION,
        underlying=underlying,
        settlement=settlement,
        quote_currency=currency,
        settlement_currency=currency,
        index_name=f"{underlying.lower()}_usd",
        contract_size=Decimal(1),
        ticks=ticks,
        amount_min=Decimal("0.1"),
        amount_step=Decimal("0.1"),
        expiry_ns=expiry_ns,
        strike=Decimal(repr(strike)),
        option_type=OptionType.CALL if is_call else OptionType.PUT,
    )


def chain_snapshot(
    instruments: Sequence[Instrument],
    quotes: Sequence[QuoteUpdate],
    *,
    as_of_ns: int = VENUE_NS,
    environment: Environment = Environment.SIMULATED,
) -> ChainSnapshot:
    """The chain that the desk would hold after these events."""
    state = MarketState()
    first = instruments[0]
    state.apply(
        InstrumentsListed(
            venue=first.venue,
            underlying=first.underlying,
            event_ns=as_of_ns,
            recv_ns=DESK_NS,
            instruments=tuple(instruments),
        )
    )
    for quote in quotes:
        state.apply(quote)
    reading = state.read_book(first.venue, first.underlying)
    assert reading is not None
    expiries = []
    for rows, forward in zip(reading.expiry_rows, reading.forwards, strict=True):
        expiry_ns = int(reading.chain.expiry_ns[rows[0]])
        vol, source = atm_iv(reading.chain, reading.values, rows, forward.price)
        expiries.append(
            ExpirySummary(
                expiry_ns=expiry_ns,
                rows=rows,
                forward=forward,
                years=float(years_between(as_of_ns, expiry_ns)),
                atm_iv=vol,
                atm_iv_source=source,
            )
        )
    return ChainSnapshot(
        venue=first.venue,
        environment=environment,
        underlying=first.underlying,
        as_of_ns=as_of_ns,
        index_price=reading.index_price,
        index_source=reading.index_source,
        chain=reading.chain,
        values=reading.values,
        is_stale=stale_rows(reading.chain, as_of_ns),
        expiries=tuple(expiries),
    )


def link(
    name: str = "deribit-btc", state: LinkState = LinkState.LIVE, **changes: Any
) -> LinkHealth:
    """A healthy connection, but for `changes`."""
    health = LinkHealth(
        name=name,
        venue=name.split("-", maxsplit=1)[0],
        state=state,
        last_recv_ns=DESK_NS - SECOND_NS // 5,
        frames=12_345,
    )
    return replace(health, **changes)


def desk(
    *chains: ChainSnapshot, seq: int = 1, links: Sequence[LinkHealth] | None = None
) -> DeskSnapshot:
    """A desk that holds `chains`, with one healthy link for each unless told otherwise."""
    made = [link(f"{chain.venue}-{chain.underlying.lower()}") for chain in chains]
    return DeskSnapshot(
        seq=seq,
        ts_ns=DESK_NS,
        environment=chains[0].environment if chains else Environment.SIMULATED,
        source="embedded samples",
        chains=tuple(chains),
        links=tuple(made if links is None else links),
    )


def recorded_events() -> tuple[list[Instrument], list[QuoteUpdate]]:
    """Instruments and quotes of the recorded BTC excerpt of 2026-06-27, three expiries."""
    content = json.loads(FIXTURE.read_text(encoding="utf-8"))
    instruments, quotes = [], []
    for values in content["rows"]:
        record = dict(zip(content["fields"], values, strict=True))
        instruments.append(
            option(
                record["instrument_name"],
                strike=record["strike"],
                is_call=record["option_type"] == "call",
                expiry_ns=record["expiration_timestamp"] * 1_000_000,
            )
        )
        quotes.append(_recorded_quote(record))
    return instruments, quotes


def _recorded_quote(record: dict[str, Any]) -> QuoteUpdate:
    def exact(field: str) -> Decimal | None:
        value = record[field]
        return None if value is None else Decimal(repr(value))

    def quoted(field: str) -> Decimal | None:
        return exact(field) if record[field] else None

    def vol(field: str) -> float | None:
        return record[field] / 100 if record[field] else None

    return QuoteUpdate(
        venue="deribit",
        instrument_name=record["instrument_name"],
        # The capture took two minutes; what was stamped after our moment comes just before it.
        event_ns=min(record["timestamp"] * 1_000_000, VENUE_NS - SECOND_NS),
        recv_ns=DESK_NS - SECOND_NS,
        bid=quoted("best_bid_price"),
        ask=quoted("best_ask_price"),
        bid_size=quoted("best_bid_amount"),
        ask_size=quoted("best_ask_amount"),
        mark=exact("mark_price"),
        last=quoted("last_price"),
        forward=exact("underlying_price"),
        forward_index=record["underlying_index"],
        index_price=exact("index_price"),
        venue_bid_iv=vol("bid_iv"),
        venue_mark_iv=vol("mark_iv"),
        venue_ask_iv=vol("ask_iv"),
        venue_greeks=VenueGreeks(
            **{name: record[name] for name in ("delta", "gamma", "vega", "theta", "rho")}
        ),
        open_interest=exact("open_interest"),
        volume=exact("volume"),
    )


def recorded_desk(seq: int = 1) -> DeskSnapshot:
    """The recorded BTC excerpt as a whole desk."""
    return desk(chain_snapshot(*recorded_events()), seq=seq)


def synthetic_chain(
    *,
    underlying: str = "ETH",
    expiries: int = 3,
    strikes: int = 20,
    forward: float = 3_000.0,
    step: float = 50.0,
    first_expiry_ns: int = VENUE_NS + 5 * DAY_NS,
    shift: float = 0.0,
) -> ChainSnapshot:
    """A regular chain around `forward`; prices follow a plain rule moved by `shift` (in coin).

    The rule is intrinsic value plus a hump at the money: good enough to look at, with every vol
    computed from it by the kernel.
    """
    instruments, quotes = [], []
    low = forward - step * (strikes // 2)
    for number in range(expiries):
        expiry_ns = first_expiry_ns + number * 7 * DAY_NS
        for place in range(strikes):
            strike = low + step * place
            for is_call in (True, False):
                name = f"{underlying}-E{number}-{strike:.0f}-{'C' if is_call else 'P'}"
                instruments.append(
                    option(
                        name,
                        strike=strike,
                        is_call=is_call,
                        expiry_ns=expiry_ns,
                        underlying=underlying,
                    )
                )
                quotes.append(_synthetic_quote(instruments[-1], forward, shift))
    return chain_snapshot(instruments, quotes)


def _synthetic_quote(instrument: Instrument, forward: float, shift: float) -> QuoteUpdate:
    assert instrument.strike is not None
    strike = float(instrument.strike)
    is_call = instrument.option_type is OptionType.CALL
    moneyness = (strike - forward) / forward
    intrinsic = max(-moneyness if is_call else moneyness, 0.0)
    mark = intrinsic + 0.04 * float(np.exp(-((moneyness / 0.1) ** 2))) + 0.0006 + shift
    price = Decimal(f"{mark:.4f}")
    return QuoteUpdate(
        venue=instrument.venue,
        instrument_name=instrument.name,
        event_ns=VENUE_NS - 2 * SECOND_NS,
        recv_ns=DESK_NS - SECOND_NS,
        bid=price - Decimal("0.0005"),
        ask=price + Decimal("0.0005"),
        bid_size=Decimal("12.5"),
        ask_size=Decimal("7.3"),
        mark=price,
        forward=Decimal(repr(forward)),
        forward_index="SYN.TEST",
        index_price=Decimal(repr(forward)),
        venue_mark_iv=0.55,
        venue_greeks=VenueGreeks(delta=0.5, theta=-10.0),
        open_interest=Decimal("250.5"),
        volume=Decimal("31.2"),
    )
