"""The first version of Kraken's public sockets, as recordings have it."""
