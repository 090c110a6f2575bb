"""Deribit's face of the simulated market: JSON-RPC 2.0 over WebSocket and HTTP, public part.

rpc (envelope) · methods (public API) · records (payloads) · channels, hub (subscriptions) ·
session (one socket) · server (aiohttp). Facts about the protocol come from Deribit's public
documents and captured messages; nothing here is shared with the desk's own Deribit adapter.
"""
