"""Backpack on a loopback: REST and one socket."""
