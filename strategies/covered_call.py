"""Income on coin that is held: which call to sell, by delta, and what it yields.

    python strategies/covered_call.py [MARKET_FILE]

One line a delta: premium, yield a year on the coin, chance to be called away. The premium is coin
and stays coin: the yield is in coin too.
"""

from __future__ import annotations

import sys

import quantdesk as qd


def main(arguments: list[str]) -> None:
    """Compare covered calls of several deltas on the next monthly expiry."""
    desk = qd.read_market(arguments[0]) if arguments else qd.sample("deribit-2026-06-27")
    chain = desk.snapshot.chains[0]
    print(f"{'call':>22} {'premium':>9} {'yield':>8} {'called away':>12}")
    for delta in (10, 15, 20, 25, 30):
        covered = qd.build("covered-call", chain, strike=f"{delta}d", expiry="monthly")
        analysis = qd.analyse(covered, chain, price_at="natural")
        call = analysis.quotes[0]
        premium = float(analysis.prices[0] or 0)
        years = analysis.horizon.years
        called = abs(call.greeks.get("delta", float("nan")))
        print(
            f"{call.leg.instrument.name:>22} {premium:9.4f} {premium / years:8.1%} {called:12.1%}"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
