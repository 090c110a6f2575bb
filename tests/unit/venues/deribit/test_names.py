"""Instrument names to facts and back."""

from __future__ import annotations

import gzip
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quantdesk.domain.instrument import InstrumentKind, OptionType
from quantdesk.errors import InvalidInput
from quantdesk.venues.deribit.names import expiry_text, option_name, parse_instrument_name

SHARED_NAMES = (
    Path(__file__).parents[5] / "shared/data/deribit/instruments/all_option_names_2016-2023.txt.gz"
)


def ns(year: int, month: int, day: int) -> int:
    return int(datetime(year, month, day, 8, tzinfo=UTC).timestamp()) * 1_000_000_000


@pytest.mark.parametrize(
    ("text", "underlying", "expiry", "strike", "option_type"),
    [
        ("BTC-27DEC24-100000-C", "BTC", ns(2024, 12, 27), "100000", OptionType.CALL),
        ("ETH-5AUG23-1850-P", "ETH", ns(2023, 8, 5), "1850", OptionType.PUT),
        ("BTC_USDC-27DEC24-100000-C", "BTC_USDC", ns(2024, 12, 27), "100000", OptionType.CALL),
        ("XRP_USDC-30JUN23-0d625-C", "XRP_USDC", ns(2023, 6, 30), "0.625", OptionType.CALL),
        ("MATIC_USDC-9MAR24-1d02-P", "MATIC_USDC", ns(2024, 3, 9), "1.02", OptionType.PUT),
    ],
)
def test_option_name_is_read_and_written_again(
    text: str, underlying: str, expiry: int, strike: str, option_type: OptionType
) -> None:
    name = parse_instrument_name(text)
    assert name.kind is InstrumentKind.OPTION
    assert (name.underlying, name.expiry_ns, name.strike, name.option_type) == (
        underlying,
        expiry,
        Decimal(strike),
        option_type,
    )
    again = option_name(
        underlying, expiry_ns=expiry, strike=Decimal(strike), option_type=option_type
    )
    assert again == text


@pytest.mark.parametrize(
    ("text", "kind", "underlying", "expiry"),
    [
        ("BTC-27DEC24", InstrumentKind.FUTURE, "BTC", ns(2024, 12, 27)),
        ("BTC-PERPETUAL", InstrumentKind.PERPETUAL, "BTC", None),
        ("ETH_USDC-PERPETUAL", InstrumentKind.PERPETUAL, "ETH_USDC", None),
        ("BTC_USDC", InstrumentKind.SPOT, "BTC_USDC", None),
        ("BTC-FS-25DEC26_PERP", InstrumentKind.FUTURE_COMBO, "BTC", None),
        ("BTC-FS-22MAY26_19MAY26", InstrumentKind.FUTURE_COMBO, "BTC", None),
        ("BTC-STRD-30SEP22-20000", InstrumentKind.OPTION_COMBO, "BTC", None),
        ("BTC-CSR12-16SEP22-21000_23000", InstrumentKind.OPTION_COMBO, "BTC", None),
    ],
)
def test_other_kinds_are_told_apart(
    text: str, kind: InstrumentKind, underlying: str, expiry: int | None
) -> None:
    name = parse_instrument_name(text)
    assert (name.kind, name.underlying, name.expiry_ns) == (kind, underlying, expiry)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "-",
        "BTC",
        "BTC-",
        "btc-27DEC24",
        "BTC-30FEB24-100000-C",
        "BTC-05AUG23-1850-P",
        "BTC-27DEZ24-100000-C",
        "BTC-27DEC24-100000-X",
        "BTC-27DEC24--C",
        "BTC-27DEC24-1e5-C",
        "BTC-27DEC24-1.5-C",
        "BTC-27DEC24-0100-C",
        "BTC-27DEC24-١٠-C",
        "BTC" * 30,
        "BTC-27DEC24-100000-C\n",
    ],
)
def test_what_is_no_name_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput, match="instrument_name"):
        parse_instrument_name(text)


@given(st.text(max_size=80))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        name = parse_instrument_name(text)
    except InvalidInput:
        return
    assert name.text == text


@given(
    day=st.dates(datetime(2010, 1, 1).date(), datetime(2090, 1, 1).date()),  # noqa: DTZ001
    strike=st.decimals("0.000001", "999999999", places=6),
    side=st.sampled_from(OptionType),
)
def test_every_strike_and_day_survives_the_way_there_and_back(
    day: datetime, strike: Decimal, side: OptionType
) -> None:
    expiry_ns = ns(day.year, day.month, day.day)
    text = option_name("SOL_USDC", expiry_ns=expiry_ns, strike=strike, option_type=side)
    name = parse_instrument_name(text)
    assert (name.expiry_ns, name.strike, name.option_type) == (expiry_ns, strike, side)
    assert expiry_text(expiry_ns) == text.split("-")[1]


@pytest.mark.skipif(not SHARED_NAMES.exists(), reason="the recorded list of names is not here")
def test_every_recorded_option_name_round_trips() -> None:
    names = gzip.decompress(SHARED_NAMES.read_bytes()).decode().split()
    assert len(names) > 60_000
    for text in names:
        name = parse_instrument_name.__wrapped__(text)
        assert name.expiry_ns is not None
        assert name.strike is not None
        assert name.option_type is not None
        assert text == option_name(
            name.underlying,
            expiry_ns=name.expiry_ns,
            strike=name.strike,
            option_type=name.option_type,
        )
