"""The terminal desk, on Textual. Widgets show views; screens turn keys into wishes; the app wires.

No widget sees a market, a feed or a model: it is handed a view and draws it.
"""
