"""From frozen snapshots to cells: pure functions that a test can read without a terminal."""
