"""What a scripted Deribit says of an account, in the field lists of the API's documents.

Stands in for the simulated exchange's private face, which does not exist yet. Values are made up;
their shapes are held against captured payloads where those are at hand.
"""

from __future__ import annotations

import hashlib
import hmac
import json
from typing import Any

from aiohttp import web

CLIENT_ID = "cid-canary-7Q2x"
CLIENT_SECRET = 'sec"ret\\canary-K9zW4m'
STAMP_MS = 1_782_552_300_000


def order(**changes: Any) -> dict[str, Any]:
    """An open limit order."""
    return {
        "order_id": "BTC-109559973994",
        "order_state": "open",
        "order_type": "limit",
        "time_in_force": "good_til_cancelled",
        "instrument_name": "BTC-28JUN26-60000-C",
        "direction": "buy",
        "price": 0.0125,
        "amount": 2.0,
        "contracts": 2.0,
        "filled_amount": 0.5,
        "average_price": 0.0125,
        "label": "qd-1",
        "post_only": True,
        "reject_post_only": False,
        "reduce_only": False,
        "mmp": False,
        "replaced": False,
        "api": True,
        "web": False,
        "is_liquidation": False,
        "risk_reducing": False,
        "user_id": 7,
        "creation_timestamp": STAMP_MS - 1_000,
        "last_update_timestamp": STAMP_MS,
        **changes,
    }


def trade(**changes: Any) -> dict[str, Any]:
    """One execution of that order."""
    return {
        "trade_id": "BTC-5001",
        "trade_seq": 12,
        "order_id": "BTC-109559973994",
        "instrument_name": "BTC-28JUN26-60000-C",
        "direction": "buy",
        "price": 0.0125,
        "amount": 0.5,
        "contracts": 0.5,
        "fee": 0.00015,
        "fee_currency": "BTC",
        "liquidity": "M",
        "iv": 45.2,
        "underlying_price": 60266.69,
        "index_price": 60266.69,
        "mark_price": 0.0126,
        "tick_direction": 0,
        "profit_loss": 0.0,
        "state": "open",
        "label": "qd-1",
        "order_type": "limit",
        "post_only": True,
        "reduce_only": False,
        "mmp": False,
        "api": True,
        "matching_id": None,
        "timestamp": STAMP_MS,
        **changes,
    }


def position(**changes: Any) -> dict[str, Any]:
    """A short option."""
    return {
        "instrument_name": "BTC-28JUN26-60000-C",
        "kind": "option",
        "direction": "sell",
        "size": -1.5,
        "average_price": 0.0131,
        "average_price_usd": 789.1,
        "mark_price": 0.0126,
        "index_price": 60266.69,
        "settlement_price": 0.013,
        "delta": -0.7,
        "gamma": -0.00003,
        "vega": -4.1,
        "theta": 55.2,
        "floating_profit_loss": 0.0006,
        "floating_profit_loss_usd": 36.1,
        "realized_profit_loss": 0.0,
        "total_profit_loss": 0.0007,
        "initial_margin": 0.2,
        "maintenance_margin": 0.1,
        **changes,
    }


def summary(**changes: Any) -> dict[str, Any]:
    """Money in bitcoin, margined by itself."""
    return {
        "currency": "BTC",
        "balance": 10.25,
        "equity": 10.2317,
        "available_funds": 10.0317,
        "available_withdrawal_funds": 10.0,
        "margin_balance": 10.25,
        "initial_margin": 0.2,
        "maintenance_margin": 0.1,
        "session_upl": -0.0183,
        "session_rpl": 0.0,
        "total_pl": -0.0183,
        "margin_model": "segregated_sm",
        "cross_collateral_enabled": False,
        "portfolio_margining_enabled": False,
        "delta_total_map": {"btc_usd": -1.1},
        "options_gamma_map": {"btc_usd": -0.00003},
        "options_vega_map": {"btc_usd": -6.15},
        "options_theta_map": {"btc_usd": 82.8},
        **changes,
    }


class AccountDesk:
    """The private answers of a venue with one key: who is logged in, what may be asked.

    expires_in, scope : of the tokens it gives
    refuse_refresh : whether refresh tokens are refused, as after a restart of the venue
    """

    def __init__(self, *, expires_in: int = 900, scope: str = "") -> None:
        self.expires_in = expires_in
        self.scope = scope or "connection mainaccount account:read trade:read wallet:read"
        self.refuse_refresh = False
        self.refuse_key = False
        self.forget_logins = 0
        self.tokens = 0
        self.grants: list[str] = []
        self.trades: list[dict[str, Any]] = [trade()]
        self.page_size = 1_000
        self.problems: list[str] = []

    def answers(self) -> dict[str, Any]:
        """Functions of a request by method, as `ScriptedVenue.answers` takes them."""
        return {
            "public/auth": self._auth,
            "private/subscribe": self._member(lambda r: r["params"]["channels"]),
            "private/get_account_summaries": self._member(lambda _: {"summaries": [summary()]}),
            "private/get_positions": self._member(lambda _: [position()]),
            "private/get_open_orders": self._member(lambda _: [order()]),
            "private/get_user_trades_by_currency_and_time": self._member(self._page),
        }

    def issued(self) -> list[str]:
        """Every token given so far."""
        return [f"{kind}-token-{n}" for n in range(1, self.tokens + 1) for kind in ("acc", "ref")]

    def _member(self, answer: Any) -> Any:
        def guarded(request: dict[str, Any]) -> Any:
            if self.forget_logins:
                self.forget_logins -= 1
                return {"error": {"code": 13009, "message": "unauthorized"}}
            return answer(request)

        return guarded

    def _auth(self, request: dict[str, Any]) -> Any:
        params = request["params"]
        grant = params["grant_type"]
        self.grants.append(grant)
        if self.refuse_key or not self._is_proven(params):
            return {"error": {"code": 13004, "message": "invalid_credentials"}}
        if grant == "refresh_token" and self.refuse_refresh:
            return {"error": {"code": 13009, "message": "unauthorized"}}
        self.tokens += 1
        return {
            "access_token": f"acc-token-{self.tokens}",
            "refresh_token": f"ref-token-{self.tokens}",
            "expires_in": self.expires_in,
            "scope": self.scope,
            "token_type": "bearer",
            "enabled_features": [],
            "sid": "s1",
        }

    def _is_proven(self, params: dict[str, Any]) -> bool:
        match params["grant_type"]:
            case "client_credentials":
                return bool(
                    params["client_id"] == CLIENT_ID and params["client_secret"] == CLIENT_SECRET
                )
            case "client_signature":
                text = f"{params['timestamp']}\n{params['nonce']}\n{params['data']}"
                proof = hmac.new(CLIENT_SECRET.encode(), text.encode(), hashlib.sha256)
                return bool(params["signature"] == proof.hexdigest())
        return bool(params["refresh_token"] == f"ref-token-{self.tokens}")

    def _page(self, request: dict[str, Any]) -> Any:
        params = request["params"]
        if params["historical"]:
            return {"trades": [], "has_more": False}
        found = [
            t
            for t in self.trades
            if params["start_timestamp"] <= t["timestamp"] <= params["end_timestamp"]
            and t["fee_currency"] == params["currency"]
        ]
        page = found[: self.page_size]
        return {"trades": page, "has_more": len(found) > len(page)}


def json_bytes(value: object) -> bytes:
    """`value` as the venue writes JSON."""
    return json.dumps(value, separators=(",", ":")).encode()


def html_page() -> web.Response:
    """What a maintenance gateway answers."""
    return web.Response(status=502, text="<html>maintenance</html>", content_type="text/html")
