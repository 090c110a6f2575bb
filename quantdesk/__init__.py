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
    from quantdesk.pricing import IvStatus as IvStatus
    from quantdesk.pricing import greeks as greeks
    from quantdesk.pricing import implied_vol as implied_vol
    from quantdesk.pricing import price as price

__version__ = "0.1.0"

_HOME = {
    "IvStatus": "quantdesk.pricing",
    "chain_columns": "quantdesk.app.notebook",
    "greeks": "quantdesk.pricing",
    "implied_vol": "quantdesk.pricing",
    "price": "quantdesk.pricing",
    "read_market": "quantdesk.app.notebook",
    "sample": "quantdesk.app.notebook",
}
"""Where each public name lives."""

__all__ = [
    "IvStatus",
    "__version__",
    "chain_columns",
    "greeks",
    "implied_vol",
    "price",
    "read_market",
    "sample",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'quantdesk' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
