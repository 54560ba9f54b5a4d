"""The venues' own protocols inside the simulation: bytes, sockets, signatures."""
