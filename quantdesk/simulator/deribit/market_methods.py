"""The public methods on instruments, prices and books. Each gives a result or a Refusal."""

from __future__ import annotations

import msgspec

from quantdesk.domain.times import format_instant
from quantdesk.simulator.deribit import refusals
from quantdesk.simulator.deribit.calls import Call, Flag, Method, Text, Whole, given, given_number
from quantdesk.simulator.deribit.channels import KINDS
from quantdesk.simulator.deribit.credits import Pool
from quantdesk.simulator.deribit.market import NS_PER_MS
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params

CURRENCIES = ("BTC", "ETH", "USDC", "USDT", "EURR", "SOL", "XRP", "any")
BOOK_DEPTH_DEFAULT = 5
BOOK_DEPTHS = (1, 5, 10, 20, 50, 100, 1000, 10000)
DELIVERIES_MAX = 1_000

_COIN_NAMES = {"BTC": "Bitcoin", "ETH": "Ethereum"}


class InstrumentsParams(msgspec.Struct, frozen=True):
    """`currency` is required by the document; the venue takes its absence as "any"."""

    currency: str = "any"
    kind: Text = msgspec.UNSET
    expired: Flag = msgspec.UNSET


class InstrumentParams(msgspec.Struct, frozen=True):
    instrument_name: str


class BookParams(msgspec.Struct, frozen=True):
    instrument_name: str
    depth: Whole = msgspec.UNSET


class BookByIdParams(msgspec.Struct, frozen=True):
    instrument_id: int
    depth: Whole = msgspec.UNSET


class MarkHistoryParams(msgspec.Struct, frozen=True):
    instrument_name: str
    start_timestamp: int
    end_timestamp: int


class CombosParams(msgspec.Struct, frozen=True):
    currency: str


class ComboIdParams(msgspec.Struct, frozen=True):
    combo_id: str


class IndexParams(msgspec.Struct, frozen=True):
    index_name: str


class ExpirationsParams(msgspec.Struct, frozen=True):
    currency: str
    kind: str


class SummariesParams(msgspec.Struct, frozen=True):
    currency: str
    kind: Text = msgspec.UNSET


class DeliveriesParams(msgspec.Struct, frozen=True):
    index_name: str
    offset: Whole = msgspec.UNSET
    count: Whole = msgspec.UNSET


def _currencies(call: Call) -> object:
    return [
        {
            "currency": currency,
            "currency_long": _COIN_NAMES.get(currency, currency),
            "coin_type": _COIN_NAMES.get(currency, currency).upper(),
            "fee_precision": 4,
            "min_confirmations": 1,
            "min_withdrawal_fee": 0.0,
            "withdrawal_fee": 0.0,
            "withdrawal_priorities": [],
            "in_cross_collateral_pool": True,
        }
        for currency in call.face.market.currencies
    ]


def _instruments(call: Call) -> object:
    refusal = bad_scope(call.params.currency, call.params.kind)
    if refusal is not None:
        return refusal
    lines = call.face.market.lines(
        _currency(call), given(call.params.kind, "any"), expired=call.params.expired is True
    )
    return [call.face.market.instrument(line) for line in lines]


def _row_of(call: Call) -> int | None:
    return call.face.market.line_of.get(call.params.instrument_name)


def _instrument(call: Call) -> object:
    row = _row_of(call)
    return refusals.NOT_FOUND if row is None else call.face.market.instrument(row)


def _ticker(call: Call) -> object:
    row = _row_of(call)
    return refusals.NOT_FOUND if row is None else msgspec.Raw(call.face.market.ticker_json(row))


def _order_book(call: Call) -> object:
    return _book_of(call, _row_of(call))


def _order_book_by_id(call: Call) -> object:
    return _book_of(call, call.face.market.line_of_id(call.params.instrument_id))


def _book_of(call: Call, row: int | None) -> object:
    if call.params.depth not in (msgspec.UNSET, *BOOK_DEPTHS):
        return invalid_params("depth", f"must be one of {', '.join(map(str, BOOK_DEPTHS))}")
    if row is None:
        return refusals.NOT_FOUND
    depth = given_number(call.params.depth, BOOK_DEPTH_DEFAULT)
    bids, asks = call.face.market.levels(row, depth)
    ticker = msgspec.json.decode(call.face.market.ticker_json(row), type=dict[str, msgspec.Raw])
    return {**ticker, "change_id": call.face.market.change_id(row), "bids": bids, "asks": asks}


def _mark_history(call: Call) -> object:
    """None is kept: the venue has it for the options of DVOL only, and an empty list for others."""
    return [] if _row_of(call) is not None else refusals.NOT_FOUND


def _summaries_by_currency(call: Call) -> object:
    refusal = bad_scope(call.params.currency, call.params.kind)
    if refusal is not None:
        return refusal
    lines = call.face.market.lines(_currency(call), given(call.params.kind, "any"))
    return [call.face.market.book_summary(line) for line in lines]


def _summary_by_instrument(call: Call) -> object:
    row = _row_of(call)
    return refusals.NOT_FOUND if row is None else [call.face.market.book_summary(row)]


def _index_price(call: Call) -> object:
    name, venue = call.params.index_name, call.face.venue
    if name not in venue.indexes:
        return invalid_params("index_name", f"must be one of {', '.join(venue.indexes)}")
    return {
        "index_price": venue.index_price(name),
        "estimated_delivery_price": venue.estimated_delivery(name),
    }


def _expirations(call: Call) -> object:
    """By kind for "any"; else by currency in lower case, then by kind, as captured."""
    currency, kind = call.params.currency, call.params.kind
    refusal = None if currency == "grouped" else bad_scope(currency, kind)
    if refusal is not None:
        return refusal
    if kind not in ("any", "option", "future"):
        return invalid_params("kind", "must be any, option or future")

    def by_kind(of: str | None) -> dict[str, list[str]]:
        kinds = ("future", "option") if kind == "any" else (kind,)
        return {name: call.face.market.expiry_codes(of, name) for name in kinds}

    if currency == "any":
        return by_kind(None)
    currencies = call.face.market.currencies if currency == "grouped" else (currency,)
    return {name.lower(): by_kind(name) for name in currencies}


def _currency(call: Call) -> str | None:
    return None if call.params.currency == "any" else str(call.params.currency)


def bad_scope(currency: str, kind: Text) -> Refusal | None:
    """Why a currency and a kind are no scope of this venue; None where they are."""
    if currency not in CURRENCIES:
        return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")
    if kind not in (msgspec.UNSET, *KINDS):
        return invalid_params("kind", f"must be one of {', '.join(KINDS)}")
    return None


def _delivery_prices(call: Call) -> object:
    """One price an expiry that is over, latest first."""
    name, venue = call.params.index_name, call.face.venue
    if name not in venue.indexes:
        return invalid_params("index_name", f"must be one of {', '.join(venue.indexes)}")
    offset, number = given_number(call.params.offset, 0), given_number(call.params.count, 10)
    if offset < 0 or not 1 <= number <= DELIVERIES_MAX:
        return invalid_params("count", f"must be 1 to {DELIVERIES_MAX}")
    deliveries = call.face.exchange.deliveries
    found = sorted((ns, price) for (index, ns), price in deliveries.items() if index == name)
    data = [
        {"date": format_instant(ns)[:10], "delivery_price": float(price)}
        for ns, price in reversed(found)
    ]
    return {"records_total": len(data), "data": data[offset : offset + number]}


def _contract_size(call: Call) -> object:
    row = _row_of(call)
    if row is None:
        return refusals.NOT_FOUND
    return {"contract_size": call.face.market.instrument(row).contract_size}


METHODS: dict[str, Method] = {
    "public/get_time": Method(run=lambda call: call.face.venue.now_ns() // NS_PER_MS),
    "public/status": Method(run=lambda call: {"locked": "false", "locked_indices": []}),
    "public/get_currencies": Method(run=_currencies),
    "public/get_instruments": Method(
        run=_instruments, params=InstrumentsParams, pool=Pool.INSTRUMENTS
    ),
    "public/get_instrument": Method(run=_instrument, params=InstrumentParams),
    "public/get_contract_size": Method(run=_contract_size, params=InstrumentParams),
    "public/ticker": Method(run=_ticker, params=InstrumentParams),
    "public/get_order_book": Method(run=_order_book, params=BookParams),
    "public/get_order_book_by_instrument_id": Method(run=_order_book_by_id, params=BookByIdParams),
    "public/get_mark_price_history": Method(run=_mark_history, params=MarkHistoryParams),
    "public/get_combos": Method(run=lambda _call: [], params=CombosParams),
    "public/get_combo_ids": Method(run=lambda _call: [], params=CombosParams),
    "public/get_combo_details": Method(run=lambda _call: refusals.NOT_FOUND, params=ComboIdParams),
    "public/get_announcements": Method(run=lambda _call: []),
    "public/get_book_summary_by_currency": Method(
        run=_summaries_by_currency, params=SummariesParams
    ),
    "public/get_book_summary_by_instrument": Method(
        run=_summary_by_instrument, params=InstrumentParams
    ),
    "public/get_index_price": Method(run=_index_price, params=IndexParams),
    "public/get_expirations": Method(run=_expirations, params=ExpirationsParams),
    "public/get_delivery_prices": Method(run=_delivery_prices, params=DeliveriesParams),
}
