"""What holds for every option, and exact values; no number here comes from our own code."""
