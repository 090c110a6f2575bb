"""The venue-neutral exchange core: matching, accounts, settlement and the house's market makers.

Start reading at `exchange.Exchange`, the facade that faces and paper trading use. Below it:
`trading` (orders into books), `admission` (may it enter), `matching` and `book` (who trades with
whom), `clearing` and `ledger` (the money of a trade), `settlement` and `calendar` (the money of
time), `maker` (the house's quotes). Knows no protocol, no socket, no clock and no venue by name:
what differs between venues is `rules.VenueRules` and the models handed in.
"""
