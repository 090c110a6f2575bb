"""ATM vol and forward by expiry: a first script on the desk's values.

    python strategies/term_structure.py [MARKET_FILE]

Reads the shipped BTC sample, or any recorded market file or chain JSON of `quantdesk chain`.
"""

from __future__ import annotations

import sys

import quantdesk as qd

BASIS_DAYS_MIN = 7.0
"""Nearer expiries get no annualised basis."""


def main(arguments: list[str]) -> None:
    """Print a line an expiry: days left, forward and annualised basis, ATM IV, forward vol."""
    desk = qd.read_market(arguments[0]) if arguments else qd.sample("deribit-2026-06-27")
    chain = desk.snapshot.chains[0]
    print(
        f"{chain.underlying} {chain.venue} ({chain.environment.value}), index {chain.index_price}"
    )
    print(f"{'days':>8} {'forward':>12} {'basis':>8} {'ATM IV':>8} {'fwd vol':>8}")
    years_before = variance_before = 0.0
    for expiry in chain.expiries:
        if expiry.atm_iv is None or expiry.forward.price is None or chain.index_price is None:
            continue
        basis = expiry.forward.price / chain.index_price - 1
        # Of a few days a year's basis is what one tick of the index makes of it.
        is_long = 365 * expiry.years >= BASIS_DAYS_MIN
        yearly = f"{100 * basis / expiry.years:7.2f}%" if is_long else "       –"
        variance = expiry.atm_iv**2 * expiry.years
        between = (variance - variance_before) / (expiry.years - years_before)
        forward_vol = f"{100 * between**0.5:7.2f}%" if between > 0 else "      –"
        print(
            f"{365 * expiry.years:8.1f} {expiry.forward.price:12,.2f} {yearly} "
            f"{100 * expiry.atm_iv:7.2f}% {forward_vol}"
        )
        years_before, variance_before = expiry.years, variance


if __name__ == "__main__":
    main(sys.argv[1:])
