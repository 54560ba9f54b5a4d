"""Lighter on a loopback: REST, one socket, and transactions with a stand-in signature."""
