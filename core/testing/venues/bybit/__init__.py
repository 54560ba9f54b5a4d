"""Bybit on a loopback: V5 REST, and its public and private sockets."""
