"""Protocols that ctos does not trade over, read from recordings alone."""
