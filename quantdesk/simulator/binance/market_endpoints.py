"""Public endpoints: what is listed, books, trades, marks, statistics and exercises."""

from __future__ import annotations

from quantdesk.domain.instrument import Instrument
from quantdesk.margin.parameters import binance_option_row
from quantdesk.simulator.binance.calls import Call, Endpoint, Routes, Security, weighing
from quantdesk.simulator.binance.ladder import CONTRACTS, QUOTE, expiry_text
from quantdesk.simulator.binance.limits import (
    ORDERS_PER_10_S,
    ORDERS_PER_MINUTE,
    WEIGHT_PER_MINUTE,
)
from quantdesk.simulator.binance.parameters import Parameters
from quantdesk.simulator.binance.records import (
    NS_PER_MS,
    Record,
    contract_of,
    depth,
    expiry_ms,
    fixed,
    option_side,
    plain,
    public_trade,
    strike_text,
    trimmed,
)
from quantdesk.simulator.binance.refusals import refuse
from quantdesk.simulator.binance.statistics import INTERVALS_NS, bars, last_day
from quantdesk.simulator.exchange.listing import Listing, ListingState

DEPTHS = (10, 20, 50, 100, 500, 1000)
DEPTH_DEFAULT = 100
BARS_MAX = 1500
EXERCISES_MAX = 100
LIQUIDATION_FEE_RATE = "0.0019000"
"""As the venue's documentation shows it; nothing is liquidated here."""


def _ping(_call: Call) -> Record:
    return {}


def _time(call: Call) -> Record:
    return {"serverTime": call.now_ms}


def _exchange_info(call: Call) -> Record:
    floor = call.floor
    coins = [c for c in CONTRACTS.values() if c.symbol in floor.market.indexes]
    return {
        "timezone": "UTC",
        "serverTime": call.now_ms,
        "optionContracts": [
            {
                "baseAsset": contract.coin,
                "quoteAsset": QUOTE,
                "underlying": contract.symbol,
                "settleAsset": QUOTE,
            }
            for contract in coins
        ],
        "optionAssets": [{"name": QUOTE}],
        "optionSymbols": [
            _symbol(listing, call.floor.exchange.now_ns)
            for listing in floor.exchange.listings.values()
            if listing.state is not ListingState.DELIVERED
        ],
        "rateLimits": [
            _rate_limit("REQUEST_WEIGHT", "MINUTE", 1, WEIGHT_PER_MINUTE),
            _rate_limit("ORDERS", "MINUTE", 1, ORDERS_PER_MINUTE),
            _rate_limit("ORDERS", "SECOND", 10, ORDERS_PER_10_S),
        ],
    }


def _rate_limit(kind: str, interval: str, number: int, limit: int) -> Record:
    return {
        "rateLimitType": kind,
        "interval": interval,
        "intervalNum": number,
        "limit": limit,
    }


def _symbol(listing: Listing, now_ns: int) -> Record:
    instrument, contract = listing.instrument, contract_of(listing.instrument)
    ratios = binance_option_row(instrument.underlying, now_ns).ratios
    return {
        "expiryDate": expiry_ms(instrument),
        "filters": [
            {
                "filterType": "PRICE_FILTER",
                "minPrice": plain(contract.tick),
                "maxPrice": plain(contract.price_max),
                "tickSize": plain(contract.tick),
            },
            {
                "filterType": "LOT_SIZE",
                "minQty": plain(contract.lot),
                "maxQty": plain(contract.amount_max),
                "stepSize": plain(contract.lot),
            },
        ],
        "symbol": instrument.name,
        "side": option_side(instrument),
        "strikePrice": strike_text(instrument),
        "underlying": instrument.index_name,
        "unit": contract.unit,
        "liquidationFeeRate": LIQUIDATION_FEE_RATE,
        "minQty": plain(contract.lot),
        "maxQty": plain(contract.amount_max),
        "initialMargin": plain(ratios.initial),
        "maintenanceMargin": plain(ratios.maintenance),
        "minInitialMargin": plain(ratios.initial_floor),
        "minMaintenanceMargin": plain(ratios.maintenance_floor),
        "priceScale": contract.price_scale,
        "quantityScale": contract.quantity_scale,
        "quoteAsset": QUOTE,
        "contractType": "EUROPEAN",
        "underlyingType": "COIN",
        "nakedSell": True,
        "status": "TRADING" if listing.state is ListingState.OPEN else "BREAK",
    }


def _depth(call: Call) -> Record:
    instrument = call.instrument()
    limit = call.parameters.integer("limit", DEPTH_DEFAULT)
    if limit not in DEPTHS:
        raise refuse(-6008, "Parameter 'limit' is invalid.")
    book = call.floor.exchange.book(instrument.name, limit)
    assert book is not None
    return depth(book, contract_of(instrument))


def _depth_weight(parameters: Parameters) -> int:
    weights = {"100": 5, "500": 10, "1000": 20, "": 5}
    return weights.get(parameters.text("limit") if parameters.has("limit") else "", 1)


def _trades(call: Call) -> list[Record]:
    instrument = call.instrument()
    limit = call.parameters.limit(100, 500)
    trades = list(call.floor.exchange.listings[instrument.name].trades)[-limit:]
    return [public_trade(trade, contract_of(instrument)) for trade in trades]


def _block_trades(call: Call) -> list[Record]:
    """None are made here: block trades are left for later."""
    call.instrument_if_sent()
    return []


def _klines(call: Call) -> list[list[object]]:
    instrument = call.instrument()
    contract = contract_of(instrument)
    error = refuse(-1120, "Invalid interval.")
    length_ns = call.parameters.choice("interval", INTERVALS_NS, error)
    start, end = call.parameters.span(call.now_ms)
    limit = call.parameters.limit(500, BARS_MAX)
    found: list[list[object]] = []
    for begin_ns, bar in bars(call.floor.exchange.listings[instrument.name].trades, length_ns):
        begin_ms = begin_ns // NS_PER_MS
        if not start <= begin_ms <= end:
            continue
        prices = (fixed(p, contract.price_scale) for p in (bar.open, bar.high, bar.low, bar.close))
        found.append(
            [
                begin_ms,
                *prices,
                fixed(bar.amount, 4),
                begin_ms + length_ns // NS_PER_MS - 1,
                fixed(bar.value, 7),
                bar.count,
                fixed(bar.buy_amount, 4),
                fixed(bar.buy_value, 7),
                "0",
            ]
        )
    return found[-limit:]


def _rows(call: Call) -> list[int]:
    """Rows of the board that a request without or with a symbol means."""
    board = call.floor.market.board
    instrument = call.instrument_if_sent()
    if instrument is None:
        return board.open_rows()
    row = board.row_of[instrument.name]
    if not board.is_open[row]:
        raise refuse(-1121, "Invalid symbol.")
    return [row]


def _mark(call: Call) -> list[Record]:
    board = call.floor.market.board
    published = board.published
    records: list[Record] = []
    for row in _rows(call):
        scale = board.contract_of(row).price_scale

        def of(name: str, decimals: int, row: int = row) -> str:
            return fixed(float(published[name][row]), decimals)

        records.append(
            {
                "symbol": board.names[row],
                "markPrice": of("mark", scale),
                "bidIV": of("bid_iv", 8),
                "askIV": of("ask_iv", 8),
                "markIV": fixed(float(board.iv[row]), 8),
                "delta": of("delta", 8),
                "theta": of("theta", 8),
                "gamma": of("gamma", 8),
                "vega": of("vega", 8),
                "highPriceLimit": of("price_high", scale),
                "lowPriceLimit": of("price_low", scale),
                "riskFreeInterest": trimmed(float(published["rate"][row])),
            }
        )
    return records


def _ticker(call: Call) -> list[Record]:
    board = call.floor.market.board
    return [_ticker_record(call, board.instruments[row]) for row in _rows(call)]


def _ticker_record(call: Call, instrument: Instrument) -> Record:
    exchange, market = call.floor.exchange, call.floor.market
    listing, contract = exchange.listings[instrument.name], contract_of(instrument)
    book = exchange.book(instrument.name, 1)
    assert book is not None
    day = last_day(listing.trades, exchange.now_ns)
    zero = fixed(0, contract.price_scale)

    def price(value: object) -> str:
        return zero if value is None else f"{value:.{contract.price_scale}f}"

    change = day.close - day.open if day else None
    percent = 100 * (day.close - day.open) / day.open if day else 0
    symbol = instrument.index_name
    settling = market.is_settling(symbol)
    return {
        "symbol": instrument.name,
        "priceChange": price(change),
        "priceChangePercent": fixed(percent, 2),
        "lastPrice": price(listing.last_price),
        "lastQty": fixed(day.last_amount if day else 0, contract.quantity_scale),
        "open": price(day and day.open),
        "high": price(day and day.high),
        "low": price(day and day.low),
        "volume": fixed(day.amount if day else 0, contract.quantity_scale),
        "amount": fixed(day.value if day else 0, contract.price_scale),
        "bidPrice": price(book.bids[0][0] if book.bids else None),
        "askPrice": price(book.asks[0][0] if book.asks else None),
        "openTime": day.first_ns // NS_PER_MS if day else 0,
        "closeTime": day.last_ns // NS_PER_MS if day else 0,
        "firstTradeId": day.first_seq if day else 0,
        "tradeCount": day.count if day else 0,
        "strikePrice": strike_text(instrument),
        "exercisePrice": fixed(
            market.estimated_settlement(symbol) if settling else market.index_price(symbol), 8
        ),
    }


def _ticker_weight(parameters: Parameters) -> int:
    return 1 if parameters.has("symbol") else 40


def _index(call: Call) -> Record:
    price = call.floor.market.index_price(call.contract().symbol)
    return {"time": call.floor.market.stamp_ms, "indexPrice": fixed(price, 8)}


def _open_interest(call: Call) -> list[Record]:
    coin, expiration = call.parameters.text("underlyingAsset"), call.parameters.text("expiration")
    if coin not in CONTRACTS or CONTRACTS[coin].symbol not in call.floor.market.indexes:
        raise refuse(-1129, "Invalid asset.")
    index_price = call.floor.market.index_price(CONTRACTS[coin].symbol)
    board, unit = call.floor.market.board, CONTRACTS[coin].unit
    return [
        {
            "symbol": board.names[row],
            "sumOpenInterest": fixed(amount, 3),
            "sumOpenInterestUsd": fixed(amount * unit * index_price, 11),
            "timestamp": str(call.floor.market.stamp_ms),
        }
        for row in board.open_rows(CONTRACTS[coin].symbol)
        if expiry_text(board.instruments[row].expiry_ns or 0) == expiration
        for amount in [call.floor.exchange.listings[board.names[row]].open_interest]
    ]


def _exercise_history(call: Call) -> list[Record]:
    symbol = call.contract().symbol if call.parameters.has("underlying") else None
    start, end = call.parameters.span(call.now_ms)
    limit = call.parameters.limit(EXERCISES_MAX, EXERCISES_MAX)
    found: list[Record] = []
    for listing in call.floor.exchange.listings.values():
        instrument, price = listing.instrument, listing.delivery_price
        if price is None or symbol not in (None, instrument.index_name):
            continue
        if not start <= expiry_ms(instrument) <= end:
            continue
        is_in_money = listing.law.payoff(listing.grid.step, price) > 0
        found.append(
            {
                "symbol": instrument.name,
                "strikePrice": strike_text(instrument),
                "realStrikePrice": fixed(price, 8),
                "expiryDate": expiry_ms(instrument),
                "strikeResult": "REALISTIC_VALUE_STRICKEN"
                if is_in_money
                else "EXTRINSIC_VALUE_EXPIRED",
            }
        )
    return found[-limit:]


ROUTES: Routes = {
    ("GET", "/ping"): Endpoint(handle=_ping),
    ("GET", "/time"): Endpoint(handle=_time),
    ("GET", "/exchangeInfo"): Endpoint(handle=_exchange_info),
    ("GET", "/depth"): Endpoint(handle=_depth, weight=_depth_weight),
    ("GET", "/trades"): Endpoint(handle=_trades, weight=weighing(5)),
    ("GET", "/blockTrades"): Endpoint(
        handle=_block_trades, weight=weighing(5), security=Security.KEY
    ),
    ("GET", "/klines"): Endpoint(handle=_klines),
    ("GET", "/mark"): Endpoint(handle=_mark, weight=weighing(5)),
    ("GET", "/ticker"): Endpoint(handle=_ticker, weight=_ticker_weight),
    ("GET", "/index"): Endpoint(handle=_index),
    ("GET", "/openInterest"): Endpoint(handle=_open_interest, weight=weighing(0)),
    ("GET", "/exerciseHistory"): Endpoint(handle=_exercise_history, weight=weighing(3)),
}
