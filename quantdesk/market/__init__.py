"""Market state and what follows from it: chains, forwards, implied vols, quality of quotes.

Knows no venue's protocol, reads no clock, sends nothing.
"""
