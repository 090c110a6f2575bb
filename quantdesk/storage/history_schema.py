"""Tables of the surface history, as the steps that lead from one version to the next.

A new version is a new step at the end; steps that are out in the world never change. Doubles keep
NaN and infinity as such.
"""

from __future__ import annotations

_VERSION_1 = (
    "CREATE TABLE quantdesk_history (version INTEGER NOT NULL)",
    """CREATE TABLE fits (
        fit_id BIGINT PRIMARY KEY, digest VARCHAR NOT NULL, venue VARCHAR NOT NULL,
        underlying VARCHAR NOT NULL, origin VARCHAR NOT NULL, as_of_ns BIGINT NOT NULL,
        saved_ns BIGINT NOT NULL, model VARCHAR NOT NULL, smoothing DOUBLE NOT NULL,
        floor DOUBLE NOT NULL, margin DOUBLE NOT NULL, day_weights DOUBLE[] NOT NULL,
        events VARCHAR NOT NULL, grade VARCHAR NOT NULL, in_spread DOUBLE NOT NULL,
        in_spread_core DOUBLE NOT NULL, rmse DOUBLE NOT NULL, rmse_core DOUBLE NOT NULL,
        g_min DOUBLE NOT NULL, calendar_slack DOUBLE NOT NULL, faults VARCHAR[] NOT NULL)""",
    """CREATE TABLE slices (
        fit_id BIGINT NOT NULL, expiry_ns BIGINT NOT NULL, years DOUBLE NOT NULL,
        clock_years DOUBLE NOT NULL, forward DOUBLE NOT NULL, forward_source VARCHAR NOT NULL,
        model VARCHAR NOT NULL, kind VARCHAR NOT NULL, knots INTEGER NOT NULL,
        parameters DOUBLE[] NOT NULL, coefficients DOUBLE[] NOT NULL, atm_iv DOUBLE NOT NULL,
        in_spread DOUBLE NOT NULL, in_spread_core DOUBLE NOT NULL, rmse DOUBLE NOT NULL,
        rmse_core DOUBLE NOT NULL, g_min DOUBLE NOT NULL, calendar_slack DOUBLE NOT NULL,
        steps BIGINT NOT NULL, fallback VARCHAR NOT NULL, flags VARCHAR[] NOT NULL,
        grade VARCHAR NOT NULL, names VARCHAR[] NOT NULL, strike DOUBLE[] NOT NULL,
        is_call BOOLEAN[] NOT NULL, log_moneyness DOUBLE[] NOT NULL, bid_iv DOUBLE[] NOT NULL,
        ask_iv DOUBLE[] NOT NULL, is_used BOOLEAN[] NOT NULL, reasons VARCHAR[] NOT NULL)""",
    """CREATE TABLE refused (
        fit_id BIGINT NOT NULL, expiry_ns BIGINT NOT NULL, reason VARCHAR NOT NULL)""",
)

_VERSION_2 = ("ALTER TABLE fits ADD COLUMN between_dates VARCHAR[] DEFAULT []",)

_EVIDENCE_COLUMNS = (
    ("trust", "DOUBLE[]"),
    ("venue_price", "DOUBLE"),
    ("future_price", "DOUBLE"),
    ("parity_price", "DOUBLE"),
    ("parity_low", "DOUBLE"),
    ("parity_high", "DOUBLE"),
    ("parity_pairs", "INTEGER"),
    ("is_consistent", "BOOLEAN"),
    ("basis", "DOUBLE"),
    ("discount", "DOUBLE"),
    ("discount_source", "VARCHAR"),
)

_VERSION_3 = tuple(
    f"ALTER TABLE slices ADD COLUMN {name} {kind}" for name, kind in _EVIDENCE_COLUMNS
)

FITS_COLUMNS_SINCE = {"between_dates": 2}
"""Version from which a column of `fits` is there; older files read as an empty list."""

SLICES_COLUMNS_SINCE = {name: 3 for name, _ in _EVIDENCE_COLUMNS}
"""Version from which a column of `slices` is there; older files read as null."""

MIGRATIONS: tuple[tuple[str, ...], ...] = (_VERSION_1, _VERSION_2, _VERSION_3)
"""Statements of each step; an empty file takes them all."""

SCHEMA_VERSION = len(MIGRATIONS)
"""The version that this program writes; it reads every earlier one."""
