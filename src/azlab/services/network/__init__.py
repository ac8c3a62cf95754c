"""Microsoft.Network: as much as a machine needs."""
