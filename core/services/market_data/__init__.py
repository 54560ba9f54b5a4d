"""Prices for everyone: one subscription per venue and symbol, checked, aged, and handed on."""
