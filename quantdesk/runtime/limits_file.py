"""Where limits are: `--limits FILE`, QUANTDESK_LIMITS, limits.toml beside the config file."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path

from quantdesk.errors import ConfigError
from quantdesk.risk.limits.files import parse_limits
from quantdesk.risk.limits.limit import LimitSet
from quantdesk.runtime.settings import config_file

LIMITS_BYTES_MAX = 1_000_000
NO_TRADING = "no trading until it can be read, cancels stay allowed"
EXAMPLE_HINT = "`quantdesk limits show --example` prints one"


def limits_path(named: Path | None, environ: Mapping[str, str] = os.environ) -> Path:
    """The limits file that is meant; it need not be there."""
    if named is not None:
        return named
    if own := environ.get("QUANTDESK_LIMITS"):
        return Path(own).expanduser()
    return config_file(environ).with_name("limits.toml")


def read_limits(path: Path) -> LimitSet | None:
    """The limits of `path`; None where there is no such file.

    Raises ConfigError for one that can not be read or means nothing.
    """
    try:
        with path.open("rb") as file:
            content = file.read(LIMITS_BYTES_MAX + 1)
    except FileNotFoundError:
        return None
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(f"{path}: can not be read: {reason}; {NO_TRADING}") from None
    if len(content) > LIMITS_BYTES_MAX:
        raise ConfigError(f"{path}: larger than {LIMITS_BYTES_MAX:,} bytes; {NO_TRADING}")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise ConfigError(
            f"{path}: is not UTF-8 text at byte {error.start}; {NO_TRADING}"
        ) from None
    try:
        return parse_limits(text, str(path))
    except ConfigError as error:
        raise ConfigError(f"{error}; {NO_TRADING}") from None


def required_limits(path: Path) -> LimitSet:
    """As `read_limits`; a file that is not there is refused too."""
    limits = read_limits(path)
    if limits is None:
        raise ConfigError(f"{path}: there is no such limits file; {EXAMPLE_HINT}; {NO_TRADING}")
    return limits
