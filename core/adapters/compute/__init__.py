"""Where work is done that takes more than one processor: local processes, or a cluster."""
