"""The grid trader: independent two-state slots, an entry order and an exit order each."""
