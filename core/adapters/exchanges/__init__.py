"""Venues behind one port: `interface.py` is the promise, `models.py` the words."""
