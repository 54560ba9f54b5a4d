"""Hyperliquid: perpetuals, spot and builder-deployed markets."""
