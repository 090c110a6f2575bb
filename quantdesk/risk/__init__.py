"""What a book can lose: valuation, exposures, scenarios and the risk report.

Takes positions and a frozen market; knows no feed, file, clock or screen. Numbers are float64 with
their unit in the field's name; what can not be marked is listed with its reason, never zero.
"""
