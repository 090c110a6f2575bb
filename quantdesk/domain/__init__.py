"""The desk's words and values. Imports no numpy, no database, no event loop, no network."""
