"""Backpack: spot and perpetuals."""
