"""What a machine needs of the network: interfaces and what they are tied to."""
