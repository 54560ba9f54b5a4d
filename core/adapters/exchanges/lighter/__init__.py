"""Lighter: perpetuals and spot of the zk rollup."""
