"""Binance's spelling of options."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.instrument import OptionType
from quantdesk.domain.times import parse_instant
from quantdesk.errors import InvalidInput
from quantdesk.venues.binance.names import (
    expiry_day,
    is_underlying,
    option_symbol,
    parse_symbol,
)


@pytest.mark.parametrize(
    ("text", "coin", "expiry", "strike", "option_type"),
    [
        ("BTC-260626-60000-C", "BTC", "2026-06-26T08:00:00Z", "60000", OptionType.CALL),
        ("XRP-230331-0.365-P", "XRP", "2023-03-31T08:00:00Z", "0.365", OptionType.PUT),
        ("DOGE-231006-0.06-C", "DOGE", "2023-10-06T08:00:00Z", "0.06", OptionType.CALL),
        ("1000PEPE-260102-12-P", "1000PEPE", "2026-01-02T08:00:00Z", "12", OptionType.PUT),
    ],
)
def test_symbol_says_coin_expiry_strike_and_type(
    text: str, coin: str, expiry: str, strike: str, option_type: OptionType
) -> None:
    symbol = parse_symbol(text)
    assert (symbol.coin, symbol.option_type) == (coin, option_type)
    assert symbol.expiry_ns == parse_instant(expiry)
    assert symbol.strike == Decimal(strike)
    assert (
        option_symbol(
            coin, expiry_ns=symbol.expiry_ns, strike=symbol.strike, option_type=option_type
        )
        == text
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "BTC",
        "BTC-26JUN26-60000-C",
        "BTC-261326-60000-C",
        "BTC-260231-60000-C",
        "BTC-260626-60000-X",
        "BTC-260626-060000-C",
        "BTC-260626-60000.-C",
        "BTC-260626-0-C",
        "BTC-260626-0.0-C",
        "BTC-260626-60000d5-C",
        "BTC-260626-1E5-C",
        "BTC-260626--60000-C",
        "btc-260626-60000-c",
        "BTC-260626-60000-C\n",
        "BTC-260626-６0000-C",
        "BTC_USDC-260626-60000-C",
        "A" * 65,
    ],
)
def test_other_text_is_refused_by_name(text: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        parse_symbol(text)
    assert refused.value.field == "symbol"


@given(st.text(max_size=70))
def test_any_text_is_a_symbol_or_refused(text: str) -> None:
    try:
        symbol = parse_symbol(text)
    except InvalidInput:
        return
    assert (
        option_symbol(
            symbol.coin,
            expiry_ns=symbol.expiry_ns,
            strike=symbol.strike,
            option_type=symbol.option_type,
        ).split("-")[:2]
        == text.split("-")[:2]
    )


def test_day_is_padded() -> None:
    assert expiry_day(parse_instant("2026-01-02T08:00:00Z")) == "260102"


def test_strike_without_end_is_written_short() -> None:
    made = option_symbol(
        "BTC",
        expiry_ns=parse_instant("2026-06-26T08:00:00Z"),
        strike=Decimal("60000.00"),
        option_type=OptionType.PUT,
    )
    assert made == "BTC-260626-60000-P"


@pytest.mark.parametrize("text", ["BTCUSDT", "1000PEPEUSDT"])
def test_underlying_is_known_by_its_form(text: str) -> None:
    assert is_underlying(text)
    assert not is_underlying(text.lower())
    assert not is_underlying(f"{text} ")
