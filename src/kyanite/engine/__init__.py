"""The repository: its format and everything done to it. Knows bytes, not Azure.

``docs/format`` is the specification of what is stored; this package follows it.
"""
