"""Grids on recorded prices: backtests, sweeps over parameters, and how far to believe them."""
