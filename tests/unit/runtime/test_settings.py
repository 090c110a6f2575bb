"""Settings: what is allowed, and what is said where it is not."""

from __future__ import annotations

from pathlib import Path

import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.settings import Settings, data_folder, load_settings


def environment(folder: Path, text: str) -> dict[str, str]:
    path = folder / "config.toml"
    path.write_text(text, encoding="utf-8")
    return {"QUANTDESK_CONFIG": str(path)}


def test_defaults_hold_where_there_is_no_file(tmp_path: Path) -> None:
    settings = load_settings({"QUANTDESK_CONFIG": str(tmp_path / "none.toml")})
    assert settings == Settings()


def test_file_sets_and_environment_goes_before_it(tmp_path: Path) -> None:
    environ = environment(tmp_path, 'venue = "deribit:testnet"\n[simulated]\nspeed = 60.0\n')
    assert load_settings(environ).venue == "deribit:testnet"
    assert load_settings(environ).simulated.speed == 60.0
    assert load_settings(environ | {"QUANTDESK_VENUE": "deribit"}).venue == "deribit"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[simulated]\nsped = 2.0\n", r"simulated\.sped: unknown key; did you mean speed\?"),
        ("[simulated]\nspeed = -1.0\n", "simulated.speed = -1.0: .*greater than 0"),
        ("[simulated]\nspeed = nan\n", "simulated.speed"),
        ("[recording]\nmax_bytes = -5\n", "recording.max_bytes"),
        ('[recording]\nmax_bytes = "many"\n', "recording.max_bytes"),
        ("venue = \n", "can not be read"),
    ],
)
def test_fault_names_file_key_and_rule(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said) as caught:
        load_settings(environment(tmp_path, text))
    assert "config.toml" in str(caught.value)


def test_data_folder_follows_the_environment() -> None:
    assert data_folder({"QUANTDESK_DATA_DIR": "/somewhere"}) == Path("/somewhere")
    assert data_folder({"XDG_DATA_HOME": "/data"}) == Path("/data/quantdesk")
    assert data_folder({}) == Path("~/.local/share/quantdesk").expanduser()
