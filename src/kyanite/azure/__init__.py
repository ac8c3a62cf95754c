"""Adapters to Azure, one per service; the lab is served by the same code at other addresses.

Everything that goes wrong leaves here as an ``AzureError`` of ``kyanite.base.errors``
carrying Azure's own code and text. Answers travel as raw JSON: a backup of a configuration
must not lose members that a typed model does not know.
"""
