"""What the book can lose: valuation, Greeks in desk units, scenarios and the risk report."""
