"""API accounts of the simulated Binance: keys drawn from the seed, and who may act with them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal

import numpy as np

KEY_LENGTH = 64
_ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
_SEED_SPACE = 0xB1
"""Sets these draws apart from every other use of the same seed."""

BALANCES_DEFAULT: Mapping[str, Decimal] = {"USDT": Decimal(1_000_000)}


@dataclass(frozen=True, slots=True, kw_only=True)
class ApiAccount:
    """One account and its only key. The secret is the simulator's own, of use nowhere else."""

    account_id: str
    api_key: str
    api_secret: str = field(repr=False)
    balances: Mapping[str, Decimal]


def draw_accounts(
    seed: int, count: int = 1, balances: Mapping[str, Decimal] = BALANCES_DEFAULT
) -> tuple[ApiAccount, ...]:
    """`count` accounts whose keys follow from `seed` alone, each with the same `balances`."""
    draws = np.random.Generator(np.random.PCG64([_SEED_SPACE, seed]))
    return tuple(
        ApiAccount(
            account_id=f"binance-{number}",
            api_key=_key(draws),
            api_secret=_key(draws),
            balances=dict(balances),
        )
        for number in range(1, count + 1)
    )


def by_key(accounts: Sequence[ApiAccount]) -> dict[str, ApiAccount]:
    """Accounts by API key."""
    return {account.api_key: account for account in accounts}


def _key(draws: np.random.Generator) -> str:
    return "".join(_ALPHABET[i] for i in draws.integers(len(_ALPHABET), size=KEY_LENGTH))
