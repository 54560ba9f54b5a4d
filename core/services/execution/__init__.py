"""Orders from intent to end: durable first, sent once, resolved by asking."""
