"""edgeX V2 on a loopback: REST, the public socket and the private one."""
