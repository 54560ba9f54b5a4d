"""BitMEX, as recordings of its sockets and answers have it."""
