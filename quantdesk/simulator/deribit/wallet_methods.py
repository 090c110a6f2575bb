"""The methods on money in and out. Opening deposits are history; a key here may move nothing."""

from __future__ import annotations

from collections.abc import Callable

import msgspec

from quantdesk.simulator.deribit.calls import Call, Method, Whole, given_number
from quantdesk.simulator.deribit.market_methods import CURRENCIES
from quantdesk.simulator.deribit.refusals import Refusal, invalid_params

COUNT_DEFAULT, COUNT_MAX = 10, 1_000


class MovementsParams(msgspec.Struct, frozen=True):
    currency: str
    count: Whole = msgspec.UNSET
    offset: Whole = msgspec.UNSET


class AddressParams(msgspec.Struct, frozen=True):
    currency: str


def _page(call: Call, records: list[dict[str, object]]) -> object:
    count = given_number(call.params.count, COUNT_DEFAULT)
    offset = given_number(call.params.offset, 0)
    if not 1 <= count <= COUNT_MAX or offset < 0:
        return invalid_params("count", f"must be 1 to {COUNT_MAX}")
    return {"count": len(records), "data": records[offset : offset + count]}


def _bad_currency(call: Call) -> Refusal | None:
    if call.params.currency in CURRENCIES:
        return None
    return invalid_params("currency", f"must be one of {', '.join(CURRENCIES)}")


def _deposits(call: Call) -> object:
    """What the account was opened with, latest first."""
    refusal = _bad_currency(call)
    if refusal is not None:
        return refusal
    currency = call.params.currency
    return _page(
        call,
        [
            {
                "address": f"simulated-{call.account.user_id}",
                "amount": line.change,
                "currency": line.currency,
                "received_timestamp": line.timestamp,
                "state": "completed",
                "transaction_id": f"simulated-{line.id}",
                "updated_timestamp": line.timestamp,
            }
            for line in reversed(call.face.log.lines(call.account.account_id))
            if line.type == "deposit" and currency in ("any", line.currency)
        ],
    )


def _none(call: Call) -> object:
    """Withdrawals and transfers: there never are any."""
    return _bad_currency(call) or _page(call, [])


def _address(call: Call) -> object:
    """No address was made for the account: the venue says null."""
    return _bad_currency(call)


def _reading(run: Callable[[Call], object], params: type[msgspec.Struct]) -> Method:
    return Method(run=run, params=params, area="wallet")


METHODS: dict[str, Method] = {
    "private/get_deposits": _reading(_deposits, MovementsParams),
    "private/get_withdrawals": _reading(_none, MovementsParams),
    "private/get_transfers": _reading(_none, MovementsParams),
    "private/get_current_deposit_address": _reading(_address, AddressParams),
}
