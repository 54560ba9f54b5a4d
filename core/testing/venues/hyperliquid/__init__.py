"""Hyperliquid on a loopback: `/info`, `/exchange` and `/ws`."""
