"""Everything of ctos that is not a screen: words, venues, services, engine."""
