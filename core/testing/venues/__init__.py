"""Loopback venues: servers on 127.0.0.1 that speak real venues' protocols over the paper venue."""
