"""What the desk holds: positions, cash and what they earned. Exact values; no market model."""
