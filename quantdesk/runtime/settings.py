"""Where the desk keeps its files and which venue it opens: flags, environment, file, default.

One TOML file; unknown keys are refused with the nearest name. Pydantic only here and where people
hand things in: its messages are for them.
"""

from __future__ import annotations

import difflib
import os
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from quantdesk.errors import ConfigError


class RecordingSettings(BaseModel):
    """What a desk on screen keeps of its frames by itself.

    `max_bytes` bounds all kept sessions together: the oldest are removed first, and a session that
    reaches it alone stops recording and says so. 0 keeps none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    max_bytes: int = Field(default=8_000_000_000, ge=0)


class SimulatedSettings(BaseModel):
    """The embedded simulated venue."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    speed: float = Field(default=1.0, gt=0, le=100_000, allow_inf_nan=False)
    seed: int = Field(default=0, ge=0)


class AccountSettings(BaseModel):
    """An account of ours at a venue; `key_file` is a private file that holds its keys.

    Keys themselves do not stand here: see `runtime.accounts`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    venue: str
    endpoint: str | None = None
    key_file: str | None = None


class SurfaceSettings(BaseModel):
    """How the desk's surfaces are fitted until the screen says otherwise.

    `clock` as in `--clock`: calendar, weekend, or a TOML file (relative to the config file).
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    clock: str = "calendar"


class PnlSettings(BaseModel):
    """Since when P&L is explained: `day_start` is a time of day, UTC.

    Without one it is 08:00, when the venues' options expire and their futures settle.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    day_start: str = Field(default="08:00", pattern=r"^([01]\d|2[0-3]):[0-5]\d$")

    @property
    def day_start_ns(self) -> int:
        """Nanoseconds after midnight UTC."""
        hours, minutes = self.day_start.split(":")
        return (int(hours) * 60 + int(minutes)) * 60_000_000_000


class Settings(BaseModel):
    """Everything that can be set. `venue` as in `--venue`, commas for several."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    venue: str = "deribit,binance"
    accounts: dict[str, AccountSettings] = {}
    recording: RecordingSettings = RecordingSettings()
    simulated: SimulatedSettings = SimulatedSettings()
    surface: SurfaceSettings = SurfaceSettings()
    pnl: PnlSettings = PnlSettings()

    @property
    def venue_names(self) -> tuple[str, ...]:
        """The venues without their environments, in order: a desk opens on the first."""
        return tuple(name.partition(":")[0].strip() for name in self.venue.split(","))


def data_folder(environ: Mapping[str, str] = os.environ) -> Path:
    """QUANTDESK_DATA_DIR, else quantdesk under XDG_DATA_HOME, else ~/.local/share/quantdesk."""
    if own := environ.get("QUANTDESK_DATA_DIR"):
        return Path(own).expanduser()
    base = environ.get("XDG_DATA_HOME") or "~/.local/share"
    return Path(base).expanduser() / "quantdesk"


def config_file(environ: Mapping[str, str] = os.environ) -> Path:
    """QUANTDESK_CONFIG, else quantdesk/config.toml under XDG_CONFIG_HOME or ~/.config."""
    if own := environ.get("QUANTDESK_CONFIG"):
        return Path(own).expanduser()
    base = environ.get("XDG_CONFIG_HOME") or "~/.config"
    return Path(base).expanduser() / "quantdesk" / "config.toml"


def load_settings(environ: Mapping[str, str] = os.environ) -> Settings:
    """Settings from the config file, QUANTDESK_VENUE before it; defaults where there is no file.

    Raises ConfigError naming file, key and what is allowed.
    """
    path = config_file(environ)
    values: dict[str, Any] = {}
    if path.exists():
        try:
            values = tomllib.loads(path.read_text(encoding="utf-8"))
        except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
            raise ConfigError(f"{path}: can not be read: {error}") from error
    if venue := environ.get("QUANTDESK_VENUE"):
        values["venue"] = venue
    try:
        return Settings.model_validate(values)
    except ValidationError as error:
        fault = _first_fault(error)
    # Raised outside of the handler: the first error quotes what was written, maybe a key.
    raise ConfigError(f"{path}: {fault}")


def _first_fault(error: ValidationError) -> str:
    fault = error.errors()[0]
    key = ".".join(str(part) for part in fault["loc"])
    if fault["type"] != "extra_forbidden" and fault["loc"][0] == "accounts":
        # The value is left out: a key that was written in the wrong place would be shown.
        return f"{key}: {fault['msg']}"
    if fault["type"] != "extra_forbidden":
        return f"{key} = {fault['input']!r}: {fault['msg']}"
    near = difflib.get_close_matches(str(fault["loc"][-1]), _known_keys(Settings), n=1)
    hint = f"; did you mean {near[0]}?" if near else ""
    return f"{key}: unknown key{hint}"


def _known_keys(model: type[BaseModel]) -> list[str]:
    keys: list[str] = []
    for name, field in model.model_fields.items():
        keys.append(name)
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            keys.extend(_known_keys(field.annotation))
    return keys
