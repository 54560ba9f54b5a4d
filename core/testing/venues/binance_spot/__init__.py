"""Binance spot on 127.0.0.1: what differs from USDⓈ-M."""
