"""Names every concrete class, and is what the command line calls; each loads only what it needs."""
