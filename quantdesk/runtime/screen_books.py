"""The books that a screen can look at: a positions file, the desk's accounts, the shipped sample.

A book is opened anew on each snapshot: rows find their instruments as chains arrive, and what
expires drops out with its reason.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path
from typing import Protocol

from quantdesk.runtime.books import OpenBook, book_of_accounts, resolve_book
from quantdesk.snapshot import DeskSnapshot
from quantdesk.storage.position_files import PositionFile, read_position_file

SAMPLE_PATH = Path(__file__).with_name("sample_book.csv")
SAMPLE_LABEL = "SAMPLE book, nobody's positions"
SAMPLE_COLLATERAL: Mapping[str, Decimal] = {
    "BTC": Decimal("2.5"),
    "ETH": Decimal(60),
    "USDT": Decimal(50_000),
}
"""Cash beside the sample's positions, so that "with collateral" differs from "without"."""


class ScreenBook(Protocol):
    """A book that screens can look at."""

    @property
    def label(self) -> str:
        """What it is called on screen."""

    @property
    def collateral(self) -> Mapping[str, Decimal]:
        """Cash by currency beside the positions, where the user said so."""

    def waits_for(self, snapshot: DeskSnapshot) -> str:
        """What must come before it can be opened on `snapshot`, "" where nothing."""

    def open(self, snapshot: DeskSnapshot) -> OpenBook:
        """The book on the market of `snapshot`."""


@dataclass(frozen=True, slots=True, kw_only=True)
class FileBook:
    """Rows of a positions file, read once."""

    label: str
    file: PositionFile
    collateral: Mapping[str, Decimal] = field(default_factory=dict)

    def waits_for(self, snapshot: DeskSnapshot) -> str:
        """A market with any chain."""
        return "" if snapshot.chains else "the first chain"

    def open(self, snapshot: DeskSnapshot) -> OpenBook:
        """The rows on the market of `snapshot`; refused by name where it has no such instrument."""
        return resolve_book(self.file, snapshot.market())


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountBook:
    """Every account that the desk reads."""

    names: tuple[str, ...]
    collateral: Mapping[str, Decimal] = field(default_factory=dict)

    @property
    def label(self) -> str:
        """ "account deribit-main"."""
        word = "account" if len(self.names) == 1 else "accounts"
        return f"{word} {' and '.join(self.names)}"

    def waits_for(self, snapshot: DeskSnapshot) -> str:
        """The first whole reading of each account, and a market."""
        whole = {one.account for one in snapshot.accounts if one.is_whole}
        missing = [name for name in self.names if name not in whole]
        if missing:
            return f"account {', '.join(missing)} to be read whole"
        return "" if snapshot.chains else "the first chain"

    def open(self, snapshot: DeskSnapshot) -> OpenBook:
        """The accounts' positions, with the venues' own margins."""
        return book_of_accounts(snapshot)


def file_book(path: Path, collateral: Mapping[str, Decimal] | None = None) -> FileBook:
    """The book of the positions file `path`. Raises StorageError where it can not be read."""
    return FileBook(
        label=f"book {path.name}",
        file=read_position_file(path),
        collateral=dict(collateral or {}),
    )


def sample_book() -> FileBook:
    """The shipped sample, on contracts of the simulated venues: positions of nobody."""
    return FileBook(
        label=SAMPLE_LABEL,
        file=read_position_file(SAMPLE_PATH),
        collateral=SAMPLE_COLLATERAL,
    )
