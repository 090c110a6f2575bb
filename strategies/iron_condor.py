"""Sell the wings of one expiry: an iron condor by deltas, priced, and what it can lose.

    python strategies/iron_condor.py [MARKET_FILE]

Reads the shipped BTC sample, or any recorded market file or chain JSON of `quantdesk chain`.
"""

from __future__ import annotations

import sys

import quantdesk as qd


def main(arguments: list[str]) -> None:
    """Build the condor on the next monthly expiry and print its line and its figures."""
    desk = qd.read_market(arguments[0]) if arguments else qd.sample("deribit-2026-06-27")
    chain = desk.snapshot.chains[0]
    condor = qd.iron_condor(
        chain, put_deltas=(0.10, 0.25), call_deltas=(0.25, 0.10), quantity=5, expiry="monthly"
    )
    analysis = qd.analyse(condor, chain, price_at="natural")
    print(condor)
    for numeraire, payoff in analysis.payoff.items():
        loss = "unlimited" if payoff.max_loss is None else f"{payoff.max_loss:,.4f}"
        breakevens = ", ".join(f"{price:,.0f}" for price in payoff.breakevens)
        print(f"{numeraire.value:>10}: loses at most {loss}, breaks even at {breakevens}")
    for chance in analysis.chances:
        print(f"{chance.usd.profit_probability:10.1%} in USD under: {chance.law}")
    for warning in analysis.warnings:
        print(f"         ! {warning}")


if __name__ == "__main__":
    main(sys.argv[1:])
