"""Shipped aids for tests: a manual clock, scripted venues, simulations."""
