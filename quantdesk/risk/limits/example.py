"""A limits file with one limit of each measure and scope, as `limits show --example` prints."""

from __future__ import annotations

EXAMPLE = """\
# Limits of a desk: one limit of each measure, and of each scope. The levels are examples.
# Copy what you want to limits.toml beside the config file, or name the file with --limits.
schema = 1

# scope: desk, account, venue, strategy, underlying or expiry. `name` says which one, "*" each
# one for itself. account, venue, strategy and underlying narrow any scope.
# soft warns, hard blocks; one of them at least. Absent limits mean no trading.

# --- Sums that keep their signs: position with all open buys, and with all open sells ---

[[limit]]
scope = "underlying"
name = "BTC"
measure = "net_delta"
convention = "black"                    # or "premium-adjusted"; must be named
unit = "coin"                           # or "usd"
soft = 40
hard = 50

[[limit]]
scope = "desk"
measure = "net_gamma"
unit = "usd"                            # of delta for a move of 1 %; or "coin"
hard = 500_000

[[limit]]
scope = "underlying"
name = "*"
measure = "net_vega"
convention = "usd-per-point"            # or "coin-per-point"; must be named
hard = 40_000

[[limit]]
scope = "desk"
measure = "net_weighted_vega"
convention = "sqrt-30d-usd-per-point"   # or "sqrt-30d-coin-per-point"; must be named
hard = 30_000

[[limit]]
scope = "strategy"
name = "gamma-scalp"
measure = "net_theta"                   # USD per day
hard = 20_000

[[limit]]
scope = "account"
name = "main"
measure = "net_notional"                # USD
hard = 20_000_000

[[limit]]
scope = "expiry"
underlying = "BTC"
name = "*"                              # or "26MAR27", or "PERP" for what never expires
measure = "net_contracts"               # as listed: an option's is a coin, a BTC future's 10 USD
hard = 500

# --- Sums of absolute values by instrument ---

[[limit]]
scope = "underlying"
name = "BTC"
measure = "gross_delta"
convention = "premium-adjusted"
unit = "usd"
hard = 10_000_000

[[limit]]
scope = "desk"
measure = "gross_gamma"
hard = 2_000_000

[[limit]]
scope = "expiry"
underlying = "BTC"
name = "26MAR27"
measure = "gross_vega"
convention = "usd-per-point"
hard = 25_000

[[limit]]
scope = "desk"
measure = "gross_weighted_vega"
convention = "sqrt-30d-usd-per-point"
hard = 100_000

[[limit]]
scope = "desk"
measure = "gross_theta"
hard = 100_000

[[limit]]
scope = "venue"
name = "deribit"
measure = "gross_notional"
hard = 50_000_000

[[limit]]
scope = "desk"
measure = "gross_contracts"             # options and futures added, whatever each stands for
hard = 5_000

# --- Margin, stresses and value at risk: each open order filled only where it hurts ---

[[limit]]
scope = "venue"
name = "deribit"
measure = "margin_use"                  # initial margin
convention = "deribit-standard"         # the venue's model must be named
unit = "share"                          # of equity, 0.8 is 80 %; or "usd"
soft = 0.6
hard = 0.8

[[limit]]
scope = "account"
name = "main"
venue = "deribit"
measure = "margin_use"
convention = "deribit-portfolio"        # each settlement currency by itself; its option part is
unit = "usd"                            # unproved, which every refusal says
hard = 500_000

[[limit]]
scope = "account"
name = "main"
venue = "deribit"
measure = "margin_use"
convention = "deribit-portfolio-cross"  # all of an account together
unit = "usd"
hard = 500_000

[[limit]]
scope = "venue"
name = "binance"
measure = "margin_use"
convention = "binance-standard"
unit = "usd"
hard = 200_000

[[limit]]
scope = "desk"
measure = "stress_loss"                 # USD, the worst of the desk's stresses
scenarios = ["crash", "squeeze"]        # left out: all of them, and those of --scenarios
hard = 2_000_000

[[limit]]
scope = "desk"
measure = "var"                         # USD over one day
convention = "historical"               # or "filtered"; must be named. With "-vols-unchanged"
                                        # behind it vols stay: ETH has no recorded vol index
confidence = 0.99
hard = 400_000

# --- What has happened: past it only orders that reduce a position leave ---

[[limit]]
scope = "account"
name = "main"
measure = "day_loss"                    # USD
soft = 50_000
hard = 100_000

[[limit]]
scope = "desk"
measure = "drawdown"                    # USD from the peak of equity
hard = 300_000

# --- Each order by itself ---

[[limit]]
scope = "desk"
measure = "order_size"                  # contracts
hard = 100

[[limit]]
scope = "desk"
measure = "order_value"                 # USD: premium of an option, notional of a future
hard = 250_000

[[limit]]
scope = "desk"
measure = "price_band"                  # from the mark
unit = "share"                          # of the mark, 0.25 is 25 %; or "quote"
hard = 0.25

[[limit]]
scope = "desk"
measure = "vol_band"                    # vol points from the mark's vol
hard = 10

[[limit]]
scope = "strategy"
name = "*"
measure = "order_rate"                  # orders in a window
per_s = 10
hard = 20

[[limit]]
scope = "desk"
measure = "open_orders"
hard = 200

[[limit]]
scope = "desk"
measure = "staleness"                   # seconds since the instrument's last quote
hard = 5

[[limit]]
scope = "desk"
measure = "allow_list"
allow = ["BTC*", "ETH-*-C"]             # instrument names, * for any letters
"""
