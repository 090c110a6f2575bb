"""Limits that block: what may be held and sent, kept up to date, asked before every order.

`limit` says what a limit is and `files` reads them; `units` measures one unit of each instrument on
a market; `state` keeps positions and open orders and asks the checks of `risk.checks`, one file
each; `size` finds the largest size that passes. Sends nothing, reads no clock and no file.
"""
