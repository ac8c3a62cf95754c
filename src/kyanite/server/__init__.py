"""Puts the appliance together: application, wiring, logs, TLS."""
