"""A small Azure on this machine."""
