"""The Binance face of the simulated exchange: European options in USDT, REST and WebSocket.

Its market is none recorded: it is made from the recorded Deribit surface by the rules of
`PROVENANCE.md`. Start reading at `server.BinanceServer`; `floor` joins market, matching and
accounts, `rest` and `streams` speak the protocol. Imports nothing of `quantdesk.venues`.
"""
