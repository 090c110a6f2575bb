"""The rows of the table of keys, one file for the screens that share them.

`quantdesk.app.tui.actions` puts them together. Order matters: help, palette and footer follow it.
"""
