"""The conductor: desks live, replayed and read from files; clocks, venues, settings.

Wiring only. What is computed is computed below; what is shown is decided above.
"""
