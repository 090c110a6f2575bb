"""Which accounts the desk may read, and the keys that prove it: environment or private file.

A key never stands in the settings file and never reaches a message. An account is named in the
settings as `[accounts.NAME]`, or is a venue's own name, whose keys the environment holds.
"""

from __future__ import annotations

import os
import re
import stat
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from quantdesk.domain.secret import Secret
from quantdesk.errors import ConfigError, InvalidInput
from quantdesk.runtime.settings import Settings
from quantdesk.runtime.venues import VENUES, KeyPair, VenueChoice, parse_venue

KEY_FILE_BYTES_MAX = 16 * 1024
FORBIDDEN_MODE = stat.S_IRWXG | stat.S_IRWXO
ACCOUNT_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")


@dataclass(frozen=True, slots=True, kw_only=True)
class AccountChoice:
    """An account to read: its name on this desk, its venue, and its keys."""

    name: str
    venue: VenueChoice
    keys: KeyPair


def load_accounts(
    names: Sequence[str],
    settings: Settings,
    *,
    venues: Sequence[VenueChoice] = (),
    environ: Mapping[str, str] = os.environ,
) -> tuple[AccountChoice, ...]:
    """The accounts that `--account` names, with their keys, each once.

    `venues` are those of the same desk: an account that is a venue's own name is at that one, and
    none may be of another environment. Raises ConfigError saying what is missing, never what a key
    is.
    """
    chosen = tuple(load_account(name, settings, venues=venues, environ=environ) for name in names)
    for choice in chosen:
        if names.count(choice.name) > 1:
            raise ConfigError(f"account {choice.name!r}: named twice")
        for venue in venues:
            if venue.environment is not choice.venue.environment:
                raise ConfigError(
                    f"account {choice.name!r} is {choice.venue.environment.value}, "
                    f"{venue.venue} is {venue.environment.value}: must be of one environment"
                )
    return chosen


def load_account(
    name: str,
    settings: Settings,
    *,
    venues: Sequence[VenueChoice] = (),
    environ: Mapping[str, str] = os.environ,
) -> AccountChoice:
    """The account `name`: from `[accounts.NAME]`, or at the venue of that name.

    Keys are QUANTDESK_<NAME>_KEY and QUANTDESK_<NAME>_SECRET, else the account's `key_file`.
    Raises ConfigError.
    """
    section = settings.accounts.get(name)
    if section is None and name not in VENUES:
        known = ", ".join([*settings.accounts, *VENUES])
        raise ConfigError(f"account {name!r}: choose one of {known}, or add [accounts.{name}]")
    if section is None:
        venue = next((each for each in venues if each.venue == name), parse_venue(name))
        key_file = None
    else:
        if not ACCOUNT_NAME.fullmatch(name):
            raise ConfigError(f"accounts.{name}: must be small letters, digits, - and _")
        venue, key_file = parse_venue(section.venue, section.endpoint), section.key_file
    prefix = f"QUANTDESK_{name.upper().replace('-', '_')}"
    keys = _keys_from_environment(prefix, environ)
    if keys is None and key_file is not None:
        keys = _keys_from_file(Path(key_file).expanduser())
    if keys is None:
        raise ConfigError(
            f"account {name!r}: no keys; set {prefix}_KEY and {prefix}_SECRET, "
            f"or name a private file as accounts.{name}.key_file"
        )
    return AccountChoice(name=name, venue=venue, keys=keys)


def _keys_from_environment(prefix: str, environ: Mapping[str, str]) -> KeyPair | None:
    names = (f"{prefix}_KEY", f"{prefix}_SECRET")
    given = [name for name in names if environ.get(name)]
    if not given:
        return None
    if len(given) == 1:
        missing = next(name for name in names if name not in given)
        raise ConfigError(f"{given[0]} is set and {missing} is not: both are needed")
    return _key_pair("the environment", *(environ[name] for name in names))


def _keys_from_file(path: Path) -> KeyPair:
    """Keys of a TOML file `key = "…"`, `secret = "…"` that nobody else may read."""
    try:
        mode = path.stat().st_mode
        if not stat.S_ISREG(mode) or mode & FORBIDDEN_MODE:
            raise ConfigError(
                f"{path}: mode {stat.S_IMODE(mode):o} lets others read the keys; "
                f"must be a file of mode 600 (chmod 600 {path})"
            )
        with path.open("rb") as file:
            values = tomllib.loads(file.read(KEY_FILE_BYTES_MAX).decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"{path}: can not be read: {error.strerror}") from None
    except (UnicodeDecodeError, tomllib.TOMLDecodeError):
        # The cause is dropped: it may quote a key.
        values = {}
    key, secret = values.get("key"), values.get("secret")
    if set(values) != {"key", "secret"} or not isinstance(key, str) or not isinstance(secret, str):
        raise ConfigError(f'{path}: must be TOML of two lines, key = "…" and secret = "…"')
    return _key_pair(str(path), key, secret)


def _key_pair(source: str, key: str, secret: str) -> KeyPair:
    parts = []
    for field, text in (("key", key), ("secret", secret)):
        try:
            parts.append(Secret(text))
        except InvalidInput as error:
            raise ConfigError(f"{field} of {source}: {error.rule}") from None
    return KeyPair(key=parts[0], secret=parts[1])
