"""Sockets, pauses and budgets that every venue needs. Knows no venue."""
