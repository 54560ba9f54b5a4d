"""OKX on a loopback: V5 REST and its public, private and business sockets."""
