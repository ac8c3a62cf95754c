"""Entra ID: the discovery document, the signing keys and tokens for applications."""
