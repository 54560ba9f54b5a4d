"""Pure trading rules on shared words: no clock, no chance, no network, no storage."""
