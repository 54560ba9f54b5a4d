"""What venues say, kept: the wire as it came, and trades, quotes and books as rows."""
