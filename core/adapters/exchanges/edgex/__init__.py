"""edgeX V2: perpetuals."""
