"""What a limit is: a scope, a measure with its convention and unit, a soft and a hard level.

Values only. A measure that has several conventions is refused without one, so that no number is
ever compared with a limit that meant another.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from quantdesk.errors import InvalidInput

EACH = "*"
"""A name that stands for each one: a limit of its own for every account, expiry, …"""

PERPETUAL = "PERP"
"""Stands for the expiry of what never expires."""


class Scope(StrEnum):
    """What a limit looks at."""

    DESK = "desk"
    ACCOUNT = "account"
    VENUE = "venue"
    STRATEGY = "strategy"
    UNDERLYING = "underlying"
    EXPIRY = "expiry"


class Measure(StrEnum):
    """What is measured. Net sums keep signs; gross ones add |·| by instrument."""

    NET_DELTA = "net_delta"
    GROSS_DELTA = "gross_delta"
    NET_GAMMA = "net_gamma"
    GROSS_GAMMA = "gross_gamma"
    NET_VEGA = "net_vega"
    GROSS_VEGA = "gross_vega"
    NET_WEIGHTED_VEGA = "net_weighted_vega"
    GROSS_WEIGHTED_VEGA = "gross_weighted_vega"
    NET_THETA = "net_theta"
    GROSS_THETA = "gross_theta"
    NET_NOTIONAL = "net_notional"
    GROSS_NOTIONAL = "gross_notional"
    NET_CONTRACTS = "net_contracts"
    GROSS_CONTRACTS = "gross_contracts"
    MARGIN_USE = "margin_use"
    STRESS_LOSS = "stress_loss"
    VAR = "var"
    DAY_LOSS = "day_loss"
    DRAWDOWN = "drawdown"
    ORDER_SIZE = "order_size"
    ORDER_VALUE = "order_value"
    PRICE_BAND = "price_band"
    VOL_BAND = "vol_band"
    ORDER_RATE = "order_rate"
    OPEN_ORDERS = "open_orders"
    STALENESS = "staleness"
    ALLOW_LIST = "allow_list"

    @property
    def is_net(self) -> bool:
        """True for sums that keep their signs."""
        return self.value.startswith("net_")

    @property
    def is_gross(self) -> bool:
        """True for sums of |·| by instrument."""
        return self.value.startswith("gross_")

    @property
    def is_exposure(self) -> bool:
        """True for what is summed over positions."""
        return self.is_net or self.is_gross

    @property
    def root(self) -> str:
        """The measure without net or gross: "delta"."""
        return self.value.removeprefix("net_").removeprefix("gross_")

    @property
    def words(self) -> str:
        """For a sentence: "net weighted vega"."""
        return self.value.replace("_", " ")


CONVENTIONS: Mapping[str, tuple[str, ...]] = {
    "delta": ("black", "premium-adjusted"),
    "vega": ("usd-per-point", "coin-per-point"),
    "weighted_vega": ("sqrt-30d-usd-per-point", "sqrt-30d-coin-per-point"),
    "margin_use": (
        "deribit-standard",
        "deribit-portfolio",
        "deribit-portfolio-cross",
        "binance-standard",
    ),
    "var": (
        "historical",
        "filtered",
        "historical-vols-unchanged",
        "filtered-vols-unchanged",
    ),
}
"""Measures that must say which definition they mean, by root, and the definitions there are."""

UNITS: Mapping[str, tuple[str, ...]] = {
    "delta": ("coin", "usd"),
    "gamma": ("usd", "coin"),
    "margin_use": ("share", "usd"),
    "price_band": ("share", "quote"),
}
"""Units that may be chosen, by root; the first is meant where none is named."""

SHARE_MAX: Mapping[str, float] = {"margin_use": 1.0, "price_band": 1.0}
"""The largest level in the unit "share", by root: above it stands a percentage, and never binds.

Past its whole equity an account opens nothing at its venue anyway. No sale is further from the mark
than the whole of it; a purchase at over twice the mark is of an option of few ticks, whose band is
one of prices.
"""

FIXED_UNITS: Mapping[str, str] = {
    "theta": "USD per day",
    "notional": "USD",
    "contracts": "contracts",
    "stress_loss": "USD",
    "var": "USD",
    "day_loss": "USD",
    "drawdown": "USD",
    "order_size": "contracts",
    "order_value": "USD",
    "vol_band": "vol points",
    "order_rate": "orders",
    "open_orders": "orders",
    "staleness": "s",
    "allow_list": "",
}

CONFIDENCE = 0.99
"""Of a VaR limit that does not say."""

WINDOW_S = 1.0
"""Of an order rate that does not say."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Filters:
    """Which positions and orders a limit looks at; "" is all of them, `EACH` one by one.

    expiry : as the venues write it, "27MAR26"; "PERP" for perpetuals and spot
    """

    account: str = ""
    venue: str = ""
    strategy: str = ""
    underlying: str = ""
    expiry: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Limit:
    """One limit. `soft` warns, `hard` blocks; at least one is given, both from 0 up, in `unit`.

    name : of what the scope means, "" for the desk
    per_s : window of an order rate, seconds
    confidence : of a VaR;  scenarios : names of the stresses that count, () for all
    allow : names (with * for any letters) of what may be traded, of an allow-list
    """

    scope: Scope
    name: str = ""
    measure: Measure
    convention: str = ""
    unit: str = ""
    soft: float | None = None
    hard: float | None = None
    filters: Filters = field(default_factory=Filters)
    per_s: float = WINDOW_S
    confidence: float = CONFIDENCE
    scenarios: tuple[str, ...] = ()
    allow: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        where = f"of the {self.measure.value} limit on {self.scope_words}"
        self._check_names(where)
        if self.measure is Measure.ALLOW_LIST:
            if not self.allow:
                raise InvalidInput("allow", self.allow, f"{where} must name what may be traded")
            return
        if self.allow:
            raise InvalidInput("allow", self.allow, f"{where} goes with allow_list only")
        self._check_levels(where)
        if not (math.isfinite(self.per_s) and 0 < self.per_s <= 86_400):
            raise InvalidInput("per_s", self.per_s, f"{where} must be above 0, at most 86400")
        if not 0.5 <= self.confidence < 1:
            raise InvalidInput("confidence", self.confidence, f"{where} must be from 0.5, below 1")

    def _check_names(self, where: str) -> None:
        root = self.measure.root
        known = CONVENTIONS.get(root, ())
        if known and self.convention not in known:
            rule = f"{where} must be named: {' or '.join(known)}"
            raise InvalidInput("convention", self.convention or None, rule)
        if not known and self.convention:
            raise InvalidInput("convention", self.convention, f"{where}: {root} has only one")
        units = UNITS.get(root, ())
        if self.unit and self.unit not in units:
            rule = f"{where} must be {' or '.join(units) or 'left out: ' + self.unit_words}"
            raise InvalidInput("unit", self.unit, rule)
        if (self.scope is Scope.DESK) == bool(self.name):
            rule = f"{where} must {'be left out' if self.scope is Scope.DESK else 'be given'}"
            raise InvalidInput("name", self.name or None, rule)
        if self.scope is Scope.EXPIRY and not self.filters.underlying:
            raise InvalidInput("underlying", None, f"{where} must be given: expiries are by coin")
        if self.is_in_coin and not self.coin_words:
            rule = f"{where} must be given: coins of several underlyings are never added"
            raise InvalidInput("underlying", None, rule)

    def _check_levels(self, where: str) -> None:
        if self.soft is None and self.hard is None:
            raise InvalidInput("hard", None, f"{where}: hard or soft must be given")
        for level in ("soft", "hard"):
            value = getattr(self, level)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise InvalidInput(level, value, f"{where} must be a number from 0 up")
            if value is not None and value > self._level_max:
                raise InvalidInput(level, value, f"{where} {self._share_rule(value)}")
        if self.soft is not None and self.hard is not None and self.soft > self.hard:
            raise InvalidInput("soft", self.soft, f"{where} must be at most hard = {self.hard:g}")

    @property
    def _level_max(self) -> float:
        return SHARE_MAX[self.measure.root] if self.chosen_unit == "share" else math.inf

    def _share_rule(self, value: float) -> str:
        """What a share may be, by the percentage that was meant."""
        percent = value if value <= 100 * self._level_max else 80
        other = next(unit for unit in UNITS[self.measure.root] if unit != "share")
        return (
            f"is a share {self.unit_words} and must be from 0 to {self._level_max:g}: "
            f'{percent / 100:g} is {percent:g} %; unit = "{other}" has no such bound'
        )

    @property
    def is_in_coin(self) -> bool:
        """True where values are coins, which only add up within one underlying."""
        root = self.measure.root
        if root in UNITS and "coin" in UNITS[root]:
            return (self.unit or UNITS[root][0]) == "coin"
        return "coin" in self.convention

    @property
    def coin_words(self) -> str:
        """The one coin the limit is about, "*" for each; "" for several."""
        return self.name if self.scope is Scope.UNDERLYING else self.filters.underlying

    @property
    def chosen_unit(self) -> str:
        """The unit's key, the measure's own where none was named."""
        return self.unit or UNITS.get(self.measure.root, ("",))[0]

    @property
    def unit_words(self) -> str:
        """Unit of the values: "BTC", "USD per vol point"."""
        root, unit = self.measure.root, self.chosen_unit
        coin = self.coin_words if self.coin_words not in {"", EACH} else "coins"
        money = coin if self.is_in_coin else "USD"
        chosen = {
            "delta": money,
            "gamma": f"{money} per 1 %",
            "vega": f"{money} per vol point",
            "weighted_vega": f"{money} per vol point × √(30/d)",
            "margin_use": "of equity" if unit == "share" else "USD",
            "price_band": "of the mark" if unit == "share" else "quote currency",
            "order_rate": f"orders in {self.per_s:g} s",
        }
        return chosen.get(root) or FIXED_UNITS[root]

    @property
    def scope_words(self) -> str:
        """What it is about: "underlying BTC", "expiry BTC 27MAR26", "desk"."""
        words = [self.scope.value]
        if self.scope is Scope.EXPIRY:
            words.append(self.filters.underlying)
        if self.name:
            words.append(self.name)
        for filter_name in ("account", "venue", "strategy", "underlying"):
            value = getattr(self.filters, filter_name)
            if (
                value
                and filter_name != self.scope
                and not (self.scope is Scope.EXPIRY and filter_name == "underlying")
            ):
                words.append(f"{filter_name} {value}")
        return " ".join(words)

    @property
    def measure_words(self) -> str:
        """The measure and its convention: "net delta (premium-adjusted)"."""
        if self.measure is Measure.VAR:
            return f"VaR {self.confidence:.4g} ({self.convention})"
        return (
            f"{self.measure.words} ({self.convention})" if self.convention else (self.measure.words)
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class LimitSet:
    """All limits of a desk. An empty set is no permission: nothing may be traded without limits.

    source : file they were read from, in words;  digest : of its bytes, SHA-256 as hex
    """

    limits: tuple[Limit, ...]
    source: str
    digest: str = ""

    def __len__(self) -> int:
        return len(self.limits)
