"""What the adapters that speak a venue's own protocol have in common."""
