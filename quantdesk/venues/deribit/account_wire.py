"""Deribit's private messages as they are on the wire, typed. Values as sent.

Money and sizes are Decimal, made from the very text of the number. Fields that the desk does not
use are named too, left as they stand, so that a new one can be told from a known one. Tokens are
read straight into `Secret`s.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TypeAlias

from msgspec import UNSET, Raw, Struct, UnsetType

from quantdesk.domain.secret import Secret

OptionalDecimal: TypeAlias = Decimal | UnsetType | None
OptionalFloat: TypeAlias = float | UnsetType | None
OptionalText: TypeAlias = str | UnsetType | None
OptionalBool: TypeAlias = bool | UnsetType | None
OptionalInt: TypeAlias = int | UnsetType | None
ByIndex: TypeAlias = dict[str, float] | UnsetType | None
"""Greeks by price index, "btc_usd"."""

Unused: TypeAlias = Raw | UnsetType


class AuthGrant(Struct, gc=False):
    """Result of `public/auth`: tokens, their life in seconds, and what they allow."""

    access_token: Secret
    refresh_token: Secret
    expires_in: int
    scope: str
    token_type: OptionalText = UNSET
    sid: OptionalText = UNSET
    state: OptionalText = UNSET
    enabled_features: Unused = UNSET
    mandatory_tfa_status: Unused = UNSET
    google_login: Unused = UNSET


class AccountSummary(Struct, gc=False):
    """One currency of `private/get_account_summaries`, and `data` of `user.portfolio.<currency>`.

    In the cross margin models, margins and available funds are the whole account's.
    """

    currency: str
    balance: Decimal
    equity: Decimal
    available_funds: OptionalDecimal = UNSET
    initial_margin: OptionalDecimal = UNSET
    maintenance_margin: OptionalDecimal = UNSET
    session_upl: OptionalDecimal = UNSET
    margin_model: OptionalText = UNSET
    cross_collateral_enabled: OptionalBool = UNSET
    delta_total_map: ByIndex = UNSET
    options_gamma_map: ByIndex = UNSET
    options_vega_map: ByIndex = UNSET
    options_theta_map: ByIndex = UNSET
    margin_balance: Unused = UNSET
    available_withdrawal_funds: Unused = UNSET
    projected_initial_margin: Unused = UNSET
    projected_maintenance_margin: Unused = UNSET
    projected_delta_total: Unused = UNSET
    delta_total: Unused = UNSET
    options_delta: Unused = UNSET
    options_gamma: Unused = UNSET
    options_vega: Unused = UNSET
    options_theta: Unused = UNSET
    options_value: Unused = UNSET
    options_pl: Unused = UNSET
    options_session_rpl: Unused = UNSET
    options_session_upl: Unused = UNSET
    futures_pl: Unused = UNSET
    futures_session_rpl: Unused = UNSET
    futures_session_upl: Unused = UNSET
    session_rpl: Unused = UNSET
    total_pl: Unused = UNSET
    fee_balance: Unused = UNSET
    spot_reserve: Unused = UNSET
    additional_reserve: Unused = UNSET
    locked_balance: Unused = UNSET
    portfolio_margining_enabled: Unused = UNSET
    total_equity_usd: Unused = UNSET
    total_margin_balance_usd: Unused = UNSET
    total_initial_margin_usd: Unused = UNSET
    total_maintenance_margin_usd: Unused = UNSET
    total_delta_total_usd: Unused = UNSET
    estimated_liquidation_ratio: Unused = UNSET
    estimated_liquidation_ratio_map: Unused = UNSET
    limits: Unused = UNSET
    fees: Unused = UNSET
    deposit_address: Unused = UNSET
    fee_group: Unused = UNSET
    change_margin_model_api_limit: Unused = UNSET


class AccountSummaries(Struct, gc=False):
    """Result of `private/get_account_summaries`; all but the summaries comes when asked for."""

    summaries: list[AccountSummary]
    id: Unused = UNSET
    email: Unused = UNSET
    system_name: Unused = UNSET
    username: Unused = UNSET
    type: Unused = UNSET
    creation_timestamp: Unused = UNSET
    block_rfq_self_match_prevention: Unused = UNSET
    referrer_id: Unused = UNSET
    login_enabled: Unused = UNSET
    security_keys_enabled: Unused = UNSET
    mmp_enabled: Unused = UNSET
    interuser_transfers_enabled: Unused = UNSET
    self_trading_reject_mode: Unused = UNSET
    self_trading_extended_to_subaccounts: Unused = UNSET


class Position(Struct, gc=False):
    """One position; `size` in USD for inverse futures, else in coin."""

    instrument_name: str
    direction: str
    size: Decimal
    average_price: OptionalDecimal = UNSET
    mark_price: OptionalDecimal = UNSET
    floating_profit_loss: OptionalDecimal = UNSET
    realized_funding: OptionalDecimal = UNSET
    kind: Unused = UNSET
    size_currency: Unused = UNSET
    average_price_usd: Unused = UNSET
    index_price: Unused = UNSET
    settlement_price: Unused = UNSET
    delta: Unused = UNSET
    gamma: Unused = UNSET
    vega: Unused = UNSET
    theta: Unused = UNSET
    floating_profit_loss_usd: Unused = UNSET
    realized_profit_loss: Unused = UNSET
    total_profit_loss: Unused = UNSET
    initial_margin: Unused = UNSET
    maintenance_margin: Unused = UNSET
    open_orders_margin: Unused = UNSET
    leverage: Unused = UNSET
    estimated_liquidation_price: Unused = UNSET
    interest_value: Unused = UNSET


class UserOrder(Struct, gc=False):
    """One order; `price` is the word "market_price" for some triggers."""

    order_id: str
    instrument_name: str
    order_state: str
    direction: str
    amount: Decimal
    last_update_timestamp: int
    creation_timestamp: int
    filled_amount: OptionalDecimal = UNSET
    average_price: OptionalDecimal = UNSET
    # Read by hand: a number, or a word. As Decimal | str a number in quotation marks would pass.
    price: Unused = UNSET
    label: OptionalText = UNSET
    time_in_force: OptionalText = UNSET
    post_only: OptionalBool = UNSET
    reduce_only: OptionalBool = UNSET
    is_liquidation: OptionalBool = UNSET
    order_type: Unused = UNSET
    original_order_type: Unused = UNSET
    contracts: Unused = UNSET
    reject_post_only: Unused = UNSET
    advanced: Unused = UNSET
    implv: Unused = UNSET
    usd: Unused = UNSET
    trigger: Unused = UNSET
    trigger_price: Unused = UNSET
    trigger_offset: Unused = UNSET
    trigger_reference_price: Unused = UNSET
    triggered: Unused = UNSET
    trigger_order_id: Unused = UNSET
    trigger_fill_condition: Unused = UNSET
    mmp: Unused = UNSET
    mmp_group: Unused = UNSET
    mmp_cancelled: Unused = UNSET
    quote: Unused = UNSET
    quote_id: Unused = UNSET
    quote_set_id: Unused = UNSET
    cancel_reason: Unused = UNSET
    replaced: Unused = UNSET
    auto_replaced: Unused = UNSET
    risk_reducing: Unused = UNSET
    display_amount: Unused = UNSET
    refresh_amount: Unused = UNSET
    max_show: Unused = UNSET
    oto_order_ids: Unused = UNSET
    oco_ref: Unused = UNSET
    is_primary_otoco: Unused = UNSET
    is_secondary_oto: Unused = UNSET
    primary_order_id: Unused = UNSET
    api: Unused = UNSET
    web: Unused = UNSET
    app_name: Unused = UNSET
    mobile: Unused = UNSET
    user_id: Unused = UNSET
    is_rebalance: Unused = UNSET
    commission: Unused = UNSET
    profit_loss: Unused = UNSET
    block_trade: Unused = UNSET
    starbase_order_id: Unused = UNSET
    starbase_last_update_timestamp: Unused = UNSET


class UserTrade(Struct, gc=False):
    """One execution; of a combo, `legs` hold those that make positions.

    `direction` is read as the account's own side, as clients do; the schema's wording is unclear.
    """

    trade_id: str
    instrument_name: str
    direction: str
    price: Decimal
    amount: Decimal
    timestamp: int
    order_id: OptionalText = UNSET
    label: OptionalText = UNSET
    fee: OptionalDecimal = UNSET
    fee_currency: OptionalText = UNSET
    liquidity: OptionalText = UNSET
    profit_loss: OptionalDecimal = UNSET
    legs: list[UserTrade] | UnsetType | None = UNSET
    trade_seq: Unused = UNSET
    contracts: Unused = UNSET
    iv: Unused = UNSET
    underlying_price: Unused = UNSET
    index_price: Unused = UNSET
    mark_price: Unused = UNSET
    tick_direction: Unused = UNSET
    state: Unused = UNSET
    order_type: Unused = UNSET
    post_only: Unused = UNSET
    reduce_only: Unused = UNSET
    risk_reducing: Unused = UNSET
    mmp: Unused = UNSET
    api: Unused = UNSET
    web: Unused = UNSET
    self_trade: Unused = UNSET
    liquidation: Unused = UNSET
    advanced: Unused = UNSET
    block_trade_id: Unused = UNSET
    block_trade_leg_count: Unused = UNSET
    block_rfq_id: Unused = UNSET
    block_rfq_quote_id: Unused = UNSET
    combo_id: Unused = UNSET
    combo_trade_id: Unused = UNSET
    quote_id: Unused = UNSET
    quote_set_id: Unused = UNSET
    matching_id: Unused = UNSET
    user_id: Unused = UNSET
    trade_allocations: Unused = UNSET
    starbase_order_id: Unused = UNSET
    starbase_trade_id: Unused = UNSET
    starbase_timestamp: Unused = UNSET


class UserTradesPage(Struct, gc=False):
    """Result of `private/get_user_trades_by_currency_and_time`."""

    trades: list[UserTrade]
    has_more: bool


class UserChanges(Struct, gc=False):
    """`data` of `user.changes.<…>`: what one event did to orders, trades and positions."""

    instrument_name: str
    orders: list[UserOrder]
    trades: list[UserTrade]
    positions: list[Position]


class UserLock(Struct, gc=False):
    """`data` of `user.lock`."""

    locked: bool
    currency: str


AccountResult: TypeAlias = (
    AuthGrant
    | tuple[AccountSummary, ...]
    | tuple[Position, ...]
    | tuple[UserOrder, ...]
    | UserTradesPage
)
"""What an answer of the account can hold; the method says which where it is an empty list."""

AccountData: TypeAlias = (
    AccountSummary | UserChanges | UserLock | tuple[UserOrder, ...] | tuple[UserTrade, ...]
)
"""What a private channel can carry."""
