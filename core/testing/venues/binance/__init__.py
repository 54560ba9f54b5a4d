"""Binance USDⓈ-M on a loopback: REST, market streams, user stream and WebSocket API."""
