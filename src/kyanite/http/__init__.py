"""The API toolkit: what all operations have in common, knowing none of them.

Start with ``routes``: how a route file is written. ``reading`` and ``shapes`` bring what
clients send into the contract's spelling, ``answers`` and ``pages`` shape what they get,
``problems`` turns errors into documents, ``operations`` runs what takes long.
"""
