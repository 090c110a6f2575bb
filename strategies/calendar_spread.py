"""Sell the near expiry, buy the far one: calendars at the money for each pair of expiries.

    python strategies/calendar_spread.py [MARKET_FILE]

One line a pair: cost in coin, the most it can make and lose by the near expiry, and the vols that
it sells and buys. What lives on after the near expiry is revalued, so the figures are a model's.
"""

from __future__ import annotations

import itertools
import sys

import quantdesk as qd


def main(arguments: list[str]) -> None:
    """Print an at-the-money calendar for each pair of neighbouring expiries."""
    desk = qd.read_market(arguments[0]) if arguments else qd.sample("deribit-2026-06-27")
    chain = desk.snapshot.chains[0]
    codes = [instrument.name.split("-")[1] for instrument in chain.chain.instruments]
    expiries = list(dict.fromkeys(codes))
    print(f"{'near':>8} {'far':>8} {'cost':>8} {'best':>8} {'worst':>8} {'sold':>7} {'bought':>7}")
    for near, far in itertools.pairwise(expiries):
        calendar = qd.build("calendar", chain, strike="atm", expiry=near, far=far)
        analysis = qd.analyse(calendar, chain)
        summary = next(iter(analysis.payoff.values()), None)
        cost = sum(
            float(leg.quantity) * float(price or 0)
            for leg, price in zip(calendar.legs, analysis.prices, strict=True)
        )
        if summary is None or summary.max_profit is None or summary.max_loss is None:
            continue
        sold, bought = (100 * (quote.vol or float("nan")) for quote in analysis.quotes)
        print(
            f"{near:>8} {far:>8} {cost:8.4f} {summary.max_profit:8.4f} {-summary.max_loss:8.4f} "
            f"{sold:6.2f}% {bought:6.2f}%"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
