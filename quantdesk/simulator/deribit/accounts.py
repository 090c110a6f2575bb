"""API accounts of the simulated Deribit: keys drawn from the seed, and what they may do."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

CLIENT_ID_LENGTH, CLIENT_SECRET_LENGTH = 8, 43
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SEED_SPACE = 0xDE
"""Sets these draws apart from every other use of the same seed."""

_USER_ID_FIRST = 96_103

KEY_SCOPE: Mapping[str, str] = {
    "account": "read",
    "block_rfq": "none",
    "block_trade": "none",
    "trade": "read_write",
    "wallet": "read",
}
"""What a key of these accounts may do: trade, and move no money."""

BALANCES_DEFAULT: Mapping[str, Decimal] = {"BTC": Decimal(10), "ETH": Decimal(100)}
ACCOUNTS_DEFAULT = 2
"""One to trade on, one to trade against."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccount:
    """One account and its only key. The secret is the simulator's own, of use nowhere else."""

    user_id: int
    client_id: str
    client_secret: str = field(repr=False)
    balances: Mapping[str, Decimal]

    @property
    def account_id(self) -> str:
        """Its name at the exchange."""
        return f"deribit-{self.user_id}"

    @property
    def username(self) -> str:
        """Its name in account records."""
        return f"simulated_{self.user_id}"


def draw_accounts(
    seed: int,
    currencies: Sequence[str],
    *,
    count: int = ACCOUNTS_DEFAULT,
    balances: Mapping[str, Decimal] = BALANCES_DEFAULT,
) -> tuple[ApiAccount, ...]:
    """`count` accounts whose keys follow from `seed` alone, with cash in each of `currencies`."""
    draws = np.random.Generator(np.random.PCG64([_SEED_SPACE, seed]))
    return tuple(
        ApiAccount(
            user_id=_USER_ID_FIRST + number,
            client_id=_text(draws, CLIENT_ID_LENGTH),
            client_secret=_text(draws, CLIENT_SECRET_LENGTH),
            balances={coin: balances[coin] for coin in currencies if coin in balances},
        )
        for number in range(count)
    )


def _text(draws: np.random.Generator, length: int) -> str:
    return "".join(_ALPHABET[i] for i in draws.integers(len(_ALPHABET), size=length))
