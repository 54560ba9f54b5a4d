"""The process that trades: services, control socket, snapshots out, intents in."""
