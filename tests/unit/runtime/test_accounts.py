"""Keys of accounts: where they come from, and that no message shows one."""

from __future__ import annotations

import traceback
from pathlib import Path

import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.accounts import load_account, load_accounts
from quantdesk.runtime.settings import Settings, load_settings
from quantdesk.runtime.venues import parse_venues
from quantdesk.snapshot import Environment

KEY, SECRET = "AbCdEfGh", "s3cr3t-of-the-account"
BOTH = {"QUANTDESK_DERIBIT_KEY": KEY, "QUANTDESK_DERIBIT_SECRET": SECRET}


def settings(tmp_path: Path, **account: str) -> Settings:
    return Settings.model_validate({"accounts": {"main": account}})


def key_file(tmp_path: Path, text: str, mode: int = 0o600) -> Path:
    path = tmp_path / "main.key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_keys_come_from_the_environment() -> None:
    found = load_account("deribit", Settings(), environ=BOTH)
    assert (found.keys.key.reveal(), found.keys.secret.reveal()) == (KEY, SECRET)
    assert KEY not in repr(found)
    assert SECRET not in repr(found)


def test_account_of_a_venue_is_where_the_desk_is() -> None:
    venues = parse_venues(["deribit:testnet"])
    found = load_accounts(["deribit"], Settings(), venues=venues, environ=BOTH)
    assert found[0].venue is venues[0]


def test_keys_come_from_a_private_file(tmp_path: Path) -> None:
    path = key_file(tmp_path, f'key = "{KEY}"\nsecret = "{SECRET}"\n')
    chosen = settings(tmp_path, venue="binance:testnet", key_file=str(path))
    found = load_account("main", chosen, environ={})
    assert found.keys.secret.reveal() == SECRET
    assert found.venue.environment is Environment.TESTNET


def test_environment_goes_before_the_file(tmp_path: Path) -> None:
    path = key_file(tmp_path, 'key = "other"\nsecret = "other"\n')
    chosen = settings(tmp_path, venue="deribit:testnet", key_file=str(path))
    environ = {"QUANTDESK_MAIN_KEY": KEY, "QUANTDESK_MAIN_SECRET": SECRET}
    assert load_account("main", chosen, environ=environ).keys.key.reveal() == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
def test_file_that_others_may_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, f'key = "{KEY}"\nsecret = "{SECRET}"\n', mode)
    chosen = settings(tmp_path, venue="deribit:testnet", key_file=str(path))
    with pytest.raises(ConfigError, match=f"mode {mode:o} lets others read.*chmod 600"):
        load_account("main", chosen, environ={})


@pytest.mark.parametrize(
    "text",
    [
        "",
        f'key = "{KEY}"',
        f'key = "{KEY}"\nsecret = 5\n',
        f'key = "{KEY}"\nsecret = "{SECRET}"\nmore = 1\n',
        f"{KEY}\n{SECRET}\n",
        f'key = "{KEY}"\nsecret = "{SECRET} "\n',
    ],
)
def test_file_of_another_form_is_refused_without_showing_it(tmp_path: Path, text: str) -> None:
    path = key_file(tmp_path, text)
    chosen = settings(tmp_path, venue="deribit:testnet", key_file=str(path))
    with pytest.raises(ConfigError) as caught:
        load_account("main", chosen, environ={})
    shown = "".join(traceback.format_exception(caught.value))
    assert str(path) in str(caught.value)
    assert KEY not in shown
    assert SECRET not in shown


def test_folder_and_missing_file_are_refused(tmp_path: Path) -> None:
    for path in (tmp_path, tmp_path / "none"):
        chosen = settings(tmp_path, venue="deribit:testnet", key_file=str(path))
        with pytest.raises(ConfigError, match=str(path)):
            load_account("main", chosen, environ={})


def test_half_a_pair_of_keys_names_the_other_half() -> None:
    with pytest.raises(ConfigError, match="QUANTDESK_DERIBIT_SECRET is not"):
        load_account("deribit", Settings(), environ={"QUANTDESK_DERIBIT_KEY": KEY})


def test_account_without_keys_says_how_to_give_them() -> None:
    with pytest.raises(ConfigError, match=r"QUANTDESK_BINANCE_KEY.*key_file"):
        load_account("binance", Settings(), environ={})


def test_unknown_and_repeated_accounts_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"choose one of deribit, binance"):
        load_account("savings", Settings(), environ=BOTH)
    with pytest.raises(ConfigError, match="named twice"):
        load_accounts(["deribit", "deribit"], Settings(), environ=BOTH)


def test_account_of_another_world_does_not_join_a_desk(tmp_path: Path) -> None:
    chosen = settings(tmp_path, venue="deribit:live")
    environ = {"QUANTDESK_MAIN_KEY": KEY, "QUANTDESK_MAIN_SECRET": SECRET}
    with pytest.raises(ConfigError, match="main' is live, deribit is simulated"):
        load_accounts(["main"], chosen, venues=parse_venues(["deribit"]), environ=environ)


def test_key_written_into_the_settings_is_refused_and_not_shown(tmp_path: Path) -> None:
    path = tmp_path / "config.toml"
    path.write_text(f'[accounts.main]\nvenue = "deribit"\nsecret = "{SECRET}"\n')
    with pytest.raises(ConfigError, match=r"accounts\.main\.secret: unknown key") as caught:
        load_settings({"QUANTDESK_CONFIG": str(path)})
    assert SECRET not in "".join(traceback.format_exception(caught.value))
