"""JSON records of the REST side: the venue's field names, types and orderings. Pure.

Prices carry the contract's decimals, cash and Greeks eight, as captured.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from quantdesk.domain.fill import Fill
from quantdesk.domain.instrument import Instrument, OptionType, Side
from quantdesk.domain.order import OrderStatus, TimeInForce
from quantdesk.simulator.binance.ladder import QUOTE, Contract, contract_on
from quantdesk.simulator.binance.refusals import STATUS_OF_END
from quantdesk.simulator.exchange.events import BookSnapshot, Trade
from quantdesk.simulator.exchange.ledger import EntryKind, LedgerEntry
from quantdesk.simulator.exchange.orders import Order, PostOnly, SelfTrade
from quantdesk.simulator.exchange.positions import PositionReport

Record = dict[str, object]

ZERO = Decimal(0)
CASH_DECIMALS = 8
NS_PER_MS = 1_000_000
BILL_ID_FIRST = 1_125_899_906_842_624_000

STP_MODES = {
    "NONE": SelfTrade.ALLOW,
    "EXPIRE_TAKER": SelfTrade.CANCEL_TAKER,
    "EXPIRE_MAKER": SelfTrade.CANCEL_MAKER,
    "EXPIRE_BOTH": SelfTrade.CANCEL_BOTH,
}
"""Self-trade modes by the venue's word."""

_STP_WORDS = {mode: word for word, mode in STP_MODES.items()}
_STATUS_WORDS = {
    OrderStatus.NEW: "NEW",
    OrderStatus.OPEN: "NEW",
    OrderStatus.PARTIAL: "PARTIALLY_FILLED",
    OrderStatus.FILLED: "FILLED",
}


def fixed(value: Decimal | float, decimals: int) -> str:
    """A number with exactly `decimals` decimals."""
    text = f"{value:.{decimals}f}"
    return text[1:] if text.startswith("-") and not text.strip("-0.") else text


def plain(value: Decimal) -> str:
    """A number without trailing zeros or exponent: "5", "0.2"."""
    return f"{value.normalize():f}" if value else "0"


def trimmed(value: float, decimals: int = 8) -> str:
    """A number as streams show IVs and rates: no trailing zeros, but one decimal at least."""
    text = fixed(value, decimals).rstrip("0")
    return f"{text}0" if text.endswith(".") else text


def option_side(instrument: Instrument) -> str:
    """CALL or PUT."""
    return "CALL" if instrument.option_type is OptionType.CALL else "PUT"


def strike_text(instrument: Instrument) -> str:
    """The strike as symbols carry it."""
    return plain(instrument.strike or ZERO)


def expiry_ms(instrument: Instrument) -> int:
    """Expiry, ms."""
    return (instrument.expiry_ns or 0) // NS_PER_MS


def contract_of(instrument: Instrument) -> Contract:
    """The contract that an option is of."""
    return contract_on(instrument.underlying)


def levels(pairs: Iterable[tuple[Decimal, Decimal]], contract: Contract) -> list[tuple[str, str]]:
    """[price, quantity] of book levels."""
    return [
        (fixed(price, contract.price_scale), fixed(amount, contract.quantity_scale))
        for price, amount in pairs
    ]


def depth(book: BookSnapshot, contract: Contract) -> Record:
    """An answer to /depth."""
    return {
        "bids": levels(book.bids, contract),
        "asks": levels(book.asks, contract),
        "T": book.event_ns // NS_PER_MS,
        "lastUpdateId": book.change_id,
    }


def public_trade(trade: Trade, contract: Contract) -> Record:
    """A row of /trades."""
    return {
        "id": trade.trade_id,
        "tradeId": trade.trade_seq,
        "symbol": trade.instrument_name,
        "price": fixed(trade.price, contract.price_scale),
        "qty": fixed(trade.amount, contract.quantity_scale),
        "quoteQty": plain(trade.price * trade.amount),
        "side": 1 if trade.side is Side.BUY else -1,
        "time": trade.event_ns // NS_PER_MS,
    }


def order_status(order: Order) -> str:
    """The venue's word for an order's state."""
    if order.end_reason is not None:
        return STATUS_OF_END[order.end_reason]
    return _STATUS_WORDS[order.status]


def time_in_force(order: Order) -> str:
    """GTC, IOC, FOK, or GTX: a post-only order, by whichever of its two names it was asked for."""
    if order.post_only is not PostOnly.NO:
        return "GTX"
    words = {TimeInForce.IOC: "IOC", TimeInForce.FOK: "FOK"}
    return words.get(order.time_in_force, "GTC")


def stp_word(order: Order) -> str:
    """The order's self-trade mode."""
    return _STP_WORDS.get(order.self_trade, "EXPIRE_MAKER")


def order_record(order: Order, instrument: Instrument) -> Record:
    """An order with the fields that every order answer has."""
    contract = contract_of(instrument)
    average = order.average_price
    return {
        "orderId": order.order_id,
        "symbol": order.instrument_name,
        "price": fixed(order.price or ZERO, contract.price_scale),
        "quantity": fixed(order.amount, contract.quantity_scale),
        "executedQty": fixed(order.filled_amount, contract.quantity_scale),
        "side": order.side.value.upper(),
        "type": "LIMIT",
        "timeInForce": time_in_force(order),
        "reduceOnly": order.is_reduce_only,
        "postOnly": order.post_only is not PostOnly.NO,
        "createTime": order.created_ns // NS_PER_MS,
        "updateTime": order.updated_ns // NS_PER_MS,
        "status": order_status(order),
        "avgPrice": "0" if average is None else plain(average.quantize(Decimal("1e-8"))),
        "source": "API",
        "clientOrderId": order.label,
        "priceScale": contract.price_scale,
        "quantityScale": contract.quantity_scale,
        "optionSide": option_side(instrument),
        "quoteAsset": QUOTE,
        "mmp": False,
        "selfTradePreventionMode": stp_word(order),
    }


def cancelled_record(order: Order, instrument: Instrument) -> Record:
    """The answer to cancelling one order, which names its begin `createDate`."""
    record = order_record(order, instrument)
    renamed = {"createDate" if name == "createTime" else name: v for name, v in record.items()}
    del renamed["postOnly"]
    return renamed


def batch_cancelled_record(order: Order, instrument: Instrument) -> Record:
    """A row of the answer to cancelling several orders, which has the fee."""
    record = order_record(order, instrument)
    return {**record, "fee": plain(order.fee)}


def position_record(
    report: PositionReport,
    instrument: Instrument,
    *,
    time_ms: int,
    resting: tuple[Decimal, Decimal],
) -> Record:
    """A row of /position. `resting` : amounts of the account's open bids and asks."""
    contract = contract_of(instrument)
    entry = report.average_price
    return {
        "entryPrice": "0" if entry is None else plain(entry.quantize(Decimal("1e-8"))),
        "symbol": report.instrument_name,
        "side": "LONG" if report.size > 0 else "SHORT",
        "quantity": fixed(report.size, contract.quantity_scale),
        "markValue": fixed(report.value, CASH_DECIMALS),
        "unrealizedPNL": fixed(report.unrealised_pnl, CASH_DECIMALS),
        "markPrice": fixed(report.mark_price, contract.price_scale),
        "strikePrice": strike_text(instrument),
        "expiryDate": expiry_ms(instrument),
        "priceScale": contract.price_scale,
        "quantityScale": contract.quantity_scale,
        "optionSide": option_side(instrument),
        "quoteAsset": QUOTE,
        "time": time_ms,
        "bidQuantity": fixed(resting[0], contract.quantity_scale),
        "askQuantity": fixed(resting[1], contract.quantity_scale),
    }


def user_trade(fill: Fill, instrument: Instrument, *, trade_seq: int) -> Record:
    """A row of /userTrades. The fee is what was charged, positive."""
    contract = contract_of(instrument)
    return {
        "id": int(fill.trade_id),
        "tradeId": trade_seq,
        "orderId": int(fill.order_id),
        "symbol": fill.instrument_name,
        "price": fixed(fill.price, contract.price_scale),
        "quantity": fixed(fill.amount, contract.quantity_scale),
        "fee": fixed(fill.fee, CASH_DECIMALS),
        "realizedProfit": fixed(fill.realised_pnl, CASH_DECIMALS),
        "side": fill.side.value.upper(),
        "type": "LIMIT",
        "liquidity": fill.liquidity.value.upper(),
        "time": fill.event_ns // NS_PER_MS,
        "priceScale": contract.price_scale,
        "quantityScale": contract.quantity_scale,
        "optionSide": option_side(instrument),
        "quoteAsset": QUOTE,
    }


def exercise_row(entry: LedgerEntry, instrument: Instrument) -> Record:
    """A row of /exerciseRecord: an expiry that the account held through."""
    contract = contract_of(instrument)
    return {
        "id": str(BILL_ID_FIRST + 2 * entry.entry_id),
        "currency": entry.currency,
        "symbol": entry.instrument_name,
        "exercisePrice": fixed(entry.price or ZERO, CASH_DECIMALS),
        "quantity": fixed(abs(entry.amount), CASH_DECIMALS),
        "amount": fixed(entry.change + entry.commission, CASH_DECIMALS),
        "fee": fixed(entry.commission, CASH_DECIMALS),
        "createDate": entry.event_ns // NS_PER_MS,
        "priceScale": contract.price_scale,
        "quantityScale": contract.quantity_scale,
        "optionSide": option_side(instrument),
        # The line takes the position away, so its amount is that of the other side.
        "positionSide": "SHORT" if entry.amount > 0 else "LONG",
        "quoteAsset": QUOTE,
    }


def bill_rows(entry: LedgerEntry) -> list[Record]:
    """Rows of /bill of one statement line, newest first: the fee, then the cash it is on."""
    is_transfer = entry.kind in (EntryKind.DEPOSIT, EntryKind.WITHDRAWAL)
    parts = [
        (1, "FEE", -entry.commission),
        (0, "TRANSFER" if is_transfer else "CONTRACT", entry.change + entry.commission),
    ]
    return [
        {
            "id": BILL_ID_FIRST + 2 * entry.entry_id + place,
            "asset": entry.currency,
            "amount": fixed(amount, CASH_DECIMALS),
            "type": kind,
            "symbol": entry.instrument_name,
            "createDate": entry.event_ns // NS_PER_MS,
        }
        for place, kind, amount in parts
        if amount
    ]
