"""Prices for the paper venue: a simulated market, recordings, and other venues' public data."""
