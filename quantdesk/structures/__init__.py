"""Multi-leg positions: builders, text form, prices, payoff and chances."""
