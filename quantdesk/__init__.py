"""quantdesk: an options and derivatives desk for the terminal.

The public names are imported when they are first used, so that `import quantdesk` stays light::

    import quantdesk as qd

    desk = qd.sample("deribit-2026-06-27")
    chain = desk.chain("BTC")
    print(qd.chain_columns(chain)["mark_iv"])
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from quantdesk.app.notebook import chain_columns as chain_columns
    from quantdesk.app.notebook import read_market as read_market
    from quantdesk.app.notebook import sample as sample
    from quantdesk.app.notebook_margin import portfolio_margin as portfolio_margin
    from quantdesk.app.notebook_pnl import pnl_explain as pnl_explain
    from quantdesk.app.notebook_risk import risk_report as risk_report
    from quantdesk.app.notebook_structures import analyse as analyse
    from quantdesk.app.notebook_structures import build as build
    from quantdesk.app.notebook_structures import hedged as hedged
    from quantdesk.app.notebook_structures import iron_condor as iron_condor
    from quantdesk.app.notebook_surface import Surface as Surface
    from quantdesk.pricing import IvStatus as IvStatus
    from quantdesk.pricing import greeks as greeks
    from quantdesk.pricing import implied_vol as implied_vol
    from quantdesk.pricing import price as price

__version__ = "0.1.0"

_HOME = {
    "iron_condor": "quantdesk.app.notebook_structures",
    "build": "quantdesk.app.notebook_structures",
    "analyse": "quantdesk.app.notebook_structures",
    "IvStatus": "quantdesk.pricing",
    "Surface": "quantdesk.app.notebook_surface",
    "chain_columns": "quantdesk.app.notebook",
    "greeks": "quantdesk.pricing",
    "hedged": "quantdesk.app.notebook_structures",
    "implied_vol": "quantdesk.pricing",
    "pnl_explain": "quantdesk.app.notebook_pnl",
    "portfolio_margin": "quantdesk.app.notebook_margin",
    "price": "quantdesk.pricing",
    "read_market": "quantdesk.app.notebook",
    "risk_report": "quantdesk.app.notebook_risk",
    "sample": "quantdesk.app.notebook",
}
"""Where each public name lives."""

__all__ = [
    "IvStatus",
    "Surface",
    "__version__",
    "analyse",
    "build",
    "chain_columns",
    "greeks",
    "hedged",
    "implied_vol",
    "iron_condor",
    "pnl_explain",
    "portfolio_margin",
    "price",
    "read_market",
    "risk_report",
    "sample",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'quantdesk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
