"""Polymarket: a market of outcomes whose recordings are read."""
