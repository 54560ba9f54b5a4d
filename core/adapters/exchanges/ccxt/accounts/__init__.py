"""The account at each venue: what its own messages say, and what ccxt's words lose."""
