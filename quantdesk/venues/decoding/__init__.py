"""What every venue's decoder needs: a thorough look at JSON, and what numbers can be. No venue."""
