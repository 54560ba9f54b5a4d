"""The whole program under faults in one process: its loop, its venue, its disk, its invariants."""
