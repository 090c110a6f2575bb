"""Which venue is meant, and that a real one is never reached by accident."""

from __future__ import annotations

import pytest

from quantdesk.errors import ConfigError
from quantdesk.runtime.venues import (
    checked_underlyings,
    decoder_of,
    parse_venue,
    parse_venues,
    underlyings_at,
)
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


def test_two_venues_are_one_desk_of_one_environment() -> None:
    chosen = parse_venues(["deribit:testnet,binance:testnet"])
    assert [choice.venue for choice in chosen] == ["deribit", "binance"]
    with pytest.raises(ConfigError, match="one environment"):
        parse_venues(["deribit:live", "binance"])
    with pytest.raises(ConfigError, match="named twice"):
        parse_venues(["deribit", "deribit:simulated"])


def test_each_venue_takes_its_own_address() -> None:
    addresses = ["deribit=ws://127.0.0.1:1/ws/api/v2", "binance=http://127.0.0.1:2"]
    chosen = parse_venues(["deribit", "binance"], addresses)
    assert [choice.endpoint for choice in chosen] == [a.partition("=")[2] for a in addresses]
    assert not any(choice.is_embedded for choice in chosen)


@pytest.mark.parametrize(
    ("venues", "endpoint", "said"),
    [
        (["deribit", "binance"], "ws://127.0.0.1:1", "VENUE=ADDRESS"),
        (["deribit"], "binance=http://127.0.0.1:1", "none of deribit"),
        (["binance"], "ftp://127.0.0.1:1", "must start with http://"),
        (["binance"], "http://", "name a host"),
        (["binance"], "http://somewhere.example", "name the environment"),
    ],
)
def test_address_that_fits_no_venue_is_refused(venues: list[str], endpoint: str, said: str) -> None:
    with pytest.raises(ConfigError, match=said):
        parse_venues(venues, [endpoint])


def test_question_mark_in_an_address_does_not_name_a_venue() -> None:
    chosen = parse_venues(["deribit"], ["ws://127.0.0.1:1/ws/api/v2?a=b"])
    assert chosen[0].endpoint == "ws://127.0.0.1:1/ws/api/v2?a=b"


def test_underlying_that_one_of_the_venues_has_is_allowed() -> None:
    chosen = parse_venues(["deribit:live", "binance:live"])
    assert checked_underlyings(chosen, ["btc_usdc", "bnb"]) == ("BTC_USDC", "BNB")
    assert underlyings_at(chosen[0], ["BTC_USDC", "BNB", "BTC"]) == ("BTC_USDC", "BTC")
    with pytest.raises(ConfigError, match=r"deribit has .*; binance has"):
        checked_underlyings(chosen, ["PEPE"])


def test_embedded_venue_has_its_samples_only() -> None:
    with pytest.raises(ConfigError, match=r"BTC_USDC.*deribit has BTC, ETH"):
        checked_underlyings(parse_venues(["deribit"]), ["BTC_USDC"])
