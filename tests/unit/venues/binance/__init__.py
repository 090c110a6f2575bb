"""Tests of the Binance options adapter."""
