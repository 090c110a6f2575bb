"""Colours of the desk by role. Bid and ask are blue and orange: told apart by every kind of eye."""

from __future__ import annotations

from textual.theme import Theme

DESK_DARK = Theme(
    name="quantdesk-dark",
    dark=True,
    primary="#7aa2f7",
    secondary="#9aa5ce",
    accent="#e0af68",
    warning="#e0af68",
    error="#f7768e",
    success="#73c991",
    foreground="#c8cfdd",
    background="#0b0e14",
    surface="#10141d",
    panel="#151a26",
    variables={
        "bid": "#6cb6ff",
        "ask": "#f0a35e",
        "mark": "#e6e9f0",
        "iv": "#b4c0dc",
        "greek": "#9fb0cc",
        "venue": "#8f98b5",
        "size": "#8f9bb3",
        "muted": "#78829a",
        "missing": "#596277",
        "strike": "#ffffff",
        "line-other": "#0e121a",
        "line-itm": "#141c2b",
        "line-atm": "#26324a",
        "line-cursor": "#1f2a40",
        "cursor": "#ffd479",
        "cursor-text": "#0b0e14",
    },
)
