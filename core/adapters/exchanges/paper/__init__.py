"""The embedded venue: an exchange in this process, on prices of a feed, with a file of its own."""
