"""Greeks, scenarios and margin of a small book: a condor, a free mix of legs, a hedge.

    python strategies/book_risk.py [MARKET_FILE]

Reads the shipped BTC sample, or any recorded market file; nothing is sent anywhere.
"""

from __future__ import annotations

import sys

import quantdesk as qd


def main(arguments: list[str]) -> None:
    """Print the net Greeks with their units, a scenario matrix, the worst stress and the margin."""
    desk = qd.read_market(arguments[0]) if arguments else qd.sample("deribit-2026-06-27")
    chain = desk.chain("BTC", expiry="2026-09-25")
    condor = qd.iron_condor(chain, put_deltas=(0.10, 0.25), call_deltas=(0.25, 0.10), quantity=5)
    custom = chain.call(70_000).buy(2) + chain.put(50_000).sell(1)
    hedge = desk.perpetual("BTC").sell("0.8")

    report = qd.risk_report([condor, custom, hedge], market=desk.market(), collateral={"BTC": 3})
    print(report.greeks)
    print(report.scenario(spot=(-0.2, 0.0, 0.2), vol=(-0.10, 0.0, 0.10)))
    stresses = report.stresses.results
    worst = min(range(len(stresses.scenarios)), key=lambda n: stresses.total_usd[n])
    print(f"worst stress: {stresses.scenarios[worst].name} {stresses.total_usd[worst]:,.2f} USD")
    for account in report.margin.accounts:
        for total in account.statement.totals:
            print(f"margin at {account.venue}: {total.initial:.6f} {total.currency} initial")
    for left_out in report.excluded:
        print(f"left out: {left_out.reason}")


if __name__ == "__main__":
    main(sys.argv[1:])
