"""Which venue is meant, and that a real one is never reached by accident."""

from __future__ import annotations

import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.venues import checked_underlyings, decoder_of, parse_venue
from quantdesk.snapshot import Environment


def test_venue_alone_is_its_simulated_environment() -> None:
    assert parse_venue("deribit").environment is Environment.SIMULATED


def test_live_is_asked_for_by_name() -> None:
    assert parse_venue("deribit:live").environment is Environment.LIVE


@pytest.mark.parametrize(
    "text", ["", "kraken", "deribit:", "deribit:paper", "deribit:replay", ":live"]
)
def test_other_venues_are_refused_with_those_there_are(text: str) -> None:
    with pytest.raises(ConfigError, match="deribit:simulated, deribit:testnet, deribit:live"):
        parse_venue(text)


def test_endpoint_must_be_a_websocket_address() -> None:
    assert parse_venue("deribit", "ws://127.0.0.1:1/ws/api/v2").endpoint is not None
    with pytest.raises(ConfigError, match="ws://"):
        parse_venue("deribit", "http://127.0.0.1")


def test_underlyings_are_those_the_venue_has() -> None:
    choice = parse_venue("deribit")
    assert checked_underlyings(choice, []) == ("BTC", "ETH")
    assert checked_underlyings(choice, ["eth"]) == ("ETH",)
    with pytest.raises(ConfigError, match=r"DOGE.*BTC, ETH"):
        checked_underlyings(choice, ["doge"])


def test_frames_of_an_unknown_venue_have_no_decoder() -> None:
    with pytest.raises(ConfigError, match="nyse"):
        decoder_of("nyse")


def test_endpoint_elsewhere_must_name_its_environment() -> None:
    url = "wss://somewhere.example/ws/api/v2"
    assert parse_venue("deribit:live", url).endpoint == url
    with pytest.raises(ConfigError, match="name the environment"):
        parse_venue("deribit", url)
