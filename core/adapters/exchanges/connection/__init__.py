"""Connections to venues: sockets kept alive, requests, rate budgets, sequences of books."""
