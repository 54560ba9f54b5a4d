"""Derive (formerly Lyra): an options, perpetuals and spot venue whose recordings are read."""
