"""Doors to the world outside: venues, price feeds, storage, notifications."""
