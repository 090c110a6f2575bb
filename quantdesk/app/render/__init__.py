"""Views and snapshots as text and files. Formats only; nothing is computed here."""
