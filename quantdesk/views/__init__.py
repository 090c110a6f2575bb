"""Snapshots turned into rows and sentences for people: rounding, units, column order, roles.

Pure: everything is handed in, nothing is read, nothing is kept. Strings are plain text, already
safe for a screen. Knows no terminal library; what a role looks like is decided by whoever shows it.
"""
